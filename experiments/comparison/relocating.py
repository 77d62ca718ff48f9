"""Parts of the suspect that another place of the reference explains better, and frames left over.

A line that runs on where little moves can cover a part that was joined from elsewhere, and such a
part can be missed. So, with the map and one stretch known, every frame is asked again against all
places of the reference (see `jumps`), by what the noise is like along what is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .autoregression import Fit, components, fitted
from .courses import REACH, foreseen_steps, retraced
from .jumps import ELSEWHERE, JUMP, Steps, with_jumps, without
from .lines import APART_SECONDS, Agreements, Line
from .pairing import AlignedStretch, Paired
from .scanning import Scan
from .signals import SharedCells, signals
from .timing import LEAST_SECONDS, Segment, core_of
from .weighing import weigh

ROUNDS = 3  # noise and course, each from the other
MOST_FRAMES = 600  # of the reference, that the components are taken from
MOST_PLACES = 200_000_000  # frames of one times frames of the other; more are not asked again
LEAST_KNOWN = 12  # pairs of neighbours, from which noise can be told
MARGIN = 2 * JUMP  # nats by which a new place must beat every other one
LEAST_NEW_SECONDS = 1.0  # shorter runs fit somewhere by chance
LEVELS = 0.5  # standard deviation of a cell that is taken for nothing
BATCH = 256


def relocated(
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    stretches: tuple[AlignedStretch, ...],
    rate: float,
) -> tuple[AlignedStretch, ...]:
    """The stretches once all other places were asked; the same ones where none is clearly better.

    `rate`: ticks per second of the stretches' lines.
    """
    known = _known(suspect, stretches)
    main = max(stretches, key=lambda s: len(s.paired.suspect)).segment.line.rate
    if len(suspect.frames) * len(reference.frames) > MOST_PLACES:
        return stretches
    found = _asked(suspect, reference, matrix, known, main)
    if found is None:
        return stretches
    steps, course = found
    apart = max(REACH + 1, round(APART_SECONDS / max(reference.frame_seconds, 1e-3)))
    decided = _decided(steps, course, known, apart, suspect)
    return _as_stretches(suspect, reference, matrix, stretches, known, decided, main, rate)


@dataclass(frozen=True)
class _Known:
    """For each suspect frame: its reference frame (ELSEWHERE without one), and its stretch's number."""

    course: Int64
    owner: Int64


def _known(suspect: Scan, stretches: tuple[AlignedStretch, ...]) -> _Known:
    course = np.full(len(suspect.frames), ELSEWHERE)
    owner = np.full(len(suspect.frames), ELSEWHERE)
    for number, stretch in reversed(list(enumerate(stretches))):
        course[stretch.paired.suspect] = stretch.paired.reference
        owner[stretch.paired.suspect] = number
    return _Known(course, owner)


def _asked(
    suspect: Scan, reference: Scan, matrix: Float64, known: _Known, rate: float
) -> tuple[Steps, Int64] | None:
    """The likeliest course of the whole suspect; None where too little is known to tell."""
    shared = SharedCells(suspect, reference, matrix)
    foreseen = foreseen_steps(suspect.pts_seconds, reference, rate)
    course = known.course
    found: tuple[Steps, Int64] | None = None
    for _ in range(ROUNDS):
        pairs = _neighbours(course)
        if len(pairs) < LEAST_KNOWN:
            return found
        x, y = _in_components(suspect, reference, shared, course)
        if not x.shape[1]:
            return None
        fit: Fit = fitted(x, y, pairs, course[pairs], course[pairs - 1])
        steps = Steps.of(fit, x, y, foreseen, 1 if rate > 0 else -1)
        before, course = course, with_jumps(steps)
        found = steps, course
        if _alike(before, course):
            break
    return found


def _alike(first: Int64, second: Int64) -> bool:
    """Whether the same frames are placed, nearly at the same places."""
    placed = first != ELSEWHERE
    return bool(
        np.array_equal(placed, second != ELSEWHERE) and (np.abs(first - second) <= REACH).all()
    )


def _neighbours(course: Int64) -> Int64:
    """Frames that go on, or nearly, from the one before."""
    goes_on = (course[1:] != ELSEWHERE) & (course[:-1] != ELSEWHERE)
    goes_on &= np.abs(np.diff(course)) <= 2 * REACH
    return np.flatnonzero(goes_on) + 1


def _in_components(
    suspect: Scan, reference: Scan, shared: SharedCells, course: Int64
) -> tuple[Float64, Float64]:
    """Both videos' pictures, (n, k) and (m, k), in the components of what tells of time."""
    paired = np.flatnonzero(course != ELSEWHERE)
    paired = paired[np.unique(np.linspace(0, len(paired) - 1, MOST_FRAMES).astype(int))]
    weights = _weights(shared.own(paired), shared.theirs(course[paired]))
    count = len(reference.frames)
    some = shared.theirs(np.unique(np.linspace(0, count - 1, MOST_FRAMES).astype(int)))
    middle = some.mean(axis=0)
    main = components((some - middle) * weights) * weights[:, None]

    def projected(batch: Float32) -> Float64:
        return np.asarray((batch - middle) @ main, dtype=np.float64)

    own = [projected(shared.own(p)) for p in _batches(len(suspect.frames))]
    theirs = [projected(shared.theirs(p)) for p in _batches(count)]
    return np.concatenate(own), np.concatenate(theirs)


def _batches(count: int) -> Iterator[Int64]:
    for start in range(0, count, BATCH):
        yield np.arange(start, min(start + BATCH, count))


def _weights(own: Float32, theirs: Float32) -> Float32:
    """(c,) how much each cell tells: little where the videos differ along all that is known."""
    low, high = np.quantile(own, [0.1, 0.9])
    their_low, their_high = np.quantile(theirs, [0.1, 0.9])
    gain = float(np.clip((high - low) / max(float(their_high - their_low), 1.0), 0.5, 2.0))
    apart = own - gain * theirs
    spread = np.median(np.abs(apart - np.median(apart, axis=0)), axis=0) * 1.48
    power = spread**2
    return np.asarray(1 / np.sqrt(power + np.median(power) + LEVELS**2), dtype=np.float32)


@dataclass(frozen=True)
class _Decided:
    """For each suspect frame: its reference frame, and whose it is.

    `owner`: a stretch's number, or a higher one for each new run; ELSEWHERE for none.
    """

    course: Int64
    owner: Int64


def _decided(steps: Steps, course: Int64, known: _Known, apart: int, suspect: Scan) -> _Decided:
    """What is known, changed where the asked course is clearly better."""
    out = _Decided(known.course.copy(), known.owner.copy())
    new = int(known.owner.max()) + 1
    least = max(3, round(LEAST_NEW_SECONDS / max(suspect.frame_seconds, 1e-3)))
    now, then = steps.along(course), steps.along(known.course)
    for first, last in _runs(course, steps):
        run = slice(first, last + 1)
        paired = known.course[run] != ELSEWHERE
        near = paired & (np.abs(known.course[run] - course[run]) <= REACH)
        if near.sum() > paired.sum() / 2 and near.sum() >= 3:
            taken = paired & ~near
            places = first + np.flatnonzero(taken)
            out.course[places] = course[places]
            owners = known.owner[run][near]
            out.owner[places] = np.bincount(owners).argmax()
            continue
        if last - first + 1 < least:
            continue
        if paired.any() and (then[run] - now[run])[paired].sum() < JUMP:
            continue
        part = steps.part(first, last)
        own = float(part.along(course[run]).sum()) + part.events(course[run])
        if without(part, course[run], apart) - own >= MARGIN:
            out.course[run], out.owner[run] = course[run], new
            new += 1
        elif paired.any():
            out.course[run], out.owner[run] = ELSEWHERE, ELSEWHERE
    return out


def _runs(course: Int64, steps: Steps) -> Iterator[tuple[int, int]]:
    """First and last frame of each part of a course that goes on without a jump."""
    on = steps.direction * np.diff(course)
    goes_on = (course[1:] != ELSEWHERE) & (course[:-1] != ELSEWHERE) & (on >= 0)
    goes_on &= on <= steps.foreseen + 4
    starts = np.append(0, np.flatnonzero(~goes_on) + 1)
    for first, last in zip(starts, np.append(starts[1:], len(course)) - 1, strict=True):
        if course[first] != ELSEWHERE:
            yield int(first), int(last)


def _as_stretches(
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    stretches: tuple[AlignedStretch, ...],
    known: _Known,
    decided: _Decided,
    main: float,
    rate: float,
) -> tuple[AlignedStretch, ...]:
    """The stretches of what was decided; those that nothing changed in are left as they were."""
    same = np.array_equal(decided.owner, known.owner)
    if same and np.array_equal(decided.course, known.course):
        return stretches
    least = max(3, round(LEAST_SECONDS / max(suspect.frame_seconds, 1e-3)))
    seen = signals(suspect, reference, matrix)
    if seen is None:
        return stretches
    agreements = Agreements(seen)
    out = []
    edges = np.flatnonzero(np.diff(decided.owner)) + 1
    for places in np.split(np.arange(len(decided.owner)), edges):
        owner = int(decided.owner[places[0]])
        if owner == ELSEWHERE or len(places) < least:
            continue
        course = decided.course[places]
        if owner < len(stretches) and _unchanged(stretches[owner], places, course):
            out.append(stretches[owner])
            continue
        paired = Paired(places, course, np.ones(len(places)), False)
        if owner < len(stretches):
            stretch = replace(stretches[owner], paired=paired)
        else:
            segment = _segment(suspect, reference, agreements, places, course, main)
            stretch = AlignedStretch(segment, paired)
        out.append(retraced(suspect, reference, matrix, stretch, rate))
    return tuple(out)


def _unchanged(stretch: AlignedStretch, places: Int64, course: Int64) -> bool:
    paired = stretch.paired
    return np.array_equal(paired.suspect, places) and np.array_equal(paired.reference, course)


def _segment(
    suspect: Scan,
    reference: Scan,
    agreements: Agreements,
    places: Int64,
    course: Int64,
    main: float,
) -> Segment:
    """A new run's line and the evidence for it."""
    rate = agreements.signals.rate
    moments = suspect.pts_seconds[places]
    last_tick = agreements.ticks[0] - 1
    first = min(round(float(moments[0]) * rate), last_tick)
    last = min(max(first, round(float(moments[-1] + suspect.frame_seconds) * rate) - 1), last_tick)
    theirs = reference.pts_seconds[course] + reference.frame_seconds / 2
    start = rate * float(np.median(theirs - main * moments)) + main * first
    middle = agreements.along(first, last, np.array([start]), main)
    line = Line(first, last, start, main, float(middle[0]))
    core = core_of(agreements, line)
    return Segment(line, weigh(agreements, line, core), core)
