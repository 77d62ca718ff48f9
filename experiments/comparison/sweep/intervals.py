"""Intervals of 95 % for shares and medians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

_Z = 1.959963984540054


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Two-sided interval of a share (Wilson, JASA 1927). (0, 1) for n = 0.

    >>> [round(v, 4) for v in wilson(5, 100)]
    [0.0215, 0.1118]
    """
    if n == 0:
        return 0.0, 1.0
    p, z2 = hits / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def upper_bound(hits: int, n: int, confidence: float = 0.95) -> float:
    """One-sided upper bound of a share (Clopper & Pearson, Biometrika 1934). 1 for n = 0.

    >>> round(upper_bound(0, 50), 7), round(upper_bound(0, 300), 7)
    (0.0581551, 0.0099361)
    """
    if hits >= n:
        return 1.0
    return float(stats.beta.ppf(confidence, hits + 1, n - hits))


def quantile(values: Sequence[float], q: float) -> tuple[float, float, float]:
    """A quantile and its interval from order statistics, free of any distribution.

    Returns:
        value, lower, upper; where there are too few values for a bound, the extreme one.

    >>> quantile([1, 2, 3, 4, 5], 0.5)
    (3.0, 1.0, 5.0)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    low = int(stats.binom.ppf(0.025, n, q)) - 1
    high = int(stats.binom.ppf(0.975, n, q))
    return (
        float(np.quantile(ordered, q)),
        float(ordered[max(low, 0)]),
        float(ordered[min(high, n - 1)]),
    )
