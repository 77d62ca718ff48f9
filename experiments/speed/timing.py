"""Seconds, and ratios of them."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def say(what: str, ratios: list[float], wanted: str) -> None:
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    print(f"{what}: {statistics.median(ratios):.2f}{spread}; wanted {wanted}", flush=True)
