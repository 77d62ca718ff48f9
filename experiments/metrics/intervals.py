"""What an interval is, and how the values of resamples become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .checks import checked_share

MIN_GROUPS = 10  # below, a percentile of resamples of so few clusters means little


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


def expanded_quantiles(values: ArrayLike, groups: int, level: float) -> tuple[float, float]:
    """The ends of a percentile interval, moved out for the small number of groups.

    Resamples of G groups vary by (G - 1) / G of what they should, and plain percentiles take the
    normal distribution where Student's belongs. So the ends are taken at the level

        a/2 = Phi(-sqrt(G / (G - 1)) t(1 - (1 - level) / 2; G - 1))

    instead of (1 - level) / 2 (Hesterberg, "What teachers should know about the bootstrap", The
    American Statistician 69, 2015, section 5.3: the expanded percentile interval).

    Args:
        values: (R,) of the resamples.
        groups: G, at least 2.
        level: share between the ends.

    >>> low, high = expanded_quantiles(range(1001), groups=40, level=0.95)
    >>> round(low, 1), round(high, 1)
    (20.3, 979.7)
    """
    checked_share(level, "a level")
    if groups < 2:
        raise ValueError(f"expected at least 2 groups, got {groups}")
    t = special.stdtrit(groups - 1, 0.5 + level / 2)
    tail = float(special.ndtr(-np.sqrt(groups / (groups - 1)) * t))
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [tail, 1 - tail])
    return float(low), float(high)


def too_few(groups: int, per_class: Sequence[int]) -> str:
    """Why so many groups do not support an interval, or "" where they do.

    Args:
        groups: how many there are.
        per_class: groups that hold a video of each class.
    """
    if groups < MIN_GROUPS:
        return f"an interval needs at least {MIN_GROUPS} groups of videos, there are {groups}"
    if min(per_class) < 2:
        return "one of the two classes lies in a single group: nothing to resample it from"
    return ""
