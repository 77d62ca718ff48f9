"""Where in the reference the suspect runs along: lines in the matrix of agreements of moments.

A line is an offset and a rate. Its agreement over an interval is the normalised correlation (a
matched filter) of what moves in both along it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .signals import Signals

RATES = np.concatenate([np.arange(0.70, 1.425, 0.025), -np.arange(0.75, 1.3, 0.05)])
WINDOW_SECONDS = 2.0
HOP_SECONDS = 0.5
APART_SECONDS = 0.3  # lines that differ by less at an interval's middle are the same place
MOST_LOOKED_AT = 400  # ticks of an interval, evenly, where it has more
LEAST_OVERLAP = 0.8  # share of an interval that must lie inside the reference


@dataclass(frozen=True)
class Line:
    """Reference tick = start + rate * (suspect tick - first), for suspect ticks first to last."""

    first: int
    last: int
    start: float
    rate: float
    agreement: float = 0.0

    @property
    def length(self) -> int:
        """In ticks, the last one with it."""
        return self.last - self.first + 1

    def at(self, tick: float) -> float:
        """The reference tick."""
        return self.start + self.rate * (tick - self.first)

    def on(self, first: int, last: int) -> Line:
        """The same line over another interval."""
        return Line(first, last, self.at(first), self.rate, self.agreement)


class Agreements:
    """The products of all pairs of moments, and agreements along lines through them."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals
        self.products: Float32 = signals.suspect @ signals.reference.T
        self.own: Float64 = np.sum(signals.suspect.astype(np.float64) ** 2, axis=1)
        self.their: Float64 = np.sum(signals.reference.astype(np.float64) ** 2, axis=1)

    @property
    def ticks(self) -> tuple[int, int]:
        """Of the suspect and of the reference."""
        return len(self.own), len(self.their)

    @cached_property
    def self_products(self) -> Float32:
        """Of the reference with itself."""
        return np.asarray(self.signals.reference @ self.signals.reference.T, dtype=np.float32)

    def along(self, first: int, last: int, starts: Float64, rate: float) -> Float64:
        """Agreement over suspect ticks first to last, for lines that begin at `starts`; (n,).

        -1 where less than LEAST_OVERLAP of the interval lies inside the reference.
        """
        ticks = np.unique(
            np.linspace(first, last, min(last - first + 1, MOST_LOOKED_AT)).astype(int)
        )
        places = np.rint(starts[:, None] + rate * (ticks - first)[None]).astype(np.int64)
        inside = (places >= 0) & (places < self.ticks[1])
        places = places.clip(0, self.ticks[1] - 1)
        return self._correlated(
            self.products[ticks[None], places], self.own[ticks][None], self.their[places], inside
        )

    @staticmethod
    def _correlated(products: Float32, own: Float64, their: Float64, inside: np.ndarray) -> Float64:
        total = np.sum(products * inside, axis=1, dtype=np.float64)
        norm = np.sqrt(np.sum(own * inside, axis=1) * np.sum(their * inside, axis=1))
        out: Float64 = total / np.maximum(norm, 1e-9)
        out[inside.mean(axis=1) < LEAST_OVERLAP] = -1
        return out

    def everywhere(self, first: int, last: int, rates: Float64 = RATES) -> tuple[Int64, Float64]:
        """Agreements of all offsets and rates: starts (n,) in ticks, and (rates, n)."""
        beyond = int((1 - LEAST_OVERLAP) * 1.5 * (last - first + 1)) + 1
        starts = np.arange(-beyond, self.ticks[1] + beyond)
        out = np.stack([self.along(first, last, starts.astype(float), float(r)) for r in rates])
        return starts, out

    def refined(self, line: Line) -> Line:
        """The best line nearby: offset and rate in steps that halve down to a quarter of a tick."""
        half = max(1.0, (line.last - line.first) / 2)
        middle, rate = line.at(line.first + half), line.rate
        best = float(self.along(line.first, line.last, np.array([line.start]), rate)[0])
        step, turn = 2.0, 2.0 / half
        while step >= 0.25:
            improved = False
            for change in (-turn, 0.0, turn):
                middles: Float64 = middle + step * np.arange(-2.0, 3.0, dtype=np.float64)
                starts = middles - (rate + change) * half
                found = self.along(line.first, line.last, starts, rate + change)
                k = int(found.argmax())
                if found[k] > best + 1e-6:
                    best, improved = float(found[k]), True
                    new = (float(middles[k]), rate + change)
            if improved:
                middle, rate = new
            else:
                step, turn = step / 2, turn / 2
        return Line(line.first, line.last, middle - rate * half, rate, best)

    def rival(self, line: Line) -> float:
        """The best agreement of any line elsewhere, over the same interval."""
        starts, found = self.everywhere(line.first, line.last)
        half = (line.last - line.first) / 2
        middles = starts[None] + RATES[:, None] * half
        apart = np.abs(middles - line.at(line.first + half)) > APART_SECONDS * self.signals.rate
        turned = (np.sign(RATES) != np.sign(line.rate))[:, None]
        rivals = found[apart | turned]
        return float(rivals.max(initial=-1.0))


def find_lines(agreements: Agreements) -> list[Line]:
    """The best line of every window of the suspect, in order; neighbours overlap."""
    rate = agreements.signals.rate
    ticks = agreements.ticks[0]
    width = min(ticks, max(4, round(WINDOW_SECONDS * rate)))
    hop = max(1, round(HOP_SECONDS * rate))
    firsts = sorted({*range(0, ticks - width + 1, hop), ticks - width})
    lines = []
    for first in firsts:
        last = first + width - 1
        starts, found = agreements.everywhere(first, last)
        for k in _peaks(starts, found, width):
            i, j = k
            line = Line(first, last, float(starts[j]), float(RATES[i]), float(found[i, j]))
            lines.append(line)
    return lines


def _peaks(starts: Int64, found: Float64, width: int, most: int = 3) -> list[tuple[int, int]]:
    """The best places of (rates, starts), each well apart from the others."""
    half = (width - 1) / 2
    middles = starts[None] + RATES[:, None] * half
    left = found.copy()
    out = []
    for _ in range(most):
        i, j = np.unravel_index(int(left.argmax()), left.shape)
        if left[i, j] <= 0:
            break
        out.append((int(i), int(j)))
        left[np.abs(middles - middles[i, j]) <= max(2, width / 8)] = -1
    return out
