"""Values of a measure on resamples, for one detector or many, and the intervals that they give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.types import Float64
from .intervals import Interval, from_standard_error, two_sided_p, unsupported
from .resampling import Plan
from .statistics import Statistic
from .sweeping import Buffers
from .weighted import Weighted

ROUNDING = 1e-12


@dataclass(frozen=True)
class Resampled:
    """One measure of D detectors on the same resamples.

    `values`: (R, D). `noise`: (R, D), of `plan.noise`, or None without one. Both are empty where
    the plan supports no interval.
    """

    statistic: Statistic
    values: Float64
    noise: Float64 | None
    plan: Plan

    def interval(self, number: int, value: float, level: float, why_not: str = "") -> Interval:
        """Of a detector's value, or why there is none.

        Args:
            number: the detector's.
            value: of the measure on the videos as they are.
            level: of the two-sided interval.
            why_not: a reason that is known already, or "".
        """
        scale = self.statistic.scale
        contrast = np.zeros(self.values.shape[1])
        contrast[number] = 1
        reason, error = self._error(value, contrast, why_not)
        at_end = value <= 0 or (value >= 1 and scale == "logit")
        if not reason and (error == 0 or at_end):
            what = "lies at its very end" if at_end else "is the same on every resample"
            reason = (
                f"the measure, {value:g}, {what}: what none of these videos shows can't be "
                "resampled (for a share of independent videos, see its exact bounds)"
            )
        return self._interval(value, error, level, scale, reason)

    def difference(
        self, first: int, second: int, value: float, level: float, why_not: str = ""
    ) -> tuple[Interval, float | None]:
        """Interval and two-sided p-value of first less second; p is None where not supported."""
        contrast = np.zeros(self.values.shape[1])
        contrast[first], contrast[second] = 1, -1
        reason, error = self._error(value, contrast, why_not)
        if not reason and error == 0 and abs(value) > ROUNDING:
            reason = f"every resample gives the same difference, {value:g}"
        p = None if reason else two_sided_p(value, error, self.plan.effective - 1)
        return self._interval(value, error, level, "plain", reason), p

    def _error(self, value: float, contrast: Float64, why_not: str) -> tuple[str, float]:
        """Why there is no standard error, or "", and the standard error.

        Resamples of G groups vary by (G - 1) / G of what they should. Of persons' resamples, twice
        the videos' own variance is taken off; it is at most two thirds of all.
        """
        reason = self.plan.reason or why_not
        if reason:
            return reason, 0.0
        used = self.values[:, contrast != 0]
        if not (np.isfinite(value) and np.isfinite(used).all()):
            return "the measure is infinite on these videos or on a resample of them", 0.0
        variance = float(np.var(used @ contrast[contrast != 0], ddof=1))
        if self.noise is not None:
            own = self.noise[:, contrast != 0] @ contrast[contrast != 0]
            variance = max(variance - 2 * float(np.var(own, ddof=1)), variance / 3)
        groups = self.plan.effective
        error = float(np.sqrt(variance * groups / (groups - 1)))
        return "", error if error > ROUNDING else 0.0

    def _interval(
        self, value: float, error: float, level: float, scale: str, reason: str
    ) -> Interval:
        plan = self.plan
        if reason:
            return unsupported(plan.n, plan.drawn, level, reason)
        low, high = from_standard_error(value, error, plan.effective, level, scale)
        method = (
            f"standard error on {len(self.values)} resamples of {plan.words}, {scale} scale, t with "
            f"{plan.effective - 1:.4g} degrees"
        )
        return Interval(low, high, plan.n, plan.drawn, level, supported=True, method=method)


def resample(
    statistics: Sequence[Statistic],
    labels: ArrayLike,
    scores: Sequence[ArrayLike],
    plan: Plan,
    *,
    seed: int,
    resamples: int,
) -> dict[str, Resampled]:
    """Measures on resamples, the same for every detector.

    Args:
        statistics: which measures.
        labels: (n,).
        scores: of D detectors, each (n,).
        plan: how to draw; nothing is drawn where it supports no interval.
        seed, resamples: as `cluster_bootstrap`.

    Returns:
        By name.
    """
    if plan.reason:
        nothing = np.zeros((0, len(scores)))
        return {s.name: Resampled(s, nothing, None, plan) for s in statistics}
    buffers = Buffers()
    detectors = [Weighted(statistics, labels, x, plan.unit, buffers) for x in scores]
    values = _values(statistics, detectors, plan, seed, resamples)
    noise = _values(statistics, detectors, plan.noise, seed, resamples) if plan.noise else None
    return {
        s.name: Resampled(s, values[s.name], noise[s.name] if noise else None, plan)
        for s in statistics
    }


def _values(
    statistics: Sequence[Statistic],
    detectors: Sequence[Weighted],
    plan: Plan,
    seed: int,
    resamples: int,
) -> dict[str, Float64]:
    out = {s.name: np.empty((resamples, len(detectors))) for s in statistics}
    start = 0
    for weights in plan.weights(seed, resamples):
        for number, detector in enumerate(detectors):
            for name, values in detector.values(weights).items():
                out[name][start : start + len(weights), number] = values
        start += len(weights)
    return out
