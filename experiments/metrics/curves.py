"""ROC and DET curves, and what is read off them: partial AUC, TPR at FPR, FPR at TPR, EER.

A video is flagged where its score is at or above a threshold. Videos whose scores tie are flagged
together: between two thresholds there is nothing to be had.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...datasets.registry import unknown_name
from ...datasets.types import Float64, Int64
from .checks import checked_both, checked_share
from .isotonic import pools

EER_DEFINITIONS = ("rocch", "interpolated", "nearest")


@dataclass(frozen=True)
class RocCurve:
    """Every point of a ROC curve, from (0, 0) to (1, 1); nothing is thinned out.

    `thresholds`: (k,) falling; the first is infinity: nothing is flagged. `fpr`: (k,) share of the
    real videos that are flagged. `tpr`: (k,) share of the manipulated ones.
    """

    thresholds: Float64
    fpr: Float64
    tpr: Float64

    def __post_init__(self) -> None:
        if not self.thresholds.shape == self.fpr.shape == self.tpr.shape:
            raise ValueError(
                f"expected as many thresholds as rates, got {self.thresholds.shape}, "
                f"{self.fpr.shape} and {self.tpr.shape}"
            )
        if (np.diff(self.fpr) < 0).any() or (np.diff(self.tpr) < 0).any():
            raise ValueError("expected rates that do not fall from threshold to threshold")


@dataclass(frozen=True)
class DetCurve:
    """Detection error trade-off: both kinds of error.

    `thresholds`: (k,) falling from infinity. `fpr`: (k,) real videos that are flagged. `fnr`: (k,)
    manipulated ones that are not.
    """

    thresholds: Float64
    fpr: Float64
    fnr: Float64

    def deviates(self) -> tuple[Float64, Float64]:
        """Both errors as normal deviates, the axes of a DET plot; a rate of 0 is minus infinity.

        Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
        """
        return special.ndtri(self.fpr), special.ndtri(self.fnr)


class PartialAuc(NamedTuple):
    """`raw`: area under the ROC curve left of an FPR. `standardised`: .5 by chance, 1 at best."""

    raw: float
    standardised: float


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """The ROC curve, with one point for each distinct score.

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: (n,) finite; higher means more like a manipulated one.

    Raises:
        ValueError: only one class, lengths that differ, another label, a score that isn't finite.

    >>> curve = roc_curve([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0])
    >>> curve.thresholds.tolist(), curve.fpr.tolist(), curve.tpr.tolist()
    ([inf, 2.0, 1.0, 0.0], [0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    thresholds, fp, tp = roc_counts(labels, scores, "a ROC curve")
    return RocCurve(thresholds, fp / fp[-1], tp / tp[-1])


def det_curve(labels: ArrayLike, scores: ArrayLike) -> DetCurve:
    """The DET curve, with one point for each distinct score. Arguments and errors as `roc_curve`.

    >>> det_curve([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0]).fnr.tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    thresholds, fp, tp = roc_counts(labels, scores, "a DET curve")
    return DetCurve(thresholds, fp / fp[-1], (tp[-1] - tp) / tp[-1])


def partial_auc(labels: ArrayLike, scores: ArrayLike, max_fpr: float) -> PartialAuc:
    """Area under the ROC curve for FPR from 0 to `max_fpr`; points are joined by straight lines.

        standardised = (1 + (raw - max_fpr^2 / 2) / (max_fpr - max_fpr^2 / 2)) / 2

    McClish, "Analyzing a portion of the ROC curve", Medical Decision Making 9, 1989.

    Args:
        labels, scores: as in `roc_curve`.
        max_fpr: above 0, at most 1.

    Raises:
        ValueError: as in `roc_curve`; `max_fpr` out of range.

    >>> partial_auc([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], max_fpr=0.5)
    PartialAuc(raw=0.375, standardised=0.8333333333333333)
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"expected a max_fpr above 0 and at most 1, got {max_fpr}")
    curve = roc_curve(labels, scores)
    raw = area_left_of(curve.fpr, curve.tpr, max_fpr)
    return PartialAuc(raw, mcclish(raw, max_fpr))


def area_left_of(fpr: Float64, tpr: Float64, max_fpr: float) -> float:
    """Area under the line through the points, from 0 to `max_fpr`."""
    last = int(np.searchsorted(fpr, max_fpr, side="right"))
    x, y = fpr[:last], tpr[:last]
    if x[-1] < max_fpr:
        share = (max_fpr - x[-1]) / (fpr[last] - x[-1])
        x = np.append(x, max_fpr)
        y = np.append(y, y[-1] + share * (tpr[last] - y[-1]))
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def mcclish(raw: float, max_fpr: float) -> float:
    """A partial area, so that chance is .5 and the best is 1 (see `partial_auc`)."""
    chance = max_fpr * max_fpr / 2
    return (1 + (raw - chance) / (max_fpr - chance)) / 2


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, fpr: float) -> float:
    """The highest TPR of a threshold whose FPR is not above `fpr`.

    A point that some threshold reaches; there is no line drawn between two of them. Where `fpr` is
    less than one of the real videos (1 / number of real ones), it is the TPR without false alarms.

    Args:
        labels, scores: as in `roc_curve`.
        fpr: from 0 to 1.

    Raises:
        ValueError: as in `roc_curve`; `fpr` out of range.

    >>> tpr_at_fpr([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], fpr=0.1)
    0.5
    """
    checked_share(fpr, "an FPR", ends=True)
    curve = roc_curve(labels, scores)
    return float(curve.tpr[np.searchsorted(curve.fpr, fpr, side="right") - 1])


def fpr_at_tpr(labels: ArrayLike, scores: ArrayLike, tpr: float) -> float:
    """The lowest FPR of a threshold whose TPR is not below `tpr`.

    Args:
        labels, scores: as in `roc_curve`.
        tpr: from 0 to 1.

    Raises:
        ValueError: as in `roc_curve`; `tpr` out of range.

    >>> fpr_at_tpr([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0], tpr=0.9)
    0.5
    """
    checked_share(tpr, "a TPR", ends=True)
    curve = roc_curve(labels, scores)
    return float(curve.fpr[np.searchsorted(curve.tpr, tpr, side="left")])


def eer(labels: ArrayLike, scores: ArrayLike, definition: str = "rocch") -> float:
    """Equal error rate: where FPR = FNR. Three definitions are in use, and differ on few videos.

    - `rocch`: on the convex hull of the ROC curve, so that it is the same for every way of turning
      scores into others that keeps their order, ties included; it is also the worst, over all
      priors, of the best error that a threshold gets. Brummer & de Villiers, "The BOSARIS toolkit",
      2013, after Provost & Fawcett, "Robust classification for imprecise environments", 2001.
    - `interpolated`: on the straight lines between the curve's points.
    - `nearest`: the FPR of the threshold at which |FPR - FNR| is least (the first of several, from
      the strictest threshold on), as in many papers' code; there often on a curve that was thinned
      out, as scikit-learn's is unless told not to be, and that may lack this threshold.

    Args:
        labels, scores: as in `roc_curve`.
        definition: one of the three.

    Raises:
        ValueError: as in `roc_curve`. KeyError: another definition.

    >>> labels, scores = [0, 0, 0, 1, 1, 1], [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]
    >>> [round(eer(labels, scores, d), 4) for d in EER_DEFINITIONS]
    [0.2222, 0.3333, 0.3333]
    """
    if definition not in EER_DEFINITIONS:
        raise KeyError(unknown_name("EER definition", definition, EER_DEFINITIONS))
    _, fp, tp = roc_counts(labels, scores, "EER")
    if definition == "rocch":
        kept = hull(fp, tp)
        fp, tp = fp[kept], tp[kept]
    if definition == "nearest":
        return float(fp[nearest(fp, tp)] / fp[-1])
    return crossing(fp / fp[-1], (tp[-1] - tp) / tp[-1])


def hull(fp: Float64, tp: Float64) -> Int64:
    """Which points are corners of the ROC curve's upper convex hull; the two ends among them.

    Args:
        fp, tp: (k,) cumulative counts, k at least 2, that rise together or singly from (0, 0).
    """
    # The share of manipulated videos falls from corner to corner; the fit rises: from the far end.
    forged = np.diff(tp)[::-1]
    from_the_end = pools(forged, forged + np.diff(fp)[::-1])
    return np.append(0, (len(tp) - 1 - from_the_end)[::-1])


def nearest(fp: Float64, tp: Float64) -> int:
    """The first of the points at which FPR and FNR are nearest to each other.

    Args:
        fp, tp: (k,) cumulative counts; whole numbers are compared exactly.
    """
    return int(np.argmin(np.abs(fp * tp[-1] - (tp[-1] - tp) * fp[-1])))


def crossing(fpr: Float64, fnr: Float64) -> float:
    """Where a rising and a falling line through (k,) points meet, from (0, 1) to (1, 0)."""
    after = int(np.argmax(fpr >= fnr))
    gap_before, gap_after = fnr[after - 1] - fpr[after - 1], fpr[after] - fnr[after]
    share = gap_before / (gap_before + gap_after)
    return float(fpr[after - 1] + share * (fpr[after] - fpr[after - 1]))


def roc_counts(labels: ArrayLike, scores: ArrayLike, what: str) -> tuple[Float64, Float64, Float64]:
    """Thresholds, falling from infinity, with the real and manipulated videos at or above each."""
    y, x = checked_both(labels, scores, what)
    order = np.argsort(-x, kind="stable")
    x, y = x[order], y[order]
    last = np.append(np.flatnonzero(np.diff(x)), len(x) - 1)  # of each run of equal scores
    tp = np.cumsum(y)[last]
    fp = last + 1 - tp
    return (
        np.append(np.inf, x[last]),
        np.append(0, fp).astype(np.float64),
        np.append(0, tp).astype(np.float64),
    )
