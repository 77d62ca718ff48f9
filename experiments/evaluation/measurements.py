"""What each video is like: columns for slices, from a table or from what scoring saw of the files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...datasets.manifests import COLUMNS, read_table
from .file_facts import MEASURED
from .joining import Videos
from .score_tables import BadScores, ScoreTable


def with_measurements(videos: Videos, columns: Mapping[str, Sequence[Any]]) -> Videos:
    """The same videos with further columns; a manifest's own column is never replaced.

    Raises:
        BadScores: a column that is there already.
    """
    twice = sorted(set(columns) & set(videos.columns))
    if twice:
        raise BadScores(
            f"the column {', '.join(twice)} stands in {videos.source} and in the measurements; "
            "rename one"
        )
    return replace(videos, columns={**videos.columns, **columns})


def measured_by(table: ScoreTable, videos: Videos) -> dict[str, list[Any]]:
    """What a JSON table's own probes tell of the videos; a column that says nothing is left out."""
    where = {name: i for i, name in enumerate(table.video_id.tolist())}
    out = {}
    for name, values in table.measured.items():
        column = [values[where[v]] if v in where else None for v in videos.ids.tolist()]
        if any(value is not None for value in column):
            out[name] = column
    return out


def read_measurements(path: Path, videos: Videos, condition: str = "none") -> dict[str, list[Any]]:
    """A measurements table's columns, aligned with the videos.

    Args:
        path: .parquet or .csv with `video_id` and, where there are several, `condition`.
        videos: of `select_videos`. condition: whose rows are taken.

    Raises:
        BadManifest: it can't be read. BadScores: no `video_id`, an id that stands twice.
    """
    table = read_table(path)
    if "video_id" not in table.column_names:
        raise BadScores(
            f"{path}: not a table of measurements: no column video_id; it has "
            f"{', '.join(table.column_names)}"
        )
    rows: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        if (row.get("condition") or "none") != condition:
            continue
        name = str(row["video_id"])
        if name in rows:
            raise BadScores(f"{path}: the video {name!r} stands twice")
        rows[name] = row
    if not set(rows) & set(videos.ids.tolist()):
        raise BadScores(f"{path}: not one row is of the videos of {videos.source}")
    out: dict[str, list[Any]] = {}
    for name in table.column_names:
        if name in ("video_id", "condition", *COLUMNS):
            continue
        out[name] = [rows.get(v, {}).get(name) for v in videos.ids.tolist()]
        if name in MEASURED and name != "codec":
            out[name] = [_number(value, name, path) for value in out[name]]
    return out


def _number(value: Any, name: str, path: Path) -> float | None:
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        raise BadScores(f"{path}: the column {name} should hold numbers, got {value!r}") from None
