"""Self-blending: where it changes a picture, and that it is repeatable."""

import cv2
import numpy as np
import pytest
from face_clips import FACE_BOX, portrait

from unswap.datasets.crops import CANONICAL_POINTS
from unswap.datasets.pseudo_fakes import (
    blend,
    outline_mask,
    resharpen,
    restyle,
    self_blend,
    self_blending,
)

BOX = np.array(FACE_BOX, dtype=np.float32)
SIZE = float(BOX[3] - BOX[1])
CENTRE = (BOX[:2] + BOX[2:]) / 2
POINTS = ((CANONICAL_POINTS - 0.5) * SIZE + CENTRE).astype(np.float32)


def test_a_blend_differs_from_its_target_inside_the_mask_only() -> None:
    image = portrait()
    source = np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)
    mask = outline_mask(image.shape[:2], POINTS, SIZE, np.random.default_rng(3))
    fake = blend(source, image, mask)
    assert (fake[mask == 0] == image[mask == 0]).all()
    assert (fake[mask == 1] == source[mask == 1]).all()
    assert (mask == 1).sum() > 100
    between = (np.minimum(source, image) <= fake) & (fake <= np.maximum(source, image))
    assert between.all()


def test_self_blending_leaves_what_lies_outside_the_mask_to_the_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(self_blending, "restyle", lambda image, size, rng: 255 - image)
    image, restyled_source, restyled_target = portrait(), 0, 0
    for seed in range(12):
        fake, mask = self_blend(image, POINTS, BOX, np.random.default_rng(seed))
        outside = mask == 0
        restyled_source += bool((fake[outside] == image[outside]).all())
        restyled_target += bool((fake[outside] == (255 - image)[outside]).all())
        assert not np.array_equal(fake, image)
    assert restyled_source + restyled_target == 12
    assert min(restyled_source, restyled_target) >= 2


def test_the_mask_lies_in_the_picture_on_the_face_and_keeps_to_the_blend_ratios() -> None:
    image = portrait()
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    peaks = []
    for seed in range(30):
        _, mask = self_blend(image, POINTS, BOX, np.random.default_rng(seed))
        assert mask.shape == image.shape[:2]
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1
        middle = np.array([(mask * columns).sum(), (mask * rows).sum()]) / mask.sum()
        assert (np.abs(middle - CENTRE) < 0.4 * SIZE).all()
        far = np.hypot(columns - CENTRE[0], rows - CENTRE[1]) > 1.2 * SIZE
        assert (mask[far] == 0).all()
        peaks.append(float(mask.max()))
    assert max(peaks) > 0.99
    assert min(peaks) < 0.6


def test_the_mask_follows_the_points() -> None:
    shape = portrait().shape[:2]
    here = outline_mask(shape, POINTS, SIZE, np.random.default_rng(1))
    move = np.array([17, 40], dtype=np.float32)
    there = outline_mask(shape, POINTS + move, SIZE, np.random.default_rng(1))

    def middle(mask: np.ndarray) -> np.ndarray:
        moments = cv2.moments(mask)
        return np.array([moments["m10"], moments["m01"]]) / moments["m00"]

    assert np.abs(middle(there) - middle(here) - move).max() < 0.1 * SIZE


def test_the_same_seed_gives_the_same_blend_and_leaves_the_picture_alone() -> None:
    image = portrait().copy()
    first, first_mask = self_blend(image, POINTS, BOX, np.random.default_rng(5))
    again, again_mask = self_blend(image, POINTS, BOX, np.random.default_rng(5))
    other, _ = self_blend(image, POINTS, BOX, np.random.default_rng(6))
    assert np.array_equal(first, again)
    assert np.array_equal(first_mask, again_mask)
    assert not np.array_equal(first, other)
    assert np.array_equal(image, portrait())


@pytest.mark.parametrize("change", [restyle, resharpen])
def test_other_colours_and_sharpness_keep_shape_and_brightness_roughly(change: object) -> None:
    image = portrait()[60:220, 150:300]
    for seed in range(25):
        out = change(image, 130.0, np.random.default_rng(seed))  # type: ignore[operator]
        assert out.shape == image.shape
        assert out.dtype == np.uint8
        assert np.abs(out.mean((0, 1)) - image.mean((0, 1))).max() < 80
