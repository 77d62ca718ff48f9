"""Whether probabilities are borne out: reliability by bins, and the expected calibration error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.registry import unknown_name
from .binomial import Bound, wilson
from .checks import checked_probabilities

BINNINGS = ("equal-width", "equal-mass")


@dataclass(frozen=True)
class ReliabilityBin:
    """Videos whose probabilities are near each other.

    `low`, `high`: lowest and highest probability in it. `mean`: of the probabilities. `share`: that
    are manipulated, with Wilson's bounds as if the videos were independent.
    """

    low: float
    high: float
    mean: float
    share: Bound

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {**self.__dict__, "share": self.share.to_dict()}


@dataclass(frozen=True)
class Reliability:
    """Bins that hold a video, by rising probability; `binning`: how they were cut."""

    bins: tuple[ReliabilityBin, ...]
    binning: str

    @property
    def expected_error(self) -> float:
        """Mean over videos of |mean probability - share| of their bin."""
        n = sum(b.share.n for b in self.bins)
        return sum(abs(b.mean * b.share.n - b.share.k) for b in self.bins) / n

    @property
    def largest_error(self) -> float:
        """The largest |mean probability - share| of a bin."""
        return max(abs(b.mean - b.share.k / b.share.n) for b in self.bins)


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 10, binning: str = "equal-width"
) -> Reliability:
    """How often videos with a probability near p were manipulated.

    DeGroot & Fienberg, "The comparison and evaluation of forecasters", The Statistician 32, 1983.

    Args:
        labels, probabilities: as in `log_loss`.
        bins: how many at most.
        binning: `equal-width`: [0, 1/bins), ..., the last with its upper end. `equal-mass`: about as
            many videos in each; equal probabilities are never parted, so that there may be fewer.

    Raises:
        ValueError: as `log_loss`; less than 1 bin. KeyError: another binning.
    """
    y, p = checked_probabilities(labels, probabilities, "reliability")
    if bins < 1:
        raise ValueError(f"expected at least 1 bin, got {bins}")
    if binning == "equal-width":
        place = np.searchsorted(np.arange(1, bins) / bins, p, side="right")
    elif binning == "equal-mass":
        # the middle of a run of equal values says in which bin all of them lie
        _, which, count = np.unique(p, return_inverse=True, return_counts=True)
        middle = np.cumsum(count) - count / 2
        place = np.minimum((middle * bins / len(p)).astype(np.int64), bins - 1)[which]
    else:
        raise KeyError(unknown_name("binning", binning, BINNINGS))
    found = []
    for number in np.unique(place):
        here = place == number
        share = wilson(int(y[here].sum()), int(here.sum()))
        q = p[here]
        found.append(ReliabilityBin(float(q.min()), float(q.max()), float(q.mean()), share))
    return Reliability(tuple(found), binning)


def calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 10, binning: str = "equal-mass"
) -> float:
    """Expected calibration error: mean over videos of |mean probability - share| of their bin.

    Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015. It depends on the bins, and is above 0 by chance alone: name both with it. Arguments
    and errors as `reliability`.

    >>> round(calibration_error([0, 1], [0.2, 0.7], bins=2), 6)
    0.25
    """
    return reliability(labels, probabilities, bins=bins, binning=binning).expected_error
