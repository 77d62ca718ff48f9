"""Time and space together: maps are proposed, stretches found under each, maps refined, in rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...datasets.types import Float64
from .edges import settle_edges
from .lines import Agreements
from .pairing import Paired, pair_frames
from .refinement import Refined, read_pairs, refine, spread
from .registration import Proposal, propose
from .scanning import Scan
from .signals import signals
from .timing import Segment, Timing, find_segments

GOOD_SHARE = 0.9  # of the suspect explained: no other map is tried
REDO_SHARE = 0.006  # of the suspect's diagonal: a map that moved further has times found anew
LEAST_CONSISTENT = 0.6  # share of pairs whose own map must be the common one
HINT = 0.25  # agreement from which a line that does not carry may still lead to a better map


@dataclass(frozen=True)
class AlignedStretch:
    """One stretch: its line in ticks, and its frames, pair by pair (places in the scans)."""

    segment: Segment
    paired: Paired


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
    return Alignment(
        settle_edges(suspect, reference, best.refined.matrix, best.stretches, best.rate),
        best.refined,
        best.rate,
    )


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
        timing = find_segments(Agreements(seen))
        covered = sum(s.line.length for s in timing.segments) / len(seen.suspect)
        used = timing.segments
        if not used and timing.best and timing.best.evidence.agreement >= HINT:
            used = (timing.best,)
        stretches = tuple(
            AlignedStretch(
                s, pair_frames(suspect, reference, matrix, s.line.on(*s.core), seen.rate)
            )
            for s in used
        )
        refined = _refined(suspect, reference, matrix, stretches)
        round_ = _Round(timing, stretches if timing.segments else (), refined, seen.rate, covered)
        if last is None or round_.score >= last.score:
            last = round_
        if refined is None or refined.moved < REDO_SHARE * float(np.hypot(*suspect.size)):
            break
        matrix = refined.matrix
    return last


def _refined(
    suspect: Scan, reference: Scan, matrix: Float64, stretches: tuple[AlignedStretch, ...]
) -> Refined | None:
    pairs = [
        (int(suspect.frames[s]), int(reference.frames[r]))
        for stretch in stretches
        for s, r in zip(stretch.paired.suspect, stretch.paired.reference, strict=True)
    ]
    if not pairs:
        return None
    grey = read_pairs(suspect, reference, spread(pairs))
    return refine(grey, matrix, suspect.size, reference.size) if grey else None
