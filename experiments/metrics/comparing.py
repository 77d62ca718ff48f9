"""Whether one detector is better than another on the same videos: tests, differences, ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...datasets.types import Float64
from .bootstrap import RESAMPLES, Estimate
from .checks import checked_share
from .intervals import Interval
from .measuring import measure, unresolved
from .resampled import resample
from .resampling import make_plan
from .statistics import parse_statistic


@dataclass(frozen=True)
class McNemar:
    """`only_first`, `only_second`: videos that one detector alone got right.

    `chi_square`: with continuity correction; `p` is its. `p_exact`: of the binomial test.
    """

    only_first: int
    only_second: int
    chi_square: float
    p: float
    p_exact: float

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Difference:
    """Two detectors on the same resamples.

    `value`: first less second. `interval`: of this pair alone. `p`: two-sided, of no difference;
    `p_holm`: adjusted for all pairs; both None where not supported. `better`: the better one's name
    where `p_holm` is below 1 - level, else None.
    """

    first: str
    second: str
    value: float
    interval: Interval
    p: float | None
    p_holm: float | None
    better: str | None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {**self.__dict__, "interval": self.interval.to_dict()}


@dataclass(frozen=True)
class RankInterval:
    """`rank`: 1 is the best. `low`, `high`: the ranks that can't be ruled out, at `level`."""

    name: str
    rank: int
    low: int
    high: int
    level: float

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Comparison:
    """Detectors by one measure: `estimates` and `ranks` best first, `differences` of all pairs."""

    statistic: str
    estimates: dict[str, Estimate]
    differences: tuple[Difference, ...]
    ranks: dict[str, RankInterval]

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "statistic": self.statistic,
            "estimates": {name: e.to_dict() for name, e in self.estimates.items()},
            "differences": [d.to_dict() for d in self.differences],
            "ranks": {name: r.to_dict() for name, r in self.ranks.items()},
        }


def mcnemar(both_right: int, only_first: int, only_second: int, both_wrong: int) -> McNemar:
    """McNemar's test of two detectors' decisions on the same videos.

        chi-square = (|b - c| - 1)^2 / (b + c), one degree of freedom

    with b and c the videos that only one got right (0 where b = c). The exact test is the binomial
    of b out of b + c at one half. McNemar, "Note on the sampling error of the difference between
    correlated proportions", Psychometrika 12, 1947. Videos are taken as independent.

    Raises ValueError for negative counts.

    >>> found = mcnemar(794, 86, 150, 570)
    >>> round(found.chi_square, 6), round(found.p, 9), round(found.p_exact, 9)
    (16.817797, 4.1146e-05, 3.7159e-05)
    """
    counts = (both_right, only_first, only_second, both_wrong)
    if min(counts) < 0:
        raise ValueError(f"expected counts of at least 0, got {counts}")
    b, c = only_first, only_second
    if b == c:
        return McNemar(b, c, 0.0, 1.0, 1.0)
    chi_square = (abs(b - c) - 1) ** 2 / (b + c)
    exact = 2 * float(special.bdtr(min(b, c), b + c, 0.5))
    return McNemar(b, c, chi_square, float(special.chdtrc(1, chi_square)), min(1.0, exact))


def mcnemar_of(first_right: ArrayLike, second_right: ArrayLike) -> McNemar:
    """As `mcnemar`, of whether each detector got each video right: (n,) and (n,) true or false."""
    a, b = np.asarray(first_right), np.asarray(second_right)
    if a.shape != b.shape or a.dtype != np.bool_ or b.dtype != np.bool_:
        raise ValueError(
            f"expected two lists of true and false of one length, got {a.dtype} {a.shape} and "
            f"{b.dtype} {b.shape}"
        )
    return mcnemar(
        int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum())
    )


def holm(p_values: ArrayLike) -> Float64:
    """P-values adjusted for their number, so that the chance of any false finding is held.

        adjusted_(i) = max over j <= i of min(1, (m - j + 1) p_(j)), by rising p

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.

    Raises ValueError for a p-value outside 0 to 1.

    >>> holm([0.01, 0.04, 0.03, 0.005]).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"expected p-values between 0 and 1, got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1, np.arange(len(p), 0, -1) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted


def paired_cluster_bootstrap(
    statistic: str,
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    groups: ArrayLike | None = None,
    two_way: tuple[ArrayLike, ArrayLike] | None = None,
    strata: ArrayLike | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Comparison:
    """Two or many detectors by one measure, on the same resamples of the same videos.

    What makes a video hard for both detectors falls out of their difference. Its interval and its
    p-value both come from the difference's standard error on the resamples, by Student's t: they
    agree with each other, and p can be small enough to stay so when many pairs are tested.

    Args:
        statistic: a measure's name, see `parse_statistic`.
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: of each detector, by its name; (n,) finite, of the same videos in the same order.
        groups, two_way, strata, seed, resamples: as `cluster_bootstrap`.
        level: of each detector's and each pair's interval, and of all rank intervals together.

    Returns:
        Estimates, best first; a difference for each pair, the better one first; rank intervals.
        Differences are not supported as in `cluster_bootstrap`.

    Raises:
        ValueError: as `cluster_bootstrap`; fewer than two detectors, fewer than two resamples.
    """
    checked_share(level, "a level")
    if len(scores) < 2:
        raise ValueError(f"expected at least 2 detectors to compare, got {len(scores)}")
    if resamples < 2:
        raise ValueError(f"expected at least 2 resamples, got {resamples}")
    found = parse_statistic(statistic)
    plan = make_plan(labels, groups=groups, two_way=two_way, strata=strata)
    values = {name: measure(statistic, labels, x) for name, x in scores.items()}
    sign = -1 if found.higher_is_better else 1
    names = sorted(values, key=lambda name: (sign * values[name], name))
    tables = [scores[name] for name in names]
    drawn = resample([found], labels, tables, plan, seed=seed, resamples=resamples)[statistic]
    why_not = unresolved(found, labels)
    estimates = {
        name: Estimate(found, values[name], drawn.interval(i, values[name], level, why_not))
        for i, name in enumerate(names)
    }
    pairs = []
    for i, first in enumerate(names):
        for j, second in enumerate(names[i + 1 :], i + 1):
            value = values[first] - values[second]
            interval, p = drawn.difference(i, j, value, level, why_not)
            pairs.append(Difference(first, second, value, interval, p, None, None))
    tested = [pair.p for pair in pairs if pair.p is not None]
    adjusted = iter(holm(tested).tolist())
    differences = tuple(
        pair if pair.p is None else _judged(pair, next(adjusted), found.higher_is_better, level)
        for pair in pairs
    )
    ranks = rank_intervals(values, differences, found.higher_is_better, level=level)
    return Comparison(statistic, estimates, differences, ranks)


def rank_intervals(
    values: Mapping[str, float],
    differences: Sequence[Difference],
    higher_is_better: bool,
    *,
    level: float = 0.95,
) -> dict[str, RankInterval]:
    """Ranks that the comparisons of pairs leave open, for all detectors at once.

    A detector's rank is at best 1 + the number that are shown to be better, and at worst the number
    of all less those that are shown to be worse. As all pairs together are wrong with a chance of
    at most 1 - level (Holm), so are all of these intervals together. Mogstad, Romano, Shaikh &
    Wilhelm, "Inference for ranks with applications to mobility across neighbourhoods and academic
    achievement across countries", Review of Economic Studies 91, 2024.

    Args:
        values: of the measure, by detector; equal ones share a rank.
        differences: of the pairs, with `better`; a pair that is missing is left open.
        higher_is_better: which end of the measure is the good one.
        level: that `better` was decided at.

    Returns:
        By detector, best first.
    """
    sign = -1 if higher_is_better else 1
    names = sorted(values, key=lambda name: (sign * values[name], name))
    beaten_by = dict.fromkeys(names, 0)
    beats = dict.fromkeys(names, 0)
    for pair in differences:
        if pair.better is not None:
            beats[pair.better] += 1
            beaten_by[pair.second if pair.better == pair.first else pair.first] += 1
    out = {}
    for name in names:
        rank = 1 + sum(sign * values[other] < sign * values[name] for other in names)
        out[name] = RankInterval(name, rank, 1 + beaten_by[name], len(names) - beats[name], level)
    return out


def _judged(pair: Difference, p_holm: float, higher_is_better: bool, level: float) -> Difference:
    better = None
    if p_holm < 1 - level:
        better = pair.first if (pair.value > 0) == higher_is_better else pair.second
    return replace(pair, p_holm=p_holm, better=better)
