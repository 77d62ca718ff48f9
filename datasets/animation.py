"""A still picture into a short moving clip, as a hand-held camera would film a photograph.

Stills are not video: nothing moves in the face itself. Such clips test the way from a file to a
score; they do not stand for filmed people.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from .moving.motion import course
from .types import Float64, Uint8
from .x264 import encode

BORDER_SHARE = 0.06  # of the picture on each side that motion may use up


def animate(still: Uint8, num_frames: int, rng: np.random.Generator, fps: float) -> Iterator[Uint8]:
    """Smooth sub-pixel pan, zoom and turn, flickering light, sensor noise.

    Args:
        still: (H, W, 3) uint8 RGB.
        num_frames: frames to give.
        rng: all that is random comes from it; the same state gives the same clip.
        fps: frames a second, which sets how far a frame moves.

    Yields:
        (H', W', 3) uint8, with H' and W' the even sizes of the picture without its border.
    """
    height, width = still.shape[:2]
    out_height, out_width = (int(n * (1 - 2 * BORDER_SHARE)) // 2 * 2 for n in (height, width))
    seconds = np.arange(num_frames) / fps
    reach = BORDER_SHARE * min(height, width)
    x, y = (_drift(seconds, rng) * reach * 0.6 for _ in range(2))
    zoom = 1 + 0.02 * _drift(seconds, rng)
    degrees = 1.0 * _drift(seconds, rng)
    light = 1 + 0.03 * _drift(seconds, rng)
    sigma = rng.uniform(0.5, 2.0)
    for i in range(num_frames):
        move = cv2.getRotationMatrix2D((width / 2, height / 2), float(degrees[i]), float(zoom[i]))
        move[:, 2] += [x[i] - (width - out_width) / 2, y[i] - (height - out_height) / 2]
        frame = cv2.warpAffine(
            still,
            move,
            (out_width, out_height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        ).astype(np.float32)
        noise = rng.standard_normal((out_height, out_width, 1), dtype=np.float32)
        frame = frame * np.float32(light[i]) + noise * np.float32(sigma)
        yield np.asarray(np.clip(np.rint(frame), 0, 255), dtype=np.uint8)


def _drift(seconds: Float64, rng: np.random.Generator) -> Float64:
    """A slow course within -1 and 1."""
    return course(seconds, rng, fastest=0.9)


def write_clip(
    path: Path, frames: Iterable[Uint8], fps: float, crf: int, preset: str = "medium"
) -> None:
    """Encodes (H, W, 3) uint8 RGB pictures of one even size as H.264 4:2:0 with x264.

    Raises:
        ValueError: no frame, or an odd size.
    """
    with av.open(str(path), "w") as container:
        encode(container, frames, fps, {"crf": str(crf), "preset": preset}, str(path))
