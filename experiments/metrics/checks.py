"""Labels, scores and probabilities, checked in one place for every metric."""

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64


def checked_labels(labels: ArrayLike) -> Int64:
    """(n,) of 0 (real) and 1 (manipulated), as whole numbers.

    Raises ValueError for another label or another shape.

    >>> checked_labels([True, False])
    array([1, 0])
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise ValueError(f"expected one label for each video, got labels of shape {given.shape}")
    if not np.isin(given, (0, 1)).all():
        raise ValueError(f"expected labels 0 and 1, got {np.unique(given)[:5].tolist()}")
    return given.astype(np.int64)


def checked(
    labels: ArrayLike, scores: ArrayLike, *, infinite: bool = False
) -> tuple[Int64, Float64]:
    """Labels (n,) and as many scores (n,), float64.

    Args:
        labels: 0 (real) or 1 (manipulated).
        scores: numbers; text is refused, also text that looks like a number.
        infinite: whether plus and minus infinity are allowed; NaN never is.

    Raises:
        ValueError: lengths that differ, another label, a score that is not a (finite) number.
    """
    y = checked_labels(labels)
    x = _numbers(scores, "scores")
    if y.shape != x.shape:
        raise ValueError(f"expected as many labels as scores, got {y.shape} and {x.shape}")
    bad = np.isnan(x) if infinite else ~np.isfinite(x)
    if bad.any():
        where = int(np.flatnonzero(bad)[0])
        raise ValueError(f"expected finite scores, got {x[where]} in place {where}")
    return y, x


def checked_both(
    labels: ArrayLike, scores: ArrayLike, what: str, *, infinite: bool = False
) -> tuple[Int64, Float64]:
    """As `checked`, and both classes are there; `what` is the metric's name for the error."""
    y, x = checked(labels, scores, infinite=infinite)
    forged = int(y.sum())
    if forged in (0, len(y)):
        raise ValueError(
            f"{what} needs both classes, got {len(y) - forged} genuine, {forged} forged"
        )
    return y, x


def checked_probabilities(
    labels: ArrayLike, probabilities: ArrayLike, what: str
) -> tuple[Int64, Float64]:
    """As `checked`, of at least one video, and every score lies in 0 to 1.

    Raises ValueError otherwise: a logit is not quietly taken for a probability.
    """
    y, p = checked(labels, probabilities)
    if not len(p):
        raise ValueError(f"{what} needs at least one video, got none")
    outside = (p < 0) | (p > 1)
    if outside.any():
        where = int(np.flatnonzero(outside)[0])
        raise ValueError(
            f"{what} needs probabilities between 0 and 1, got {p[where]} in place {where}; "
            "turn other scores into probabilities first, on development data"
        )
    return y, p


def checked_share(value: float, what: str, *, ends: bool = False) -> float:
    """A number between 0 and 1; the ends themselves only where `ends` says so.

    Raises ValueError otherwise.
    """
    inside = 0 <= value <= 1 if ends else 0 < value < 1
    if not inside:
        raise ValueError(f"expected {what} between 0 and 1, got {value}")
    return float(value)


def _numbers(values: ArrayLike, what: str) -> Float64:
    given = np.asarray(values)
    if given.dtype.kind not in "biuf" and given.size:
        raise ValueError(f"expected numbers as {what}, got {given.dtype} such as {given.flat[0]!r}")
    return given.astype(np.float64)
