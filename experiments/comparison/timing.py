"""Which stretches of the suspect show which stretches of the reference, to about a tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lines import Agreements, Line, find_lines
from .weighing import Evidence, carries, weigh

GROW_SECONDS = 0.5
KEEPS = 0.12  # how much of its agreement a line may lose by growing
STILL = 0.15  # of the usual energy: a piece that moves less says nothing against growing over it
TRIED = 8  # candidates that are weighed, of those that are left
CUT_SECONDS = 0.3  # half of what the slow course is taken over
SNAP, SNAP_LOSS = 0.05, 0.06  # a rate this near to 1 is taken for 1 if that costs no more agreement
SAME_RATE = 0.03
LIKE_ANOTHER = 0.65  # of the lead: a stretch at the speed of one that carries needs less
LEAST_SECONDS = 0.4  # a shorter stretch can't be told from chance


@dataclass(frozen=True)
class Segment:
    """A line that carries, and why. `core`: its first and last tick that no cut can have touched."""

    line: Line
    evidence: Evidence
    core: tuple[int, int]


@dataclass(frozen=True)
class Timing:
    """`segments`: in the suspect's order, disjoint. `best`: the best line that did not carry."""

    segments: tuple[Segment, ...]
    best: Segment | None = None

    @property
    def score(self) -> float:
        """Ticks that are explained, each by how well it agrees."""
        return sum(s.line.length * s.line.agreement for s in self.segments)


def find_segments(agreements: Agreements, share: float = 1.0) -> Timing:
    """The suspect's stretches that carry.

    `share`: of the lead that is asked for else, see `carries`.
    """
    ticks = agreements.ticks[0]
    least = min(ticks, max(3, round(LEAST_SECONDS * agreements.signals.rate)))
    candidates = sorted(find_lines(agreements), key=lambda c: -c.agreement)
    free = np.ones(ticks, dtype=bool)
    segments: list[Segment] = []
    best: Segment | None = None
    tried = 0
    seen: list[Line] = []
    for candidate in candidates:
        place = _free_part(candidate, free)
        if place is None or place.length < least or _known(candidate, seen):
            continue
        line = settled(agreements, grown(agreements, agreements.refined(place), free))
        seen.append(line)
        if line.length < least:
            continue
        core = core_of(agreements, line)
        segment = Segment(line, weigh(agreements, line, core), core)
        alike = any(abs(s.line.rate - line.rate) < SAME_RATE for s in segments)
        if carries(segment.evidence, min(share, LIKE_ANOTHER) if alike else share):
            segments.append(segment)
            free[line.first : line.last + 1] = False
            tried = 0
            continue
        if best is None or segment.evidence.strength > best.evidence.strength:
            best = segment
        tried += 1
        if tried >= TRIED:
            break
    segments.sort(key=lambda s: s.line.first)
    return Timing(tuple(segments), best)


def grown(agreements: Agreements, line: Line, free: np.ndarray) -> Line:
    """The line over as long an interval as it holds, within the free ticks."""
    step = max(1, round(GROW_SECONDS * agreements.signals.rate))
    usual = float(np.mean(agreements.own)) or 1.0
    ahead, behind = True, True
    while ahead or behind:
        if ahead:
            longer = _stretched(agreements, line, free, line.first, line.last + step, usual)
            ahead = longer is not None
            line = longer or line
        if behind:
            longer = _stretched(agreements, line, free, line.first - step, line.last, usual)
            behind = longer is not None
            line = longer or line
    return line


def core_of(agreements: Agreements, line: Line) -> tuple[int, int]:
    """The part of a line's interval that a cut at its ends can't have touched."""
    pad = round(CUT_SECONDS * agreements.signals.rate)
    first = line.first + (pad if line.first > 0 else 0)
    last = line.last - (pad if line.last < agreements.ticks[0] - 1 else 0)
    if last - first + 1 < max(4, line.length // 2):
        return line.first, line.last
    return first, last


def settled(agreements: Agreements, line: Line) -> Line:
    """The line once more, from its core alone; a speed that editing would choose is preferred."""
    core = agreements.refined(line.on(*core_of(agreements, line)))
    half = (core.last - core.first) / 2
    for rate in (1.0, -1.0):
        if abs(core.rate - rate) < SNAP:
            middles = core.at(core.first + half) + np.arange(-1.0, 1.001, 0.25)
            found = agreements.along(core.first, core.last, middles - rate * half, rate)
            k = int(found.argmax())
            if found[k] >= core.agreement - SNAP_LOSS:
                start = float(middles[k] - rate * half)
                core = Line(core.first, core.last, start, rate, float(found[k]))
    return core.on(line.first, line.last)


def _stretched(
    agreements: Agreements, line: Line, free: np.ndarray, first: int, last: int, usual: float
) -> Line | None:
    """The line over a longer interval, if it holds there; None if not."""
    first, last = max(0, first), min(len(free) - 1, last)
    while first < line.first and not free[first]:
        first += 1
    while last > line.last and not free[last]:
        last -= 1
    longer = line.on(first, last)
    bound = agreements.ticks[1] - 1
    ends = longer.at(first), longer.at(last)
    if longer.length == line.length or min(ends) < -1 or max(ends) > bound + 1:
        longer = _clamped(line, longer, bound)
        if longer.length == line.length:
            return None
        first, last = longer.first, longer.last
    piece = (first, line.first - 1) if first < line.first else (line.last + 1, last)
    moves = float(np.mean(agreements.own[piece[0] : piece[1] + 1])) / usual
    here = float(
        agreements.along(piece[0], piece[1], np.array([longer.at(piece[0])]), line.rate)[0]
    )
    if moves > STILL and here < max(0.2, line.agreement - 0.45):
        return None
    better = agreements.refined(longer)
    if better.agreement < line.agreement - KEEPS:
        return None
    return better


def _clamped(line: Line, longer: Line, bound: int) -> Line:
    """The longer interval cut to where its line lies inside the reference."""
    first, last = longer.first, longer.last
    while first < line.first and not -1 <= longer.at(first) <= bound + 1:
        first += 1
    while last > line.last and not -1 <= longer.at(last) <= bound + 1:
        last -= 1
    return longer.on(first, last)


def _free_part(line: Line, free: np.ndarray) -> Line | None:
    """The longest free run of a line's interval."""
    best: tuple[int, int] | None = None
    start = None
    for tick in range(line.first, line.last + 2):
        open_ = tick <= line.last and bool(free[tick])
        if open_ and start is None:
            start = tick
        if not open_ and start is not None:
            if best is None or tick - start > best[1] - best[0] + 1:
                best = (start, tick - 1)
            start = None
    return line.on(*best) if best else None


def _known(candidate: Line, seen: list[Line]) -> bool:
    """Whether a line tried before lies along this one."""
    middle = (candidate.first + candidate.last) / 2
    return any(
        s.first <= middle <= s.last
        and abs(s.at(middle) - candidate.at(middle)) < 3
        and abs(s.rate - candidate.rate) < 0.06
        for s in seen
    )
