"""Intervals by resampling whole groups of videos, for many measures at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64
from .checks import checked_share
from .curves import roc_curve, tpr_at_fpr
from .intervals import Interval, expanded_quantiles
from .measuring import measure, unresolved
from .resampled import resample
from .resampling import make_plan
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


@dataclass(frozen=True)
class Band:
    """A ROC curve with what may be above and below it, point by point (not for the whole curve).

    `fpr`: (k,). `tpr`: (k,) as `tpr_at_fpr`. `low`, `high`: (k,), or None where `reason` says why.
    """

    fpr: Float64
    tpr: Float64
    low: Float64 | None
    high: Float64 | None
    level: float
    reason: str = ""


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
    """Measures and their intervals, all from the same resamples of groups.

    Whole groups are drawn with replacement, each with all of its videos (Field & Welsh,
    "Bootstrapping clustered data", J. R. Stat. Soc. B 69, 2007). With `two_way`, persons are drawn,
    and a video counts as often as its source was drawn times its target (Owen, "The pigeonhole
    bootstrap", Annals of Applied Statistics 1, 2007; with one draw for both of a person's roles, as
    for the vertices of a graph, Snijders & Borgatti, Connections 22, 1999). That counts what is a
    swapped video's own three times; two of them are taken off, as Cameron, Gelbach & Miller do
    ("Robust inference with multiway clustering", J. Business & Economic Statistics 29, 2011), by
    also drawing such videos without regard to persons.

    A resample that lacks a class is drawn again. The ends come from the resamples' standard error
    (`from_standard_error`): plain percentiles were tried, and hold a high AUC too seldom.

    Args:
        statistics: names, see `parse_statistic`.
        labels: (n,) of 0 (real) and 1 (manipulated), both there.
        scores: (n,) finite; of the kind that each measure wants, see `measure`.
        groups: (n,) each video's cluster. With `two_way` None too, every video is its own: right
            only where no person is seen twice.
        two_way: (source persons, target persons), each (n,) and known; a real video's person stands
            in both.
        strata: (n,) groups are drawn within each stratum, which keeps its number of groups: for
            data that were gathered stratum by stratum. Where no group holds both classes, the
            labels may be strata: AP, which depends on the share of manipulated videos, has too wide
            an interval if resamples let that vary and the benchmark did not. (`stratified_auc`
            means another thing by that word.)
        seed: of the resamples; the order of the videos does not matter.
        resamples: how many.
        level: of the two-sided intervals.

    Returns:
        By name. Not supported, with the reason: fewer than ten groups (of either role, with
        `two_way`), a class in one group only, a rate that so few videos can't show, a measure at
        its very end (an AUC of 1), and where every resample gives the same value.

    Raises:
        ValueError: as `measure`; as `make_plan`; no resamples; a level outside (0, 1).
        KeyError: an unknown measure.

    >>> labels, scores = [0, 1] * 20, [k % 7 + 3 * (k % 2) for k in range(40)]
    >>> found = cluster_bootstrap(["auc"], labels, scores, seed=0)["auc"]
    >>> found.interval.low < found.value < found.interval.high
    True
    """
    found = [parse_statistic(name) for name in statistics]
    values = {s.name: measure(s.name, labels, scores) for s in found}
    plan = make_plan(labels, groups=groups, two_way=two_way, strata=strata)
    _checked(resamples, level)
    drawn = resample(found, labels, [scores], plan, seed=seed, resamples=resamples)
    return {
        s.name: Estimate(
            s,
            values[s.name],
            drawn[s.name].interval(0, values[s.name], level, unresolved(s, labels)),
        )
        for s in found
    }


def roc_band(
    labels: ArrayLike,
    scores: ArrayLike,
    fpr: Sequence[float] | None = None,
    *,
    groups: ArrayLike | None = None,
    two_way: tuple[ArrayLike, ArrayLike] | None = None,
    strata: ArrayLike | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Band:
    """The ROC curve's band: for each FPR, an interval of the TPR (`expanded_quantiles`).

    Args:
        labels, scores, groups, two_way, strata, seed, resamples, level: as `cluster_bootstrap`.
        fpr: (k,) above 0, at most 1; None: up to 100 of the curve's own.

    Raises:
        ValueError: as `cluster_bootstrap`.
    """
    if fpr is None:
        own = np.unique(roc_curve(labels, scores).fpr)[1:]
        fpr = own[np.unique(np.linspace(0, len(own) - 1, 100).round().astype(int))].tolist()
    x = np.asarray(fpr, dtype=np.float64)
    tpr = np.array([tpr_at_fpr(labels, scores, at) for at in x.tolist()])
    plan = make_plan(labels, groups=groups, two_way=two_way, strata=strata)
    _checked(resamples, level)
    if plan.reason:
        return Band(x, tpr, None, None, level, plan.reason)
    wanted = [parse_statistic(f"tpr@fpr={at!r}") for at in x.tolist()]
    drawn = resample(wanted, labels, [scores], plan, seed=seed, resamples=resamples)
    ends = [expanded_quantiles(drawn[s.name].values[:, 0], plan.effective, level) for s in wanted]
    return Band(x, tpr, np.array([e[0] for e in ends]), np.array([e[1] for e in ends]), level)


def _checked(resamples: int, level: float) -> None:
    checked_share(level, "a level")
    if resamples < 2:
        raise ValueError(f"expected at least 2 resamples, got {resamples}")
