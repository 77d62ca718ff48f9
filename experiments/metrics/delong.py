"""The AUC's variance without resampling, for independent and for clustered videos; pairs of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64
from .checks import checked_both, checked_share
from .intervals import (
    Interval,
    effective_groups,
    from_standard_error,
    too_few,
    two_sided_p,
    unsupported,
)


@dataclass(frozen=True)
class PairedAuc:
    """Two detectors' AUCs on the same videos.

    `difference`: first less second; `interval` is the difference's. `p`: two-sided, of no
    difference; None where the interval is not supported.
    """

    first: float
    second: float
    difference: float
    interval: Interval
    standard_error: float
    p: float | None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {**self.__dict__, "interval": self.interval.to_dict()}


@dataclass(frozen=True)
class AucCovariance:
    """AUCs of D detectors on the same videos, and how they vary together.

    `aucs`: (D,). `covariance`: (D, D). `n`: videos. `groups`: of them; `fewest`: of a class.
    `effective`: groups of even size that they are worth, infinite without groups: the normal
    distribution is DeLong's own. `reason`: why they support no interval, or "".
    """

    aucs: Float64
    covariance: Float64
    n: int
    groups: int
    fewest: int
    effective: float
    reason: str

    def standard_error(self, contrast: Float64) -> float:
        """Of the sum of the AUCs, each times its part of `contrast` (D,).

        Obuchowski's factor I / (I - 1) makes up for the mean's own variance where groups are of one
        size; for uneven ones it is that of as many even groups as they are worth.
        """
        variance = max(0.0, float(contrast @ self.covariance @ contrast))
        if np.isfinite(self.effective) and self.effective > 1:
            even, given = (g / (g - 1) for g in (self.effective, self.fewest))
            variance *= max(1.0, even / given)
        return float(np.sqrt(variance))


def auc_covariance(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike | None = None
) -> AucCovariance:
    """AUCs and their covariance, in O(D n log n).

    Without groups: DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more
    correlated ROC curves", Biometrics 44, 1988. With groups, whose videos need not be independent,
    and which may hold both classes: Obuchowski, "Nonparametric analysis of clustered ROC curve
    data", Biometrics 53, 1997; for groups of one video each the two agree.

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: (D, n) finite, or (n,) of one detector.
        groups: (n,) each video's cluster; None: every video is its own.

    Raises:
        ValueError: only one class, lengths that differ, another label, a score that isn't finite.
    """
    table = np.atleast_2d(np.asarray(scores))
    y, _ = checked_both(labels, table[0], "AUC")
    checked = np.stack([checked_both(y, row, "AUC")[1] for row in table])
    if groups is None:
        member: Int64 = np.arange(len(y))
    else:
        names = np.asarray(groups)
        if names.shape != y.shape:
            raise ValueError(f"expected {len(y)} groups for {len(y)} scores, got {names.shape}")
        member = np.unique(names, return_inverse=True)[1].astype(np.int64)
    found = int(member.max()) + 1
    aucs = np.empty(len(table))
    sums = np.empty((2, len(table), found))  # by class: a group's sum of (placement - AUC)
    sizes = np.bincount(y, minlength=2)
    for d, x in enumerate(checked):
        real, forged = np.sort(x[y == 0]), np.sort(x[y == 1])
        place = np.empty(len(y))
        place[y == 1] = _share_below(real, x[y == 1])
        place[y == 0] = 1 - _share_below(forged, x[y == 0])
        aucs[d] = place[y == 1].mean()
        for label in (0, 1):
            here = y == label
            sums[label, d] = np.bincount(member[here], place[here] - aucs[d], found)
    holds = [len(np.unique(member[y == label])) for label in (0, 1)]
    covariance = np.zeros((len(table), len(table)))
    for label in (0, 1):
        if holds[label] > 1:
            share = holds[label] / (holds[label] - 1) / sizes[label] ** 2
            covariance += share * sums[label] @ sums[label].T
    if found > 1:
        cross = found / (found - 1) / (sizes[0] * sizes[1]) * sums[0] @ sums[1].T
        covariance += cross + cross.T
    reason = too_few(found, effective_groups(y, member), holds)
    effective = np.inf if groups is None else effective_groups(y, member)
    return AucCovariance(aucs, covariance, len(y), found, min(holds), effective, reason)


def delong_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    scale: str = "logit",
) -> Interval:
    """Interval of the AUC from `auc_covariance`, with Student's t (`from_standard_error`).

    Args:
        labels, scores, groups: as in `auc_covariance`, of one detector.
        level: of the two-sided interval.
        scale: `logit` or `plain`, see `from_standard_error`.

    Returns:
        Not supported, with the reason, for fewer than ten groups, a class in one group only, and
        for an AUC of 0 or 1, whose variance can't be seen.

    Raises:
        ValueError: as `auc_covariance`; a level or scale that isn't one.
    """
    checked_share(level, "a level")
    found = auc_covariance(labels, scores, groups)
    if len(found.aucs) != 1:
        raise ValueError(f"expected one detector's scores, got {len(found.aucs)}")
    value, se = float(found.aucs[0]), found.standard_error(np.ones(1))
    reason = found.reason
    if not reason and se == 0:
        reason = f"an AUC of {value:g} on these videos shows no variance to make an interval of"
    if reason:
        return unsupported(found.n, found.groups, level, reason)
    low, high = from_standard_error(value, se, found.effective, level, scale)
    method = f"{_method(found)}, {scale} scale"
    return Interval(low, high, found.n, found.groups, level, supported=True, method=method)


def delong_paired(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> PairedAuc:
    """Difference of two detectors' AUCs on the same videos, with its interval and p-value.

    Args:
        labels, groups: as in `auc_covariance`.
        first, second: (n,) scores of the same videos in the same order.
        level: of the two-sided interval.

    Returns:
        The interval is not supported as in `delong_interval`, and where the difference shows no
        variance; two detectors that rank all pairs alike differ by 0, with p = 1.

    Raises:
        ValueError: as `auc_covariance`.
    """
    checked_share(level, "a level")
    found = auc_covariance(labels, np.stack([np.asarray(first), np.asarray(second)]), groups)
    a, b = map(float, found.aucs)
    se = found.standard_error(np.array([1.0, -1.0]))
    se = 0.0 if se < 1e-9 else se  # what rounding leaves where both rank all pairs alike
    reason = found.reason
    if not reason and se == 0 and a != b:
        reason = "the difference shows no variance on these videos to make an interval of"
    if reason:
        return PairedAuc(a, b, a - b, unsupported(found.n, found.groups, level, reason), se, None)
    low, high = from_standard_error(a - b, se, found.effective, level, "plain")
    p = two_sided_p(a - b, se, found.effective - 1)
    method = f"paired {_method(found)}"
    interval = Interval(low, high, found.n, found.groups, level, supported=True, method=method)
    return PairedAuc(a, b, a - b, interval, se, p)


def _share_below(ordered: Float64, x: Float64) -> Float64:
    """Of each x: the share of `ordered` that lies below it, ties half."""
    low = np.searchsorted(ordered, x, side="left")
    return np.asarray((low + np.searchsorted(ordered, x, side="right")) / (2 * len(ordered)))


def _method(found: AucCovariance) -> str:
    if np.isinf(found.effective):
        return "DeLong, normal"
    return f"DeLong for clusters (Obuchowski 1997), t with {found.effective - 1:.4g} degrees"
