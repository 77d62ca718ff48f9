"""The last word on which frame is shown: the likeliest course, coding's own lag in the model.

The autoregression (see `autoregression`) is fitted along a first course; then the course of the
highest likelihood is found by dynamic programming (Viterbi), and both in turn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .autoregression import Model, components, fitted
from .lines import Line
from .pairing import AlignedStretch
from .scanning import Scan
from .signals import SharedCells

REACH = 5  # frames around the course so far
EVENTS = (
    10.0,
    20.0,
    40.0,
    40.0,
)  # nats that a step which the line does not foresee must bring, by round
SINGLE = 8.0  # nats that a single frame's move between its neighbours must bring
FURTHER = 1.0  # nats for each frame more
EITHER = 0.7  # nats of a step between two frames that are foreseen alike
NEARLY_WHOLE = 0.06  # a step this near to a whole number is foreseen as that number
NEARLY_ONE = 0.13  # a rate this near to frame by frame is taken for it, with events
LEAST_FRAMES = 8  # a shorter stretch keeps its course
CHUNK = 600  # frames that are settled at a time


def retraced(
    suspect: Scan, reference: Scan, matrix: Float64, stretch: AlignedStretch, rate: float
) -> AlignedStretch:
    """A stretch with its likeliest course, and the line through it; `rate`: ticks a second."""
    paired = stretch.paired
    if len(paired.suspect) < LEAST_FRAMES:
        return stretch
    foreseen = _foreseen(suspect, reference, stretch)
    shared = SharedCells(suspect, reference, matrix)
    direction = 1 if stretch.segment.line.rate > 0 else -1
    parts: list[Int64] = []
    pieces = max(1, round(len(paired.suspect) / CHUNK))
    for piece in np.array_split(np.arange(len(paired.suspect)), pieces):
        course = paired.reference[piece]
        low = max(0, int(course.min()) - 2 * REACH)
        high = min(len(reference.frames) - 1, int(course.max()) + 2 * REACH)
        if parts:  # the course goes on from where it was left
            bound = int(parts[-1][-1])
            low, high = (max(low, bound), high) if direction > 0 else (low, min(high, bound))
            course = course.clip(low, high)
        if high - low < LEAST_FRAMES:
            parts.append(course)
            continue
        own = shared.own(paired.suspect[piece])
        theirs = shared.theirs(np.arange(low, high + 1))
        found = likeliest(own, theirs, course - low, foreseen[piece[:-1]], direction)
        parts.append(found + low)
    course = np.concatenate(parts)
    line = _line_through(suspect, reference, paired.suspect, course, stretch.segment.line, rate)
    segment = replace(stretch.segment, line=line)
    return replace(stretch, segment=segment, paired=replace(paired, reference=course))


def _line_through(
    suspect: Scan, reference: Scan, own: Int64, theirs: Int64, line: Line, rate: float
) -> Line:
    """The line in ticks that most pairs of frames lie along (Theil, 1950; Sen, 1968)."""
    x, y = suspect.pts_seconds[own], reference.pts_seconds[theirs]
    half = len(x) // 2
    slope = float(np.median((y[half:] - y[: len(y) - half]) / (x[half:] - x[: len(x) - half])))
    if slope == 0 or (slope > 0) != (line.rate > 0):
        return line
    middle = float(np.median(y + reference.frame_seconds / 2 - slope * x))
    start = rate * middle + slope * line.first
    return replace(line, start=start, rate=slope)


def likeliest(
    own: Float32, theirs: Float32, course: Int64, foreseen: Float64, direction: int
) -> Int64:
    """The likeliest course near a first one.

    Args:
        own: (n, c) the suspect's pictures, in the order shown.
        theirs: (m, c) the reference's, on the same cells.
        course: (n,) places in `theirs`, to start from.
        foreseen: (n - 1,) how many of them each step should take, at least 0.
        direction: 1 for forwards, -1 for backwards.

    Returns:
        (n,) int64 places in `theirs`, monotone.
    """
    middle = theirs.mean(axis=0)
    main = components(theirs - middle)
    x = ((own - middle) @ main).astype(np.float64)
    y = ((theirs - middle) @ main).astype(np.float64)
    if not main.shape[1]:
        return course
    for event in EVENTS:
        priors = [_prior(float(step), event) for step in foreseen]
        course = _course(_model(x, y, course), course, priors, direction, len(theirs))
    for _ in range(2):
        course = _with_single_frames(_model(x, y, course), course)
    return course


def _model(x: Float64, y: Float64, course: Int64) -> Model:
    """The autoregression along a course."""
    steps = np.arange(1, len(x))
    return fitted(x, y, steps, course[1:], course[:-1]).model(x, y)


def _prior(foreseen: float, event: float) -> Float64:
    """What a step of 0, 1, 2, ... frames costs, nats; the last for all that are larger."""
    low, high = np.floor(foreseen + NEARLY_WHOLE), np.ceil(foreseen - NEARLY_WHOLE)
    steps = np.arange(max(high, 0) + 4 * REACH + 1)
    apart = np.minimum(np.abs(steps - low), np.abs(steps - high))
    usual = 0.0 if high <= low else EITHER
    return np.asarray(np.where(apart == 0, usual, event + FURTHER * (apart - 1)))


def _course(
    model: Model, centres: Int64, priors: list[Float64], direction: int, places: int
) -> Int64:
    """The monotone course within REACH of `centres` that is likeliest (Viterbi)."""
    around = np.arange(-REACH, REACH + 1)
    count = len(centres)
    back = np.zeros((count, len(around)), dtype=np.int64)
    before = centres[0] + around
    total = np.where((before < 0) | (before >= places), np.inf, 0.0)
    for i in range(1, count):
        now = centres[i] + around
        steps = direction * (now[None, :] - before[:, None])
        prior = priors[i - 1]
        cost = np.where(steps < 0, np.inf, prior[steps.clip(0, len(prior) - 1)])
        cost[:, (now < 0) | (now >= places)] = np.inf
        loss = model.loss(i - 1, before.clip(0, places - 1), now.clip(0, places - 1))
        through = total[:, None] + cost + loss
        back[i] = through.argmin(axis=0)
        total = through.min(axis=0)
        before = now
    k = int(total.argmin())
    if not np.isfinite(total[k]):
        return centres
    course = np.empty(count, dtype=np.int64)
    for i in range(count - 1, -1, -1):
        course[i] = centres[i] + around[k]
        k = int(back[i, k])
    return course


def _with_single_frames(model: Model, course: Int64) -> Int64:
    """The course with single frames moved between their neighbours, where that is likelier.

    A frame that is shown twice in the place of the next one is one event, not the two that
    holding and then jumping are.
    """
    out = course.copy()
    for i in range(1, len(out) - 1):
        before, after = int(out[i - 1]), int(out[i + 1])
        options = np.arange(min(before, after), max(before, after) + 1)
        if len(options) < 3:
            continue
        ends = np.array([before]), np.array([after])
        loss = model.loss(i - 1, ends[0], options)[0] + model.loss(i, options, ends[1])[:, 0]
        best = int(loss.argmin())
        if loss[int(out[i]) - options[0]] - loss[best] > SINGLE:
            out[i] = options[best]
    return out


def _foreseen(suspect: Scan, reference: Scan, stretch: AlignedStretch) -> Float64:
    """(n - 1,): by how many frames of the reference each step should go on, at least 0."""
    return foreseen_steps(
        suspect.pts_seconds[stretch.paired.suspect], reference, stretch.segment.line.rate
    )


def foreseen_steps(moments: Float64, reference: Scan, rate: float) -> Float64:
    """(n - 1,): by how many frames of the reference one goes on between moments, at this rate.

    A rate that nearly means frame by frame is taken for it.
    """
    steps = np.diff(moments) / max(reference.frame_seconds, 1e-6)
    usual = float(np.median(steps))
    rate = abs(rate)
    if abs(rate * usual - 1) < NEARLY_ONE:
        rate = 1 / usual
    return np.asarray(steps * rate, dtype=np.float64)
