"""The results as Markdown."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...metrics.intervals import student_quantile
from .arms import ARMS, UNSEEN

Row = Mapping[str, Any]
Place = tuple[str, str, str | None]  # set, forgery, condition


def read_results(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Settings and figures, of `results.json`."""
    data = json.loads(path.read_text())
    return data["settings"], data["figures"]


def over_seeds(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean of runs, and half of its 95 % t interval over them (None of a single run).

    >>> mean, half = over_seeds([0.5, 0.6, 0.7])
    >>> round(mean, 3), round(half, 3)
    (0.6, 0.248)
    """
    count = len(values)
    if count < 2:
        return float(np.mean(values)), None
    error = float(np.std(values, ddof=1)) / count**0.5
    return float(np.mean(values)), student_quantile(count - 1, 0.975) * error


def tables(settings: Mapping[str, Any], figures: Sequence[Row]) -> str:
    """The means with intervals over seeds; every seed's; the first's with intervals over people;
    what the arms get on forgeries that none was trained on, and how they differ there."""
    seeds = [int(s) for s in settings["seeds"]]
    parts = [
        f"{settings['steps']} steps of {settings['batch_size']} pictures, {len(seeds)} seeds. AUC, "
        "mean over seeds ± half of its t interval over them; *: the arm's own forgery.",
        _grid(figures, lambda rows, own: _mean([r["auc"] for r in rows]) + own),
        f"Seed by seed ({', '.join(map(str, seeds))}):",
        _grid(figures, lambda rows, own: " ".join(_auc(r["auc"]) for r in rows) + own),
        f"Seed {seeds[0]}, 95 % intervals over people:",
        _grid(figures, lambda rows, own: _with_people(rows[0]) + own),
        f"{' and '.join(UNSEEN)}, which no arm was trained on, all conditions, averaged in each run:",
        _unseen(figures, seeds),
    ]
    return "\n\n".join(parts)


def unseen_means(figures: Sequence[Row], seeds: Sequence[int]) -> dict[str, list[float]]:
    """By arm, for each seed: the mean AUC over the forgeries in `UNSEEN` and all conditions."""
    return {
        arm: [
            float(np.mean([r["auc"] for r in figures
                           if (r["arm"], r["seed"]) == (arm, seed) and r["forgery"] in UNSEEN]))
            for seed in seeds
        ]
        for arm in ARMS
    }  # fmt: skip


def _unseen(figures: Sequence[Row], seeds: Sequence[int]) -> str:
    means = unseen_means(figures, seeds)
    lines = ["| | AUC | seed by seed |", "|---|---|---|"]
    for arm, values in means.items():
        lines.append(f"| {arm} | {_mean(values)} | {' '.join(map(_auc, values))} |")
    first, *others = means
    for other in others:
        off = [a - b for a, b in zip(means[first], means[other], strict=True)]
        told = " ".join(f"{v:+.3f}" for v in off)
        lines.append(f"| {first} less {other} | {_mean(off, sign='+')} | {told} |")
    return "\n".join(lines)


def _grid(figures: Sequence[Row], cell: Any) -> str:
    """A row a forgery and condition, a column an arm."""
    lines = ["| clips | forgery | real, forged (people) | " + " | ".join(ARMS) + " |"]
    lines.append("|" + "---|" * (3 + len(ARMS)))
    for place in _places(figures):
        rows = [r for r in figures if _place(r) == place]
        name, forgery, condition = place
        told = f"{name}, {condition or 'as drawn'}"
        count = f"{rows[0]['real']}, {rows[0]['forged']} ({rows[0]['people']})"
        cells = []
        for arm, own in ARMS.items():
            mine = sorted((r for r in rows if r["arm"] == arm), key=lambda r: int(r["seed"]))
            cells.append(cell(mine, "*" if own == forgery else "") if mine else "not yet")
        lines.append(f"| {told} | {forgery} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _places(figures: Sequence[Row]) -> list[Place]:
    return list(dict.fromkeys(_place(r) for r in figures))


def _place(row: Row) -> Place:
    return row["set"], row["forgery"], row["condition"]


def _mean(values: Sequence[float], sign: str = "") -> str:
    mean, half = over_seeds(values)
    told = f"{mean:{sign}.3f}" if sign else _auc(mean)
    return told if half is None else f"{told} ± {half:.3f}"


def _with_people(row: Row) -> str:
    if row["interval"] is None:
        return f"{_auc(row['auc'])} (too few people)"
    low, high = row["interval"]
    return f"{_auc(row['auc'])} [{_auc(low)}, {_auc(high)}]"


def _auc(value: float) -> str:
    """As tables write it: .812, or 1.000."""
    return f"{value:.3f}".removeprefix("0")
