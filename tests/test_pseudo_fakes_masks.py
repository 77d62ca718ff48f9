"""Masks: their shapes, edges and bending; outlines from five points and from many."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pseudo_fakes_people import dense, person

from unswap.datasets.pseudo_fakes import FacePicture, MaskSettings, face_outline, random_mask
from unswap.datasets.pseudo_fakes.masks import SHAPES, deformed, filled, outline_mask, softened
from unswap.datasets.pseudo_fakes.outlines import OUTLINES, canonical_outline, laid_outline
from unswap.datasets.pseudo_fakes.pictures import face_picture, in_mirror

HARD = {"max_bend": 0.0, "min_edge": 0.0, "max_edge": 0.0}


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_each_shape_lies_on_the_face(shape, seed):
    face = person()
    mask = random_mask(face, np.random.default_rng(seed), MaskSettings({shape: 1}))
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1
    assert mask.max() > 0.3
    x1, y1, x2, y2 = face.box_xyxy
    rows, columns = np.nonzero(mask > 0.5)
    reach = 0.35 * face.size
    assert rows.min() > y1 - reach
    assert rows.max() < y2 + reach
    assert columns.min() > x1 - reach
    assert columns.max() < x2 + reach


def test_parts_lie_where_they_are_named_after():
    face = person()
    left_eye, right_eye, nose, left_mouth, _ = face.landmarks_xy.round().astype(int)
    covers = {
        "hull": [left_eye, right_eye, nose, left_mouth],
        "inner": [left_eye, right_eye, nose, left_mouth],
        "lower": [left_mouth],
        "eyes": [left_eye, right_eye],
        "mouth": [left_mouth],
    }
    areas = {}
    for each in (face, dense(face)):
        for name, points in covers.items():
            outline = face_outline(name, each.landmarks_xy, each.dense_xy)
            mask = filled((220, 220), outline)
            areas[name] = mask.sum()
            if each.dense_xy is None:
                for x, y in points:
                    assert mask[y, x] == 1, name
        assert areas["hull"] > areas["inner"]
        assert areas["hull"] > areas["lower"]
    assert (
        filled((220, 220), face_outline("eyes", face.landmarks_xy))[left_mouth[1], left_mouth[0]]
        == 0
    )
    assert (
        filled((220, 220), face_outline("mouth", face.landmarks_xy))[left_eye[1], left_eye[0]] == 0
    )


def test_with_many_points_the_hull_is_theirs():
    face = dense(person())
    hull = face_outline("hull", face.landmarks_xy, face.dense_xy)
    for x, y in face.dense_xy:
        assert cv2.pointPolygonTest(hull.astype(np.float32), (float(x), float(y)), True) >= -1e-3
    odd = np.concatenate([face.dense_xy, face.dense_xy[:5]])  # in no known order: the hull alone
    np.testing.assert_allclose(face_outline("hull", face.landmarks_xy, odd), hull)
    np.testing.assert_array_equal(
        face_outline("mouth", face.landmarks_xy, odd), face_outline("mouth", face.landmarks_xy)
    )


@pytest.mark.parametrize("name", list(OUTLINES))
def test_an_outline_goes_to_the_canonical_frame_and_back(name):
    face = dense(person())
    back = laid_outline(
        canonical_outline(name, face.landmarks_xy, face.dense_xy), face.landmarks_xy
    )
    np.testing.assert_allclose(
        back, face_outline(name, face.landmarks_xy, face.dense_xy), atol=1e-6
    )
    with pytest.raises(KeyError, match="unknown outline 'hul'; did you mean 'hull'"):
        canonical_outline("hul", face.landmarks_xy)


def test_dense_points_shape_the_masks_of_self_blending():
    face = dense(person())
    rng = [np.random.default_rng(3) for _ in range(2)]
    sparse = outline_mask((220, 220), face.landmarks_xy, face.size, rng[0])
    many = outline_mask((220, 220), face.landmarks_xy, face.size, rng[1], dense_xy=face.dense_xy)
    assert (sparse != many).any()
    assert many.max() > 0.9


def test_edges_are_as_soft_as_they_are_wanted():
    hard = filled((100, 100), np.array([[20.0, 20], [80, 20], [80, 80], [20, 80]]))
    assert softened(hard, 0) is hard
    widths = []
    for sigma in (0.5, 2, 6):
        soft = softened(hard, sigma)
        widths.append(int(((soft > 0.05) & (soft < 0.95)).sum()))
        inside = softened(hard, sigma, inside=True)
        assert (inside <= hard + 1e-6)[22:78, 22:78].all()
        assert inside[:19].max() < 0.02
        assert abs(soft.sum() / hard.sum() - 1) < 0.02  # blurring keeps the sum
    assert widths == sorted(widths)
    assert widths[0] < 0.2 * widths[-1]
    with pytest.raises(ValueError, match="sigma of at least 0, got -1"):
        softened(hard, -1)


def test_bending_moves_no_more_than_it_says():
    hard = filled((100, 100), np.array([[30.0, 30], [70, 30], [70, 70], [30, 70]]))
    np.testing.assert_array_equal(deformed(hard, 0, np.random.default_rng(0)), hard)
    for seed in range(10):
        bent = deformed(hard, 4.0, np.random.default_rng(seed))
        assert (bent != hard).any()
        assert bent[36:65, 36:65].min() > 0.99  # cubic interpolation overshoots a little
        assert bent[:24].max() < 0.01


def test_a_hard_hull_has_hardly_a_pixel_between_0_and_1():
    mask = random_mask(person(), np.random.default_rng(0), MaskSettings({"hull": 1}, **HARD))
    assert ((mask > 0.02) & (mask < 0.98)).mean() < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"odds": {"nose": 1}}, "unknown shape of mask 'nose'"),
        ({"odds": {}}, "odds of at least one shape"),
        ({"odds": {"hull": -1}}, "odds of at least one shape"),
        ({"min_edge": 0.2}, "min_edge <= max_edge, got 0.2 and 0.06"),
        ({"inside": 2}, "inside from 0 to 1"),
        ({"max_bend": -0.1}, "max_bend >= 0"),
    ],
)
def test_impossible_masks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MaskSettings(**options)


def test_a_mirror_twice_is_none():
    face = dense(person())
    twice = in_mirror(in_mirror(face))
    np.testing.assert_array_equal(twice.image, face.image)
    for name in ("landmarks_xy", "box_xyxy", "dense_xy"):
        np.testing.assert_allclose(getattr(twice, name), getattr(face, name), atol=1e-4)
    once = in_mirror(face)
    assert once.landmarks_xy[0, 0] < once.landmarks_xy[1, 0]  # the left eye is still on the left
    assert once.dense_xy[0, 0] < once.dense_xy[16, 0]  # and the jaw begins there
    assert once.dense_xy[36:42, 0].mean() == pytest.approx(
        220 - face.dense_xy[42:48, 0].mean(), abs=1e-3
    )
    sparse = in_mirror(person())
    assert sparse.dense_xy is None


def test_a_stored_crop_is_cut_to_what_is_needed_and_shrunk_to_what_is_allowed():
    face = dense(person())
    told = {
        "box_xyxy": face.box_xyxy.tolist(),
        "landmarks_xy": face.landmarks_xy.tolist(),
        "dense_landmarks_xy": face.dense_xy.tolist(),
    }
    whole = face_picture(told, face.image, margin=9.0, most=1000)
    np.testing.assert_array_equal(whole.image, face.image)
    np.testing.assert_allclose(whole.landmarks_xy, face.landmarks_xy)
    part = face_picture(told, face.image, margin=1.2, most=1000)
    x, y = (face.landmarks_xy - part.landmarks_xy)[0].round().astype(int)
    height, width = part.image.shape[:2]
    np.testing.assert_array_equal(part.image, face.image[y : y + height, x : x + width])
    assert max(height, width) <= 1.2 * face.size + 2
    np.testing.assert_allclose(part.dense_xy, face.dense_xy - [x, y], atol=1e-4)
    small = face_picture(told, face.image, margin=1.2, most=50)
    assert small.size == pytest.approx(50, abs=1)
    centre = (small.landmarks_xy - small.box_xyxy[:2]) / small.size
    np.testing.assert_allclose(
        centre, (face.landmarks_xy - face.box_xyxy[:2]) / face.size, atol=0.02
    )
    told.pop("dense_landmarks_xy")
    assert isinstance(face_picture(told, face.image, margin=1.2, most=50), FacePicture)
    assert face_picture(told, face.image, margin=1.2, most=50).dense_xy is None
