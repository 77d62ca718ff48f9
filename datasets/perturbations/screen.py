"""A screen filmed with a phone: seen at an angle, through its pixel grid, and encoded once more."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ..types import Float32, Frame, Uint8
from .catalogue import PERTURBATIONS, CodecPerturbation, video_rng
from .codecs import x264
from .encoding import Encoding
from .published import rounded

_ROOM = (18, 18, 20)  # RGB of what is seen around the screen
_PIXEL = (1.02, 1.12)  # pixels of the picture that one of the screen takes; near 1, so it beats


@dataclass(frozen=True)
class Filming:
    """How a screen is filmed.

    `tilt`: how far a corner may lie inside the picture, over its sides. `grid`: how much light the
    screen's pixel grid takes. `gamma`: of the camera over the screen's. `crf`: of x264 afterwards.
    """

    tilt: float
    grid: float
    gamma: float
    crf: int


def record(frames: Iterator[Frame], how: Filming, seed: int) -> Iterator[Frame]:
    """The frames as the camera's sensor has them; angle and grid are drawn once by `seed`.

    The grid is sampled at nearly its own period, which gives the slow coloured bands of moire,
    bent by the perspective.

    Yields:
        Frames of the same size and time.
    """
    curve = np.asarray(
        np.rint(255 * (np.arange(256) / 255) ** how.gamma).clip(0, 255), dtype=np.uint8
    )
    for frame in frames:
        height, width = frame.image.shape[:2]
        seen, light = _view(height, width, how, seed)
        image = cv2.warpPerspective(
            frame.image, seen, (width, height), flags=cv2.INTER_LINEAR, borderValue=_ROOM
        )
        bright = rounded(np.asarray(image, dtype=np.float32) * light)
        yield Frame(frame.index, frame.pts_seconds, np.asarray(curve[bright], dtype=np.uint8))


@lru_cache(maxsize=2)
def _view(height: int, width: int, how: Filming, seed: int) -> tuple[Uint8, Float32]:
    """The perspective, (3, 3), from screen to picture; the grid's light, (H, W, 3) float32."""
    rng = video_rng(seed, "SR")
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=np.float32)
    moved = corners + inward * rng.uniform(0, how.tilt, (4, 2)) * np.array([width, height])
    seen = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    period = rng.uniform(*_PIXEL, 2)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    back = np.linalg.inv(seen)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    across = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth
    down = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth
    rows = np.cos(2 * np.pi * down / period[1])
    light = np.empty((height, width, 3), dtype=np.float32)
    for channel in range(3):  # red, green and blue stand side by side in a screen's pixel
        columns = np.cos(2 * np.pi * (across / period[0] + channel / 3))
        light[:, :, channel] = 1 - how.grid * (0.5 - 0.25 * (rows + columns))
    return seen, light


def _encoding(how: Filming) -> Encoding:
    return x264(how.crf)


PERTURBATIONS.register("SR")(
    CodecPerturbation(
        "SR",
        "screen recording: perspective, pixel grid and moire, gamma, then H.264",
        "codec",
        "tilt, share of light that the grid takes, gamma, constant rate factor",
        (
            Filming(0.01, 0.08, 1.05, 23),
            Filming(0.02, 0.14, 1.10, 26),
            Filming(0.03, 0.20, 1.16, 28),
            Filming(0.045, 0.28, 1.23, 30),
            Filming(0.06, 0.36, 1.30, 33),
        ),
        prepare=record,
        encoding_at=_encoding,
    )
)
