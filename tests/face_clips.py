"""Real clips with a real face, made from the NASA portrait of Eileen Collins (public domain)."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from clips import write_video
from skimage import data

FACE_BOX = (172.0, 63.0, 276.0, 199.0)  # in the portrait, pixels: about where a detector finds it


@lru_cache(maxsize=1)
def portrait() -> np.ndarray:
    """(512, 512, 3) uint8 RGB, one face of about 130 px."""
    return np.ascontiguousarray(data.astronaut())


def head(size: int = 256) -> np.ndarray:
    """(size, size, 3) the portrait's head and shoulders; its face is about size / 2 high."""
    cut = portrait()[10:266, 90:346]
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA)


def another(picture: np.ndarray) -> np.ndarray:
    """The same picture mirrored and in other colours: a "different" person for the tracker."""
    hsv = cv2.cvtColor(np.ascontiguousarray(picture[:, ::-1]), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + 40) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def background(width: int, height: int) -> np.ndarray:
    """(height, width, 3) a smooth gradient without a face."""
    x = np.linspace(40, 160, width)[None, :, None]
    y = np.linspace(0, 60, height)[:, None, None]
    return np.broadcast_to(x + y, (height, width, 3)).astype(np.uint8).copy()


def paste(canvas: np.ndarray, picture: np.ndarray, x: int, y: int) -> np.ndarray:
    """`picture` put onto a copy of `canvas` with its corner at (x, y), cut off at the edges."""
    out = canvas.copy()
    height, width = picture.shape[:2]
    x1, y1 = max(0, x), max(0, y)
    x2, y2 = min(canvas.shape[1], x + width), min(canvas.shape[0], y + height)
    if x2 > x1 and y2 > y1:
        out[y1:y2, x1:x2] = picture[y1 - y : y2 - y, x1 - x : x2 - x]
    return out


def moving_head(
    num_frames: int, width: int = 320, height: int = 240, head_size: int = 160
) -> Iterator[np.ndarray]:
    """A head that drifts from left to right over a plain background."""
    canvas, picture = background(width, height), head(head_size)
    for i in range(num_frames):
        x = round((width - head_size) * (0.2 + 0.6 * i / max(1, num_frames - 1)))
        yield paste(canvas, picture, x, (height - head_size) // 2)


def write_face_clip(path: Path, num_frames: int = 40, **options: Any) -> Path:
    """An H.264 clip of `moving_head`; further options go to `clips.write_video`."""
    sizes = {k: options.pop(k) for k in ("width", "height", "head_size") if k in options}
    write_video(path, moving_head(num_frames, **sizes), **options)
    return path
