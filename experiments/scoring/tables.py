"""The scores table, and the frames beside it: Parquet, CSV or JSON, as the file's ending says."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

OUT_SUFFIXES = (".parquet", ".csv", ".json")

# Column types by name: s string, f float64, i int64, b list of float64.
SCORE_COLUMNS = {
    "video_id": "s",
    "path": "s",
    "condition": "s",
    "detector": "s",
    "status": "s",
    "score": "f",
    "score_kind": "s",
    "aggregation": "s",
    "crop_spec": "s",
    "manifest_sha256": "s",
    "reason": "s",
    "seconds": "f",
    "cost": "f",
}
FRAME_COLUMNS = {
    "video_id": "s",
    "condition": "s",
    "detector": "s",
    "track_id": "i",
    "track_score": "f",
    "frame_index": "i",
    "pts_seconds": "f",
    "score": "f",
    "box_xyxy": "b",
}
Row = dict[str, Any]


def frames_path(out: Path) -> Path:
    """Where the frame scores of a table lie: `scores.parquet` -> `scores.frames.parquet`."""
    return out.with_name(f"{out.stem}.frames{out.suffix}")


def write_results(
    out: Path, records: Callable[[], Iterable[Row]], manifest_sha256: str | None
) -> None:
    """Writes a run's results, each file in one step.

    Args:
        out: .json holds everything, one object a video; .parquet and .csv hold the scores table,
            with the frames in a second file (`frames_path`).
        records: gives the VideoScores as dicts; called once for each file.
        manifest_sha256: of the manifest that the videos came from.

    Raises:
        ValueError: another ending. OSError: it can't be written.
    """
    if out.suffix == ".json":
        with _replacing(out) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write("[")
            for i, record in enumerate(records()):
                file.write((",\n" if i else "\n") + json.dumps(record, ensure_ascii=True))
            file.write("\n]\n")
        return
    scores = (_score_row(r, manifest_sha256) for r in records())
    frames = (row for r in records() for row in _frame_rows(r))
    _write_table(frames_path(out), FRAME_COLUMNS, frames)
    _write_table(out, SCORE_COLUMNS, scores)


def write_scores(path: Path, records: Iterable[Row], manifest_sha256: str | None) -> None:
    """The scores alone, without frames, as .csv or .parquet, in one step. Raises as `write_results`."""
    _write_table(path, SCORE_COLUMNS, (_score_row(r, manifest_sha256) for r in records))


def detector_key(detector: Row) -> str:
    """How the tables name a detector: its name and its weights' SHA-256."""
    return f"{detector['name']}@{detector['sha256']}"


def _score_row(record: Row, manifest_sha256: str | None) -> Row:
    row = {name: record.get(name) for name in SCORE_COLUMNS}
    row["path"] = printable(record["path"])
    row["reason"] = printable(record["reason"]) if record["reason"] else None
    row["detector"] = detector_key(record["detector"])
    row["crop_spec"] = json.dumps(record["crop_spec"]) if record["crop_spec"] else None
    row["seconds"] = record["seconds"].get("total")
    row["manifest_sha256"] = manifest_sha256
    return row


def _frame_rows(record: Row) -> Iterator[Row]:
    for track in record["tracks"]:
        for frame in track["frames"]:
            yield {
                "video_id": record["video_id"],
                "condition": record["condition"],
                "detector": detector_key(record["detector"]),
                "track_id": track["track_id"],
                "track_score": track["score"],
                **frame,
            }


def printable(text: str) -> str:
    """A path's text with bytes that are no UTF-8 written out, as tables and screens need it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    """A text for one line of a screen: line breaks and other control characters written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_statuses(out: Path) -> set[str]:
    """Which statuses stand in a finished output file.

    Raises:
        ValueError: not an output of ours.
    """
    try:
        if out.suffix == ".json":
            return {record["status"] for record in json.loads(out.read_text(encoding="utf-8"))}
        if out.suffix == ".csv":
            with out.open(newline="", encoding="utf-8") as file:
                return {row["status"] for row in csv.DictReader(file)}
        from pyarrow import parquet

        return set(parquet.read_table(out, columns=["status"])["status"].to_pylist())
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{out}: not a table of scores ({error})") from None


def _write_table(path: Path, columns: dict[str, str], rows: Iterable[Row]) -> None:
    if path.suffix == ".csv":
        with (
            _replacing(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, fieldnames=list(columns))
            writer.writeheader()
            for row in rows:
                boxes = {k: json.dumps(row[k]) for k, t in columns.items() if t == "b"}
                writer.writerow({**row, **boxes})
    elif path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        types = {"s": pa.string(), "f": pa.float64(), "i": pa.int64(), "b": pa.list_(pa.float64())}
        schema = pa.schema([(name, types[t]) for name, t in columns.items()])
        iterator = iter(rows)
        with (
            _replacing(path) as temporary,
            parquet.ParquetWriter(temporary, schema) as parquet_file,
        ):
            while chunk := list(islice(iterator, 50_000)):
                parquet_file.write_table(pa.Table.from_pylist(chunk, schema=schema))
    else:
        raise ValueError(f"{path}: expected an output that ends in {', '.join(OUT_SUFFIXES)}")


class _replacing:  # noqa: N801 (a context manager used as a verb)
    """A temporary name beside the target, which it takes the place of when all went well."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.temporary = target.with_name(target.name + ".part")

    def __enter__(self) -> Path:
        return self.temporary

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                with self.temporary.open("r+b") as file:
                    os.fsync(file.fileno())
                os.replace(self.temporary, self.target)
        finally:
            self.temporary.unlink(missing_ok=True)
