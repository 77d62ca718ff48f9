"""Scores beside the manifest that says what each video is: aligned arrays, one row a video."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...datasets.manifests import Manifest
from ...datasets.registry import unknown_name
from ...datasets.types import Float64, Int64
from .deepfakebench import match_ids
from .score_tables import ABSENT, BadScores, ScoreTable, Strings

MOST_NAMED = 3  # ids that a message shows


@dataclass(frozen=True)
class Videos:
    """The videos that are evaluated, n of them, in the manifest's order.

    `labels`: (n,) 0 real, 1 manipulated. `groups`: (n,) clusters for resampling: the manifest's
    group, else the target person, the original, the source person, or the video by itself.
    `people`: source and target persons, (n,) each, where both are known of every video; else None.
    `columns`: the manifest's other columns and measurements, for slices.
    """

    source: str
    sha256: str | None
    ids: Strings
    labels: Int64
    groups: Strings
    people: tuple[Strings, Strings] | None
    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(self.ids)

    def counts(self) -> tuple[int, int]:
        """How many are real, how many manipulated."""
        fake = int(self.labels.sum())
        return len(self) - fake, fake


@dataclass(frozen=True)
class Run:
    """What one detector said of these videos under one condition, in their order.

    `status`: (n,), `absent` where the table has no row. `scores`: (n,) NaN unless `scored`.
    `seconds`, `cost`: (n,) NaN where unknown. `source`, `sha256`: the table that it stands in.
    """

    detector: str
    condition: str
    score_kind: str
    aggregation: str
    status: Strings
    scores: Float64
    seconds: Float64
    cost: Float64
    source: str
    sha256: str

    @property
    def answered(self) -> np.ndarray:
        """(n,) whether there is a score."""
        return np.isfinite(self.scores)

    @property
    def name(self) -> str:
        """The detector's name without its hash."""
        return self.detector.partition("@")[0]


def select_videos(manifest: Manifest, split: str | None = None) -> Videos:
    """The manifest's videos of one split (all by default).

    Raises:
        BadScores: no such split; videos of one class only.
    """
    if split is not None:
        splits = manifest.column("split")
        if split not in splits:
            known = sorted({s for s in splits if s})
            said = unknown_name("split", split, known)
            raise BadScores(f"{manifest.source}: {said}")
        sha256 = manifest.sha256
        manifest = manifest.select([s == split for s in splits])
    else:
        sha256 = manifest.sha256
    labels = np.asarray(manifest.column("label"), np.int64)
    if len(np.unique(labels)) < 2:
        only = "real" if not labels.any() else "manipulated"
        where = f" in the split {split!r}" if split else ""
        raise BadScores(
            f"{manifest.source}: all {len(labels)} videos{where} are {only}; telling them apart "
            "needs both classes"
        )
    columns = {name: manifest.column(name) for name in manifest.table.column_names}
    source, target = columns["source_id"], columns["target_id"]
    people = None
    if all(source) and all(target):
        people = (_objects(source), _objects(target))
    groups = [
        next(str(v) for v in values if v)
        for values in zip(
            columns["group"], target, columns["original"], source, columns["video_id"], strict=True
        )
    ]
    skipped = ("video_id", "path", "root", "label", "mask", "group", "original")
    return Videos(
        source=manifest.source,
        sha256=sha256,
        ids=_objects(columns["video_id"]),
        labels=labels,
        groups=_objects(groups),
        people=people,
        columns={name: values for name, values in columns.items() if name not in skipped},
    )


def join(
    table: ScoreTable,
    videos: Videos,
    manifest: Manifest,
    *,
    other_manifest: bool = False,
    may_be_empty: bool = False,
) -> list[Run]:
    """The table's detectors and conditions, each aligned with the videos.

    Scores of the manifest's other videos (of another split) are left out; a video without a row has
    the status `absent`, and counts as a failure.

    Args:
        table: the scores.
        videos: of `select_videos`.
        manifest: the whole one, so that an id of another split is told from an unknown one.
        other_manifest: take scores that were made from a manifest of another hash, as long as every
            id is known.
        may_be_empty: whether a table without one score of these videos is no error.

    Raises:
        BadScores: scores of another manifest, unknown ids, not one score of these videos.
    """
    _check_hash(table, manifest, other_manifest)
    known = [str(name) for name in manifest.column("video_id")]
    names = table.video_id
    if table.folders:
        try:
            names = _objects(match_ids(table.video_id.tolist(), known))
        except ValueError as error:
            raise BadScores(f"{table.source}: {error}") from None
    unknown = sorted(set(names.tolist()) - set(known))
    if unknown:
        raise BadScores(
            f"{table.source}: {len(unknown)} of its {len(set(names.tolist()))} ids are not in "
            f"{manifest.source}: {', '.join(map(repr, unknown[:MOST_NAMED]))}"
            f"{', ...' if len(unknown) > MOST_NAMED else ''}; give the manifest that was scored"
        )
    place = {name: i for i, name in enumerate(videos.ids.tolist())}
    places = np.array([place.get(name, -1) for name in names.tolist()], np.int64)
    if (places < 0).all() and not may_be_empty:
        raise BadScores(
            f"{table.source}: not one score is of the {len(videos)} chosen videos of "
            f"{videos.source}; choose another --split"
        )
    return [
        _aligned(table, key, places, len(videos))
        for key in table.pairs()
        if (places[(table.detector == key[0]) & (table.condition == key[1])] >= 0).any()
    ]


def _aligned(table: ScoreTable, key: tuple[str, str], places: Int64, n: int) -> Run:
    rows = np.flatnonzero((table.detector == key[0]) & (table.condition == key[1]) & (places >= 0))
    at = places[rows]
    status = _objects([ABSENT] * n)
    status[at] = table.status[rows]
    scores, seconds, cost = (np.full(n, np.nan) for _ in range(3))
    scores[at], seconds[at], cost[at] = table.score[rows], table.seconds[rows], table.cost[rows]
    answered = rows[table.status[rows] == "scored"]
    one = answered[0] if len(answered) else rows[0]
    ways = sorted(set(table.aggregation[answered].tolist())) or [str(table.aggregation[one])]
    return Run(
        detector=key[0],
        condition=key[1],
        score_kind=str(table.score_kind[one]),
        aggregation=", ".join(ways),
        status=status,
        scores=scores,
        seconds=seconds,
        cost=cost,
        source=table.source,
        sha256=table.sha256,
    )


def _check_hash(table: ScoreTable, manifest: Manifest, other_manifest: bool) -> None:
    made_of = sorted(set(table.manifest_sha256.tolist()) - {""})
    if other_manifest or not made_of or manifest.sha256 is None or made_of == [manifest.sha256]:
        return
    raise BadScores(
        f"{table.source}: its scores were made from a manifest with the SHA-256 "
        f"{', '.join(made_of)}; {manifest.source} has {manifest.sha256}. Give that manifest; or, if this "
        "one only was written anew (other columns, fewer rows), add --other-manifest"
    )


def check_splits(runs: Sequence[Run], videos: Videos) -> None:
    """That no whole split is without a row.

    Raises:
        BadScores: scores of one split beside a manifest of several, and no choice made.
    """
    splits = videos.columns["split"]
    counts = Counter(str(s) for s in splits if s)
    if len(counts) < 2:
        return
    for run in runs:
        there = Counter(str(s) for s, st in zip(splits, run.status, strict=True) if st != ABSENT)
        empty = [name for name in sorted(counts) if not there[name]]
        if empty:
            raise BadScores(
                f"{run.source}: not one video of the split {', '.join(empty)} has a row for "
                f"{run.detector!r}; choose the split that was scored: --split "
                f"{next((n for n in sorted(counts) if there[n]), 'test')}"
            )


def _objects(values: Sequence[Any]) -> Strings:
    out = np.empty(len(values), dtype=np.object_)
    out[:] = [str(v) for v in values]
    return out
