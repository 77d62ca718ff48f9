"""One detector's figures under one scoring, with intervals that resample groups or people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...datasets.types import Float64
from ..metrics.attacks import PresentationErrors, presentation_errors
from ..metrics.binomial import clopper_pearson
from ..metrics.bootstrap import RESAMPLES, cluster_bootstrap, roc_band
from ..metrics.delong import delong_interval
from ..metrics.intervals import Interval, unsupported
from ..metrics.precision import (
    flagged_at_prevalence,
    precision_at_prevalence,
    weighted_precision,
)
from ..metrics.proper import cllr_min
from ..metrics.reliability import Reliability, calibration_error, reliability
from .joining import Run, Videos
from .policies import Bools, Scored
from .results import (
    NAMES,
    AtThreshold,
    Curve,
    Figure,
    Histogram,
    Load,
    Running,
    ScoringResult,
)
from .thresholds import Threshold

RANKING = (
    "auc", "pauc@fpr=0.1", "ap", "eer", "tpr@fpr=0.1", "tpr@fpr=0.01", "tpr@fpr=0.001", "fpr@tpr=0.95",
    "eer-interpolated", "eer-nearest",
)  # fmt: skip
GRID = (
    *(0.001, 0.002, 0.003, 0.005, 0.007),
    *(round(i * 0.01, 4) for i in range(1, 20)),
    *(round(i * 0.02, 4) for i in range(10, 51)),
)
BINS = 24


@dataclass(frozen=True)
class Settings:
    """How intervals are made. `seed`: of the resamples. `level`: of the two-sided intervals.

    `prevalences`: of manipulated videos in use, for the load on review.
    """

    seed: int = 0
    resamples: int = RESAMPLES
    level: float = 0.95
    prevalences: tuple[float, ...] = (0.1, 0.01, 0.001)

    def __post_init__(self) -> None:
        if self.resamples < 2:
            raise ValueError(f"expected at least 2 resamples, got {self.resamples}")
        if not 0 < self.level < 1:
            raise ValueError(f"expected a level between 0 and 1, got {self.level}")
        for value in self.prevalences:
            if not 0 < value < 1:
                raise ValueError(f"expected a prevalence between 0 and 1, got {value}")


def clusters(videos: Videos, keep: Bools) -> dict[str, Any]:
    """What the bootstrap resamples: both people where they are known of every video, else groups."""
    if videos.people is not None:
        source, target = videos.people
        return {"two_way": (source[keep].astype(str), target[keep].astype(str))}
    return {"groups": videos.groups[keep].astype(str)}


def measure(
    run: Run, videos: Videos, scored: Scored, thresholds: Sequence[Threshold], settings: Settings
) -> ScoringResult:
    """All figures of a run under one scoring; a class that nobody answered for leaves none."""
    keep = scored.keep
    labels, ranks = videos.labels[keep], scored.ranks[keep]
    real, fake = int((labels == 0).sum()), int((labels == 1).sum())
    if not real or not fake:
        reason = f"both classes are needed, and {real} real and {fake} manipulated videos count"
        return ScoringResult(scored.scoring, real, fake, reason=reason)
    how: dict[str, Any] = {
        "seed": settings.seed,
        "resamples": settings.resamples,
        "level": settings.level,
    }
    at = [rank_threshold(run, t.value) for t in thresholds]
    names = [
        f"{rate}@threshold={place!r}" for place in dict.fromkeys(at) for rate in ("tpr", "fpr")
    ]
    found = cluster_bootstrap([*RANKING, *names], labels, ranks, **clusters(videos, keep), **how)
    figures = {name: Figure(name, found[name].value, found[name].interval) for name in RANKING}
    figures |= _proper_figures(run, videos, scored, how)
    flagged = scored.called
    return ScoringResult(
        scored.scoring,
        real,
        fake,
        figures={name: figures[name] for name in NAMES},
        delong=delong_interval(labels, ranks, level=settings.level),
        thresholds=tuple(
            _at_threshold(
                threshold,
                labels,
                flagged(run, threshold.value)[keep],
                (
                    found[f"tpr@threshold={place!r}"].interval,
                    found[f"fpr@threshold={place!r}"].interval,
                ),
                settings,
            )
            for threshold, place in zip(thresholds, at, strict=True)
        ),
    )


def rank_threshold(run: Run, threshold: float) -> float:
    """The threshold among a run's ranks (see `Scored`): just below the first score at or above it."""
    distinct = np.unique(run.scores[run.answered])
    return float(np.searchsorted(distinct, threshold, side="left")) - 0.5


def _proper_figures(
    run: Run, videos: Videos, scored: Scored, how: dict[str, Any]
) -> dict[str, Figure]:
    """What needs the scores' own size: of answered videos, and of the right kind of score."""
    keep = scored.keep
    labels = videos.labels[keep]
    out = {"cllr-min": Figure("cllr-min", cllr_min(labels, scored.ranks[keep]))}
    wants = {
        "log-loss": "probability",
        "brier": "probability",
        "calibration-error": "probability",
        "cllr": "llr",
    }
    for name, kind in wants.items():
        article = "likelihood ratios" if kind == "llr" else "probabilities"
        if scored.values is None:
            why = "videos without a score count here, and they have no number to take it of"
            out[name] = Figure(name, None, reason=why)
        elif run.score_kind != kind:
            why = f"it is of {article}, and these scores are of the kind {run.score_kind!r}"
            out[name] = Figure(name, None, reason=why)
        elif name == "calibration-error":
            out[name] = Figure(name, calibration_error(labels, scored.values[keep]))
        else:
            made = cluster_bootstrap(
                [name], labels, scored.values[keep], **clusters(videos, keep), **how
            )[name]
            if np.isfinite(made.value):
                out[name] = Figure(name, made.value, made.interval)
            else:
                why = "infinite: a probability of 0 or 1 that is wrong"
                out[name] = Figure(name, None, reason=why)
    return out


def _at_threshold(
    threshold: Threshold,
    labels: Any,
    called: Bools,
    intervals: tuple[Interval, Interval],
    settings: Settings,
) -> AtThreshold:
    hits, alarms = int((called & (labels == 1)).sum()), int((called & (labels == 0)).sum())
    tpr = clopper_pearson(hits, int((labels == 1).sum()), settings.level)
    fpr = clopper_pearson(alarms, int((labels == 0).sum()), settings.level)
    return AtThreshold(
        threshold,
        tpr,
        fpr,
        *intervals,
        weighted_precision(hits, alarms) if hits + alarms else None,
        tuple(review_load(hits / tpr.n, alarms / fpr.n, p) for p in settings.prevalences),
    )


def review_load(tpr: float, fpr: float, prevalence: float) -> Load:
    """What a person gets to review of 1000 videos.

    >>> load = review_load(0.9, 0.01, 0.001)
    >>> round(load.flagged, 2), round(load.flagged_real, 2), round(load.missed, 2)
    (10.89, 9.99, 0.1)
    """
    flagged = flagged_at_prevalence(tpr, fpr, prevalence)
    return Load(
        prevalence,
        flagged=1000 * flagged,
        flagged_real=1000 * fpr * (1 - prevalence),
        missed=1000 * (1 - tpr) * prevalence,
        precision=precision_at_prevalence(tpr, fpr, prevalence) if flagged else None,
    )


def attack_errors(run: Run, videos: Videos, threshold: Threshold) -> PresentationErrors:
    """APCER by manipulation, BPCER, and non-responses apart, at a threshold."""
    species = [
        None if label == 0 else str(method or "(not named)")
        for label, method in zip(videos.labels, videos.columns["method"], strict=True)
    ]
    flagged = [
        bool(score >= threshold.value) if answered else None
        for score, answered in zip(run.scores, run.answered, strict=True)
    ]
    return presentation_errors(species, flagged)


def roc_on_grid(run: Run, videos: Videos, settings: Settings) -> Curve | None:
    """The answered videos' ROC curve at set FPRs, with a pointwise band where that is supported.

    None without both classes.
    """
    keep = run.answered
    labels, scores = videos.labels[keep], run.scores[keep]
    if len(np.unique(labels)) < 2:
        return None
    band = roc_band(
        labels,
        scores,
        GRID,
        **clusters(videos, keep),
        seed=settings.seed,
        resamples=settings.resamples,
        level=settings.level,
    )
    if band.low is None or band.high is None:
        return Curve(GRID, _floats(band.tpr), reason=band.reason)
    return Curve(GRID, _floats(band.tpr), _floats(band.low), _floats(band.high))


def _floats(values: Float64) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def histogram(run: Run, videos: Videos) -> Histogram | None:
    """Counts of the answered videos' scores by class; None without an answer."""
    keep = run.answered
    if not keep.any():
        return None
    scores = run.scores[keep]
    low, high = float(scores.min()), float(scores.max())
    if run.score_kind == "probability":
        low, high = 0.0, 1.0
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = [np.histogram(scores[videos.labels[keep] == label], edges)[0] for label in (0, 1)]
    return Histogram(_floats(edges), *(tuple(int(v) for v in row) for row in counts))


def reliability_of(run: Run, videos: Videos) -> Reliability | None:
    """Of probabilities alone."""
    keep = run.answered
    if run.score_kind != "probability" or not keep.any():
        return None
    return reliability(videos.labels[keep], run.scores[keep], binning="equal-mass")


def running(run: Run) -> Running:
    """Seconds and money, of all videos that have them, answered or not."""
    seconds, cost = run.seconds[np.isfinite(run.seconds)], run.cost[np.isfinite(run.cost)]
    p50, p95 = np.quantile(seconds, [0.5, 0.95]) if len(seconds) else (None, None)
    return Running(
        None if p50 is None else float(p50),
        None if p95 is None else float(p95),
        len(seconds),
        float(1000 * cost.mean()) if len(cost) else None,
        len(cost),
    )


def warnings_of(run: Run, result: ScoringResult) -> list[str]:
    """What looks wrong with the scores; nothing is mended."""
    out = []
    scores = run.scores[run.answered]
    if len(scores) > 1 and np.ptp(scores) == 0:
        out.append(f"all {len(scores)} scores are equal ({scores[0]:g}): they tell nothing apart")
    auc = result.figures.get("auc")
    if auc and auc.value is not None and auc.value < 0.5:
        interval = auc.interval or unsupported(0, 0, 0.95, "none")
        if interval.high is not None and interval.high < 0.5:
            out.append(
                f"its polarity looks reversed: AUC {auc.value:.3f}, interval up to {interval.high:.3f}. "
                "Nothing was turned round; if higher means real here, mend what writes the scores"
            )
        elif interval.high is None and auc.value < 0.4:
            out.append(
                f"its polarity may be reversed: AUC {auc.value:.3f}, too few groups to be sure. "
                "Nothing was turned round"
            )
    return out
