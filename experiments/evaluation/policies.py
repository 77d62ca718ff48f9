"""What a failure counts as. Every table shows three scorings side by side, so that none can hide it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...datasets.registry import unknown_name
from ...datasets.types import Float64, Int64
from .joining import Run
from .score_tables import ABSENT, STATUSES, BadScores

Scoring = Literal["answered", "wrong", "policy"]
SCORINGS: tuple[Scoring, ...] = ("answered", "wrong", "policy")
SCORING_WORDS: dict[Scoring, str] = {
    "answered": "answered only",
    "wrong": "failure counted as wrong",
    "policy": "failure by the stated policy",
}
RULES = ("real", "fake", "wrong", "left_out")
FAILURES = tuple(s for s in (*STATUSES, ABSENT) if s != "scored")
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Policy:
    """What each way of failing counts as: `real` (let pass), `fake` (flagged), `wrong`, `left_out`.

    `rules`: by status; every failure status has one.
    """

    rules: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for status, rule in self.rules.items():
            if status not in FAILURES:
                raise BadScores(f"policy: {unknown_name('failure status', status, FAILURES)}")
            if rule not in RULES:
                raise BadScores(f"policy: {unknown_name('rule', rule, RULES)}")
        missing = [status for status in FAILURES if status not in self.rules]
        if missing:
            raise BadScores(
                f"policy: nothing is said of {', '.join(missing)}; add all=RULE for the rest, with RULE "
                f"one of {', '.join(RULES)}"
            )

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "Policy":
        """From `no_face=real`, `refused=fake`, `all=wrong`; a later one does not replace an earlier.

        Raises:
            BadScores: not of this form, an unknown status or rule, a status said twice or not at all.

        >>> Policy.parse(["refused=fake", "all=real"]).rules["timeout"]
        'real'
        """
        rules: dict[str, str] = {}
        rest: str | None = None
        for text in (part.strip() for given in texts for part in given.split(",")):
            status, equals, rule = text.partition("=")
            if not equals:
                raise BadScores(f"policy {text!r}: expected STATUS=RULE, such as no_face=real")
            if status in rules or (status == "all" and rest is not None):
                raise BadScores(f"policy: {status} is given twice")
            if status == "all":
                rest = rule
            else:
                rules[status] = rule
        if rest is not None:
            rules = {**dict.fromkeys(FAILURES, rest), **rules}
        return cls(rules)

    def words(self) -> str:
        """`refused: fake; all others: real`, the rest being what most statuses count as."""
        usual = max(set(self.rules.values()), key=lambda r: (list(self.rules.values()).count(r), r))
        parts = [f"{status}: {rule}" for status, rule in self.rules.items() if rule != usual]
        return "; ".join([*parts, f"{'all others' if parts else 'every failure'}: {usual}"])


@dataclass(frozen=True)
class Scored:
    """One run under one scoring.

    `keep`: (n,) which videos count. `ranks`: (n,) whole numbers in the order of the scores; a
    failure stands below or above all scores, as it is counted. `values`: the scores themselves where
    only answered ones are kept; else None, for then some videos have no number.
    """

    scoring: Scoring
    keep: Bools
    ranks: Float64
    values: Float64 | None

    def called(self, run: Run, threshold: float) -> Bools:
        """(n,) which videos are called manipulated: score >= threshold, or a failure ranked on top."""
        above: Bools = np.where(run.answered, run.scores >= threshold, self.ranks > 0)
        return above


def apply_scoring(
    run: Run, labels: Int64, scoring: Scoring, policy: Policy | None = None
) -> Scored | None:
    """A run's ranks under a scoring; None for `policy` where none is stated.

    No number is put in place of a missing score: a failure only gets a rank, below all (it passes
    as real) or above all (it is flagged), which is all that counting it needs.

    Raises:
        ValueError: an unknown scoring.
    """
    answered = run.answered
    if scoring == "answered":
        return Scored(scoring, answered, _dense(run.scores), run.scores)
    if scoring == "wrong":
        rules = np.full(len(labels), "wrong", dtype=np.object_)
    elif scoring == "policy":
        if policy is None:
            return None
        rules = np.array([policy.rules.get(s, "") for s in run.status.tolist()], dtype=np.object_)
    else:
        raise ValueError(unknown_name("scoring", scoring, SCORINGS))
    top = ((rules == "fake") | ((rules == "wrong") & (labels == 0))) & ~answered
    bottom = ((rules == "real") | ((rules == "wrong") & (labels == 1))) & ~answered
    ranks = _dense(run.scores)
    ranks[top] = np.nanmax(ranks, initial=0.0) + 1
    ranks[bottom] = -1.0
    keep = answered | top | bottom
    values = run.scores if keep.tolist() == answered.tolist() else None
    return Scored(scoring, keep, ranks, values)


def _dense(scores: Float64) -> Float64:
    """0, 1, 2, ... in the order of the scores, equal for equal ones; NaN stays NaN."""
    out = np.full(len(scores), np.nan)
    finite = np.isfinite(scores)
    out[finite] = np.unique(scores[finite], return_inverse=True)[1]
    return out
