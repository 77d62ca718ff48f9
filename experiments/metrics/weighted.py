"""One detector's videos, sorted once: measures for many whole-number weights of them.

A resample is a weight for each video. Counting the weights up along the sorted scores gives the
same sums as sorting the resample would, without sorting it: all counts are whole numbers, ties are
kept together, and nothing is rounded before the last division.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64
from .checks import checked_both, checked_probabilities
from .curves import area_left_of, crossing, mcclish, nearest
from .proper import cllr_costs, cllr_min_of_counts, log_losses
from .resampling import Int32
from .statistics import Statistic
from .sweeping import SWEPT, Buffers, Sweep

DRAWN = ("eer-interpolated", "eer-nearest", "pauc@fpr", "cllr-min")  # from every point


class Weighted:
    """Measures of one detector under weights.

    Args:
        statistics: what is wanted.
        labels, scores: (n,) as in `curves.roc_curve`.
        unit: (n,) the column of the weights that is each video's.
        buffers: shared with other detectors, none of which is used at the same time.

    Raises:
        ValueError: as in `curves.roc_curve`; a measure of probabilities of anything else.
    """

    def __init__(
        self,
        statistics: Sequence[Statistic],
        labels: ArrayLike,
        scores: ArrayLike,
        unit: Int64,
        buffers: Buffers | None = None,
    ) -> None:
        self.statistics = tuple(statistics)
        kinds = {s.kind for s in statistics}
        infinite = kinds == {"cllr"}
        y, x = checked_both(labels, scores, "resampling", infinite=infinite)
        self._swept = bool(kinds & set(SWEPT))
        self._drawn = bool(kinds & set(DRAWN))
        linear = [s for s in statistics if s.kind not in (*SWEPT, *DRAWN)]
        units = int(unit.max()) + 1
        self._linear = {s.name: _per_unit(s, y, x, unit, units) for s in linear}
        held = [np.bincount(unit[y == c], minlength=units) for c in (0, 1)]
        self._sizes = np.stack(held, axis=1).astype(np.float64)
        order = np.argsort(-x, kind="stable")
        y, x, unit = y[order], x[order], unit[order]
        if self._swept:
            self._sweep = Sweep(y, x, unit, buffers or Buffers())
        if self._drawn:
            self._unit, self._label = unit, y.astype(np.int32)
            self._ends = np.append(np.flatnonzero(np.diff(x)), len(x) - 1)

    def values(self, weights: Int32) -> dict[str, Float64]:
        """Each measure for each row of `weights` (rows, units): name -> (rows,).

        Every row must hold both classes.
        """
        out = {s.name: np.empty(len(weights)) for s in self.statistics}
        if self._linear:
            real = weights.astype(np.float64)
            sizes = real @ self._sizes
            for name, (sums, finish) in self._linear.items():
                endless = np.isinf(sums)  # an infinite cost times a weight of 0 is nothing
                total = real @ np.where(endless, 0, sums)
                total[real @ endless.astype(np.float64) > 0] = np.inf
                out[name][:] = finish(total, sizes)
        if self._swept:
            for start in range(0, len(weights), self._sweep.rows):
                part = slice(start, start + self._sweep.rows)
                points = self._sweep.run(weights[part], auc="auc" in out, ap="ap" in out)
                for s in self.statistics:
                    if s.kind in SWEPT:
                        out[s.name][part] = points.value(s)
        if self._drawn:
            for place, row in enumerate(weights):
                self._draw(row, {name: v[place : place + 1] for name, v in out.items()})
        return out

    def _draw(self, row: Int32, out: dict[str, Float64]) -> None:
        """Along every distinct score, falling."""
        weight = np.take(row, self._unit)
        tp = np.cumsum(weight * self._label, dtype=np.int32)[self._ends]
        fp = np.cumsum(weight, dtype=np.int32)[self._ends] - tp
        tps, fps = np.append(0.0, tp), np.append(0.0, fp)
        fpr, tpr = fps / fps[-1], tps / tps[-1]
        fnr = (tps[-1] - tps) / tps[-1]
        for s in self.statistics:
            if s.kind == "eer-interpolated":
                out[s.name][0] = crossing(fpr, fnr)
            elif s.kind == "eer-nearest":
                out[s.name][0] = fpr[nearest(fps, tps)]
            elif s.kind == "pauc@fpr":
                out[s.name][0] = mcclish(area_left_of(fpr, tpr, s.number), s.number)
            elif s.kind == "cllr-min":
                out[s.name][0] = cllr_min_of_counts(np.diff(tps)[::-1], np.diff(fps)[::-1])


Finish = Callable[[Float64, Float64], Float64]


def _per_unit(
    s: Statistic, y: Int64, x: Float64, unit: Int64, units: int
) -> tuple[Float64, Finish]:
    """Measures that are means over videos: sums by unit and class, and what becomes of them.

    `finish` takes the weighted sums and numbers of (real, manipulated) videos, each (rows, 2).
    """
    if s.kind in ("log-loss", "brier"):
        y, x = checked_probabilities(y, x, s.label)
        each = log_losses(y, x) if s.kind == "log-loss" else (x - y) ** 2
        finish: Finish = _over_all
    elif s.kind == "cllr":
        each, finish = cllr_costs(y, x), _over_classes
    elif s.kind in ("tpr@threshold", "fpr@threshold"):
        each = (x >= s.number).astype(np.float64)
        finish = _of_forged if s.kind.startswith("tpr") else _of_real
    elif s.kind in ("accuracy@threshold", "balanced-accuracy@threshold"):
        each = ((x >= s.number) == (y == 1)).astype(np.float64)
        finish = _over_all if s.kind.startswith("acc") else _over_classes
    else:
        raise ValueError(f"{s.name}: no way to resample it is known")
    sums = [np.bincount(unit[y == c], each[y == c], units) for c in (0, 1)]
    return np.stack(sums, axis=1), finish


def _over_all(sums: Float64, sizes: Float64) -> Float64:
    return np.asarray(sums.sum(axis=1) / sizes.sum(axis=1))


def _over_classes(sums: Float64, sizes: Float64) -> Float64:
    return np.asarray((sums / sizes).mean(axis=1))


def _of_forged(sums: Float64, sizes: Float64) -> Float64:
    return np.asarray(sums[:, 1] / sizes[:, 1])


def _of_real(sums: Float64, sizes: Float64) -> Float64:
    return np.asarray(sums[:, 0] / sizes[:, 0])
