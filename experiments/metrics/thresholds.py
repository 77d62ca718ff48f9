"""Thresholds from development scores, and what a threshold does to others."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked, checked_share
from .curves import nearest, roc_counts, roc_curve


@dataclass(frozen=True)
class Confusion:
    """Counts of videos at a threshold; flagged means at or above it.

    `tp`, `fn`: manipulated ones that are and are not flagged. `fp`, `tn`: real ones. Rates are None
    where their class is missing.
    """

    threshold: float
    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def tpr(self) -> float | None:
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def fpr(self) -> float | None:
        return self.fp / (self.fp + self.tn) if self.fp + self.tn else None

    @property
    def accuracy(self) -> float | None:
        n = self.tp + self.fn + self.fp + self.tn
        return (self.tp + self.tn) / n if n else None

    @property
    def balanced_accuracy(self) -> float | None:
        return None if self.tpr is None or self.fpr is None else (self.tpr + 1 - self.fpr) / 2

    @property
    def precision(self) -> float | None:
        """None where nothing is flagged."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        rates = ("tpr", "fpr", "accuracy", "balanced_accuracy", "precision")
        return {**self.__dict__, **{name: getattr(self, name) for name in rates}}


def confusion(labels: ArrayLike, scores: ArrayLike, threshold: float) -> Confusion:
    """Counts at a threshold; one class alone is allowed.

    Raises ValueError as in `roc_curve` otherwise, and for a threshold that is not a number.

    >>> confusion([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], threshold=1.0)
    Confusion(threshold=1.0, tp=2, fn=0, fp=1, tn=1)
    """
    if np.isnan(threshold):
        raise ValueError("expected a threshold, got nan")
    y, x = checked(labels, scores)
    flagged = x >= threshold
    tp, fp = int(np.sum(flagged & (y == 1))), int(np.sum(flagged & (y == 0)))
    forged = int(y.sum())
    return Confusion(float(threshold), tp, forged - tp, fp, len(y) - forged - fp)


def threshold_at_fpr(labels: ArrayLike, scores: ArrayLike, fpr: float) -> float:
    """The lowest score that, as a threshold, keeps the FPR at or below `fpr`.

    Infinity where even the highest score flags too many real videos: nothing may be flagged.
    For development scores: a threshold that was chosen on test videos flatters.

    Args:
        labels, scores: as in `roc_curve`.
        fpr: from 0 to 1.

    Raises:
        ValueError: as in `roc_curve`; `fpr` out of range.

    >>> threshold_at_fpr([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], fpr=0.1)
    2.0
    """
    checked_share(fpr, "an FPR", ends=True)
    curve = roc_curve(labels, scores)
    return float(curve.thresholds[np.searchsorted(curve.fpr, fpr, side="right") - 1])


def threshold_at_tpr(labels: ArrayLike, scores: ArrayLike, tpr: float) -> float:
    """The highest score that, as a threshold, keeps the TPR at or above `tpr`.

    Infinity for a TPR of 0. Arguments and errors as `threshold_at_fpr`.

    >>> threshold_at_tpr([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], tpr=0.9)
    1.0
    """
    checked_share(tpr, "a TPR", ends=True)
    curve = roc_curve(labels, scores)
    return float(curve.thresholds[np.searchsorted(curve.tpr, tpr, side="left")])


def threshold_at_eer(labels: ArrayLike, scores: ArrayLike) -> float:
    """The score at which FPR and FNR are nearest to each other; the strictest of several.

    A threshold can't stand on the convex hull between two scores: this is the `nearest` definition
    of the EER. Raises ValueError as `roc_curve`.

    >>> threshold_at_eer([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0])
    2.0
    """
    thresholds, fp, tp = roc_counts(labels, scores, "a ROC curve")
    return float(thresholds[nearest(fp, tp)])
