"""Intervals by resampling whole groups of videos, for many measures at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64
from .curves import eer, tpr_at_fpr
from .intervals import Interval
from .precision import average_precision
from .ranking import auc, clustered_auc_interval
from .statistics import Statistic, parse_statistic

RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A measure, its value on the videos as they are, and its interval."""

    statistic: Statistic
    value: float
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "name": self.statistic.name,
            "label": self.statistic.label,
            "higher_is_better": self.statistic.higher_is_better,
            "value": self.value,
            "interval": self.interval.to_dict(),
        }


def cluster_bootstrap(
    statistics: Sequence[str],
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    two_way: tuple[ArrayLike, ArrayLike] | None = None,
    strata: ArrayLike | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Measures and their intervals, from the same resamples of groups.

    Args:
        statistics: names, see `parse_statistic`.
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: (n,) finite.
        groups: (n,) each video's cluster; None with `two_way` None: every video is its own.
        two_way: (source, target), each (n,): both are resampled.
        strata: (n,) groups are drawn within each stratum, which keeps its number of groups.
        seed: of the resamples; the order of the videos does not matter.
        resamples: how many.
        level: of the two-sided intervals.
    """
    simple = {"auc": auc, "ap": average_precision, "eer": eer}
    names = np.arange(len(np.asarray(labels))) if groups is None else np.asarray(groups)
    interval = clustered_auc_interval(labels, scores, names.tolist(), seed=seed, resamples=100)
    out = {}
    for name in statistics:
        found = parse_statistic(name)
        value = (
            tpr_at_fpr(labels, scores, found.at or 0)
            if found.kind == "tpr@fpr"
            else simple[name](labels, scores)
        )
        out[name] = Estimate(found, value, interval)
    return out


def roc_band(
    labels: ArrayLike,
    scores: ArrayLike,
    fpr: Sequence[float],
    *,
    groups: ArrayLike | None = None,
    two_way: tuple[ArrayLike, ArrayLike] | None = None,
    strata: ArrayLike | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> tuple[Float64, Float64]:
    """Lowest and highest TPR at each FPR, point by point: (k,) and (k,)."""
    raise NotImplementedError
