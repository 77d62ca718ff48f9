"""The best rising fit: pool adjacent violators. The ROC's convex hull is the same thing."""

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64


def pav(values: ArrayLike, weights: ArrayLike | None = None) -> Float64:
    """The non-decreasing numbers that are nearest to `values` by (weighted) squares.

    Ayer et al., "An empirical distribution function for sampling with incomplete information",
    Annals of Mathematical Statistics 26, 1955.

    Args:
        values: (n,) in the order in which the fit must rise.
        weights: (n,) above 0; None counts each once.

    Returns:
        (n,) the fit.

    Raises:
        ValueError: lengths that differ, a value that isn't finite, a weight that isn't above 0.

    >>> pav([3, 7, 5, 9, 8, 7, 10]).tolist()
    [3.0, 6.0, 6.0, 8.0, 8.0, 8.0, 10.0]
    """
    y = np.asarray(values, dtype=np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=np.float64)
    if y.ndim != 1 or y.shape != w.shape:
        raise ValueError(f"expected as many weights as values, got {w.shape} and {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError("expected finite values")
    if not ((w > 0) & np.isfinite(w)).all():
        raise ValueError("expected finite weights above 0")
    if not len(y):
        return y
    sums = y * w
    starts = pools(sums, w)
    means = np.add.reduceat(sums, starts) / np.add.reduceat(w, starts)
    return np.repeat(means, np.diff(np.append(starts, len(y))))


def pools(sums: Float64, weights: Float64) -> Int64:
    """Where the pools of the rising fit to `sums / weights` begin.

    Two neighbours of which the first is not below the second belong to one pool. Whole runs of
    such neighbours are pooled at once while that helps; what is left is done one by one.

    Args:
        sums, weights: (n,) with n at least 1; whole numbers are compared exactly.

    Returns:
        (k,) rising, the first is 0; the means rise strictly from pool to pool.
    """
    starts = np.arange(len(sums))
    while True:
        rises = sums[:-1] * weights[1:] < sums[1:] * weights[:-1]
        first = np.concatenate([[0], np.flatnonzero(rises) + 1])
        if len(first) == len(sums):
            return starts
        few = len(first) > 0.9 * len(sums)
        starts = starts[first]
        sums, weights = np.add.reduceat(sums, first), np.add.reduceat(weights, first)
        if few:
            return np.asarray(starts[_one_by_one(sums.tolist(), weights.tolist())])


def _one_by_one(sums: list[float], weights: list[float]) -> list[int]:
    stack: list[tuple[float, float, int]] = []
    for place, (s, w) in enumerate(zip(sums, weights, strict=True)):
        start = place
        while stack and stack[-1][0] * w >= s * stack[-1][1]:
            before, weight, start = stack.pop()
            s, w = s + before, w + weight
        stack.append((s, w, start))
    return [start for _, _, start in stack]
