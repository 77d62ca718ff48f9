"""Compression: real encoders at rising strength, one after the other, and at lower resolutions.

Levels other than VC's are this project's choice. Each codec starts where a careful upload is, near
its encoder's default, and ends where faces break into blocks. Frames go through RGB on the way in,
which costs a little of the chroma that re-encoding a file's own YUV would keep.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from ..types import Frame
from .catalogue import PERTURBATIONS, CodecPerturbation
from .encoding import Encoding, transcode


def x264(crf: int) -> Encoding:
    """H.264 at a constant quality with x264's own defaults, as `ffmpeg -crf` writes it."""
    return Encoding("libx264", {"crf": str(crf)})


def _x265(crf: int) -> Encoding:
    return Encoding("libx265", {"crf": str(crf), "preset": "fast"})


def _vp9(crf: int) -> Encoding:
    # b=0 is what makes libvpx's crf a constant quality
    options = {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "0"}
    return Encoding("libvpx-vp9", options)


def _av1(crf: int) -> Encoding:
    return Encoding("libsvtav1", {"crf": str(crf), "preset": "8"})


def _twice(frames: Iterator[Frame], crfs: tuple[int, int], seed: int) -> Iterator[Frame]:
    return transcode(frames, x264(crfs[0]))


def _second(crfs: tuple[int, int]) -> Encoding:
    return x264(crfs[1])


def _scaled(frames: Iterator[Frame], rung: tuple[int, int], seed: int) -> Iterator[Frame]:
    """Scaled so that the shorter side has the rung's lines; a smaller picture stays as it is."""
    lines = rung[0]
    for frame in frames:
        height, width = frame.image.shape[:2]
        if min(height, width) <= lines:
            yield frame
            continue
        scale = lines / min(height, width)
        # even, so that nothing has to be padded for 4:2:0
        size = tuple(max(2, round(n * scale / 2) * 2) for n in (width, height))
        image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        yield Frame(frame.index, frame.pts_seconds, np.asarray(image, dtype=np.uint8))


def _rung(rung: tuple[int, int]) -> Encoding:
    kbps = rung[1]
    options = {"b": kbps, "maxrate": kbps * 3 // 2, "bufsize": kbps * 2, "bt": kbps}
    return Encoding("libx264", {name: f"{value}k" for name, value in options.items()})


def _add(code: str, description: str, setting: str, levels: tuple[Any, ...], **how: Any) -> None:
    PERTURBATIONS.register(code)(
        CodecPerturbation(code, description, "codec", setting, levels, **how)
    )


_add(
    "VC",
    "video compression: H.264 (x264), as published with DeeperForensics-1.0",
    "constant rate factor, 0 to 51",
    (30, 32, 35, 38, 40),
    encoding_at=x264,
)
_add(
    "VC2",
    "H.264 twice, as by two platforms",
    "constant rate factors of the first and the second time",
    ((23, 26), (26, 28), (28, 32), (32, 35), (35, 38)),
    prepare=_twice,
    encoding_at=_second,
)
_add(
    "X265",
    "H.265 (x265)",
    "constant rate factor, 0 to 51",
    (28, 32, 36, 40, 44),
    encoding_at=_x265,
)
_add(
    "VP9",
    "VP9 (libvpx)",
    "constant quality, 0 to 63",
    (31, 38, 45, 52, 59),
    encoding_at=_vp9,
)
_add(
    "AV1",
    "AV1 (SVT-AV1)",
    "constant rate factor, 1 to 63",
    (35, 42, 49, 56, 63),
    encoding_at=_av1,
)
_add(
    "RL",
    "resolution ladder: scaled down, H.264 at a usual bit rate, not scaled up again",
    "lines of the shorter side (never more than there are), and kbit/s",
    ((720, 1500), (480, 750), (360, 450), (240, 250), (144, 100)),
    prepare=_scaled,
    encoding_at=_rung,
    keeps_size=False,
)
