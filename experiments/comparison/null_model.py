"""What compression alone would do to a cell, and how unlikely a cell's difference is under that.

Differences are judged on a logarithmic scale, by the picture's local texture and motion. What the
suspect's cells differ more than the imitation's as a whole (another encoder's ways, resampling, a
fraction of a pixel) is allowed for: Efron's empirical null (JASA 2004). Which cells count as
changed is settled by Benjamini & Hochberg's rule (JRSS B, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import norm

from ...datasets.types import Float32, Float64, Int64
from .types import NullPoint

FLOOR = 0.3  # levels: below this, differences are rounding
TEXTURES = 9  # classes, with as many of the imitation's cells in each
MOTIONS = (0.0, 1.5, 5.0)  # levels from frame to frame: where classes begin
POOL = 5  # pairs
LEAST_IN_CLASS = 200
FDR = 0.01
Z_STEP = 0.05
MOST_Z = 40.0
LEAST_SPREAD = 0.12  # of log differences
MOST_DEFLATION = 0.7  # where the suspect was encoded better than its bytes tell
MOST_INFLATION = 1.6  # of log differences: beyond a factor of five it is no compression any more
MEDIAN_ABOVE = 0.35  # spreads by which changed cells may lift the median
MOST_WIDENING = 1.6


@dataclass(frozen=True)
class NullTable:
    """Log differences by class.

    `edges`: (TEXTURES - 1,) of texture. `middle`, `spread`: (textures, motions), median and the
    larger of two estimates of the upper standard deviation. `low`: the lower quartile.
    """

    edges: Float64
    middle: Float64
    spread: Float64
    low: Float64

    def classes(self, texture: Float32, motion: Float32) -> Int64:
        """One number for each cell: its class."""
        row = np.searchsorted(self.edges, texture)
        column = np.searchsorted(MOTIONS, motion, side="right") - 1
        return np.asarray(row * len(MOTIONS) + column.clip(0), dtype=np.int64)

    def z(self, logs: Float32, classes: Int64) -> Float32:
        """Standard scores; higher is more unlike compression."""
        middle, spread = self.middle.ravel()[classes], self.spread.ravel()[classes]
        return np.asarray((logs - middle) / spread, dtype=np.float32)


def log_difference(difference: Float32) -> Float32:
    """The scale on which differences in levels are judged."""
    return np.asarray(np.log(difference + np.float32(FLOOR)), dtype=np.float32)


def pooled(logs: Float32) -> Float32:
    """(n, c) log differences of neighbouring pictures averaged over POOL of them, fewer at the ends.

    What encoding does to a cell changes from picture to picture, a changed face stays.
    """
    out = np.empty_like(logs, dtype=np.float32)
    for k in range(len(logs)):
        out[k] = logs[max(0, k - POOL // 2) : k + POOL // 2 + 1].mean(axis=0)
    return out


def learn(texture: Float32, motion: Float32, logs: Float32) -> NullTable:
    """The null table of an imitation's cells, (n,) each; `logs`: of their differences, pooled."""
    values: Float64 = logs.astype(np.float64)
    cuts = np.linspace(0, 1, TEXTURES + 1)[1:-1]
    edges: Float64 = np.unique(np.quantile(texture.astype(np.float64), cuts))
    rows = np.searchsorted(edges, texture)
    columns = (np.searchsorted(MOTIONS, motion, side="right") - 1).clip(0)
    shape = (len(edges) + 1, len(MOTIONS))
    middle, spread, low = (np.full(shape, np.nan) for _ in range(3))
    whole = _summary(values)
    for i in range(shape[0]):
        row = values[rows == i]
        in_row = _summary(row) if len(row) >= LEAST_IN_CLASS else whole
        for j in range(shape[1]):
            cell = values[(rows == i) & (columns == j)]
            middle[i, j], spread[i, j], low[i, j] = (
                _summary(cell) if len(cell) >= LEAST_IN_CLASS else in_row
            )
    return NullTable(edges, middle, spread, low)


def _summary(logs: Float64) -> tuple[float, float, float]:
    quartile, median, high, top = np.quantile(logs, [0.25, 0.5, 0.975, 0.995])
    spread = max(float(high - median) / 1.96, float(top - median) / 2.576, LEAST_SPREAD)
    return float(median), spread, float(quartile)


@dataclass(frozen=True)
class Inflation:
    """How much more the suspect's unchanged cells differ. `shifts`: (classes,) added to the null's
    middles. `widening`: of its spreads. `factor`: of differences, over all."""

    shifts: Float64
    widening: float
    factor: float


def inflate(table: NullTable, logs: Float32, classes: Int64) -> tuple[NullTable, Inflation]:
    """The null as the suspect's own quieter cells have it.

    The lower quartile tells, so up to three quarters of a class may have changed before it is taken
    for compression; but the median may not lie far above (cells that an encoder skipped are a
    quarter by themselves), and where it would, the spread is that of the upper half. A class
    without cells takes over the others' shift.
    """
    count = table.middle.size
    shifts, widths = np.full(count, np.nan), np.full(count, np.nan)
    sizes = np.bincount(classes, minlength=count)
    for k in np.flatnonzero(sizes >= LEAST_IN_CLASS):
        low, median, high = np.quantile(logs[classes == k], [0.25, 0.5, 0.75])
        spread = table.spread.ravel()[k]
        by_low = float(low) - table.low.ravel()[k]
        by_median = float(median) - MEDIAN_ABOVE * spread - table.middle.ravel()[k]
        shifts[k] = max(by_low, by_median)
        wide = float(high - median) / (norm.ppf(0.75) * spread)
        widths[k] = wide if by_median > by_low else 1.0
    known = ~np.isnan(shifts)
    common = float(np.average(shifts[known], weights=sizes[known])) if known.any() else 0.0
    shifts = np.where(known, shifts, common).clip(common - 0.4, common + 0.7)
    shifts = shifts.clip(-MOST_DEFLATION, MOST_INFLATION)
    widening = 1.0
    if known.any():
        order = np.argsort(widths[known])
        share = np.cumsum(sizes[known][order]) / sizes[known].sum()
        widening = float(widths[known][order][np.searchsorted(share, 0.5)])
    widening = float(np.clip(widening, 1.0, MOST_WIDENING))
    moved = NullTable(
        table.edges,
        table.middle + shifts.reshape(table.middle.shape),
        table.spread * widening,
        table.low + shifts.reshape(table.low.shape),
    )
    factor = float(np.exp(np.clip(common, -MOST_DEFLATION, MOST_INFLATION)))
    return moved, Inflation(shifts, widening, factor)


def z_counts(z: Float32) -> Int64:
    """How many scores lie in each bin of Z_STEP from 0 up to MOST_Z; (bins,)."""
    bins = np.floor(np.clip(z, 0, MOST_Z - Z_STEP) / Z_STEP).astype(np.int64)
    return np.bincount(bins.ravel(), minlength=round(MOST_Z / Z_STEP))


def z_threshold(counts: Int64, fdr: float = FDR) -> tuple[float, float]:
    """The score from which cells count as changed, and its p-value; infinite where none does.

    Benjamini & Hochberg on the bins: the lowest score whose expected number of chance cells is at
    most `fdr` of the cells found there and above.
    """
    total = int(counts.sum())
    above = np.cumsum(counts[::-1])[::-1]
    scores = np.arange(len(counts)) * Z_STEP
    tails = norm.sf(scores)
    good = (tails * total <= fdr * above) & (above > 0) & (scores > 0)
    if not good.any():
        return float("inf"), 0.0
    k = int(np.argmax(good))
    return float(scores[k]), float(tails[k])


def curve(texture: Float32, difference: Float32) -> tuple[NullPoint, ...]:
    """The null's differences by texture alone, for showing."""
    edges = np.quantile(texture, np.linspace(0, 1, TEXTURES + 1))
    points = []
    for low, high in pairwise(edges):
        chosen = (texture >= low) & (texture <= high)
        if chosen.sum() < 20:
            continue
        median, q95, q99 = np.quantile(difference[chosen], [0.5, 0.95, 0.99])
        middle = float(np.median(texture[chosen]))
        point = NullPoint(middle, float(median), float(q95), float(q99), int(chosen.sum()))
        points.append(point)
    return tuple(points)
