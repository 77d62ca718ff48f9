"""Pictures through x264, made to write the same bytes each time.

On processors with AVX-512, x264 gives other bytes from run to run for some picture sizes; held to
AVX2 it does not.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

from .types import Uint8

_CODECS = frozenset({"libx264", "libx264rgb"})
_AVX2 = "asm=AVX2"


def steady(codec: str, options: dict[str, str]) -> dict[str, str]:
    """An encoder's options, with what makes x264 reproducible on this processor added.

    >>> steady("libvpx-vp9", {"crf": "30"})
    {'crf': '30'}
    """
    if codec not in _CODECS or not _has_avx512():
        return options
    given = options.get("x264-params")
    return {**options, "x264-params": f"{given}:{_AVX2}" if given else _AVX2}


def encode(
    container: OutputContainer,
    frames: Iterable[Uint8],
    fps: float,
    options: dict[str, str],
    name: str,
    threads: int = 0,
) -> None:
    """Writes pictures into an open container as its one video stream, H.264 4:2:0.

    Args:
        container: open for writing.
        frames: (H, W, 3) uint8 RGB, of one even size.
        fps: frames a second.
        options: x264's.
        name: of the file, for messages.
        threads: of the encoder; 0 lets FFmpeg choose.

    Raises:
        ValueError: no frame, or an odd size.
    """
    rate = Fraction(fps).limit_denominator(1001)
    stream = container.add_stream("libx264", rate=rate, options=steady("libx264", options))
    assert isinstance(stream, av.VideoStream)
    stream.pix_fmt = "yuv420p"
    if threads:
        stream.codec_context.thread_count = threads
    count = 0
    for image in frames:
        if count == 0:
            height, width = image.shape[:2]
            if height % 2 or width % 2:
                raise ValueError(f"{name}: expected an even size for 4:2:0, got {width}x{height}")
            stream.height, stream.width = height, width
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = count, 1 / rate
        container.mux(stream.encode(frame))
        count += 1
    if not count:
        raise ValueError(f"{name}: expected at least one frame, got none")
    container.mux(stream.encode(None))


@lru_cache(maxsize=1)
def _has_avx512() -> bool:
    """Whether this processor has AVX-512; False where that can't be told."""
    try:
        return "avx512" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="ignore")
    except OSError:
        return False
