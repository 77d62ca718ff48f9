"""The clips that speed is measured on, and the plain way to decode them."""

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from ...datasets.types import Uint8


@lru_cache(maxsize=1)
def _ground(width: int, height: int) -> Uint8:
    """A textured background, (height, width, 3) uint8."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    grey = (110 + 60 * np.sin(columns / 37) * np.cos(rows / 23)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def scene(width: int, height: int, share: float, phase: float, shift: Any = (0, 0)) -> Uint8:
    """The NASA portrait moving over a textured background, (height, width, 3) uint8."""
    from skimage import data

    canvas = _ground(width, height).copy()
    side = int(height * share)
    head = cv2.resize(data.astronaut()[0:300, 70:370], (side, side), interpolation=cv2.INTER_AREA)
    x = (width - side) / 2 + width * 0.2 * np.sin(2 * np.pi * phase) + shift[0]
    y = (height - side) / 2 + height * 0.05 * np.cos(4 * np.pi * phase) + shift[1] / 2
    move = np.array([[1, 0, x], [0, 1, y]], dtype=np.float32)
    cv2.warpAffine(head, move, (width, height), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
    return canvas


def clip_1080p(
    folder: Path, *, width: int = 1920, height: int = 1080, name: str = "1080p.mp4"
) -> Path:
    """Ten seconds of H.264 at 30 frames a second, x264's own settings."""
    path = folder / name
    if not path.exists():
        images = (scene(width, height, 0.45, k / 150) for k in range(300))
        write_h264(path, images, 30, preset="medium" if height <= 1080 else "ultrafast")
    return path


def write_h264(path: Path, images: Any, fps: int, *, preset: str) -> None:
    """Encodes (H, W, 3) uint8 RGB pictures at CRF 23."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "23", "preset": preset})
        stream.pix_fmt = "yuv420p"
        for i, image in enumerate(images):
            if i == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def decode_with_opencv(video: Path, wanted: set[int]) -> dict[int, Uint8]:
    capture = cv2.VideoCapture(str(video))
    frames: dict[int, Uint8] = {}
    index = 0
    while True:
        ok, image = capture.read()
        if not ok:
            return frames
        if index in wanted:
            frames[index] = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        index += 1
