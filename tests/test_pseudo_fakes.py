"""Self-blending: where it changes a picture, and that it is repeatable."""

import cv2
import numpy as np
import pytest
from face_clips import FACE_BOX, portrait

from unswap.datasets.crops import CANONICAL_POINTS, as_input
from unswap.datasets.pseudo_fakes import (
    blend,
    outline_mask,
    recolour,
    resharpen,
    restyle,
    self_blend,
    self_blending,
)
from unswap.datasets.types import CropSpec

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


def _recoloured_plainly(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`recolour` pixel by pixel: what the detector that ships was trained with."""
    out = image.astype(np.float32)
    if rng.random() < 0.5:
        out += rng.uniform(-16, 16, 3).astype(np.float32)
    if rng.random() < 0.6:
        gain, offset = 1 + rng.uniform(-0.15, 0.15), rng.uniform(-14, 14)
        out = (out - 128) * np.float32(gain) + np.float32(128 + offset)
    if rng.random() < 0.3:
        power = np.float32(np.exp(rng.uniform(-0.25, 0.25)))
        out = 255 * np.power(np.clip(out, 0, 255) / 255, power)
    shifted = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(shifted, cv2.COLOR_RGB2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + rng.integers(-6, 7)) % 180
        saturation = hsv[..., 1] * (1 + rng.uniform(-0.3, 0.3))
        hsv[..., 1] = np.clip(saturation, 0, 255).astype(np.int16)
        return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return shifted


@pytest.mark.parametrize("seed", range(30))
def test_looked_up_colours_are_those_of_plain_arithmetic(seed: int) -> None:
    image = portrait()[40:240, 140:310]
    got = recolour(image, np.random.default_rng(seed))
    assert np.array_equal(got, _recoloured_plainly(image, np.random.default_rng(seed)))


@pytest.mark.parametrize("seed", range(5))
def test_a_blend_in_part_is_that_of_the_whole_picture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, 256, (2, 64, 80, 3), dtype=np.uint8)
    mask = np.zeros((64, 80), dtype=np.float32)
    mask[10:40, 20:60] = rng.random((30, 40), dtype=np.float32)
    share = mask[..., None]
    plain = np.rint(source * share + target * (1 - share)).astype(np.uint8)
    assert np.array_equal(blend(source, target, mask), plain)


def test_a_networks_input_is_looked_up_exactly() -> None:
    rng = np.random.default_rng(0)
    spec = CropSpec(32, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    mean, std = (np.array(v, dtype=np.float32) for v in (spec.mean, spec.std))
    for count in (0, 1, 4):
        crops = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        plain = (crops * (1 / (255 * std)) - mean / std).transpose(0, 3, 1, 2)
        got = as_input(crops, spec)
        assert got.shape == plain.shape
        assert got.dtype == np.float32
        assert np.array_equal(got, plain)
        assert np.array_equal(as_input(crops[:, ::-1], spec), plain[:, :, ::-1])
