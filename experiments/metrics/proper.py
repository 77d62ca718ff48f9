"""What a probability or a likelihood ratio is worth: proper scores, Cllr, calibration."""

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64, Int64
from .checks import checked_both, checked_probabilities
from .isotonic import pav, pools
from .reliability import Reliability, ReliabilityBin, calibration_error, reliability

__all__ = [
    "Reliability",
    "ReliabilityBin",
    "brier",
    "calibration_error",
    "cllr",
    "cllr_min",
    "cllr_of",
    "empirical_cross_entropy",
    "log_loss",
    "pav",
    "pav_llr",
    "reliability",
]


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of -ln(probability of what was the case); infinite for a certainty that was wrong.

    Good, "Rational decisions", J. R. Stat. Soc. B 14, 1952. Nothing is clipped: to be certain and
    wrong is infinitely bad, and a clipped value would depend on where it was clipped.

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated); one class alone is allowed.
        probabilities: (n,) of being manipulated, from 0 to 1.

    Raises:
        ValueError: no videos, lengths that differ, another label, a number outside 0 to 1.

    >>> round(log_loss([0, 1], [0.5, 0.5]), 6)
    0.693147
    """
    y, p = checked_probabilities(labels, probabilities, "log loss")
    return float(np.mean(log_losses(y, p)))


def log_losses(y: Int64, p: Float64) -> Float64:
    """(n,) each video's log loss; labels and probabilities are checked already."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(y == 1, -np.log(p), -np.log1p(-p)))


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean square of (probability - label).

    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78,
    1950 (half of his sum over both classes, as is usual). Arguments and errors as `log_loss`.

    >>> round(brier([0, 1], [0.2, 0.7]), 6)
    0.065
    """
    y, p = checked_probabilities(labels, probabilities, "the Brier score")
    return float(np.mean((p - y) ** 2))


def cllr(labels: ArrayLike, llrs: ArrayLike) -> float:
    """Log-likelihood-ratio cost: 0 is perfect, 1 says nothing, above 1 misleads.

        Cllr = (mean over manipulated of log2(1 + 1/LR) + mean over real of log2(1 + LR)) / 2

    Brummer & du Preez, "Application-independent evaluation of speaker detection", Computer Speech
    and Language 20, 2006. Half of the weight is on each class, however many videos it has.

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated).
        llrs: (n,) natural logarithms of likelihood ratios (for manipulated over for real); infinite
            ones are allowed, and cost infinitely much where they are wrong.

    Raises:
        ValueError: only one class, lengths that differ, another label, NaN.

    >>> cllr([1, 1, 0, 0], [0.0, 0.0, 0.0, 0.0])
    1.0
    """
    y, x = checked_both(labels, llrs, "Cllr", infinite=True)
    costs = cllr_costs(y, x)
    return float((np.mean(costs[y == 1]) + np.mean(costs[y == 0])) / 2)


def cllr_costs(y: Int64, llrs: Float64) -> Float64:
    """(n,) each video's log2(1 + 1/LR) or log2(1 + LR); arguments are checked already."""
    return np.asarray(np.logaddexp(0, np.where(y == 1, -llrs, llrs)) / np.log(2))


def cllr_of(manipulated: ArrayLike, real: ArrayLike) -> float:
    """As `cllr`, of the likelihood ratios (not their logarithms) of each class.

    Raises ValueError for a negative ratio too.

    >>> round(cllr_of([3, 3], [1 / 3, 1 / 3]), 10)
    0.4150374993
    """
    ratios = [np.asarray(r, dtype=np.float64) for r in (manipulated, real)]
    if any((r < 0).any() for r in ratios):
        raise ValueError("expected likelihood ratios of at least 0")
    with np.errstate(divide="ignore"):
        llrs = np.log(np.concatenate(ratios))
    return cllr(np.repeat([1, 0], [len(r) for r in ratios]), llrs)


def empirical_cross_entropy(labels: ArrayLike, llrs: ArrayLike, prior_odds: float) -> float:
    """Mean information in bits that is still missing after the likelihood ratio, at prior odds.

        P mean over manipulated of log2(1 + 1/(LR o)) + (1 - P) mean over real of log2(1 + LR o)

    with o the prior odds and P = o / (1 + o); at o = 1 it is `cllr`. Ramos & Gonzalez-Rodriguez,
    "Reliable support: measuring calibration of likelihood ratios", Forensic Sci. Int. 230, 2013.

    Args:
        labels, llrs: as in `cllr`.
        prior_odds: of manipulated to real, above 0.

    Raises:
        ValueError: as `cllr`; odds that are not above 0 and finite.

    >>> empirical_cross_entropy([1, 0], [0.0, 0.0], prior_odds=1)
    1.0
    """
    if not (prior_odds > 0 and np.isfinite(prior_odds)):
        raise ValueError(f"expected finite prior odds above 0, got {prior_odds}")
    y, x = checked_both(labels, llrs, "empirical cross-entropy", infinite=True)
    costs, p = cllr_costs(y, x + np.log(prior_odds)), prior_odds / (1 + prior_odds)
    return float(p * np.mean(costs[y == 1]) + (1 - p) * np.mean(costs[y == 0]))


def pav_llr(labels: ArrayLike, scores: ArrayLike) -> Float64:
    """Natural-log likelihood ratios by pool adjacent violators, best for these very videos.

    The share of manipulated videos in each pool, as odds, over the odds in all of the data. The
    ends are infinite where the classes part. It is fitted on what it is applied to: a yardstick
    for `cllr_min`, never a calibration to be used.

    Args:
        labels: (n,) of 0 (real) and 1 (manipulated).
        scores: (n,) finite; ties get one ratio.

    Raises:
        ValueError: only one class, lengths that differ, another label, a score that isn't finite.

    >>> pav_llr([0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0]).tolist()
    [-inf, 0.0, 0.0, inf]
    """
    y, x = checked_both(labels, scores, "PAV")
    _, bins = np.unique(x, return_inverse=True)
    forged, real = (np.bincount(bins, each).astype(np.float64) for each in (y, 1 - y))
    starts = pools(forged, forged + real)
    llrs = _pooled_llrs(np.add.reduceat(forged, starts), np.add.reduceat(real, starts))
    return llrs[np.searchsorted(starts, bins, side="right") - 1]


def cllr_min(labels: ArrayLike, scores: ArrayLike) -> float:
    """The least Cllr of any rising function of the scores: what separation alone would cost.

    Cllr less this is the cost of calibration. Brummer & du Preez 2006 (see `cllr`). Arguments and
    errors as `pav_llr`.

    >>> cllr_min([0, 1, 0, 1], [1.0, 2.0, 3.0, 4.0])
    0.5
    """
    y, x = checked_both(labels, scores, "Cllr_min")
    _, bins = np.unique(x, return_inverse=True)
    forged, real = (np.bincount(bins, each).astype(np.float64) for each in (y, 1 - y))
    return cllr_min_of_counts(forged, real)


def cllr_min_of_counts(forged: Float64, real: Float64) -> float:
    """As `cllr_min`, of how many videos of each class have each score, by rising score: (k,)."""
    some = forged + real > 0
    forged, real = forged[some], real[some]
    starts = pools(forged, forged + real)
    forged, real = np.add.reduceat(forged, starts), np.add.reduceat(real, starts)
    llrs = _pooled_llrs(forged, real)
    # a class that a pool lacks has no say there: its cost is infinite, times 0
    of_forged = forged[forged > 0] @ np.logaddexp(0, -llrs[forged > 0]) / forged.sum()
    of_real = real[real > 0] @ np.logaddexp(0, llrs[real > 0]) / real.sum()
    return float((of_forged + of_real) / (2 * np.log(2)))


def _pooled_llrs(forged: Float64, real: Float64) -> Float64:
    """Natural-log likelihood ratios of pools, of their counts of both classes."""
    with np.errstate(divide="ignore"):
        prior = np.log(forged.sum() / real.sum())
        return np.asarray(np.log(forged) - np.log(real) - prior)
