"""A table of scores, read and checked: ours, or what any other tool wrote."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.manifests import BadManifest, file_sha256, read_table
from ...datasets.registry import unknown_name
from ...datasets.types import Float64
from ...detectors.scores import SCORE_KINDS, Status
from ..scoring.tables import detector_key
from .deepfakebench import looks_like_results, rows_of_results
from .file_facts import facts_of_files

SUFFIXES = (".parquet", ".csv", ".json")
STATUSES = tuple(str(status) for status in Status)
ABSENT = "absent"  # of a manifest's video for which the table has no row: a failure like others
Strings = NDArray[np.object_]


class BadScores(Exception):
    """A table of scores that can't be used; the message names the file, the reason, what to do."""


@dataclass(frozen=True)
class ScoreTable:
    """The rows of a scores table, column by column, each of length n.

    `score`, `seconds`, `cost`: float64, NaN exactly where the table has none. `manifest_sha256`:
    "" where unknown. `measured`: by column, what the file itself tells of each video (JSON only).
    `folders`: whether `video_id` holds folders of frames, to be matched with a manifest's ids.

    Raises:
        BadScores: from `read`; see there.
    """

    source: str
    sha256: str
    video_id: Strings
    condition: Strings
    detector: Strings
    status: Strings
    score: Float64
    score_kind: Strings
    aggregation: Strings
    manifest_sha256: Strings
    seconds: Float64
    cost: Float64
    measured: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    folders: bool = False

    def __len__(self) -> int:
        return len(self.video_id)

    def pairs(self) -> list[tuple[str, str]]:
        """The (detector, condition) pairs, each once, in the order in which they first stand."""
        return list(
            dict.fromkeys(zip(self.detector.tolist(), self.condition.tolist(), strict=True))
        )

    def named(self, name: str) -> "ScoreTable":
        """The same scores under another name of the detector, which keeps its hash.

        Raises:
            BadScores: several detectors stand in the table.
        """
        own = sorted(set(self.detector.tolist()))
        if len(own) > 1:
            raise BadScores(f"{self.source}: {len(own)} detectors can't have the one name {name!r}")
        _, at, sha256 = own[0].partition("@")
        return replace(self, detector=_objects([f"{name}{at}{sha256}"] * len(self)))

    @classmethod
    def read(cls, path: Path) -> "ScoreTable":
        """A .parquet, .csv or .json table.

        Columns that it must have are `video_id` and `score`. Without `status` every row must have a
        score; `condition` is `none`, `detector` the file's stem and `score_kind` `ordinal` where
        there is no such column. JSON is either what `unswap score` writes or a results dictionary
        in DeepfakeBench's form with its `image` list.

        Raises:
            BadScores: no such file, another ending, a column that is missing, a score that is a
                word, NaN or infinite, a score with a status that has none or the other way round,
                an unknown status, a row that stands twice, several kinds of score of one detector,
                a probability outside 0 to 1.
        """
        if path.suffix.lower() not in SUFFIXES:
            raise BadScores(f"{path}: a table of scores ends in {', '.join(SUFFIXES)}")
        if path.suffix.lower() == ".json":
            columns, measured, folders = _from_json(path)
        else:
            columns, measured, folders = _from_table(path), {}, False
        return _checked(columns, measured, path, folders)


Columns = dict[str, list[Any]]
_DEFAULTS: dict[str, Callable[[Path], str]] = {
    "condition": lambda path: "none",
    "detector": lambda path: path.stem,
    "score_kind": lambda path: "ordinal",
    "aggregation": lambda path: "not stated",
    "manifest_sha256": lambda path: "",
}


def _from_table(path: Path) -> Columns:
    try:
        table = read_table(path)
    except BadManifest as error:
        raise BadScores(str(error).replace("the manifest has no rows", "it has no rows")) from None
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        columns[name] = column.to_pylist()
    return columns


def _from_json(path: Path) -> tuple[Columns, dict[str, list[Any]], bool]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadScores(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise BadScores(f"{path}: not readable JSON ({error})") from None
    if looks_like_results(document):
        try:
            return rows_of_results(document, path.stem), {}, True
        except ValueError as error:
            raise BadScores(f"{path}: {error}") from None
    if not isinstance(document, list) or not all(isinstance(r, dict) for r in document):
        raise BadScores(
            f"{path}: expected a list of scores as `unswap score --out x.json` writes it, or a "
            "results dictionary in DeepfakeBench's form"
        )
    names = ("video_id", "condition", "status", "score", "score_kind", "aggregation", "cost")
    columns: Columns = {name: [record.get(name) for record in document] for name in names}
    try:
        columns["detector"] = [detector_key(record["detector"]) for record in document]
        columns["seconds"] = [(record.get("seconds") or {}).get("total") for record in document]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadScores(f"{path}: not as `unswap score` writes it ({error!r})") from None
    return columns, facts_of_files(document), False


def _checked(
    columns: Columns, measured: Mapping[str, Sequence[Any]], path: Path, folders: bool
) -> ScoreTable:
    for name in ("video_id", "score"):
        if name not in columns:
            raise BadScores(
                f"{path}: not a table of scores: no column {name}; it has "
                f"{', '.join(columns) or 'none'}"
            )
    n = len(columns["video_id"])
    if not n:
        raise BadScores(f"{path}: it has no rows")
    ids = [str(v) if v not in (None, "") else None for v in columns["video_id"]]
    if None in ids:
        raise BadScores(f"{path}: row {ids.index(None) + 1} has no video_id")
    score = _numbers(columns["score"], "score", path)
    strings = {
        name: _strings(columns.get(name), default(path), n) for name, default in _DEFAULTS.items()
    }
    status = _statuses(columns.get("status"), score, path)
    table = ScoreTable(
        source=str(path),
        sha256=file_sha256(path),
        video_id=_objects(ids),
        status=status,
        score=score,
        seconds=_numbers(columns.get("seconds") or [None] * n, "seconds", path),
        cost=_numbers(columns.get("cost") or [None] * n, "cost", path),
        measured=measured,
        folders=folders,
        **strings,
    )
    _check_once(table)
    _check_kinds(table)
    return table


def _objects(values: Sequence[Any]) -> Strings:
    out = np.empty(len(values), dtype=np.object_)
    out[:] = values
    return out


def _strings(values: list[Any] | None, default: str, n: int) -> Strings:
    if values is None:
        return _objects([default] * n)
    return _objects([default if v in (None, "") else str(v) for v in values])


def _numbers(values: list[Any], name: str, path: Path) -> Float64:
    """NaN where there is no value; a value that is no finite number is an error."""
    out = np.full(len(values), np.nan)
    for place, value in enumerate(values):
        if value is None or value == "":
            continue
        try:
            number = float(value) if not isinstance(value, bool) else None
        except (TypeError, ValueError):
            number = None
        if number is None:
            raise BadScores(
                f"{path}: row {place + 1}: expected a number as {name}, got {value!r}; leave it "
                "empty where there is none, and say why in the column status"
            )
        if not np.isfinite(number):
            raise BadScores(
                f"{path}: row {place + 1}: the {name} is {number}; a {name} is finite, or empty with "
                "a status that says why"
            )
        out[place] = number
    return out


def _statuses(values: list[Any] | None, score: Float64, path: Path) -> Strings:
    scored = np.isfinite(score)
    if values is None:
        if not scored.all():
            row = int(np.flatnonzero(~scored)[0]) + 1
            raise BadScores(
                f"{path}: row {row} has no score, and there is no column status that says why; add "
                f"one with {', '.join(STATUSES)}"
            )
        return _objects(["scored"] * len(score))
    status = _objects([None if v in (None, "") else str(v) for v in values])
    for value in dict.fromkeys(status.tolist()):
        if value not in STATUSES:
            row = status.tolist().index(value) + 1
            said = "has no status" if value is None else unknown_name("status", value, STATUSES)
            raise BadScores(f"{path}: row {row}: {said}")
    wrong = np.flatnonzero((status == "scored") != scored)
    if len(wrong):
        row = int(wrong[0])
        what = "a score" if scored[row] else "no score"
        raise BadScores(
            f"{path}: row {row + 1} has {what} and the status {status[row]!r}; a score goes with "
            "'scored' alone, for a failure is never a number"
        )
    return status


def _check_once(table: ScoreTable) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    keys = zip(table.video_id, table.condition, table.detector, strict=True)
    for number, key in enumerate(keys, 1):
        if key in seen:
            raise BadScores(
                f"{table.source}: rows {seen[key]} and {number} are both of the video {key[0]!r}, "
                f"condition {key[1]!r}, detector {key[2]!r}; keep one"
            )
        seen[key] = number


def _check_kinds(table: ScoreTable) -> None:
    for detector, condition in table.pairs():
        rows = (table.detector == detector) & (table.condition == condition)
        kinds = sorted(set(table.score_kind[rows & (table.status == "scored")].tolist()))
        for kind in kinds:
            if kind not in SCORE_KINDS:
                said = unknown_name("score_kind", kind, SCORE_KINDS)
                raise BadScores(f"{table.source}: {said}")
        if len(kinds) > 1:
            raise BadScores(
                f"{table.source}: the scores of {detector!r} are of several kinds "
                f"({', '.join(kinds)}); they can't be ranked together"
            )
        scores = table.score[rows & np.isfinite(table.score)]
        if kinds == ["probability"] and ((scores < 0) | (scores > 1)).any():
            worst = float(scores[(scores < 0) | (scores > 1)][0])
            raise BadScores(
                f"{table.source}: {detector!r} states probabilities, and one is {worst:g}; expected 0 "
                "to 1: divide percentages by 100, or name the kind 'ordinal'"
            )
