"""Evaluations become one self-contained HTML page."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from ....datasets.perturbations import CODES
from ...metrics.binomial import Bound, clopper_pearson
from ...report import facts
from ...report.page import csp_hash, environment, part, safe_stem, write_page
from ..policies import SCORING_WORDS, SCORINGS
from ..results import (
    NAMES,
    ORACLES,
    DetectorResult,
    Evaluation,
    Figure,
)
from ..thresholds import MARKS
from ..words import share
from .views import View, view_of

DASH = "\N{EN DASH}"


def render_report(
    evaluations: Sequence[Evaluation], *, version: str, generated_at: str, title: str = ""
) -> str:
    """The page; it loads nothing from anywhere.

    Args:
        evaluations: one or more; each gets its own part.
        version: of this software. `generated_at`: when, as it shall be printed.
        title: of the page; the first evaluation's by default.

    Raises:
        ValueError: no evaluation, or a number that is not finite.
    """
    if not evaluations:
        raise ValueError("expected at least one evaluation, got none")
    views = [view_of(e) for e in evaluations]
    style = part(__package__, "report.css") + part(__package__, "evaluation.css")
    script = part(__package__, "evaluation.js")
    record = json.dumps(
        {"unswap": version, "generated_at": generated_at,
         "evaluations": [e.to_dict() for e in evaluations]},
        separators=(",", ":"), allow_nan=False,
    )  # fmt: skip
    first = evaluations[0].protocol
    return (
        _environment()
        .get_template("evaluation.html.j2")
        .render(
            title=title or evaluations[0].title,
            views=views,
            matrix=_matrix(views),
            level=f"{first['level']:.0%}".replace("%", " %"),
            policy=first["policy"],
            names=NAMES,
            oracles=ORACLES,
            scoring_words=SCORING_WORDS,
            codes=CODES,
            marks=MARKS,
            version=version,
            generated_at=generated_at,
            key=report_key(evaluations),
            style=Markup(style),
            script=Markup(script),
            style_hash=csp_hash(style),
            script_hash=csp_hash(script),
            record=record,
        )
    )


def write_report(
    evaluations: Sequence[Evaluation],
    folder: Path,
    *,
    version: str,
    generated_at: str,
    title: str = "",
) -> Path:
    """Writes `folder/evaluation-<title>.html` whole or not at all; returns its path.

    A second report on the same scores and manifests replaces the first; another file of that name
    stays, and figures of this report's key are added to the name.

    Raises:
        ValueError: as `render_report`. FileExistsError: the longer names are taken too.
    """
    page = render_report(evaluations, version=version, generated_at=generated_at, title=title)
    key = report_key(evaluations)
    base = f"evaluation-{safe_stem(title or evaluations[0].title)}"
    return write_page(page, folder, (base, f"{base}-{key[:8]}", f"{base}-{key}"), key)


def report_key(evaluations: Sequence[Evaluation]) -> str:
    """64 hex digits that name the scores and the manifests."""
    parts = [
        [
            e.title,
            e.protocol["manifest_sha256"],
            e.protocol["split"],
            [s["sha256"] for s in e.protocol["scores"]],
        ]
        for e in evaluations
    ]
    return hashlib.sha256(json.dumps(["evaluation", parts]).encode("utf-8")).hexdigest()


def _matrix(views: Sequence[View]) -> list[tuple[str, list[tuple[str, list[Figure | None]]]]]:
    """By detector and scoring, the AUC on each benchmark."""
    names = list(dict.fromkeys(label for v in views for label, _, _ in v.board))
    boards = [{label: d for label, d, _ in v.board} for v in views]

    def auc(board: Mapping[str, DetectorResult], name: str, scoring: str) -> Figure | None:
        return board[name].of(scoring).figures.get("auc") if name in board else None

    return [
        (name, [(scoring, [auc(board, name, scoring) for board in boards]) for scoring in SCORINGS])
        for name in names
    ]


def _at_most(bound: Bound) -> float:
    """What no error in n leaves possible: the exact one-sided upper bound."""
    return clopper_pearson(bound.k, bound.n, bound.level, one_sided=True).high


def _not_given(result: DetectorResult, name: str) -> str:
    """Why no scoring has this figure; "" where one has it."""
    found = [s.figures[name] for s in result.scorings if name in s.figures]
    if not found or any(figure.value is not None for figure in found):
        return ""
    return found[0].reason


def _pvalue(value: float | None) -> str:
    if value is None:
        return DASH
    return "< .0001" if value < 0.0001 else share(value, 4 if value < 0.01 else 3)


def _signed(value: float) -> str:
    sign = "+" if value > 0 else facts.MINUS if value < 0 else ""
    return sign + share(abs(value))


def _maybe(value: float | None, digits: int) -> str:
    return DASH if value is None else facts.number(value, digits)


@cache
def _environment() -> Environment:
    made = environment(__package__)
    made.filters |= {"share": share, "pvalue": _pvalue, "signed": _signed, "maybe": _maybe}
    made.globals |= {"at_most": _at_most, "not_given": _not_given}
    return made
