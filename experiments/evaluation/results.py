"""What an evaluation comes to, down to every figure; all of it goes into `--json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..metrics.attacks import PresentationErrors
from ..metrics.binomial import Bound
from ..metrics.intervals import Interval
from ..metrics.reliability import Reliability
from .failures import Failures
from .policies import Scoring
from .ranking_results import Ranking
from .thresholds import Threshold

NAMES = {
    "auc": "AUC",
    "pauc@fpr=0.1": "partial AUC, FPR up to .1 (McClish)",
    "ap": "average precision",
    "eer": "EER (ROC convex hull)",
    "eer-interpolated": "EER (interpolated)",
    "eer-nearest": "EER (nearest threshold)",
    "tpr@fpr=0.1": "TPR at FPR .1",
    "tpr@fpr=0.01": "TPR at FPR .01",
    "tpr@fpr=0.001": "TPR at FPR .001",
    "fpr@tpr=0.95": "FPR at TPR .95",
    "log-loss": "log loss",
    "brier": "Brier score",
    "calibration-error": "calibration error (10 bins of equal mass)",
    "cllr": "Cllr",
    "cllr-min": "Cllr min (PAV)",
}
# their operating point is chosen on the very videos that they are measured on
ORACLES = frozenset(name for name in NAMES if name.startswith(("eer", "tpr@", "fpr@")))


@dataclass(frozen=True)
class Figure:
    """One measure. `value`: None where it can't be had, and then `reason` says why.

    `interval`: None where none was made.
    """

    name: str
    value: float | None
    interval: Interval | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"unknown figure {self.name!r}; known: {', '.join(NAMES)}")
        if (self.value is None) != bool(self.reason):
            raise ValueError(
                f"{self.name}: expected a reason without a value, and only then; got "
                f"{self.value} with {self.reason!r}"
            )

    @property
    def oracle(self) -> bool:
        """Whether its operating point was chosen on these test videos, as the EER's is."""
        return self.name in ORACLES

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "value": self.value,
            "interval": self.interval.to_dict() if self.interval else None,
            "oracle": self.oracle,
            "reason": self.reason or None,
        }


@dataclass(frozen=True)
class Load:
    """What a person gets to review of 1000 videos, `prevalence` of them manipulated.

    `flagged`, `flagged_real`, `missed`: per 1000 videos. `precision`: None where nothing is flagged.
    """

    prevalence: float
    flagged: float
    flagged_real: float
    missed: float
    precision: float | None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class AtThreshold:
    """What a threshold does to the test videos, under one scoring.

    `tpr`, `fpr`: counts with Clopper-Pearson bounds, videos taken as independent. `tpr_interval`,
    `fpr_interval`: by groups. `weighted_precision`: with alpha 100; None where nothing is flagged.
    """

    threshold: Threshold
    tpr: Bound
    fpr: Bound
    tpr_interval: Interval
    fpr_interval: Interval
    weighted_precision: float | None
    loads: tuple[Load, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "threshold": self.threshold.to_dict(),
            "tpr": self.tpr.to_dict(),
            "fpr": self.fpr.to_dict(),
            "tpr_interval": self.tpr_interval.to_dict(),
            "fpr_interval": self.fpr_interval.to_dict(),
            "weighted_precision": self.weighted_precision,
            "loads": [load.to_dict() for load in self.loads],
        }


@dataclass(frozen=True)
class ScoringResult:
    """One detector under one scoring. `real`, `fake`: videos that count. `figures`: by name.

    `reason`: why there are no figures (no policy is stated, one class only); "" otherwise.
    """

    scoring: Scoring
    real: int
    fake: int
    figures: Mapping[str, Figure] = field(default_factory=dict)
    delong: Interval | None = None
    thresholds: tuple[AtThreshold, ...] = ()
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "scoring": self.scoring,
            "real": self.real,
            "fake": self.fake,
            "figures": {name: figure.to_dict() for name, figure in self.figures.items()},
            "auc_delong": self.delong.to_dict() if self.delong else None,
            "thresholds": [at.to_dict() for at in self.thresholds],
            "reason": self.reason or None,
        }


@dataclass(frozen=True)
class SliceRow:
    """Videos that have a value in common. `auc`: by scoring; None where there is none.

    `few`: whether a class has fewer videos than are asked for: then no figure is shown.
    """

    by: str
    value: str
    real: int
    fake: int
    coverage: float
    few: bool
    auc: Mapping[str, Figure | None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        auc = {name: figure.to_dict() if figure else None for name, figure in self.auc.items()}
        return {**self.__dict__, "auc": auc}


@dataclass(frozen=True)
class Curve:
    """The ROC curve of the answered videos, on a grid of FPRs, with pointwise bands where supported.

    `fpr`, `tpr`, `low`, `high`: of equal length; `low` and `high` are empty without a band, and
    `reason` says why there is none.
    """

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.__dict__.items()}


@dataclass(frozen=True)
class Histogram:
    """`edges`: k + 1 scores. `real`, `fake`: k counts."""

    edges: tuple[float, ...]
    real: tuple[int, ...]
    fake: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {k: list(v) for k, v in self.__dict__.items()}


@dataclass(frozen=True)
class Running:
    """What it took: seconds a video (p50, p95 of `timed` videos), money per 1000 of `priced` ones."""

    p50_seconds: float | None
    p95_seconds: float | None
    timed: int
    cost_per_1000: float | None
    priced: int

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class DetectorResult:
    """All about one detector under one condition.

    `level`: what its scores are of. `scorings`: the three, in their order. `attacks`: by threshold
    rule, ISO/IEC 30107-3's rates. `levels`: frame- and track-level AUC, where frame scores lie beside.
    """

    detector: str
    condition: str
    score_kind: str
    aggregation: str
    source: str
    sha256: str
    failures: Failures
    scorings: tuple[ScoringResult, ...]
    slices: tuple[SliceRow, ...]
    curve: Curve | None
    histogram: Histogram | None
    reliability: Reliability | None
    attacks: Mapping[str, PresentationErrors]
    running: Running
    levels: Mapping[str, Figure] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of(self, scoring: str) -> ScoringResult:
        """One scoring's result. Raises KeyError for an unknown one."""
        for result in self.scorings:
            if result.scoring == scoring:
                return result
        raise KeyError(f"unknown scoring {scoring!r}; known: answered, wrong, policy")

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        reliability = None
        if self.reliability:
            reliability = {
                "binning": self.reliability.binning,
                "expected_error": self.reliability.expected_error,
                "largest_error": self.reliability.largest_error,
                "bins": [b.to_dict() for b in self.reliability.bins],
            }
        return {
            "detector": self.detector,
            "condition": self.condition,
            "level": "video",
            "score_kind": self.score_kind,
            "aggregation": self.aggregation,
            "scores": self.source,
            "scores_sha256": self.sha256,
            "failures": self.failures.to_dict(),
            "scorings": {s.scoring: s.to_dict() for s in self.scorings},
            "slices": [row.to_dict() for row in self.slices],
            "roc": self.curve.to_dict() if self.curve else None,
            "histogram": self.histogram.to_dict() if self.histogram else None,
            "reliability": reliability,
            "presentation_attacks": {rule: a.to_dict() for rule, a in self.attacks.items()},
            "running": self.running.to_dict(),
            "other_levels": {name: f.to_dict() for name, f in self.levels.items()},
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Evaluation:
    """Detectors on one set of videos. `protocol`: how it was made, with every hash."""

    title: str
    protocol: Mapping[str, Any]
    real: int
    fake: int
    groups: int
    two_way: bool
    detectors: tuple[DetectorResult, ...]
    rankings: tuple[Ranking, ...] = ()
    notes: tuple[str, ...] = ()

    def conditions(self) -> list[str]:
        """In the order in which they stand, `none` first."""
        found = dict.fromkeys(d.condition for d in self.detectors)
        return sorted(found, key=lambda c: c != "none")

    def under(self, condition: str) -> Sequence[DetectorResult]:
        """The detectors' results under one condition."""
        return [d for d in self.detectors if d.condition == condition]

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "title": self.title,
            "protocol": dict(self.protocol),
            "real": self.real,
            "fake": self.fake,
            "groups": self.groups,
            "two_way": self.two_way,
            "detectors": [d.to_dict() for d in self.detectors],
            "rankings": [r.to_dict() for r in self.rankings],
            "notes": list(self.notes),
        }
