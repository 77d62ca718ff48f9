"""What an interval is, and how the values of resamples become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...datasets.types import Int64
from .checks import checked_share

MIN_GROUPS = 10  # below, resamples of so few clusters mean little
MIN_EFFECTIVE = 1.5  # groups of a class, see `effective_groups`
SCALES = ("logit", "log", "plain")


@dataclass(frozen=True)
class Interval:
    """An interval of a measure.

    `low`, `high`: None where not supported. `n`: videos. `groups`: clusters that were resampled.
    `supported`: whether there was enough to make one from. `reason`: why not; "" where supported.
    `method`: how it was made, in words.
    """

    low: float | None
    high: float | None
    n: int
    groups: int
    level: float
    supported: bool
    reason: str = ""
    method: str = ""

    def __post_init__(self) -> None:
        if self.supported != (self.low is not None and self.high is not None):
            raise ValueError(
                f"expected two ends where supported and none elsewhere, got supported="
                f"{self.supported} with {self.low} to {self.high}"
            )
        if self.supported == bool(self.reason):
            raise ValueError("expected a reason where an interval is not supported, and only there")

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


def unsupported(n: int, groups: int, level: float, reason: str) -> Interval:
    """An interval that is not given, and why."""
    return Interval(None, None, n, groups, level, supported=False, reason=reason)


def from_standard_error(
    value: float, error: float, effective: float, level: float, scale: str
) -> tuple[float, float]:
    """The ends of a t interval that is made on a scale without an edge, and turned back.

        g^-1(g(value) -+ t error g'(value)), t of Student with `effective` - 1 degrees of freedom

    Near an edge (an AUC of .97) a measure leans away from it, and an interval must too: that the
    plain one and percentiles of resamples do so too little shows in `coverage`. Pepe, "The
    statistical evaluation of medical tests for classification and prediction", 2003.

    Args:
        value: of the measure; within 0 and 1, without the ends, for `logit`; above 0 for `log`.
        error: its standard error, above 0.
        effective: groups, see `effective_groups`; infinity for the normal distribution.
        level: of the two-sided interval.
        scale: `logit`, `log` or `plain`.

    Raises:
        ValueError: another scale.

    >>> [round(end, 4) for end in from_standard_error(0.97, 0.01, 40, 0.95, "logit")]
    [0.9416, 0.9848]
    """
    half = student_quantile(effective - 1, 0.5 + level / 2) * error
    if scale == "logit":
        middle, half = float(special.logit(value)), half / (value * (1 - value))
        return float(special.expit(middle - half)), float(special.expit(middle + half))
    if scale == "log":
        return value * float(np.exp(-half / value)), value * float(np.exp(half / value))
    if scale == "plain":
        return value - half, value + half
    raise ValueError(f"expected a scale in {SCALES}, got {scale!r}")


def student_quantile(degrees: float, share: float) -> float:
    """Where that share of Student's t lies below; of the normal at infinitely many degrees."""
    return float(special.ndtri(share) if np.isinf(degrees) else special.stdtrit(degrees, share))


def two_sided_p(value: float, error: float, degrees: float) -> float:
    """Chance of a value at least so far from 0, by Student's t; 1 where both are 0.

    >>> round(two_sided_p(1.96, 1.0, np.inf), 4)
    0.05
    """
    if error == 0:
        return 1.0
    t = -abs(value) / error
    return 2 * float(special.ndtr(t) if np.isinf(degrees) else special.stdtr(degrees, t))


def resampled_error(values: ArrayLike, effective: float) -> float:
    """Standard error from values on resamples (R,): their standard deviation, which is too small by
    (G - 1) / G in its square, G the groups; 0 where nothing but rounding is in it."""
    error = float(np.std(np.asarray(values, dtype=np.float64), ddof=1))
    return 0.0 if error < 1e-12 else error * float(np.sqrt(effective / (effective - 1)))


def expanded_quantiles(values: ArrayLike, effective: float, level: float) -> tuple[float, float]:
    """The ends of a percentile interval, moved out for the small number of groups.

    Resamples of G groups vary by (G - 1) / G of what they should, and plain percentiles take the
    normal distribution where Student's belongs. So the ends are taken at the level

        a/2 = Phi(-sqrt(G / (G - 1)) t(1 - (1 - level) / 2; G - 1))

    instead of (1 - level) / 2: the expanded percentile interval (Hesterberg, "What teachers should
    know about the bootstrap", The American Statistician 69, 2015).

    Args:
        values: (R,) of the resamples.
        effective: G, above 1.
        level: share between the ends.

    >>> low, high = expanded_quantiles(range(1001), 40, level=0.95)
    >>> round(low, 1), round(high, 1)
    (20.3, 979.7)
    """
    checked_share(level, "a level")
    if not effective > 1:
        raise ValueError(f"expected more than 1 group, got {effective}")
    t = student_quantile(effective - 1, 0.5 + level / 2)
    tail = float(special.ndtr(-np.sqrt(effective / (effective - 1)) * t))
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [tail, 1 - tail])
    return float(low), float(high)


def effective_groups(labels: Int64, groups: Int64) -> float:
    """How many groups of one size the groups of a class are worth; the lesser of the classes.

        (sum of m)^2 / sum of m^2, with m the videos of that class in each group

    Groups of uneven size tell less than as many even ones (Kish, "Survey sampling", 1965; Carter,
    Schnepel & Steigerwald, "Asymptotic behavior of a t-test robust to cluster heterogeneity",
    Review of Economics and Statistics 99, 2017, whose measure this is where all of a group's
    variance is shared).

    Args:
        labels: (n,) of 0 and 1, both there.
        groups: (n,) numbers from 0.

    >>> effective_groups(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 1, 0, 1, 2]))
    1.8
    """
    sizes = [np.bincount(groups[labels == c]).astype(np.float64) for c in (0, 1)]
    return min(float(m.sum() ** 2 / (m**2).sum()) for m in sizes)


def too_few(groups: int, effective: float, per_class: Sequence[int]) -> str:
    """Why so many groups do not support an interval, or "" where they do.

    Args:
        groups: how many there are.
        effective: see `effective_groups`.
        per_class: groups that hold a video of each class.
    """
    if groups < MIN_GROUPS:
        return f"an interval needs at least {MIN_GROUPS} groups of videos, there are {groups}"
    if min(per_class) < 2:
        return "one of the two classes lies in a single group: nothing to resample it from"
    if effective < MIN_EFFECTIVE:
        return (
            f"one group holds so many of a class's videos that its groups count as {effective:.1f} "
            "of even size"
        )
    return ""
