"""How well scores rank manipulated videos above real ones: AUC, and its clustered interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64

MIN_GROUPS = 10  # below, a percentile of resamples of so few clusters means little


@dataclass(frozen=True)
class Interval:
    """A percentile interval from a bootstrap over groups.

    `low`, `high`: None where not supported. `n`: videos. `groups`: clusters that were resampled.
    `supported`: whether there were groups enough. `reason`: why not; "" where supported.
    """

    low: float | None
    high: float | None
    n: int
    groups: int
    level: float
    supported: bool
    reason: str = ""

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
    """Percentile interval of the AUC by a bootstrap over groups.

    Whole groups are drawn with replacement, each with all of its videos, so that videos of one
    person count as the one piece of evidence that they are (Field & Welsh, "Bootstrapping clustered
    data", J. R. Stat. Soc. B 69, 2007). A resample that lacks a class is drawn again.

    Args:
        labels, scores: as in `auc`.
        groups: (n,) each video's cluster.
        seed: of the resamples; the order of the videos does not matter.
        resamples: how many.
        level: share of the resamples between the two ends.
        strata: as in `stratified_auc`; None compares all pairs.

    Returns:
        Not supported (with the reason) for fewer than ten groups, or where a class lies in one
        group only.

    Raises:
        ValueError: as in `auc`; a level outside (0, 1); no resamples.
    """
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1, got {level}")
    if resamples < 1:
        raise ValueError(f"expected at least 1 resample, got {resamples}")
    ranked = _Ranked(labels, scores, strata)
    if len(groups) != len(ranked.labels):
        raise ValueError(
            f"expected {len(ranked.labels)} groups for {len(ranked.labels)} scores, "
            f"got {len(groups)}"
        )
    ranked.auc()  # so that one class only is an error, however few groups there are
    names, member = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    found, n = len(names), len(ranked.labels)
    fewest = min(len(np.unique(member[ranked.labels == label])) for label in (0, 1))
    reason = ""
    if found < MIN_GROUPS:
        reason = f"an interval needs at least {MIN_GROUPS} groups of videos, there are {found}"
    elif fewest < 2:
        reason = "one of the two classes lies in a single group: nothing to resample it from"
    if reason:
        return Interval(None, None, n, found, level, supported=False, reason=reason)
    rng = np.random.default_rng(seed)
    values: list[float] = []
    while len(values) < resamples:
        drawn = np.bincount(rng.integers(0, found, found), minlength=found)
        value = ranked.weighted(drawn[member])
        if value is not None:
            values.append(value)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), n, found, level, supported=True)


class _Ranked:
    """Videos sorted once; after that, each AUC with whole-number weights takes O(n)."""

    def __init__(
        self, labels: ArrayLike, scores: ArrayLike, strata: ArrayLike | None = None
    ) -> None:
        self.labels: Int64 = np.asarray(labels).astype(np.int64)
        values: Float64 = np.asarray(scores, dtype=np.float64)
        if self.labels.ndim != 1 or self.labels.shape != values.shape:
            raise ValueError(
                f"expected as many labels as scores, got {self.labels.shape} and {values.shape}"
            )
        if not np.isin(np.asarray(labels), (0, 1)).all():
            got = np.unique(np.asarray(labels))[:5].tolist()
            raise ValueError(f"expected labels 0 and 1, got {got}")
        if not np.isfinite(values).all():
            where = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(f"expected finite scores, got {values[where]} in place {where}")
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
