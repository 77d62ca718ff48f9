"""x264 made to write the same bytes each time.

On processors with AVX-512, x264 gives other bytes from run to run for some picture sizes; held to
AVX2 it does not.
"""

from functools import lru_cache
from pathlib import Path

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


@lru_cache(maxsize=1)
def _has_avx512() -> bool:
    """Whether this processor has AVX-512; False where that can't be told."""
    try:
        return "avx512" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="ignore")
    except OSError:
        return False
