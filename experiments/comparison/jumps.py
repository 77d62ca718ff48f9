"""The likeliest course over a whole reference: on from frame to frame, or with a jump to anywhere.

Dynamic programming (Viterbi) over all places of the reference and one more, nowhere, for frames
that show none of it. Steps and likelihood are those of `autoregression`; what a jump must bring
keeps a scene in which little moves from being cut up.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...datasets.types import Float64, Int64
from .autoregression import Fit, nats

JUMP = 80.0  # nats that going on at another place must bring
NOWHERE = 40.0  # nats of going to and of coming from nowhere
UNLIKE = 25.0  # usual squared lengths of the noise: a frame that differs more shows nothing known
EVENT = 25.0  # nats of a step that is not foreseen; a frame dropped, or shown twice
FURTHER = 1.0  # ... for each frame more
EITHER = 0.7  # nats of a step between two frames that are foreseen alike
NEARLY_WHOLE = 0.06  # a step this near to a whole number is foreseen as that number
AROUND = np.arange(-2, 4)  # steps that are tried, from what is foreseen, rounded down
ELSEWHERE = -1  # in a course: a frame that shows none of the reference
ROOM = 5_000_000  # places times frames that are gone through at a time


@dataclass(frozen=True)
class Steps:
    """What each step of a suspect leaves unexplained, for the courses through a reference.

    `a`: (n - 1, k), `y2`, `y3`: (m, k), see `Fit.whitened`. `foreseen`: (n - 1,) frames of the
    reference that each step should take. `direction`: 1 for forwards, -1 for backwards. `nowhere`:
    nats of a frame that shows nothing known; no frame of a given course counts for more.
    """

    a: Float64
    y2: Float64
    y3: Float64
    foreseen: Float64
    direction: int
    nowhere: float

    @classmethod
    def of(cls, fit: Fit, x: Float64, y: Float64, foreseen: Float64, direction: int) -> Steps:
        """Of the suspect's and the reference's pictures, in components: (n, k), (m, k)."""
        a, y2, y3 = fit.whitened(x, y)
        nowhere = float(nats(UNLIKE * fit.usual, y2.shape[1]))
        return cls(a, y2, y3, foreseen, direction, nowhere)

    @property
    def places(self) -> int:
        """Frames of the reference."""
        return len(self.y2)

    def along(self, course: Int64) -> Float64:
        """(n,) nats of each frame of a course, which may jump; the first frame's are 0."""
        now, before = course[1:], course[:-1]
        jumps = (before == ELSEWHERE) | (np.abs(now - before) > self.foreseen + AROUND[-1] + 1)
        before = np.where(jumps, now - self.direction * np.rint(self.foreseen).astype(int), before)
        there = (now != ELSEWHERE) & (before >= 0) & (before < self.places)
        left = self.a[there] - self.y2[now[there]] - self.y3[before[there]]
        out = np.full(len(course), self.nowhere)
        out[0] = 0.0
        cost = nats((left**2).sum(axis=1), self.y2.shape[1])
        out[1:][there] = np.minimum(cost, self.nowhere)
        return out

    def events(self, course: Int64) -> float:
        """Nats of the steps of a course without a jump that are not foreseen."""
        wide = self.direction * np.diff(course)
        return float(sum(_prior(f, w[None])[0] for f, w in zip(self.foreseen, wide, strict=True)))

    def part(self, first: int, last: int) -> Steps:
        """Of the frames from one to another."""
        steps = slice(first, last)
        return Steps(
            self.a[steps], self.y2, self.y3, self.foreseen[steps], self.direction, self.nowhere
        )


def with_jumps(steps: Steps) -> Int64:
    """(n,) the likeliest course; ELSEWHERE where nothing of the reference is shown.

    Many frames are gone through in portions, each on its own.
    """
    count = len(steps.a) + 1
    most = max(60, ROOM // max(1, steps.places))
    edges = np.linspace(0, count, -(-count // most) + 1).astype(int)
    parts = [
        _course(steps.part(max(0, low - 1), high - 1))[0][int(low > 0) :]
        for low, high in pairwise(edges)
    ]
    return np.concatenate(parts)


def without(steps: Steps, course: Int64, apart: int) -> float:
    """Nats of the likeliest course that never jumps and stays `apart` frames from this one."""
    return _course(steps, _Apart(course, apart))[1]


@dataclass(frozen=True)
class _Apart:
    """Courses without a jump, and never nearer to this one than `apart`."""

    course: Int64
    apart: int


def _course(steps: Steps, barred: _Apart | None = None) -> tuple[Int64, float]:
    """The likeliest course, with jumps unless some are barred, and its nats."""
    places, count = steps.places, len(steps.a) + 1
    tables = _Tables(steps, bounded=barred is not None)
    total = np.zeros(places + 1)  # the last is nowhere
    back = np.full((count, places + 1), places, dtype=np.int32)
    if barred is not None:
        total[-1] = np.inf
        total[:-1][tables.near(barred.course[0], barred.apart)] = np.inf
    for i in range(1, count):
        before, cost, losses = tables.step(i - 1)
        through = np.append(total[:-1], np.inf)[before] + cost
        rows = through.argmin(axis=0)
        best = through[rows, np.arange(places)]
        back[i, :-1] = before[rows, np.arange(places)]
        nowhere = np.inf
        if barred is None:
            here = int(total[:-1].argmin())
            leaves = total[here] + JUMP <= total[-1] + NOWHERE
            origin = here if leaves else places
            start = total[here] + JUMP if leaves else total[-1] + NOWHERE
            arriving = np.minimum(losses, tables.arriving(i - 1, origin))
            fresh = start + np.minimum(arriving, steps.nowhere + FURTHER)  # rather a frame later
            back[i, :-1] = np.where(fresh < best, origin, back[i, :-1])
            best = np.minimum(best, fresh)
            stays = total[-1] <= total[here] + NOWHERE
            back[i, -1] = places if stays else here
            nowhere = min(total[-1], total[here] + NOWHERE) + steps.nowhere
        else:
            best[tables.near(barred.course[i], barred.apart)] = np.inf
        total = np.append(best, nowhere)
    k = int(total.argmin())
    least = float(total[k])
    course = np.empty(count, dtype=np.int64)
    for i in range(count - 1, -1, -1):
        course[i] = k
        k = int(back[i, k])
    course[course == places] = ELSEWHERE
    return course, least


def _prior(foreseen: float, steps: Int64) -> Float64:
    """Nats of steps of so many frames where this many are foreseen; none goes back."""
    low, high = np.floor(foreseen + NEARLY_WHOLE), np.ceil(foreseen - NEARLY_WHOLE)
    apart = np.minimum(np.abs(steps - low), np.abs(steps - high))
    usual = 0.0 if high <= low else EITHER
    prior = np.where(apart == 0, usual, EVENT + FURTHER * (apart - 1))
    return np.asarray(np.where(steps < 0, np.inf, prior))


class _Tables:
    """What the losses of all places have in common, and each step's own."""

    def __init__(self, steps: Steps, bounded: bool) -> None:
        self._steps = steps
        self._bounded = bounded  # whether no frame costs more than one that shows nothing known
        self._size = steps.y2.shape[1]
        self._aa = (steps.a**2).sum(axis=1)
        self._a2 = steps.a @ steps.y2.T
        self._a3 = steps.a @ steps.y3.T
        self._y22 = (steps.y2**2).sum(axis=1)
        self._y33 = (steps.y3**2).sum(axis=1)
        self._known: dict[int, tuple[Int64, Float64]] = {}

    def step(self, i: int) -> tuple[Int64, Float64, Float64]:
        """For AROUND by places: where each comes from, and its nats; and those of arriving.

        A place before the reference's first frame stands as the number of its places.
        """
        foreseen = float(self._steps.foreseen[i])
        low = int(np.floor(foreseen + NEARLY_WHOLE))
        before, common = self._common(low)
        square = common - 2 * self._a3[i][before % self._steps.places]
        square += self._aa[i] - 2 * self._a2[i][None]
        losses = nats(square, self._size)
        if self._bounded:
            losses = np.minimum(losses, self._steps.nowhere)
        wide = low + AROUND
        foreseen_row = int(np.abs(wide - foreseen).argmin())
        return before, losses + _prior(foreseen, wide)[:, None], losses[foreseen_row]

    def arriving(self, i: int, origin: int) -> Float64:
        """(places,) nats of arriving with the noise that lasted at the place that is left."""
        if origin >= self._steps.places:
            return np.full(self._steps.places, np.inf)
        left = self._steps.y3[origin]
        square = self._aa[i] - 2 * self._a2[i] - 2 * self._a3[i][origin] + self._y22
        square += self._y33[origin] + 2 * self._steps.y2 @ left
        return nats(square, self._size)

    def near(self, place: int, apart: int) -> slice:
        """The places nearer than `apart`."""
        return slice(max(0, int(place) - apart + 1), int(place) + apart)

    def _common(self, low: int) -> tuple[Int64, Float64]:
        if low not in self._known:
            steps, places = self._steps, self._steps.places
            now = np.arange(places)[None]
            before = now - steps.direction * (low + AROUND)[:, None]
            inside = (before >= 0) & (before < places)
            before = np.where(inside, before, places)
            common = np.empty(before.shape)
            for row, origin in enumerate(before % places):
                common[row] = self._y22 + self._y33[origin]
                common[row] += 2 * (steps.y2 * steps.y3[origin]).sum(axis=1)
            self._known[low] = before, common
        return self._known[low]
