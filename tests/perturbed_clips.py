"""Small videos and pictures for the tests of perturbations, and ways to compare them."""

from pathlib import Path

import av
import cv2
import numpy as np
from clips import Image, add_sound, numbered_frames

from unswap.datasets.decoding import VideoReader
from unswap.datasets.perturbations import perturb
from unswap.datasets.types import Frame

COUNT = 30


def portrait(height: int = 320, width: int = 288) -> Image:
    """A skin-coloured face with texture before a blue wall: (height, width, 3) uint8 RGB."""
    rng = np.random.default_rng(1)
    image = np.full((height, width, 3), (60, 90, 160), dtype=np.float32)
    y, x = np.mgrid[0:height, 0:width]
    face = (x / width - 0.5) ** 2 + (y / height - 0.5) ** 2 < 0.08
    image[face] = (200, 150, 125)
    image += 18 * np.sin(x / 5)[:, :, None] + 12 * rng.standard_normal((height, width, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def clip(count: int = 20, width: int = 96, height: int = 80) -> list[Frame]:
    """A texture that moves, at 25 fps."""
    rng = np.random.default_rng(2)
    wide = cv2.GaussianBlur(rng.integers(0, 256, (height, width + 2 * count, 3)) * 1.0, (0, 0), 1.5)
    wide = np.clip((wide - 127) * 3 + 127, 0, 255).astype(np.uint8)
    return [
        Frame(i, i / 25, np.ascontiguousarray(wide[:, 2 * i : 2 * i + width])) for i in range(count)
    ]


def psnr(one: list[Frame], other: list[Frame]) -> float:
    error = np.mean(
        [((a.image / 255 - b.image / 255) ** 2).mean() for a, b in zip(one, other, strict=True)]
    )
    return float(-10 * np.log10(error + 1e-12))


def run(frames: list[Frame], *conditions: str, seed: int = 0) -> list[Frame]:
    return list(perturb(iter(frames), conditions, seed))


def images(frames: list[Frame]) -> list[bytes]:
    return [frame.image.tobytes() for frame in frames]


def with_sound(path: Path, codec: str = "aac", late: float = 0.0) -> Path:
    """Pictures that begin `late` seconds after the sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 96, 80, "yuv420p"
        if codec == "aac":
            add_sound(container, COUNT / 25 + late)
        else:
            sound = container.add_stream(codec, rate=8000)
            silence = np.full((1, 8000), 128, dtype=np.uint8)
            heard = av.AudioFrame.from_ndarray(silence, format="u8", layout="mono")
            heard.sample_rate, heard.pts = 8000, 0
            container.mux(sound.encode(heard))
            container.mux(sound.encode(None))
        for i, image in enumerate(numbered_frames(COUNT, 96, 80)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = i + round(late * 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader.read(np.arange(reader.info.num_frames)))
