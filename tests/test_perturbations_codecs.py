"""Encoders and frame rates keep what they should, and grow worse with their level."""

from fractions import Fraction

import numpy as np
import pytest
from clips import numbered_frames
from hypothesis import given, settings
from hypothesis import strategies as st
from perturbed_clips import clip, psnr, run

from unswap.datasets.perturbations import CODES, SizeChangeError, get
from unswap.datasets.types import Frame

FIVE = range(1, 6)
CODECS = [code for code in CODES if get(code).kind == "codec"]


@pytest.mark.parametrize("code", ["VC", "VC2", "X265", "VP9", "AV1", "SR"])
def test_codec_levels_grow_worse(code: str) -> None:
    source = clip(12)
    quality = [psnr(source, run(source, f"{code}:{level}")) for level in FIVE]
    assert quality == sorted(quality, reverse=True)
    assert quality[4] < quality[0] - 1.5


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=40),
    st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_a_new_frame_rate_shows_what_was_on_screen(gaps: list[int], level: int) -> None:
    """On any times: pictures at k / fps over the same duration, each the latest one by then."""
    fps = (24, 20, 15, 12, 8)[level - 1]
    times = [0, *np.cumsum(gaps)]  # milliseconds
    frames = [
        Frame(i, t / 1000, np.full((1, 1, 3), i, dtype=np.uint8)) for i, t in enumerate(times)
    ]
    out = run(frames, f"FR:{level}")
    duration = Fraction(int(times[-1] + gaps[-1]), 1000)
    assert len(out) == -(-duration * fps // 1)
    for k, frame in enumerate(out):
        assert frame.index == k
        assert frame.pts_seconds == k / fps
        on_screen = np.searchsorted(times, float(Fraction(1000 * k, fps)) + 1e-3, side="right") - 1
        assert frame.image[0, 0, 0] == on_screen


def test_a_slow_video_repeats_its_frames() -> None:
    frames = [Frame(i, i / 10, np.full((1, 1, 3), i, dtype=np.uint8)) for i in range(5)]
    assert [int(f.image[0, 0, 0]) for f in run(frames, "FR:2")] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("code", ["VC", "X265", "VP9", "AV1", "SR", "VC2"])
@pytest.mark.parametrize("size", [(33, 35), (1, 1), (97, 64)])  # x265 wrote over memory at 33
def test_codecs_take_odd_and_tiny_sizes(code: str, size: tuple[int, int]) -> None:
    height, width = size
    frames = [
        Frame(i, i / 25, image)
        for i, image in enumerate(numbered_frames(9, max(width, 2), max(height, 2)))
    ]
    frames = [Frame(f.index, f.pts_seconds, f.image[:height, :width]) for f in frames]
    out = run(frames, f"{code}:1")
    assert [f.image.shape for f in out] == [(height, width, 3)] * 9
    if size == (97, 64) and code != "SR":
        assert psnr(frames, out) > 25


@pytest.mark.parametrize("code", CODECS)
def test_codecs_keep_uneven_times_exactly(code: str) -> None:
    times = np.cumsum([0, 0.04, 0.01, 0.3, 1 / 3, 0.04, 0.001, 1e-6, 5.0]).tolist()
    source = clip(len(times))
    frames = [Frame(3 * f.index, t, f.image) for f, t in zip(source, times, strict=True)]
    out = run(frames, f"{code}:2")
    assert [(f.index, f.pts_seconds) for f in out] == [(f.index, f.pts_seconds) for f in frames]


def test_the_ladder_scales_the_shorter_side_and_never_up() -> None:
    def size(code: str, height: int, width: int) -> tuple[int, int]:
        frame = Frame(0, 0.0, np.zeros((height, width, 3), dtype=np.uint8))
        height, width = run([frame], code)[0].image.shape[:2]
        return height, width

    assert size("RL:5", 360, 640) == (144, 256)
    assert size("RL:4", 640, 360) == (426, 240)
    assert size("RL:3", 360, 640) == (360, 640)
    assert size("RL:1", 100, 61) == (100, 61)


def test_a_recorded_screen_is_seen_at_one_angle_for_the_whole_video() -> None:
    frames = [Frame(i, i / 25, np.full((96, 96, 3), 220, dtype=np.uint8)) for i in range(4)]
    seen = [
        [frame.image.mean(axis=2) < 100 for frame in run(frames, "SR:5", seed=s)] for s in (1, 2)
    ]
    assert seen[0][0].any()  # the room around the screen
    assert (seen[0][0] != seen[0][3]).mean() < 0.01
    assert (seen[0][0] != seen[1][0]).mean() > 0.005


def test_a_codec_refuses_pictures_that_change_their_size() -> None:
    frames = [*clip(3), Frame(3, 0.2, np.zeros((64, 64, 3), dtype=np.uint8))]
    with pytest.raises(SizeChangeError, match="frame 3 is 64x64, those before it are 96x80"):
        run(frames, "VC:1")
    assert len(run(frames, "GB:1")) == 4
