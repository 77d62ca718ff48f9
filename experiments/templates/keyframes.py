"""Which frames of a video stand for it, and how they are made small and grey."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ...datasets.sequences import open_frames
from ...datasets.types import Float64, Int64, Uint8, UnreadableVideo, VideoInfo

LONG_SIDE = 400  # pixels of a key frame's longer side; smaller pictures are not enlarged
TEMPLATE_STEP = 1.0  # seconds between key frames of what is indexed
SUSPECT_STEP = 0.5  # seconds between key frames of what is looked up
SUSPECT_MOST = 64  # key frames of a suspect; a longer one's lie further apart


def keyframe_indices(pts_seconds: Float64, step: float, most: int | None = None) -> Int64:
    """The frames shown at every full `step`, and the middle one of a very short video.

    >>> keyframe_indices(np.arange(60) / 25, 1.0).tolist()
    [0, 25, 50]
    >>> keyframe_indices(np.arange(10) / 25, 1.0).tolist()
    [0, 4]

    Args:
        pts_seconds: (n,) when each frame is shown, rising from 0; at least one.
        step: seconds.
        most: at this many the step is made longer.

    Returns:
        (k,) int64, rising, k at least 1.
    """
    last = float(pts_seconds[-1])
    if most is not None:
        step = max(step, last / most)
    wanted = np.arange(0, last + 1e-6, step)
    if len(wanted) < 2 and len(pts_seconds) > 1:
        wanted = np.append(wanted, last / 2)
    # the frame that is on the screen at that moment
    return np.unique(np.searchsorted(pts_seconds, wanted + 1e-4, side="right") - 1).clip(0)


def small_grey(image: Uint8) -> Uint8:
    """(H, W, 3) uint8 RGB as (h, w) uint8, at most LONG_SIDE long."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    share = LONG_SIDE / max(grey.shape)
    if share < 1:
        height, width = (max(1, round(n * share)) for n in grey.shape)
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.uint8)


class KeyFrames:
    """A video's key frames, read one by one.

    Attributes:
        info: what the file is.
    """

    def __init__(
        self, path: str | Path, step: float, *, most: int | None = None, time_limit: float = 600
    ) -> None:
        """Opens the file.

        Raises:
            UnreadableVideo: nothing in it can be shown.
            TimeLimitExceeded: it took longer than `time_limit` seconds; also while reading.
        """
        self._reader = open_frames(path, deadline=time.monotonic() + time_limit)
        self.info: VideoInfo = self._reader.info
        self._indices = keyframe_indices(self._reader.pts_seconds, step, most)

    def close(self) -> None:
        """Closes the file; reading to the end does that too."""
        self._reader.close()

    def __iter__(self) -> Iterator[tuple[float, Uint8]]:
        """(seconds, (h, w) uint8 grey), all of the first one's size.

        Raises:
            UnreadableVideo: not one of them can be decoded.
        """
        size: tuple[int, int] | None = None
        try:
            for frame in self._reader.read(self._indices):
                grey = small_grey(frame.image)
                if size is None:
                    size = (grey.shape[1], grey.shape[0])
                elif size != (grey.shape[1], grey.shape[0]):
                    grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
                yield frame.pts_seconds, grey
        finally:
            self._reader.close()
        if size is None:
            raise UnreadableVideo(
                f"{self.info.path}: none of its {len(self._indices)} key frames can be decoded; "
                "encode it again, or leave it out"
            )
