"""A clip's way to whoever looks at it: x264 once or twice, at another size in between."""

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
import cv2
import numpy as np

from ..types import Uint8
from ..x264 import encode

PRESETS = ("veryfast", "faster", "medium", "slow")


@dataclass(frozen=True)
class Encoding:
    """One pass through x264: `crf`, `preset`, `keyint` (frames between key frames, at most), after
    the pictures' sides were multiplied by `scale`."""

    crf: int
    preset: str = "medium"
    keyint: int = 250
    scale: float = 1.0

    def __str__(self) -> str:
        """
        >>> str(Encoding(23)), str(Encoding(32, scale=0.5))
        ('H.264 CRF 23', 'at 0.5 of the size, H.264 CRF 32')
        """
        size = "" if self.scale == 1 else f"at {self.scale:g} of the size, "
        return f"{size}H.264 CRF {self.crf}"


def draw_transport(rng: np.random.Generator, face_size: float) -> tuple[Encoding, ...]:
    """One or two encodings at random: CRF 15 to 40, the face never below 56 pixels."""
    scale = 1.0
    if rng.random() < 0.6:
        scale = float(np.exp(rng.uniform(np.log(min(1.0, 56 / face_size)), 0)))
    first = _drawn(rng, (15, 40), scale)
    if rng.random() >= 0.3:
        return (first,)
    first = _drawn(rng, (15, 30), scale)
    again = float(
        np.clip(rng.uniform(0.6, 1.5), 56 / (face_size * scale), 220 / (face_size * scale))
    )
    return first, _drawn(rng, (18, 36), again)


def _drawn(rng: np.random.Generator, crf: tuple[int, int], scale: float) -> Encoding:
    preset = PRESETS[rng.choice(len(PRESETS), p=[0.45, 0.2, 0.25, 0.1])]
    return Encoding(
        int(rng.integers(crf[0], crf[1] + 1)), preset, int(rng.choice([6, 12, 50, 250])), scale
    )


def transport(path: Path, frames: Iterable[Uint8], fps: float, chain: tuple[Encoding, ...]) -> None:
    """Writes frames as they arrive after every encoding of `chain`; the file appears whole.

    Args:
        path: an MP4 file.
        frames: (H, W, 3) uint8 RGB, of one size.
        fps: frames a second.
        chain: the encodings, one after another; at least one.

    Raises:
        ValueError: no frames, or no encoding.
    """
    if not chain:
        raise ValueError(f"{path}: expected at least one encoding, got none")
    for encoding in chain[:-1]:
        buffer = io.BytesIO()
        _encode(buffer, _scaled(frames, encoding.scale), fps, encoding, str(path))
        buffer.seek(0)
        frames = _decoded(buffer)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # another run may write it too
    with open(part, "wb") as file:
        _encode(file, _scaled(frames, chain[-1].scale), fps, chain[-1], str(path))
    os.replace(part, path)


def _scaled(frames: Iterable[Uint8], scale: float) -> Iterable[Uint8]:
    """At their new size, both sides even, as 4:2:0 wants."""
    for frame in frames:
        height, width = (max(16, round(n * scale / 2) * 2) for n in frame.shape[:2])
        if frame.shape[:2] == (height, width):
            yield frame
            continue
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        yield np.asarray(cv2.resize(frame, (width, height), interpolation=how), dtype=np.uint8)


def _encode(
    file: IO[bytes], frames: Iterable[Uint8], fps: float, encoding: Encoding, name: str
) -> None:
    options = {"crf": str(encoding.crf), "preset": encoding.preset, "g": str(encoding.keyint)}
    with av.open(file, "w", format="mp4") as container:
        encode(container, frames, fps, options, name, threads=1)


def _decoded(file: IO[bytes]) -> list[Uint8]:
    with av.open(file, "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames = container.decode(stream)
        return [np.asarray(f.to_ndarray(format="rgb24"), dtype=np.uint8) for f in frames]
