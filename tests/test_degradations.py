"""Degradations: one draw does the same to every picture, and costs what it should."""

import cv2
import numpy as np
import pytest
from face_clips import head

from unswap.datasets.degradations import Degradation, draw


def loss(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared difference in grey levels."""
    return float(np.mean((a.astype(float) - b.astype(float)) ** 2))


def test_one_draw_does_the_same_to_the_same_picture() -> None:
    image = head(200)
    for seed in range(12):
        degradation = draw(np.random.default_rng(seed), 100)
        assert np.array_equal(degradation.apply(image), degradation.apply(image.copy()))
        assert degradation == draw(np.random.default_rng(seed), 100)
    assert np.array_equal(image, head(200))


def test_a_change_in_one_place_stays_in_its_place() -> None:
    """A blend differs from its genuine counterpart after degradation where it did before."""
    image = head(200)
    changed = image.copy()
    changed[80:110, 80:110] = 255 - changed[80:110, 80:110]
    noise = Degradation((("noise", {"sigma": 8.0}), ("resize", {"scale": 0.5, "how": 0.0})), seed=4)
    difference = np.abs(noise.apply(image).astype(int) - noise.apply(changed).astype(int)).max(2)
    assert difference[42:53, 42:53].min() > 0
    difference[39:56, 39:56] = 0
    assert difference.max() == 0


def test_draws_keep_their_promises_of_size() -> None:
    image = head(256)
    for seed in range(40):
        degradation = draw(np.random.default_rng(seed), 128)
        out = degradation.apply(image)
        assert out.dtype == np.uint8
        assert out.shape[0] == pytest.approx(256 * degradation.scale, abs=4)
        assert 128 * degradation.scale > 58


def test_draws_reach_crisp_and_coarse_pictures() -> None:
    draws = [draw(np.random.default_rng(seed), 160) for seed in range(300)]
    names = {name for d in draws for name, _ in d.steps}
    assert names == {
        "grade", "blur", "motion", "smooth", "resize", "sharpen", "noise", "jpeg", "h264"
    }  # fmt: skip
    assert any(len(d.steps) <= 1 for d in draws)
    assert any(len(d.steps) >= 5 for d in draws)
    assert min(d.scale for d in draws) < 0.5
    assert sum(d.scale == 1 for d in draws) > 20


@pytest.mark.parametrize("frames", [1.0, 2.0])
def test_h264_at_a_high_crf_loses_more(frames: float) -> None:
    image = head(256)

    def encoded(crf: float) -> float:
        step = ("h264", {"crf": crf, "frames": frames})
        return loss(Degradation((step,)).apply(image), image)

    losses = [encoded(crf) for crf in (16.0, 26.0, 38.0)]
    assert 0 < losses[0] < losses[1] < losses[2]
    assert losses[0] < 40


def test_jpeg_at_a_low_quality_loses_more_and_keeps_the_colours() -> None:
    image = head(256)
    low, high = (
        Degradation((("jpeg", {"quality": q}),)).apply(image).astype(float) for q in (20.0, 90.0)
    )
    assert loss(low, image) > loss(high, image) > 0
    assert np.abs(low.mean((0, 1)) - image.mean((0, 1))).max() < 3


def test_blur_softens_and_sharpening_sharpens() -> None:
    image = head(256)

    def detail(picture: np.ndarray) -> float:
        return float(cv2.Laplacian(picture, cv2.CV_64F).var())

    blurred = Degradation((("blur", {"sigma": 1.5}),)).apply(image)
    moved = Degradation((("motion", {"length": 7.0, "degrees": 30.0}),)).apply(image)
    crisp = Degradation((("sharpen", {"sigma": 1.0, "amount": 0.8}),)).apply(image)
    assert max(detail(blurred), detail(moved)) < detail(image) < detail(crisp)


def test_an_unknown_step_is_an_error() -> None:
    with pytest.raises(KeyError, match="blurr"):
        Degradation((("blurr", {}),)).apply(head(64))
