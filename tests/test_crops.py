"""Crops: where they are cut, what is outside, and that both alignments put the face where they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unswap.datasets.crops import CANONICAL_POINTS, alignment, as_input, crop_face, square_around
from unswap.datasets.types import CropSpec, Face


def face(box: tuple[float, float, float, float], points: np.ndarray | None = None) -> Face:
    x1, y1, x2, y2 = box
    if points is None:
        side = max(x2 - x1, y2 - y1)
        points = CANONICAL_POINTS * side + [(x1 + x2 - side) / 2, (y1 + y2 - side) / 2]
    return Face(np.float32(box), np.float32(points), 1.0)


def gradient(width: int = 100, height: int = 80) -> np.ndarray:
    """Red counts columns, green counts rows."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    return image


def test_a_box_crop_of_margin_one_at_native_size_is_the_pixels_of_the_box():
    crop = crop_face(gradient(), face((20, 30, 40, 50)), CropSpec(20, 1.0))
    np.testing.assert_array_equal(crop, gradient()[30:50, 20:40])


def test_margin_widens_the_square_around_the_longer_side():
    np.testing.assert_allclose(square_around(np.float32([20, 30, 30, 50]), 1.5), [10, 25, 40, 55])


def test_what_runs_out_of_the_picture_is_black():
    white = np.full((60, 60, 3), 255, dtype=np.uint8)
    crop = crop_face(white, face((-10, 20, 10, 40)), CropSpec(20, 1.0))
    assert (crop[:, :10] == 0).all()
    assert (crop[:, 10:] == 255).all()


def test_a_box_outside_the_picture_is_all_black():
    white = np.full((60, 60, 3), 255, dtype=np.uint8)
    assert (crop_face(white, face((200, 200, 220, 220)), CropSpec(16, 1.0)) == 0).all()


def test_shrinking_averages_areas():
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:, ::2] = 200
    crop = crop_face(image, face((0, 0, 64, 64)), CropSpec(16, 1.0))
    np.testing.assert_array_equal(crop, np.full((16, 16, 3), 100))


@pytest.mark.parametrize("margin", [1.0, 1.3, 2.0])
@pytest.mark.parametrize("degrees", [0.0, 25.0, -70.0])
def test_alignment_puts_the_points_on_the_canonical_ones(margin, degrees):
    spec = CropSpec(100, margin, "similarity")
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = CANONICAL_POINTS * 37 @ rotation.T + [200, 100]
    moved = (
        points @ alignment(np.float32(points), spec)[:, :2].T
        + alignment(np.float32(points), spec)[:, 2]
    )
    expected = ((CANONICAL_POINTS - 0.5) / margin + 0.5) * 100
    np.testing.assert_allclose(moved, expected, atol=1e-3)


def test_similarity_crop_undoes_a_rotation():
    image = np.zeros((200, 200, 3), dtype=np.uint8)
    centre, turn = np.array([100.0, 100.0]), np.deg2rad(90)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = (CANONICAL_POINTS - 0.5) * 80 @ rotation.T + centre
    left_eye = points[0].round().astype(int)
    image[left_eye[1] - 4 : left_eye[1] + 5, left_eye[0] - 4 : left_eye[0] + 5] = 255
    crop = crop_face(image, face((60, 60, 140, 140), points), CropSpec(80, 1.0, "similarity"))
    brightest = np.unravel_index(np.argmax(crop[..., 0] * 1.0), crop.shape[:2])
    assert np.abs(np.array(brightest[::-1]) - CANONICAL_POINTS[0] * 80).max() <= 6


def test_points_that_coincide_cannot_be_aligned():
    with pytest.raises(ValueError, match="coincide"):
        alignment(np.full((5, 2), 3, dtype=np.float32), CropSpec(10, 1.0, "similarity"))


@given(
    x=st.floats(-300, 300),
    y=st.floats(-300, 300),
    size=st.floats(1, 400),
    margin=st.floats(0.5, 5),
    align=st.sampled_from(["box", "similarity"]),
)
def test_any_box_gives_a_crop_of_the_asked_size(x, y, size, margin, align):
    crop = crop_face(gradient(), face((x, y, x + size, y + size)), CropSpec(24, margin, align))
    assert crop.shape == (24, 24, 3)
    assert crop.dtype == np.uint8


def test_as_input_normalises_by_channel():
    spec = CropSpec(2, 1.0, mean=(0.5, 0.0, 0.25), std=(0.5, 1.0, 0.25))
    crops = np.full((1, 2, 2, 3), 255, dtype=np.uint8)
    pictures = as_input(crops, spec)
    assert pictures.shape == (1, 3, 2, 2)
    assert pictures.dtype == np.float32
    np.testing.assert_allclose(pictures[0, :, 0, 0], [1, 1, 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "at least 1 pixel, got 0"),
        ({"size": 10, "margin": 9.0}, "margin from 0.5 to 5, got 9.0"),
        ({"size": 10, "align": "eyes"}, "got 'eyes'"),
        ({"size": 10, "mean": (0.5,)}, "three values of mean, got 1"),
    ],
)
def test_a_bad_spec_is_refused_where_it_is_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        CropSpec(**arguments)
