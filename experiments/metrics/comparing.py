"""Whether one detector is better than another on the same videos: tests, differences, ranks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...datasets.types import Float64
from .bootstrap import RESAMPLES, Estimate
from .checks import checked_share
from .intervals import Interval


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

    `value`: first less second. `better`: the name of the better one where the interval leaves out
    0, else None. `p`: two-sided; `p_holm`: adjusted for all pairs. Both None where not supported.
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
    """`rank`: 1 is the best. `low`, `high`: the ranks that can't be ruled out."""

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
    """Detectors by one measure, best first."""

    statistic: str
    estimates: dict[str, Estimate]
    differences: tuple[Difference, ...]
    ranks: dict[str, RankInterval]


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
    """Two or many detectors by one measure, on the same resamples of the same videos."""
    checked_share(level, "a level")
    raise NotImplementedError


def rank_intervals(
    values: Mapping[str, float],
    resampled: Mapping[str, ArrayLike],
    *,
    higher_is_better: bool,
    groups: int,
    level: float = 0.95,
) -> dict[str, RankInterval]:
    """Ranks that can't be ruled out, for all detectors at once."""
    raise NotImplementedError
