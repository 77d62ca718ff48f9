"""Which frame of the reference each frame of the suspect shows, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....datasets.types import Float64, Int64

_A_TICK = 1e-6  # seconds; times closer than this are the same
STEPS = ("trim", "joined", "reversed", "speed", "frame rate", "dropped", "repeated")


@dataclass(frozen=True)
class Timeline:
    """The suspect's frames.

    `frames`: (n,) int64, the reference's frame numbers. `seconds`: (n,) float64, rising, from 0.
    `parts`: (n,) int64, which of the joined parts each frame belongs to. `resampled`: whether
    frames were picked by time, so that two frames of the reference can be equally near.
    """

    frames: Int64
    seconds: Float64
    parts: Int64
    resampled: bool = False

    @property
    def fps(self) -> float:
        """Frames a second: one over the usual distance."""
        return 1 / self._step()

    def _step(self) -> float:
        return float(np.median(np.diff(self.seconds)))

    def picked(self, places: Int64, seconds: Float64 | None = None) -> Timeline:
        """The frames at these places, at these times; without times, at a steady pace."""
        times = np.arange(len(places)) * self._step() if seconds is None else seconds
        return replace(
            self, frames=self.frames[places], parts=self.parts[places], seconds=times - times[0]
        )

    def at_rate(self, fps: float) -> Timeline:
        """At each k / fps the frame that a player would show: repeated or dropped, none blended."""
        end = self.seconds[-1] + self._step()
        times = np.arange(int(np.ceil(end * fps - _A_TICK * fps))) / fps
        places = np.searchsorted(self.seconds, times + _A_TICK, side="right") - 1
        return replace(self.picked(places, times), resampled=True)


def timeline(num_frames: int, fps: float, steps: Sequence[tuple[str, dict[str, Any]]]) -> Timeline:
    """The suspect's frames after these steps, in their order; steps of other kinds are left out.

    Args:
        num_frames: of the reference.
        fps: of the reference.
        steps: (name, settings): see `cases`.
    """
    numbers = np.arange(num_frames)
    line = Timeline(numbers, numbers / fps, np.zeros(num_frames, dtype=np.int64))
    for name, how in steps:
        if name in STEPS:
            line = _after(line, name, how)
    return line


def _after(line: Timeline, name: str, how: dict[str, Any]) -> Timeline:
    count = len(line.frames)
    if name == "trim":
        return line.picked(np.arange(how["first"], how["first"] + how["count"]))
    if name == "joined":
        runs = [np.arange(first, first + number) for first, number in how["parts"]]
        parts = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
        return replace(line.picked(np.concatenate(runs)), parts=parts)
    if name == "reversed":
        return line.picked(np.arange(count)[::-1])
    if name == "speed":
        faster = replace(line, seconds=line.seconds / how["factor"])
        return faster.at_rate(line.fps) if how["how"] == "frames" else faster
    if name == "frame rate":
        return line.at_rate(how["fps"])
    rng = np.random.default_rng(how["seed"])
    chosen = rng.choice(np.arange(1, count - 1), max(1, round(how["share"] * count)), replace=False)
    if name == "dropped":
        left = np.setdiff1d(np.arange(count), chosen)
        return line.picked(left, None if how["closed"] else line.seconds[left])
    if name == "repeated":
        places = np.arange(count)
        if how["instead"]:
            places[chosen] -= 1
            return line.picked(places)
        return line.picked(np.sort(np.concatenate([places, chosen])))
    raise ValueError(f"unknown step {name!r} of time; known: {', '.join(STEPS)}")
