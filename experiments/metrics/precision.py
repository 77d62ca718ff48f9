"""Precision: over all thresholds, weighted as a contest did, and at a prevalence that is stated."""

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked_both, checked_share


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Average precision: the area under the steps of the precision-recall curve.

        AP = sum over thresholds, falling, of (recall_k - recall_{k-1}) precision_k

    Videos that tie share one threshold. It depends on the share of manipulated videos in the data:
    its value by chance is that share. Boyd et al., "Area under the precision-recall curve",
    ECML PKDD 2013 (of these steps; straight lines between the points would be too optimistic).

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: (n,) finite; higher means more like a manipulated one.

    Raises:
        ValueError: only one class, lengths that differ, another label, a score that isn't finite.

    >>> average_precision([0, 0, 1, 1], [0.0, 1.0, 1.0, 2.0])
    0.8333333333333333
    """
    y, x = checked_both(labels, scores, "AP")
    order = np.argsort(-x, kind="stable")
    x, y = x[order], y[order]
    last = np.append(np.flatnonzero(np.diff(x)), len(x) - 1)
    tp = np.cumsum(y)[last]
    return float(np.sum(np.diff(tp, prepend=0) * (tp / (last + 1))) / tp[-1])


def weighted_precision(tp: float, fp: float, alpha: float = 100) -> float:
    """Precision where each false alarm counts `alpha` times.

        TP / (TP + alpha FP)

    alpha stands for the ratio of real to manipulated videos in use over that in the data (Dolhansky
    et al., "The Deepfake Detection Challenge dataset", 2020, with alpha 100).

    Args:
        tp, fp: manipulated and real videos that are flagged; counts or rates.
        alpha: above 0.

    Raises:
        ValueError: negative counts, nothing flagged, alpha not above 0.

    >>> round(weighted_precision(80, 1), 4)
    0.4444
    """
    if not (tp >= 0 and fp >= 0):
        raise ValueError(f"expected counts of at least 0, got TP {tp} and FP {fp}")
    if not alpha > 0:
        raise ValueError(f"expected an alpha above 0, got {alpha}")
    if tp + fp == 0:
        raise ValueError("nothing is flagged: precision is not defined")
    return float(tp / (tp + alpha * fp))


def precision_at_prevalence(tpr: float, fpr: float, prevalence: float) -> float:
    """Share of manipulated videos among those flagged, where `prevalence` of all are manipulated.

        tpr prevalence / (tpr prevalence + fpr (1 - prevalence))

    Args:
        tpr, fpr: from 0 to 1.
        prevalence: of manipulated videos where the detector is used, between 0 and 1.

    Raises:
        ValueError: a share out of range; nothing flagged (both rates 0).

    >>> round(precision_at_prevalence(0.9, 0.01, prevalence=0.001), 4)
    0.0826
    """
    for value, what in ((tpr, "a TPR"), (fpr, "an FPR")):
        checked_share(value, what, ends=True)
    checked_share(prevalence, "a prevalence")
    flagged = flagged_at_prevalence(tpr, fpr, prevalence)
    if flagged == 0:
        raise ValueError("nothing is flagged: precision is not defined")
    return float(tpr * prevalence / flagged)


def flagged_at_prevalence(tpr: float, fpr: float, prevalence: float) -> float:
    """Share of all videos that are flagged, and so go to a person for review.

    Arguments and errors as `precision_at_prevalence`.

    >>> round(flagged_at_prevalence(0.9, 0.01, prevalence=0.001), 5)
    0.01089
    """
    for value, what in ((tpr, "a TPR"), (fpr, "an FPR")):
        checked_share(value, what, ends=True)
    checked_share(prevalence, "a prevalence", ends=True)
    return float(tpr * prevalence + fpr * (1 - prevalence))
