"""Time and space together: maps are proposed, stretches found under each, maps refined, in rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...datasets.types import Float64
from .courses import retraced
from .edges import settle_edges
from .lines import Agreements
from .pairing import AlignedStretch, pair_frames
from .refinement import Refined, read_pairs, refine, spread
from .registration import Proposal, corners, propose
from .relocating import relocated
from .scanning import Scan
from .signals import signals
from .timing import Segment, Timing, find_segments

GOOD_SHARE = 0.9  # of the suspect explained: no other map is tried
SETTLED = 2  # times that ends and courses are settled
TURNS = 3  # pairs and map, each from the other, until the pairs stay
REDO_SHARE = 0.0015  # of the suspect's diagonal: a map that moved further has times found anew
LEAST_CONSISTENT = 0.6  # share of pairs whose own map must be the common one
ALL_CONSISTENT, FOLLOWED, LOST = 0.9, 0.75, 0.6  # shares, see `_speaks`
LEAST_JUDGED = 4  # pairs
SHIFT_SECONDS = 0.4
WITH_GEOMETRY = 0.6  # of the lead asked for else, where geometry speaks for a line
HINT = 0.25  # agreement from which a line that does not carry may still lead to a better map


@dataclass(frozen=True)
class Alignment:
    """What was found. `stretches` is empty where nothing carries; `why` then says so.

    `refined`: the map; None without one. `rate`: ticks per second of the segments' lines. `best`:
    the best line that did not carry.
    """

    stretches: tuple[AlignedStretch, ...]
    refined: Refined | None
    rate: float
    why: str = ""
    best: Segment | None = None


def align(suspect: Scan, reference: Scan) -> Alignment:
    """Finds the stretches that both share, and the map from the reference's to the suspect's pixels."""
    proposals = propose(suspect, reference)
    if not proposals:
        return Alignment((), None, 0.0, "no picture of one matches a picture of the other")
    found: list[tuple[float, _Round]] = []
    for proposal in proposals:
        round_ = _try(suspect, reference, proposal)
        if round_ is None:
            continue
        found.append((round_.score, round_))
        if round_.covered >= GOOD_SHARE:
            break
    if not found:
        return Alignment((), None, 0.0, "the pictures that match hardly overlap")
    best = max(found, key=lambda f: f[0])[1]
    if not best.timing.segments:
        why = "no stretch of the suspect moves as the reference does, clearly better than by chance"
        return Alignment((), best.refined, best.rate, why, best.timing.best)
    if best.refined is None or (best.refined.judged and best.refined.consistent < LEAST_CONSISTENT):
        why = (
            "the pictures that move alike do not lie on each other in one fixed way, as those of one "
            "recording would"
        )
        return Alignment((), best.refined, best.rate, why, best.timing.segments[0])
    return _settled(suspect, reference, best.stretches, best.refined, best.rate)


def _settled(
    suspect: Scan,
    reference: Scan,
    stretches: tuple[AlignedStretch, ...],
    refined: Refined,
    rate: float,
) -> Alignment:
    """Ends and courses, each from the other; and the map once more where the courses are new.

    In the end all places are asked again, see `relocating`.
    """
    for _ in range(SETTLED):
        before = _numbers(suspect, reference, stretches)
        stretches = settle_edges(suspect, reference, refined.matrix, stretches, rate)
        stretches = tuple(retraced(suspect, reference, refined.matrix, s, rate) for s in stretches)
        now = _numbers(suspect, reference, stretches)
        if now == before:
            break
        refined = _refined(suspect, reference, refined.matrix, now) or refined
    asked = relocated(suspect, reference, refined.matrix, stretches, rate)
    if asked is not stretches:
        now = _numbers(suspect, reference, asked)
        refined = _refined(suspect, reference, refined.matrix, now) or refined
    return Alignment(asked, refined, rate)


@dataclass(frozen=True)
class _Round:
    timing: Timing
    stretches: tuple[AlignedStretch, ...]
    refined: Refined | None
    rate: float
    covered: float

    @property
    def score(self) -> float:
        if not self.timing.segments:
            return -1 + (self.timing.best.evidence.strength if self.timing.best else 0.0) * 0.1
        fits = self.refined.followed if self.refined else 0.0
        return self.timing.score * (0.5 + fits)


def _try(suspect: Scan, reference: Scan, proposal: Proposal) -> _Round | None:
    """One proposal: times, then the map, then times again if it moved."""
    matrix = proposal.matrix
    last: _Round | None = None
    for _ in range(3):
        seen = signals(suspect, reference, matrix)
        if seen is None:
            return last
        agreements = Agreements(seen)
        timing = find_segments(agreements)
        used = timing.segments
        if not used and timing.best and timing.best.evidence.agreement >= HINT:
            used = (timing.best,)
        start = matrix
        stretches, refined, matrix = _in_turn(suspect, reference, matrix, used, seen.rate)
        if not timing.segments and refined and _speaks(suspect, reference, refined, stretches):
            timing = _spoken_for(suspect, reference, agreements, timing, refined)
            stretches, refined, matrix = _in_turn(
                suspect, reference, matrix, timing.segments, seen.rate
            )
        covered = sum(s.line.length for s in timing.segments) / len(seen.suspect)
        round_ = _Round(timing, stretches if timing.segments else (), refined, seen.rate, covered)
        if last is None or round_.score >= last.score:
            last = round_
        limit = REDO_SHARE * float(np.hypot(*suspect.size))
        if refined is None or moved_by(start, matrix, reference.size) < limit:
            break
    return last


def _in_turn(
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    segments: tuple[Segment, ...],
    rate: float,
) -> tuple[tuple[AlignedStretch, ...], Refined | None, Float64]:
    """Pairs of frames from the map, the map from the pairs, until the pairs stay."""
    stretches: tuple[AlignedStretch, ...] = ()
    refined: Refined | None = None
    for _ in range(TURNS):
        before = stretches
        stretches = tuple(
            AlignedStretch(s, pair_frames(suspect, reference, matrix, s.line.on(*s.core), rate))
            for s in segments
        )
        if before and _same_pairs(before, stretches):
            break
        refined = _refined(suspect, reference, matrix, _numbers(suspect, reference, stretches))
        if refined is None:
            break
        matrix = refined.matrix
    return stretches, refined, matrix


def _speaks(
    suspect: Scan, reference: Scan, refined: Refined, stretches: tuple[AlignedStretch, ...]
) -> bool:
    """Whether one fixed map holds for the pairs found, and not for pairs a moment off.

    Where a camera or people outside of faces move, that is hardly met by chance.
    """
    if not _fits(refined):
        return False
    moment = max(2, round(SHIFT_SECONDS / max(reference.frame_seconds, 1e-3)))
    last = len(reference.frames) - 1
    for shift in (-moment, moment):
        pairs = [
            (int(suspect.frames[s]), int(reference.frames[r + shift]))
            for stretch in stretches
            for s, r in zip(stretch.paired.suspect, stretch.paired.reference, strict=True)
            if 0 <= r + shift <= last
        ]
        if len(pairs) < LEAST_JUDGED:
            continue
        other = _refined(suspect, reference, refined.matrix, pairs)
        if other and other.judged and other.consistent > 0.5 and other.followed > LOST:
            return False
    return True


def _fits(refined: Refined) -> bool:
    return (
        refined.judged >= LEAST_JUDGED
        and refined.consistent >= ALL_CONSISTENT
        and refined.followed >= FOLLOWED
    )


def _spoken_for(
    suspect: Scan, reference: Scan, agreements: Agreements, timing: Timing, refined: Refined
) -> Timing:
    """The stretches found with less lead asked for, each of them backed by its geometry."""
    easier = find_segments(agreements, WITH_GEOMETRY).segments
    rate = agreements.signals.rate
    kept = []
    for segment in easier or ((timing.best,) if timing.best else ()):
        line = segment.line.on(*segment.core)
        stretch = AlignedStretch(
            segment, pair_frames(suspect, reference, refined.matrix, line, rate)
        )
        own = _refined(suspect, reference, refined.matrix, _numbers(suspect, reference, (stretch,)))
        if own and _speaks(suspect, reference, own, (stretch,)):
            kept.append(segment)
    return Timing(tuple(kept), timing.best)


def _same_pairs(first: tuple[AlignedStretch, ...], second: tuple[AlignedStretch, ...]) -> bool:
    return all(
        np.array_equal(a.paired.reference, b.paired.reference)
        for a, b in zip(first, second, strict=True)
    )


def moved_by(first: Float64, second: Float64, size: tuple[int, int]) -> float:
    """The largest shift of a corner of a picture of (width, height) between two maps, pixels."""
    return float(np.abs(corners(first, size) - corners(second, size)).max())


def _numbers(
    suspect: Scan, reference: Scan, stretches: tuple[AlignedStretch, ...]
) -> list[tuple[int, int]]:
    """The pairs as frame numbers."""
    return [
        (int(suspect.frames[s]), int(reference.frames[r]))
        for stretch in stretches
        for s, r in zip(stretch.paired.suspect, stretch.paired.reference, strict=True)
    ]


def _refined(
    suspect: Scan, reference: Scan, matrix: Float64, pairs: list[tuple[int, int]]
) -> Refined | None:
    grey = read_pairs(suspect, reference, spread(pairs)) if pairs else []
    return refine(grey, matrix, suspect.size, reference.size) if grey else None
