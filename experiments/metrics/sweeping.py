"""AUC, AP, EER, TPR@FPR of many resamples, by counting along scores that were sorted once.

Only thresholds at manipulated videos' scores are looked at: between two of them a ROC curve runs
flat, so that its upper left corners, which is all that these measures want, lie there. Counts are
whole numbers: nothing is rounded before the last division, and ties are kept together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.types import Float64, Int64
from .curves import crossing
from .resampling import Int32
from .statistics import Statistic

SWEPT = ("auc", "ap", "eer", "tpr@fpr", "fpr@tpr")
CELLS = 1 << 16  # videos times resamples at a time: what stays in the processor's cache
COARSE = 8192  # points from which on `_farthest` first looks at every 32nd


@dataclass(frozen=True)
class Points:
    """ROC points of some resamples, as counts.

    `fp`, `tp`: (rows, slots). `real`, `forged`: (rows,) of all. `auc`, `ap`: (rows,), where wanted.
    """

    fp: Int32
    tp: Int32
    real: Float64
    forged: Float64
    auc: Float64
    ap: Float64

    def value(self, s: Statistic) -> Float64:
        """(rows,) a measure of the kinds `SWEPT`.

        Raises ValueError for another.
        """
        if s.kind == "auc":
            return self.auc
        if s.kind == "ap":
            return self.ap
        out = np.empty(len(self.fp))
        for k, (fp, tp, real, forged) in enumerate(
            zip(self.fp, self.tp, self.real.tolist(), self.forged.tolist(), strict=True)
        ):
            if s.kind == "eer":
                out[k] = hull_eer(fp, tp, real, forged)
            elif s.kind == "tpr@fpr":
                place = fp.searchsorted(np.int32(most(s.number, real)), side="right") - 1
                out[k] = tp[place] / forged if place >= 0 else 0.0
            elif s.kind == "fpr@tpr":
                out[k] = fp[tp.searchsorted(np.int32(least(s.number, forged)))] / real
            else:
                raise ValueError(f"{s.name} is not among the swept measures {SWEPT}")
        return out


class Buffers:
    """Arrays that are used again: the memory of fresh ones costs more than what is done in them."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[Any]] = {}

    def get(self, name: str, kind: type, rows: int, columns: int) -> Any:
        """An array (rows, columns) of any content; the one that had this name is no longer valid."""
        if name not in self._held or self._held[name].size < rows * columns:
            self._held[name] = np.empty(rows * columns, kind)
        return self._held[name][: rows * columns].reshape(rows, columns)


class Sweep:
    """One detector's videos, ready to be counted under weights.

    Args:
        y, x, unit: (n,) labels, scores and columns of the weights, by falling score.
        buffers: shared by all detectors that take turns.

    `rows`: how many resamples `run` takes at a time.
    """

    def __init__(self, y: Int64, x: Float64, unit: Int64, buffers: Buffers) -> None:
        forged, real = -x[y == 1], -x[y == 0]  # both rise
        self._forged, self._real = unit[y == 1], unit[y == 0]
        last = np.append(np.flatnonzero(np.diff(forged)), len(forged) - 1)
        self._last = None if len(last) == len(forged) else last
        self._at_or_above = np.searchsorted(real, forged[last], side="right")
        above = np.searchsorted(real, forged[last], side="left")
        self._above = None if np.array_equal(above, self._at_or_above) else above
        self._pairs = max(1, CELLS // (2 * len(y)))
        self.rows = 2 * self._pairs
        self._slots = len(last)
        self._buffers = buffers

    def run(self, weights: Int32, *, auc: bool, ap: bool) -> Points:
        """Counts under weights (rows, units); `rows` at most, each with both classes.

        The points are valid until the next run, of any detector with the same buffers.
        """
        rows = len(weights)
        pairs = (rows + 1) // 2
        # Two resamples go side by side in the halves of one 64-bit number: taking and counting up
        # then costs half. No count comes near 2^31, so that none runs over into the other half.
        both = np.empty((pairs, weights.shape[1], 2), np.int32)
        both[:, :, 0], both[:, :, 1] = weights[0::2], weights[[*range(1, rows, 2), -1][:pairs]]
        packed = both.view(np.int64)[:, :, 0]
        get = self._buffers.get
        taken = get("taken", np.int64, pairs, len(self._forged))
        passed = get("passed", np.int64, pairs, len(self._real) + 1)
        tp, fp = (get(name, np.int32, 2 * pairs, self._slots) for name in ("tp", "fp"))
        here, work = (get(name, np.float64, 2 * pairs, self._slots) for name in ("here", "work"))
        # numpy checks bounds unless it clips; the units were checked when they were counted
        np.take(packed, self._forged, axis=1, mode="clip", out=taken)
        if self._last is None:
            _unpack(taken, here)
        np.cumsum(taken, axis=1, out=taken)
        if self._last is None:
            _unpack(taken, tp)
        else:
            _unpack(np.take(taken, self._last, axis=1, mode="clip"), tp)
            here[:, 0] = tp[:, 0]
            np.subtract(tp[:, 1:], tp[:, :-1], out=here[:, 1:])
        passed[:, 0] = 0
        np.take(packed, self._real, axis=1, mode="clip", out=passed[:, 1:])
        np.cumsum(passed[:, 1:], axis=1, out=passed[:, 1:])
        _unpack(np.take(passed, self._at_or_above, axis=1, mode="clip"), fp)
        forged, real = tp[:, -1].astype(np.float64), np.empty(2 * pairs)
        _unpack(passed[:, -1:], real[:, None])
        areas = precise = np.zeros(0)
        if auc:
            np.copyto(work, fp)
            beaten = _row_dots(here, work)
            if self._above is not None:
                _unpack(np.take(passed, self._above, axis=1, mode="clip"), work)
                beaten = (beaten + _row_dots(here, work)) / 2
            areas = 1 - beaten / (forged * real)
        if ap:
            np.add(tp, fp, out=work)
            np.maximum(work, 1, out=work)  # nothing is flagged yet: precision times 0
            np.divide(tp, work, out=work)
            precise = _row_dots(here, work) / forged
        return Points(
            fp[:rows], tp[:rows], real[:rows], forged[:rows], areas[:rows], precise[:rows]
        )


def _unpack(packed: Int64, out: Int32 | Float64) -> None:
    """Two resamples out of each row of `packed` (pairs, k), into two rows of `out` (2 pairs, k)."""
    pairs, k = packed.shape
    halves = np.ascontiguousarray(packed).view(np.int32).reshape(pairs, k, 2)
    np.copyto(out.reshape(pairs, 2, k), halves.transpose(0, 2, 1))


def _row_dots(a: Float64, b: Float64) -> Float64:
    """(rows,) scalar products of rows."""
    return np.asarray(np.matmul(a[:, None, :], b[:, :, None])[:, 0, 0])


def most(rate: float, n: float) -> int:
    """The most of n videos whose share is not above `rate`, as the division sees it."""
    found = int(rate * n) + 1
    while found / n > rate:
        found -= 1
    return found


def least(rate: float, n: float) -> int:
    """The least of n videos whose share is not below `rate`, as the division sees it."""
    found = max(0, int(rate * n) - 1)
    while found / n < rate:
        found += 1
    return found


def hull_eer(fp: Int32, tp: Int32, real: float, forged: float) -> float:
    """EER on the convex hull of the points (fp, tp), both (k,) rising, (0, 0) and (real, forged).

    Only the hull's edge over the line fpr = fnr is wanted. It is sought among the points near that
    line first, and is the hull's if no point at all lies above it; else it is sought among all.
    """
    low, middle = 0, len(fp)  # the first point at or beyond the line, by halving
    while low < middle:
        half = (low + middle) // 2
        if float(fp[half]) * forged + float(tp[half]) * real < real * forged:
            low = half + 1
        else:
            middle = half
    near = 2 * round(len(fp) ** (2 / 3))  # edges of a hull of k points have some k^(2/3) of them
    start, stop = middle - near, middle + near
    if start > 0 and stop < len(fp):
        a, b = _edge(fp, tp, start, stop, real, forged)
        dx, dy = b[0] - a[0], b[1] - a[1]
        if _farthest(fp, tp, 0, len(fp), dx, dy)[1] > a[1] * dx - a[0] * dy:
            a, b = _edge(fp, tp, -1, len(fp), real, forged)
    else:
        a, b = _edge(fp, tp, -1, len(fp), real, forged)
    fpr = np.array([a[0], b[0]]) / real
    return crossing(fpr, (forged - np.array([a[1], b[1]])) / forged)


_Point = tuple[float, float]


def _edge(
    fp: Int32, tp: Int32, left: int, right: int, real: float, forged: float
) -> tuple[_Point, _Point]:
    """The edge, over the line fpr = fnr, of the hull of the points from `left` to `right`.

    Beginning with the chord of these two (-1 is (0, 0), the number of points is (real, forged)),
    the point farthest above it takes the place of the end on its own side, until none is.
    """
    a = (0.0, 0.0) if left < 0 else (float(fp[left]), float(tp[left]))
    b = (real, forged) if right == len(fp) else (float(fp[right]), float(tp[right]))
    start, stop = left + 1, right
    while start < stop:
        dx, dy = b[0] - a[0], b[1] - a[1]
        place, height = _farthest(fp, tp, start, stop, dx, dy)
        if height <= a[1] * dx - a[0] * dy:
            break
        point = (float(fp[place]), float(tp[place]))
        if point[0] * forged + point[1] * real < real * forged:
            a, start = point, place + 1
        else:
            b, stop = point, place
    return a, b


def _farthest(
    fp: Int32, tp: Int32, start: int, stop: int, dx: float, dy: float
) -> tuple[int, float]:
    """Where tp dx - fp dy is highest from start to stop, and how high.

    Of a long stretch, every 32nd point is looked at first. As both counts rise, what lies between
    two of them is not above the corner of the first one's fp and the second one's tp: most of the
    stretch is ruled out by it.
    """
    if stop - start > COARSE:
        left, right = fp[start:stop:32], tp[start:stop:32]
        best = float(np.max(right * dx - left * dy))
        corner = np.append(right[1:], tp[stop - 1]) * dx - left * dy
        open_ = np.flatnonzero(corner >= best)
        start, stop = start + 32 * int(open_[0]), min(stop, start + 32 * int(open_[-1]) + 32)
    height = tp[start:stop] * dx - fp[start:stop] * dy
    place = int(np.argmax(height))
    return start + place, float(height[place])
