"""Where stretches begin and end, to the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .pairing import SLOW_SECONDS, AlignedStretch, Paired, frame_index, motion_weights
from .scanning import Scan, grey_thumbs
from .signals import SMOOTH, covered, laid_thumbs, thumb_map

WINDOW_SECONDS = 1.0  # how far an edge may move at once
NEIGHBOURS = 3  # windows: stretches no further apart meet at a boundary
SHIFTS = (2, 4, 8, 16)  # frames by which a course is moved to see whether it holds better so
MOST_FRAMES = 600  # of a stretch, that tell where it moves
CORE_FRAMES = 60  # frames of a stretch that say what is usual in it
HOLDS = 5.0  # usual differences: a frame within this belongs to the stretch
NEARLY_ONE = 0.04  # reference frames for a suspect frame, less 1: carried on one by one
BETTER = 0.6  # of the cost: a course that is moved must cost less to be preferred
AS_WELL = 1.1  # of the cost: a neighbour that is carried on explains a stretch as well
MOST_COST = 50.0  # usual differences: more counts as much
LEAST_LEVELS = 0.1  # mean square: differences below this are nothing


def settle_edges(
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    stretches: tuple[AlignedStretch, ...],
    rate: float,
) -> tuple[AlignedStretch, ...]:
    """The stretches with their ends moved to where their course stops holding.

    Between two neighbours the boundary lies where both courses together differ least.
    """
    stretches = _taken_over(suspect, reference, matrix, stretches, rate)
    courses = [_Course(suspect, reference, matrix, s, rate) for s in stretches]
    reach = max(2, round(WINDOW_SECONDS / max(suspect.frame_seconds, 1e-3)))
    last = len(suspect.frames) - 1
    ends = [(int(c.paired.suspect[0]), int(c.paired.suspect[-1])) for c in courses]
    for k, course in enumerate(courses):
        first, end = ends[k]
        before = ends[k - 1][1] if k else -1
        if k and first - before <= NEIGHBOURS * reach:
            ends[k - 1], ends[k] = _boundary(courses[k - 1], course, ends[k - 1], ends[k], reach)
        else:
            ends[k] = (_edge(course, first, -1, before + 1, reach), end)
        follows = k + 1 < len(courses) and ends[k + 1][0] - end <= NEIGHBOURS * reach
        if not follows:
            bound = ends[k + 1][0] - 1 if k + 1 < len(courses) else last
            ends[k] = (ends[k][0], _edge(course, end, 1, bound, reach))
    return tuple(
        replace(s, paired=c.over(*e))
        for s, c, e in zip(stretches, courses, ends, strict=True)
        if e[1] >= e[0]
    )


def _taken_over(
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    stretches: tuple[AlignedStretch, ...],
    rate: float,
) -> tuple[AlignedStretch, ...]:
    """The stretches without those that a longer neighbour, carried on, explains as well."""
    left = list(stretches)
    k = 0
    while k + 1 < len(left):
        pair = left[k], left[k + 1]
        courses = [_Course(suspect, reference, matrix, s, rate) for s in pair]
        longer = int(len(pair[1].paired.suspect) > len(pair[0].paired.suspect))
        places = pair[1 - longer].paired.suspect
        own, taken = (
            np.minimum(courses[longer].costs_against(places, c.reference_of(places)), MOST_COST)
            for c in (courses[1 - longer], courses[longer])
        )
        if float(np.mean(taken)) > min(AS_WELL * float(np.mean(own)), HOLDS):
            k += 1
            continue
        ends = sorted((*places[[0, -1]].tolist(), *pair[longer].paired.suspect[[0, -1]].tolist()))
        left[k : k + 2] = [replace(pair[longer], paired=courses[longer].over(ends[0], ends[-1]))]
        k = max(0, k - 1)
    return tuple(left)


class _Course:
    """A stretch's course, carried on beyond its ends, and how well it holds there."""

    def __init__(
        self, suspect: Scan, reference: Scan, matrix: Float64, stretch: AlignedStretch, rate: float
    ) -> None:
        self.paired = stretch.paired
        self._suspect, self._reference = suspect, reference
        line = stretch.segment.line
        self._moment: Callable[[Float64], Float64] = lambda t: (
            line.at(0) / rate + line.rate * np.asarray(t)
        )
        self._cells = thumb_map(matrix, suspect, reference)
        self._mask = covered(self._cells, reference.thumbs.shape[1:], suspect.thumbs.shape[1:])
        self._step = 1 if line.rate > 0 else -1
        span = max(1, int(self.paired.suspect[-1] - self.paired.suspect[0]))
        moved = abs(int(self.paired.reference[-1] - self.paired.reference[0]))
        self._one_by_one = abs(moved / span - 1) < NEARLY_ONE
        aims = frame_index(reference, self._moment(suspect.pts_seconds[self.paired.suspect]))
        self._shift = float(np.median(self.paired.reference + 0.5 - aims))
        core = self.paired.suspect[
            np.unique(np.linspace(0, len(self.paired.suspect) - 1, CORE_FRAMES).astype(int))
        ]
        theirs = self._theirs(self.paired.reference[:MOST_FRAMES])
        width = max(3, round(SLOW_SECONDS / max(suspect.frame_seconds, 1e-3)) // 2 * 2 + 1)
        self._weights = motion_weights(theirs, width)
        self._gain = _gain(
            self._soft(grey_thumbs(suspect, core)), self._theirs(self.reference_of(core))
        )
        apart = self._apart(core, self.reference_of(core))
        self._usual_picture: Float32 = np.median(apart, axis=0).astype(np.float32)
        restless = np.mean((apart - self._usual_picture) ** 2, axis=0)
        calm = float(np.median(restless)) + LEAST_LEVELS
        self._weights = self._weights * calm / (calm + restless)  # another face tells little
        self._weights = np.asarray(self._weights / self._weights.sum(), dtype=np.float32)
        self._usual = max(float(np.median(self._cost(apart))), LEAST_LEVELS)

    def reference_of(self, places: Int64) -> Int64:
        """The reference's frame for each suspect frame; may lie outside of it."""
        first, last = int(self.paired.suspect[0]), int(self.paired.suspect[-1])
        if self._one_by_one:
            from_first = self.paired.reference[0] + self._step * (places - first)
            from_last = self.paired.reference[-1] + self._step * (places - last)
            out = np.where(places < first, from_first, from_last)
        else:
            aims = frame_index(self._reference, self._moment(self._suspect.pts_seconds[places]))
            out = np.floor(aims + self._shift).astype(np.int64)
        known = (places >= first) & (places <= last)
        order = np.searchsorted(self.paired.suspect, places[known]).clip(
            0, len(self.paired.suspect) - 1
        )
        out[known] = self.paired.reference[order]
        return np.asarray(out)

    def costs(self, places: Int64, shift: int = 0) -> Float64:
        """(n,) how much each frame differs, 1 is usual; infinite outside the reference.

        `shift`: frames of the reference by which the course is moved.
        """
        return self.costs_against(places, self.reference_of(places) + shift)

    def costs_against(self, places: Int64, wanted: Int64) -> Float64:
        """As `costs`, each frame held against the reference's frame that is `wanted`."""
        out = np.full(len(places), np.inf)
        there = (wanted >= 0) & (wanted < len(self._reference.frames))
        if there.any():
            out[there] = self._cost(self._apart(places[there], wanted[there])) / self._usual
        return out

    def holds(self, places: Int64) -> np.ndarray:
        """(n,) bool: whether each frame belongs to the stretch.

        It differs no more than is usual; or, where much moves, less than it does from any moment
        before or after.
        """
        own = self.costs(places)
        others = [self.costs(places, sign * shift) for shift in SHIFTS[1:] for sign in (-1, 1)]
        return np.asarray((own <= HOLDS) | (own < BETTER * np.min(others, axis=0)))

    def prefers_another(self, places: Int64) -> bool:
        """Whether the frames fit the reference clearly better earlier or later than the course has it."""
        own = float(np.mean(np.minimum(self.costs(places), MOST_COST)))
        others = [
            float(np.mean(np.minimum(self.costs(places, sign * shift), MOST_COST)))
            for shift in SHIFTS
            for sign in (-1, 1)
        ]
        return min(others) < BETTER * own and own > 1.0

    def over(self, first: int, last: int) -> Paired:
        """The pairs from one suspect frame to another."""
        places = np.arange(first, last + 1)
        wanted = self.reference_of(places)
        there = (wanted >= 0) & (wanted < len(self._reference.frames))
        return replace(
            self.paired,
            suspect=places[there],
            reference=wanted[there],
            cost=np.ones(int(there.sum())),
        )

    def _apart(self, places: Int64, wanted: Int64) -> Float32:
        own = self._soft(grey_thumbs(self._suspect, places))
        return own * self._gain - self._theirs(wanted)

    def _theirs(self, wanted: Int64) -> Float32:
        pictures = grey_thumbs(self._reference, wanted)
        return self._soft(laid_thumbs(pictures, self._cells, self._mask.shape))

    def _cost(self, apart: Float32) -> Float64:
        left = apart - self._usual_picture if hasattr(self, "_usual_picture") else apart
        left = left - np.median(left, axis=1, keepdims=True)
        return np.asarray(np.minimum(left**2, 900.0) @ self._weights, dtype=np.float64)

    def _soft(self, pictures: Float32) -> Float32:
        out = np.empty((len(pictures), int(self._mask.sum())), dtype=np.float32)
        for i, picture in enumerate(pictures):
            out[i] = cv2.GaussianBlur(picture, (0, 0), SMOOTH)[self._mask]
        return out


def _gain(own: Float32, theirs: Float32) -> float:
    """What takes the suspect's contrast to the reference's."""
    low, high = np.quantile(own, [0.1, 0.9])
    their_low, their_high = np.quantile(theirs, [0.1, 0.9])
    return float(np.clip((their_high - their_low) / max(float(high - low), 1.0), 0.5, 2.0))


def _edge(course: _Course, edge: int, step: int, bound: int, reach: int) -> int:
    """An end without a neighbour: moved in where the course does not hold, else out as far as it does.

    `step`: 1 for a stretch's last frame, -1 for its first; `bound`: how far out it may go.
    """
    inner = edge - step * min(reach, len(course.paired.suspect) // 2)
    end = _held(course, inner, edge, step)
    while end == edge and end != bound:
        further = end + step * reach
        further = min(further, bound) if step > 0 else max(further, bound)
        if course.prefers_another(np.arange(min(end, further), max(end, further) + 1)):
            break
        edge = further
        end = _held(course, end, further, step)
    return end


def _held(course: _Course, start: int, end: int, step: int) -> int:
    """The last frame from `start` to `end` up to which the course holds.

    Two frames in a row that do not hold end it.
    """
    places = np.arange(start, end + step, step)
    holds = course.holds(np.sort(places))[::step]
    last, misses = start, 0
    for place, good in zip(places, holds, strict=True):
        misses = 0 if good else misses + 1
        if misses >= 2:
            break
        if good:
            last = int(place)
    return last


def _boundary(
    left: _Course, right: _Course, a: tuple[int, int], b: tuple[int, int], reach: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The boundary of two neighbours where their courses differ least in all."""
    low = max(a[0] + 1, min(a[1], b[0]) - reach)
    high = min(b[1] - 1, max(a[1], b[0]) + reach)
    places = np.arange(low, high + 1)
    if len(places) < 2:
        return a, b
    costs_left = np.minimum(left.costs(places), MOST_COST)
    costs_right = np.minimum(right.costs(places), MOST_COST)
    before = np.concatenate([[0], np.cumsum(costs_left)])
    after = np.concatenate([np.cumsum(costs_right[::-1])[::-1], [0]])
    cut = int((before + after).argmin())
    return (a[0], low + cut - 1), (low + cut, b[1])
