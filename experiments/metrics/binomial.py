"""Shares of independent videos, with exact and approximate bounds."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from .checks import checked_share


@dataclass(frozen=True)
class Bound:
    """A share `k / n` and its bounds.

    `low`, `high`: 0 and 1 where n is 0: nothing is known. `one_sided`: only `high` is a bound (with
    the whole level), and `low` is 0.
    """

    k: int
    n: int
    low: float
    high: float
    level: float
    method: str
    one_sided: bool = False

    @property
    def value(self) -> float | None:
        """The share; None for no videos."""
        return self.k / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {"value": self.value, **self.__dict__}


def wilson(k: int, n: int, level: float = 0.95) -> Bound:
    """The score interval of a share, close to its level on average.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Args:
        k: videos that count.
        n: independent videos in all; clustered ones want a bootstrap over groups instead.
        level: of the two-sided interval.

    Raises:
        ValueError: k not within 0 to n; a level outside (0, 1).

    >>> bound = wilson(5, 100)
    >>> round(bound.low, 7), round(bound.high, 7)
    (0.0215437, 0.1117505)
    """
    _check(k, n, level)
    if n == 0:
        return Bound(k, n, 0.0, 1.0, level, "Wilson")
    z = float(special.ndtri(0.5 + level / 2))
    share, z2 = k / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, middle - half)
    high = 1.0 if k == n else min(1.0, middle + half)
    return Bound(k, n, low, high, level, "Wilson")


def clopper_pearson(k: int, n: int, level: float = 0.95, *, one_sided: bool = False) -> Bound:
    """The exact interval of a share: it holds the truth at least as often as its level says.

    With `one_sided`, the upper bound alone: what "k errors in n" leaves possible.

    Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26, 1934.

    Args:
        k, n, level: as in `wilson`.
        one_sided: the whole of 1 - level goes to the upper side.

    Raises:
        ValueError: as `wilson`.

    >>> round(clopper_pearson(0, 50).high, 7)
    0.0711217
    >>> round(clopper_pearson(0, 50, one_sided=True).high, 7)
    0.0581551
    """
    _check(k, n, level)
    tail = 1 - level if one_sided else (1 - level) / 2
    low = 0.0 if k == 0 or one_sided else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))
    return Bound(k, n, low, high, level, "Clopper-Pearson", one_sided)


def _check(k: int, n: int, level: float) -> None:
    checked_share(level, "a level")
    for value, what in ((k, "k"), (n, "n")):
        if not isinstance(value, int | np.integer):
            raise ValueError(f"expected a whole number as {what}, got {value!r}")
    if not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n, got k = {k}, n = {n}")
