"""A still made to move: smooth, below a pixel, and of the right length."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_clips import head

from unswap.datasets.animation import animate, write_clip
from unswap.datasets.decoding import VideoReader


def shifts(frames: list[np.ndarray]) -> np.ndarray:
    """(T - 1, 2) how far each frame's picture lies from the one before, pixels."""
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).astype(np.float32) for f in frames]
    height, width = grey[0].shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    return np.array([cv2.phaseCorrelate(a, b, window)[0] for a, b in pairwise(grey)])


def test_motion_is_smooth_and_below_a_pixel() -> None:
    frames = list(animate(head(320), 30, np.random.default_rng(0), 25.0))
    steps = shifts(frames)
    assert np.abs(steps).max() < 3
    assert np.abs(np.diff(steps, axis=0)).max() < 0.6
    assert np.abs(steps).max() > 0.1
    fractions = np.abs(steps - np.rint(steps))
    assert (fractions > 0.1).mean() > 0.3


def test_twice_the_rate_shows_the_same_motion_in_twice_the_frames() -> None:
    slow = list(animate(head(256), 10, np.random.default_rng(1), 25.0))
    fast = list(animate(head(256), 20, np.random.default_rng(1), 50.0))
    difference = [float(np.abs(f.astype(int) - slow[9]).mean()) for f in fast]
    assert int(np.argmin(difference)) == 18


def test_as_many_frames_as_asked_of_even_size_the_same_by_seed() -> None:
    still = head(256)[:201, :151]
    first = list(animate(still, 7, np.random.default_rng(2), 30.0))
    again = list(animate(still, 7, np.random.default_rng(2), 30.0))
    other = list(animate(still, 7, np.random.default_rng(3), 30.0))
    assert len(first) == 7
    assert all(f.dtype == np.uint8 and f.shape == first[0].shape for f in first)
    assert first[0].shape[0] % 2 == 0
    assert first[0].shape[1] % 2 == 0
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_genuine_and_forged_stills_move_alike() -> None:
    still = head(256)
    forged = still.copy()
    forged[100:140, 100:140] = 0
    a = list(animate(still, 5, np.random.default_rng(4), 25.0))
    b = list(animate(forged, 5, np.random.default_rng(4), 25.0))
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x[:60], y[:60])
        assert not np.array_equal(x, y)


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001])
def test_a_written_clip_has_its_frames_and_times(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "clip.mp4"
    frames = list(animate(head(160), 12, np.random.default_rng(5), fps))
    write_clip(path, iter(frames), fps, 18)
    with VideoReader(path) as reader:
        assert reader.info.num_frames == 12
        assert reader.info.codec == "h264"
        assert (reader.info.height, reader.info.width) == frames[0].shape[:2]
        assert np.allclose(reader.pts_seconds, np.arange(12) / fps, atol=2e-3)
        read = [f.image for f in reader.read(np.arange(12))]
    assert np.abs(read[6].astype(int) - frames[6].astype(int)).mean() < 6


def test_a_higher_crf_writes_a_smaller_file(tmp_path: Path) -> None:
    sizes = []
    for crf in (18, 38):
        path = tmp_path / f"{crf}.mp4"
        write_clip(path, animate(head(160), 6, np.random.default_rng(6), 25.0), 25.0, crf)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    odd = [np.zeros((21, 20, 3), dtype=np.uint8)]
    with pytest.raises(ValueError, match="even size for 4:2:0, got 20x21"):
        write_clip(tmp_path / "odd.mp4", odd, 25.0, 23)
    with pytest.raises(ValueError, match="at least one frame, got none"):
        write_clip(tmp_path / "empty.mp4", [], 25.0, 23)
