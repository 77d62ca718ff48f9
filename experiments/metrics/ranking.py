"""How well scores rank manipulated videos above real ones: AUC, and its clustered interval."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64
from .checks import checked, checked_share
from .intervals import (
    MIN_GROUPS,
    Interval,
    effective_groups,
    from_standard_error,
    resampled_error,
    too_few,
    unsupported,
)

__all__ = [
    "MIN_GROUPS",
    "Interval",
    "auc",
    "auc_between",
    "clustered_auc_interval",
    "stratified_auc",
]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, exact, in O(n log n).

    The Mann-Whitney form: over all pairs of a real video r and a manipulated one m,

        AUC = (#{s_m > s_r} + #{s_m = s_r} / 2) / (number of pairs).

    Hanley & McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982.

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: (n,) finite; higher means more like a manipulated one.

    Raises:
        ValueError: only one class, lengths that differ, another label, a score that isn't finite.

    >>> auc([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0])
    0.875
    """
    return _Ranked(labels, scores).auc()


def auc_between(genuine: Sequence[float], forged: Sequence[float]) -> float:
    """As `auc`, of two lists of scores.

    >>> auc_between([0.0, 1.0], [1.0, 2.0])
    0.875

    Raises ValueError when one of them is empty.
    """
    return auc([0] * len(genuine) + [1] * len(forged), [*genuine, *forged])


def stratified_auc(labels: ArrayLike, scores: ArrayLike, strata: ArrayLike) -> float:
    """As `auc`, over the pairs whose two videos are of the same stratum.

    For scores of several models (folds), which can't be compared with each other: pooled over
    folds, an AUC also counts pairs that no one model ever ranked.

    Args:
        labels, scores: as in `auc`.
        strata: (n,) which model gave the score.

    Raises:
        ValueError: as in `auc`, or no stratum has both classes.
    """
    return _Ranked(labels, scores, strata).auc()


def clustered_auc_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[str],
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
    strata: ArrayLike | None = None,
) -> Interval:
    """Interval of the AUC by a bootstrap over groups.

    Whole groups are drawn with replacement, each with all of its videos, so that videos of one
    person count as the one piece of evidence that they are (Field & Welsh, "Bootstrapping clustered
    data", J. R. Stat. Soc. B 69, 2007). A resample that lacks a class is drawn again. The ends come
    from the resamples' standard error (`from_standard_error`); an AUC of 0 or 1 shows none, and
    gives itself as both ends.

    Args:
        labels, scores: as in `auc`.
        groups: (n,) each video's cluster.
        seed: of the resamples; the order of the videos does not matter.
        resamples: how many.
        level: share of such intervals that hold the truth.
        strata: as in `stratified_auc`; None compares all pairs.

    Returns:
        Not supported (with the reason) for fewer than ten groups, or where a class lies in one
        group only.

    Raises:
        ValueError: as in `auc`; a level outside (0, 1); no resamples.
    """
    checked_share(level, "a level")
    if resamples < 1:
        raise ValueError(f"expected at least 1 resample, got {resamples}")
    ranked = _Ranked(labels, scores, strata)
    if len(groups) != len(ranked.labels):
        raise ValueError(
            f"expected {len(ranked.labels)} groups for {len(ranked.labels)} scores, "
            f"got {len(groups)}"
        )
    value = ranked.auc()  # so that one class only is an error, however few groups there are
    names, member = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    found, n = len(names), len(ranked.labels)
    per_class = [len(np.unique(member[ranked.labels == label])) for label in (0, 1)]
    effective = effective_groups(ranked.labels, member)
    reason = too_few(found, effective, per_class)
    if reason:
        return unsupported(n, found, level, reason)
    rng = np.random.default_rng(seed)
    values: list[float] = []
    while len(values) < resamples:
        drawn = np.bincount(rng.integers(0, found, found), minlength=found)
        one = ranked.weighted(drawn[member])
        if one is not None:
            values.append(one)
    low = high = value
    error = resampled_error(values, effective) if resamples > 1 else 0.0
    if error and 0 < value < 1:
        low, high = from_standard_error(value, error, effective, level, "logit")
    method = f"standard error on {resamples} resamples of groups, logit scale, t"
    return Interval(low, high, n, found, level, supported=True, method=method)


class _Ranked:
    """Videos sorted once; after that, each AUC with whole-number weights takes O(n)."""

    def __init__(
        self, labels: ArrayLike, scores: ArrayLike, strata: ArrayLike | None = None
    ) -> None:
        self.labels: Int64
        values: Float64
        self.labels, values = checked(labels, scores)
        kinds = np.zeros(len(values), np.int64)
        if strata is not None:
            given = np.asarray(strata)
            if given.shape != values.shape:
                raise ValueError(f"expected {len(values)} strata, got {given.shape}")
            kinds = np.unique(given, return_inverse=True)[1].astype(np.int64)
        order = np.lexsort((values, kinds))
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (np.diff(values[order]) != 0) | (np.diff(kinds[order]) != 0)
        # A bin is one score within one stratum; bins rise by stratum, and in it by score.
        self.bins: Int64 = np.empty(len(order), np.int64)
        self.bins[order] = np.cumsum(new) - 1
        self.stratum_of_bin: Int64 = kinds[order][new]

    def auc(self) -> float:
        """Every video counted once. Raises ValueError without both classes."""
        value = self.weighted(np.ones(len(self.labels), np.int64))
        if value is None:
            forged = int(self.labels.sum())
            where = " in any one stratum" if 0 < forged < len(self.labels) else ""
            raise ValueError(
                f"AUC needs both classes{where}, "
                f"got {len(self.labels) - forged} genuine, {forged} forged"
            )
        return value

    def weighted(self, weights: Int64) -> float | None:
        """The AUC where each video counts `weights` (n,) times; None without a pair.

        All sums are of whole and half numbers far below 2**53: exact.
        """
        if not len(weights):
            return None
        bins, strata = len(self.stratum_of_bin), int(self.stratum_of_bin[-1]) + 1
        forged = np.bincount(self.bins, weights * self.labels, bins)
        genuine = np.bincount(self.bins, weights * (1 - self.labels), bins)
        per_stratum = np.bincount(self.stratum_of_bin, genuine, strata)
        before = np.cumsum(per_stratum) - per_stratum  # genuine ones of the strata before
        below = np.cumsum(genuine) - genuine - before[self.stratum_of_bin]
        pairs = float(np.sum(per_stratum * np.bincount(self.stratum_of_bin, forged, strata)))
        return float(np.sum(forged * (below + genuine / 2))) / pairs if pairs else None
