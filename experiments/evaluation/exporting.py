"""Results for other tools: JSON with every figure, CSV, a LaTeX table, DeepfakeBench's dictionary."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..metrics.curves import eer
from ..metrics.precision import average_precision
from .deepfakebench import results_of
from .joining import Run, Videos
from .results import NAMES, Evaluation, Figure
from .score_tables import BadScores
from .words import share

LATEX_COLUMNS = ("auc", "ap", "eer", "tpr@fpr=0.01")
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def write_whole(path: Path, write: Callable[[IO[str]], object]) -> None:
    """Writes a text file in one step: an older one stays until the new one is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("w", newline="", encoding="utf-8") as file:
            write(file)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def to_json(document: Any) -> str:
    """Every figure; raises ValueError for a number that is not finite."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def write_csv(evaluation: Evaluation, path: Path) -> None:
    """A row a figure: detector, condition, scoring, figure, value, interval, n. Raises OSError."""
    names = (
        "detector", "condition", "level", "aggregation", "scoring", "figure", "oracle", "value", "low",
        "high", "interval_level", "groups", "real", "fake", "reason",
    )  # fmt: skip

    def write(file: IO[str]) -> None:
        writer = csv.writer(file)
        writer.writerow(names)
        for result in evaluation.detectors:
            for s in result.scorings:
                for name, figure in s.figures.items():
                    i = figure.interval
                    writer.writerow(
                        [
                            result.detector, result.condition, "video", result.aggregation, s.scoring,
                            name, int(figure.oracle), _cell(figure.value), _cell(i and i.low),
                            _cell(i and i.high), _cell(i and i.level), _cell(i and i.groups), s.real,
                            s.fake, figure.reason or (i.reason if i else ""),
                        ]
                    )  # fmt: skip

    write_whole(path, write)


def _cell(value: Any) -> Any:
    return "" if value is None else value


def latex(evaluation: Evaluation) -> str:
    """A table (booktabs): a row a detector and scoring; EER and TPR at an FPR are marked as oracles."""
    level = f"{evaluation.protocol['level']:.0%}".replace("%", r"\%")
    head = " & ".join(
        _tex(NAMES[name]) + ("$^{*}$" if name.startswith(("eer", "tpr@")) else "")
        for name in LATEX_COLUMNS
    )
    rows = []
    for result in evaluation.detectors:
        for s in result.scorings:
            if s.reason:
                continue
            under = "" if result.condition == "none" else f" ({result.condition})"
            cells = [_tex_figure(s.figures[name]) for name in LATEX_COLUMNS]
            name = _tex(result.detector.partition("@")[0] + under)
            rows.append(f"{name} & {s.scoring} & {s.real} + {s.fake} & {' & '.join(cells)} \\\\")
    by = "people" if evaluation.two_way else "groups"
    return "\n".join(
        [
            f"% {_comment(evaluation.title)}; manifest SHA-256 {evaluation.protocol['manifest_sha256']}",
            r"\begin{tabular}{llr" + "l" * len(LATEX_COLUMNS) + "}",
            r"\toprule",
            f"Detector & Failures & $n$ & {head} \\\\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            f"% video level; brackets: {level}, by {by}; *: operating point chosen on the test set",
            "",
        ]
    )


def _comment(text: str) -> str:
    return " ".join(text.split())


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in text)


def _tex_figure(figure: Figure) -> str:
    if figure.value is None:
        return "--"
    i = figure.interval
    ends = "" if i is None or i.low is None else f" [{share(i.low)}, {share(i.high)}]"
    return f"{share(figure.value)}{ends}"


def deepfakebench_results(run: Run, videos: Videos, name: str) -> dict[str, dict[str, Any]]:
    """One run's answered videos as DeepfakeBench's results dictionary, at video level.

    Raises:
        BadScores: scores that are no probabilities, which its accuracy at .5 needs; a class without
            an answer.
    """
    if run.score_kind != "probability":
        raise BadScores(
            f"{run.source}: DeepfakeBench's results hold probabilities, and {run.detector!r} gives "
            f"{run.score_kind} scores; they are not turned into something else here"
        )
    keep = run.answered
    labels, scores = videos.labels[keep], run.scores[keep]
    if len(np.unique(labels)) < 2:
        raise BadScores(f"{run.source}: {run.detector!r} answered for one class only")
    return results_of(
        name,
        labels.tolist(),
        scores.tolist(),
        videos.ids[keep].tolist(),
        eer(labels, scores, "nearest"),
        average_precision(labels, scores),
    )
