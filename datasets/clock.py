"""Seconds spent on a video, by stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Starts when it is made. Stages: `decode`, `faces`, `detector`; and `total`."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._spent = {"decode": 0.0, "faces": 0.0, "detector": 0.0}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts what happens inside as this stage's time."""
        before = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] += time.perf_counter() - before

    def seconds(self) -> dict[str, float]:
        """Seconds by stage so far, and in all."""
        total = time.perf_counter() - self._started
        return {name: round(value, 4) for name, value in {**self._spent, "total": total}.items()}
