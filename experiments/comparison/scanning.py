"""One pass over a whole video: a small grey picture of every frame, and points on key frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets.colour import shrunk_size
from ...datasets.decoding import VideoReader
from ...datasets.packets import unreadable
from ...datasets.types import Float32, Float64, Int64, Uint8, VideoInfo
from .spool import Spool

SCAN_SIDE = 640  # pixels of the longer side; larger frames are shrunk to it
THUMB_SIDE = 64  # pixels of the longer side of the small grey pictures
DETAIL_SIDE = 128  # ... and of the larger ones, by which frames are told apart in the end
GREY_STEPS = 256  # steps of a grey level that small pictures are kept in
KEY_SECONDS = 0.75  # a key frame for points is taken this often ...
MOST_KEYS = 40  # ... but not more of them than this in a video, plus one a second of its length
POINTS = 500  # of a key frame


@dataclass(frozen=True)
class Points:
    """SIFT points of one key frame.

    `xy`: (n, 2) float32, pixels of the full frame. `descriptors`: (n, 128) uint8.
    """

    xy: Float32
    descriptors: Uint8


@dataclass
class Scan:
    """What the pass over a video gave.

    `frames`: (n,) int64, the numbers of the frames that could be decoded, rising; all that follows
    is in this order. `pts_seconds`: (n,) when they are shown. `thumbs`: (n, h, w) uint16, grey in
    steps of 1/256 level, on disk; `details`: the same, twice as large. `keys`: (k,) int64 places
    in `frames`, with their `points`. `lost`: how many frames could not be decoded. `scale`: scanned
    pixels for a pixel of the full frame.
    """

    info: VideoInfo
    frames: Int64
    pts_seconds: Float64
    thumbs: NDArray[Any]
    details: NDArray[Any]
    keys: Int64
    points: list[Points] = field(repr=False)
    packet_bytes: Int64
    keyframes: NDArray[np.bool_]
    lost: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the full frame."""
        return self.info.width, self.info.height

    @property
    def frame_seconds(self) -> float:
        """The usual time from one frame to the next."""
        if len(self.pts_seconds) < 2:
            return self.info.duration_seconds
        return float(np.median(np.diff(self.pts_seconds)))


def scan(path: str | Path) -> Scan:
    """Decodes every frame of a video once.

    Raises:
        UnreadableVideo: nothing in the file can be shown.
    """
    with VideoReader(path) as reader:
        info = reader.info
        width, height = shrunk_size(info.width, info.height, THUMB_SIDE)
        thumbs = Spool((height, width), np.uint16)
        detail_width, detail_height = shrunk_size(info.width, info.height, DETAIL_SIDE)
        details = Spool((detail_height, detail_width), np.uint16)
        wanted = set(key_frames(reader.pts_seconds).tolist())
        frames: list[int] = []
        keys: list[int] = []
        points: list[Points] = []
        sift = new_sift()
        for frame in reader.read(range(info.num_frames), max_side=SCAN_SIDE):
            grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
            if frame.index in wanted:
                keys.append(len(frames))
                points.append(find_points(sift, grey, (info.width, info.height)))
            frames.append(frame.index)
            exact = grey.astype(np.float32)
            thumbs.append(_small(exact, width, height))
            details.append(_small(exact, detail_width, detail_height))
        if not frames:
            raise unreadable(path, "none of its frames can be decoded", "get an undamaged copy")
        places = np.array(frames, dtype=np.int64)
        return Scan(
            info=info,
            frames=places,
            pts_seconds=reader.pts_seconds[places],
            thumbs=thumbs.array(),
            details=details.array(),
            keys=np.array(keys, dtype=np.int64),
            points=points,
            packet_bytes=reader.packet_bytes,
            keyframes=reader.is_keyframe,
            lost=info.num_frames - len(frames),
        )


def _small(grey: Float32, width: int, height: int) -> NDArray[np.uint16]:
    """A grey picture shrunk, in steps of 1/GREY_STEPS level."""
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(small * GREY_STEPS), dtype=np.uint16)


def key_frames(pts_seconds: Float64) -> Int64:
    """Which frames points are taken from: evenly over the video, (k,) int64 rising."""
    length = float(pts_seconds[-1])
    count = min(1 + round(length / KEY_SECONDS), MOST_KEYS + round(length))
    moments = (np.arange(count) + 0.5) * (length / count)
    return np.unique(np.searchsorted(pts_seconds, moments).clip(0, len(pts_seconds) - 1))


def new_sift(points: int = POINTS) -> Any:
    """OpenCV's SIFT (Lowe, 2004), without its half-pixel shift between scales."""
    return cv2.SIFT.create(nfeatures=points, contrastThreshold=0.02, enable_precise_upscale=True)


def find_points(sift: Any, grey: Uint8, size: tuple[int, int]) -> Points:
    """A picture's SIFT points, in pixels of a full frame of `size` (width, height)."""
    found, descriptors = sift.detectAndCompute(grey, None)
    if not found:
        return Points(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))
    xy = np.array([p.pt for p in found], dtype=np.float32)
    scale = np.array([size[0] / grey.shape[1], size[1] / grey.shape[0]], dtype=np.float32)
    return Points((xy + np.float32(0.5)) * scale - np.float32(0.5), descriptors.astype(np.uint8))


def grey_thumbs(scan_: Scan, places: Sequence[int] | Int64 | slice) -> Float32:
    """(n, h, w) float32, small grey pictures in levels of 255."""
    return np.asarray(scan_.thumbs[places], dtype=np.float32) / np.float32(GREY_STEPS)


def grey_details(scan_: Scan, places: Sequence[int] | Int64 | slice) -> Float32:
    """As `grey_thumbs`, of the larger pictures."""
    return np.asarray(scan_.details[places], dtype=np.float32) / np.float32(GREY_STEPS)
