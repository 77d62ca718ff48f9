"""Where a detector is weak: figures by manipulation, compression, size, or any other column."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ...datasets.registry import unknown_name
from ..metrics.bootstrap import cluster_bootstrap
from .joining import Run, Videos
from .measuring import Settings, clusters
from .policies import SCORINGS, Bools, Policy, apply_scoring
from .results import Figure, SliceRow
from .score_tables import BadScores

DEFAULTS = (
    "method", "kind", "compression", "resolution", "face_size", "bitrate", "length_seconds",
)  # fmt: skip
OF_FAKES = ("method", "kind")  # null for real videos: each value is held against all real ones
MOST_VALUES = 40
NUM_BINS = 4
MIN_VIDEOS = 20


@dataclass(frozen=True)
class SliceSpec:
    """A column to slice by. `edges`: of a column of numbers, rising; quartiles where none are given."""

    column: str
    edges: tuple[float, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "SliceSpec":
        """From `face_size` or `face_size=64,128`. Raises BadScores.

        >>> SliceSpec.parse("face_size=64,128")
        SliceSpec(column='face_size', edges=(64.0, 128.0))
        """
        column, equals, edges = text.partition("=")
        try:
            found = tuple(float(edge) for edge in edges.split(",")) if equals else ()
        except ValueError:
            raise BadScores(f"slice {text!r}: expected numbers after =, parted by commas") from None
        if any(a >= b for a, b in pairwise(found)) or not all(map(math.isfinite, found)):
            raise BadScores(f"slice {text!r}: expected rising, finite edges")
        return cls(column, found)


def members(videos: Videos, spec: SliceSpec) -> dict[str, Bools]:
    """The videos of each of a column's values; those without a value stand in none.

    Raises:
        BadScores: no such column, edges for a column of words, too many values.
    """
    if spec.column not in videos.columns:
        said = unknown_name("column", spec.column, videos.columns)
        raise BadScores(f"slice by {spec.column}: {said}")
    values = list(videos.columns[spec.column])
    if spec.column in OF_FAKES:
        real = videos.labels == 0
        return {
            str(value): real | np.array([v == value for v in values])
            for value in sorted({v for v in values if v is not None})
        }
    numbers = _numbers(values)
    if numbers is not None and (spec.edges or len(set(numbers.values())) > 8):
        return _bins(numbers, spec, len(values))
    if spec.edges:
        raise BadScores(f"slice by {spec.column}: it holds words, and edges go with numbers")
    counts = Counter(str(v) for v in values if v not in (None, ""))
    if len(counts) > MOST_VALUES:
        raise BadScores(
            f"slice by {spec.column}: {len(counts)} different values, more than {MOST_VALUES}; choose a "
            "column with fewer"
        )
    texts = [str(v) for v in values]
    return {value: np.array([t == value for t in texts]) for value in sorted(counts)}


def _numbers(values: Sequence[Any]) -> dict[int, float] | None:
    """Place -> number; None unless every value that is there is a finite number."""
    out = {}
    for place, value in enumerate(values):
        if value in (None, ""):
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        if not math.isfinite(number):
            return None
        out[place] = number
    return out or None


def _bins(numbers: Mapping[int, float], spec: SliceSpec, n: int) -> dict[str, Bools]:
    there = np.array(list(numbers.values()))
    inner = spec.edges or tuple(
        np.unique(np.quantile(there, np.arange(1, NUM_BINS) / NUM_BINS)).tolist()
    )
    place = np.full(n, -1)
    place[list(numbers)] = np.searchsorted(inner, there, side="right")
    ends = [f"{edge:,.0f}" if abs(edge) >= 10_000 else f"{edge:.4g}" for edge in inner]
    names = [
        f"below {ends[0]}",
        *(f"{a} to below {b}" for a, b in pairwise(ends)),
    ]
    names.append(f"{ends[-1]} and above")
    return {name: place == i for i, name in enumerate(names) if (place == i).any()}


def default_specs(videos: Videos) -> list[SliceSpec]:
    """The usual columns that are there and hold at least two values."""
    out = []
    for name in DEFAULTS:
        values = {v for v in videos.columns.get(name, ()) if v not in (None, "")}
        if len(values) > 1:
            out.append(SliceSpec(name))
    return out


def slice_rows(
    run: Run,
    videos: Videos,
    specs: Sequence[SliceSpec],
    policy: Policy | None,
    settings: Settings,
    min_videos: int = MIN_VIDEOS,
) -> list[SliceRow]:
    """A row for each value of each column, worst first (failures counted as wrong); few ones last.

    Raises:
        BadScores: see `members`.
    """
    rows = []
    for spec in specs:
        for value, inside in members(videos, spec).items():
            real = int((inside & (videos.labels == 0)).sum())
            fake = int((inside & (videos.labels == 1)).sum())
            # of a manipulation, the failures on its own videos alone
            its = inside & (videos.labels == 1) if spec.column in OF_FAKES else inside
            coverage = float(run.answered[its].mean())
            few = min(real, fake) < min_videos
            auc = {} if few else _aucs(run, videos, inside, policy, settings)
            rows.append(SliceRow(spec.column, value, real, fake, coverage, few, auc))
    return sorted(rows, key=_worst_first)


def _worst_first(row: SliceRow) -> tuple[bool, float]:
    wrong = row.auc.get("wrong")
    return row.few, wrong.value if wrong and wrong.value is not None else 0.0


def _aucs(
    run: Run, videos: Videos, inside: Bools, policy: Policy | None, settings: Settings
) -> dict[str, Figure | None]:
    out: dict[str, Figure | None] = {}
    for scoring in SCORINGS:
        scored = apply_scoring(run, videos.labels, scoring, policy)
        if scored is None:
            out[scoring] = None
            continue
        if out and run.answered[inside].all():  # without a failure all scorings are the first
            out[scoring] = out["answered"]
            continue
        keep = inside & scored.keep
        labels = videos.labels[keep]
        if len(np.unique(labels)) < 2:
            out[scoring] = Figure("auc", None, reason="a class without an answer")
            continue
        found = cluster_bootstrap(
            ["auc"],
            labels,
            scored.ranks[keep],
            **clusters(videos, keep),
            seed=settings.seed,
            resamples=settings.resamples,
            level=settings.level,
        )["auc"]
        out[scoring] = Figure("auc", found.value, found.interval)
    return out
