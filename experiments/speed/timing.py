"""Seconds, and ratios of them."""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def peak_mib() -> float:
    """The most memory that this process has held, MiB.

    Not `ru_maxrss`, which a new process takes over from the one that started it.
    """
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(what: str, ratios: list[float], wanted: str) -> None:
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    print(f"{what}: {statistics.median(ratios):.2f}{spread}; wanted {wanted}", flush=True)
