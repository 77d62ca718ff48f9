"""Thresholds: frozen on development scores, or given; one chosen on the test set is marked so."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...datasets.types import Float64, Int64
from ..metrics.thresholds import threshold_at_eer, threshold_at_fpr, threshold_at_tpr
from .joining import Run, Videos
from .score_tables import BadScores

RuleKind = Literal["value", "fpr", "tpr", "eer"]
MARKS = {
    "stated": "stated",
    "development": "frozen on development scores",
    "test": "oracle: chosen on the test set",
}
_FORMS = "value=0.5, fpr=0.01, tpr=0.9 or eer"


@dataclass(frozen=True)
class Rule:
    """How a threshold is found: a stated `value`, the loosest at which no more than `number` of the
    real videos are flagged (`fpr`), the strictest at which at least `number` of the manipulated ones
    are (`tpr`), or where both errors are nearest (`eer`)."""

    kind: RuleKind
    number: float | None = None

    def __post_init__(self) -> None:
        if self.kind == "eer":
            if self.number is not None:
                raise BadScores(f"threshold eer={self.number}: eer takes no number")
        elif self.number is None or not math.isfinite(self.number):
            raise BadScores(f"threshold {self.kind}: expected a finite number, got {self.number}")
        elif self.kind in ("fpr", "tpr") and not 0 < self.number < 1:
            raise BadScores(
                f"threshold {self.kind}={self.number:g}: expected a share between 0 and 1"
            )

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """From `value=0.5`, `fpr=0.01`, `tpr=0.9`, `eer`. Raises BadScores.

        >>> Rule.parse("fpr=0.01")
        Rule(kind='fpr', number=0.01)
        """
        kind, equals, number = text.strip().partition("=")
        if kind not in ("value", "fpr", "tpr", "eer"):
            raise BadScores(f"threshold {text!r}: expected {_FORMS}")
        if not equals:
            return cls(kind)  # type: ignore[arg-type]
        try:
            return cls(kind, float(number))  # type: ignore[arg-type]
        except ValueError:
            raise BadScores(f"threshold {text!r}: {number!r} is not a number") from None

    def __str__(self) -> str:
        return self.kind if self.number is None else f"{self.kind}={self.number:g}"


@dataclass(frozen=True)
class Threshold:
    """A number that scores are held against: `score >= value` is called manipulated.

    `chosen_on`: `stated`, `development` or `test`; on the test set it is an `oracle`, which no user
    of the detector could have had. `real`, `fake`: of the videos that it was chosen on. `reached`:
    the rates there. `note`: what is to be known about it.
    """

    rule: Rule
    value: float
    chosen_on: Literal["stated", "development", "test"]
    real: int = 0
    fake: int = 0
    reached_fpr: float | None = None
    reached_tpr: float | None = None
    note: str = ""

    @property
    def oracle(self) -> bool:
        return self.chosen_on == "test"

    @property
    def words(self) -> str:
        """`fpr=0.01 (oracle: chosen on the test set)`."""
        return f"{self.rule} ({MARKS[self.chosen_on]})"

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "rule": str(self.rule),
            "value": self.value,
            "chosen_on": self.chosen_on,
            "oracle": self.oracle,
            "real": self.real,
            "fake": self.fake,
            "reached_fpr": self.reached_fpr,
            "reached_tpr": self.reached_tpr,
            "note": self.note,
        }


def find_threshold(rule: Rule, labels: Int64, scores: Float64) -> float:
    """The threshold that a rule finds on scores of both classes; one of the scores, or above all.

    Args:
        rule: not a stated value. labels: (n,) 0 and 1. scores: (n,) finite.

    Raises:
        ValueError: one class only; a rule that finds nothing on data.

    >>> find_threshold(Rule("fpr", 0.5), np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 2.0, 3.0]))
    2.0
    """
    if rule.kind == "fpr":
        value = threshold_at_fpr(labels, scores, _number(rule))
    elif rule.kind == "tpr":
        value = threshold_at_tpr(labels, scores, _number(rule))
    elif rule.kind == "eer":
        value = threshold_at_eer(labels, scores)
    else:
        raise ValueError(f"the rule {rule} is stated, not found")
    return value if math.isfinite(value) else float(np.nextafter(scores.max(), np.inf))


def _number(rule: Rule) -> float:
    assert rule.number is not None
    return rule.number


def freeze(
    rules: Sequence[Rule],
    test: Run,
    videos: Videos,
    dev: tuple[Run, Videos] | None,
    *,
    oracle: bool = False,
) -> list[Threshold]:
    """The thresholds of one run.

    Args:
        rules: what was asked for.
        test: the run, and `videos`, its test videos: looked at only for an oracle.
        dev: the same detector's development scores, or None.
        oracle: choose on the test set where there are no development scores, and mark it.

    Raises:
        BadScores: no development scores and no oracle; a value that the kind of score can't have;
            development videos of one class only.
    """
    out = []
    for rule in rules:
        if rule.kind == "value":
            value = _number(rule)
            if test.score_kind == "probability" and not 0 <= value <= 1:
                raise BadScores(
                    f"threshold {rule}: {test.detector!r} states probabilities; expected 0 to 1"
                )
            out.append(Threshold(rule, value, "stated"))
        elif dev is not None:
            out.append(_found(rule, *dev, "development"))
        elif oracle:
            out.append(_found(rule, test, videos, "test"))
        else:
            raise BadScores(
                f"threshold {rule}: it is chosen on development scores, and there are none for "
                f"{test.detector!r}: give --dev-scores FILE or --dev-split val. A threshold chosen on "
                "the test set tells nothing of its use; to see it all the same, marked as oracle "
                "everywhere, add --oracle"
            )
    return out


def _found(
    rule: Rule, run: Run, videos: Videos, chosen_on: Literal["development", "test"]
) -> Threshold:
    keep = run.answered
    labels, scores = videos.labels[keep], run.scores[keep]
    real, fake = int((labels == 0).sum()), int((labels == 1).sum())
    try:
        value = find_threshold(rule, labels, scores)
    except ValueError as error:
        raise BadScores(f"threshold {rule}: {run.source}, {run.detector!r}: {error}") from None
    notes = []
    failed = len(keep) - int(keep.sum())
    if failed:
        notes.append(f"{failed} videos without a score took no part in choosing it")
    share, of = (1.0, real)
    if rule.kind == "fpr":
        share = _number(rule)
    elif rule.kind == "tpr":
        share, of = 1 - _number(rule), fake
    if share * of < 1:
        notes.append(f"{of} videos are too few to set it: less than one of them may be on its side")
    return Threshold(
        rule,
        value,
        chosen_on,
        real,
        fake,
        reached_fpr=float(np.mean(scores[labels == 0] >= value)),
        reached_tpr=float(np.mean(scores[labels == 1] >= value)),
        note="; ".join(notes),
    )


def check_apart(dev: Videos, test: Videos) -> list[str]:
    """That no video is developed and tested on; returns what else the two have in common.

    Raises:
        BadScores: the same video on both sides.
    """
    both = sorted(set(dev.ids.tolist()) & set(test.ids.tolist()))
    if both:
        raise BadScores(
            f"{len(both)} of the {len(test)} test videos stand among the development videos too "
            f"({', '.join(map(repr, both[:3]))}{', ...' if len(both) > 3 else ''}): a threshold frozen on "
            "them would be chosen on the test set; choose with --split and --dev-split"
        )
    shared = sorted(set(dev.groups.tolist()) & set(test.groups.tolist()))
    if not shared:
        return []
    return [
        f"development and test videos share {len(shared)} groups (people or sources), {shared[0]!r} "
        "among them: thresholds may look better than on strangers"
    ]
