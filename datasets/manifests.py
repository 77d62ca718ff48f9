"""The manifest: the table that says which videos there are, what each is, and where it lies."""

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

KINDS = ("swap", "reenactment", "lip_sync", "synthesis")
SPLITS = ("train", "val", "test")
ARCHIVE_MARK = "!/"  # `clips/1.tar!/1/real/7`: a folder of images inside a tar archive
_BATCH = 65536


class BadManifest(Exception):
    """A manifest that can't be used; the message names the file, the reason, what to do."""


@dataclass(frozen=True)
class Video:
    """One row of a manifest.

    `video_id`: unique, `benchmark/method/compression/name` (`video_id` makes it). `root`: the name
    of the tree that `path` lies below; "" for the only one. `path`: with forward slashes; a video
    file, a folder of images, or (`ARCHIVE!/FOLDER`) a folder of images in a tar archive. `label`: 0
    real, 1 manipulated. `kind`: see `KINDS`; null for real. `method`: the manipulation; null for
    real. `compression`: raw, c23, c40 and the like, or null. `split`: see `SPLITS`, or null.
    `source_id`, `target_id`: the people: who gave the face (or drove the motion), and whose video
    it was; for a real video both are its own. `original`: the `video_id` of the real video that it
    was made from. `group`: cluster for resampling. `mask`: path, below the same root, of a video of
    the manipulated region.
    """

    video_id: str
    path: str
    label: int
    root: str = ""
    kind: str | None = None
    method: str | None = None
    compression: str | None = None
    split: str | None = None
    source_id: str | None = None
    target_id: str | None = None
    original: str | None = None
    group: str | None = None
    mask: str | None = None

    def __post_init__(self) -> None:
        if not self.video_id:
            raise ValueError("expected a video_id, got an empty one")
        if self.label not in (0, 1):
            raise ValueError(f"{self.video_id}: expected label 0 or 1, got {self.label!r}")
        _check_path(self.video_id, "path", self.path)
        if self.mask is not None:
            _check_path(self.video_id, "mask", self.mask)
        for name, known in (("kind", KINDS), ("split", SPLITS)):
            value = getattr(self, name)
            if value is not None and value not in known:
                raise ValueError(
                    f"{self.video_id}: expected {name} {', '.join(known)} or none, got {value!r}"
                )
        if self.label == 0:
            for name in ("kind", "method"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{self.video_id}: a real video has no {name}, got {getattr(self, name)!r}"
                    )


def _check_path(video_id: str, name: str, path: str) -> None:
    if not path:
        raise ValueError(f"{video_id}: it has no {name}")
    if "\\" in path:
        raise ValueError(
            f"{video_id}: the {name} {path!r} has backslashes; write paths with forward slashes"
        )
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError(
            f"{video_id}: the {name} {path!r} leaves its root; write it relative to a root, "
            "and give the root on the command line"
        )


def video_id(benchmark: str, method: str | None, compression: str | None, name: str) -> str:
    """The id of a video: `benchmark/method/compression/name`.

    >>> video_id("faceforensics++", "Deepfakes", "c23", "000_003")
    'faceforensics++/Deepfakes/c23/000_003'
    >>> video_id("celeb-df-v2", None, None, "YouTube-real/00170")
    'celeb-df-v2/real/-/YouTube-real/00170'
    """
    return f"{benchmark}/{method or 'real'}/{compression or '-'}/{name}"


COLUMNS = tuple(field.name for field in fields(Video))
REQUIRED = ("video_id", "path", "label")
SCHEMA = pa.schema([(name, pa.int8() if name == "label" else pa.string()) for name in COLUMNS])


class Manifest:
    """Videos, as an Arrow table with the columns of `Video` first and any others after them.

    Args:
        table: checked here: columns, types, unique ids, each row as a `Video`.
        source: the file that it was read from, for messages.
        sha256: of that file.

    Raises:
        BadManifest: a column is missing, a value is not allowed, an id stands twice, or there are
            no rows.
    """

    def __init__(self, table: pa.Table, source: str = "manifest", sha256: str | None = None):
        self.source = source
        self.sha256 = sha256
        self.table = _in_schema(table, source)
        _check_rows(self.table, source)

    @classmethod
    def from_videos(cls, videos: Iterable[Video], source: str = "manifest") -> "Manifest":
        """A manifest of these rows, in this order."""
        rows = list(videos)
        columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        return cls(pa.table(columns, schema=SCHEMA), source)

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """A .parquet or .csv file. Raises BadManifest, which names the file and what to do."""
        return cls(read_table(path), str(path), file_sha256(path))

    def write(self, path: Path) -> None:
        """As .parquet or .csv, whichever the file's ending says; the same rows give the same bytes.

        Raises:
            BadManifest: another ending. OSError: it can't be written; an older file is kept.
        """
        if path.suffix.lower() not in (".parquet", ".csv"):
            raise BadManifest(f"{path}: a manifest ends in .parquet or .csv")
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            if path.suffix.lower() == ".parquet":
                from pyarrow import parquet

                parquet.write_table(self.table, draft)
            else:
                with draft.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    writer.writerow(self.table.column_names)
                    for row in self.rows():
                        writer.writerow("" if v is None else v for v in row.values())
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row with all its columns."""
        for batch in self.table.to_batches(_BATCH):
            yield from batch.to_pylist()

    def videos(self) -> Iterator[Video]:
        """Each row as a Video (columns beyond a Video's are left out)."""
        for batch in self.table.select(COLUMNS).to_batches(_BATCH):
            for row in batch.to_pylist():
                yield Video(**row)

    def column(self, name: str) -> list[Any]:
        """One column's values, in order. Raises KeyError for a column that is not there."""
        values: list[Any] = self.table.column(name).to_pylist()
        return values

    def select(self, keep: Sequence[bool] | Any) -> "Manifest":
        """The rows whose place in `keep` (length n) is true."""
        mask = np.asarray(keep, dtype=np.bool_)
        if mask.shape != (len(self),):
            raise ValueError(f"expected {len(self)} choices for {len(self)} rows, got {mask.shape}")
        return Manifest(self.table.filter(pa.array(mask)), self.source)

    def with_column(self, name: str, values: Sequence[Any]) -> "Manifest":
        """The same rows with one column replaced or added."""
        if len(values) != len(self):
            raise ValueError(f"expected {len(self)} values of {name}, got {len(values)}")
        array = pa.array(values, type=SCHEMA.field(name).type if name in COLUMNS else None)
        if name in self.table.column_names:
            place = self.table.column_names.index(name)
            return Manifest(self.table.set_column(place, name, array), self.source)
        return Manifest(self.table.append_column(name, array), self.source)

    def paths(self, roots: Mapping[str, Path], column: str = "path") -> list[str | None]:
        """Where each row's file lies: its root's folder and its path (None where it has none).

        Args:
            roots: folder by root name; "" is the folder for every name that is not given.
            column: `path` or `mask`.

        Raises:
            BadManifest: a row lies below a root that was not given.
        """
        found: list[str | None] = []
        for name, root, path in zip(
            self.column("video_id"), self.column("root"), self.column(column), strict=True
        ):
            if path is None:
                found.append(None)
            else:
                folder = folder_of(root or "", roots, f"{self.source}: {name!r}")
                found.append(str(folder / path))
        return found


@dataclass(frozen=True)
class ManifestVideo:
    """What scoring needs of a row: the video's id and where its file lies."""

    video_id: str
    path: Path


def read_manifest_videos(path: Path, roots: Mapping[str, Path]) -> list[ManifestVideo]:
    """The videos of a table that need not say what they are, in its order.

    Args:
        path: .parquet or .csv with the columns `video_id`, `path` and, where the manifest has
            several trees, `root`.
        roots: folder by root name; the name "" is the one for every row without a name of its own.

    Raises:
        BadManifest: no such file, missing columns, an id that stands twice, a root that was not
            given.
    """
    table = read_table(path)
    _check_columns(table, ("video_id", "path"), str(path))
    videos, seen = [], set()
    for number, row in enumerate(table.to_pylist(), 1):
        for column in ("video_id", "path"):
            if not row[column]:
                raise BadManifest(f"{path}: row {number} has no {column}")
        name = str(row["video_id"])
        if name in seen:
            raise BadManifest(f"{path}: the video_id {name!r} stands twice; ids are unique")
        seen.add(name)
        folder = folder_of(str(row.get("root") or ""), roots, f"{path}: {name!r}")
        videos.append(ManifestVideo(name, folder / str(row["path"])))
    return videos


def folder_of(root: str, roots: Mapping[str, Path], what: str) -> Path:
    """The folder of a root's name. Raises BadManifest where none was given for it."""
    folder = roots.get(root, roots.get(""))
    if folder is None:
        given = ", ".join(sorted(roots)) or "none"
        raise BadManifest(
            f"{what} lies below root {root!r}, and no folder was given for it "
            f"(given: {given}); add --root {root + '=' if root else ''}FOLDER"
        )
    return folder


def file_sha256(path: Path) -> str:
    """A table's SHA-256, to tell by which manifest scores were made."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_table(path: Path) -> pa.Table:
    """A .parquet file, or a CSV file whose values all are strings, or null where empty.

    Raises:
        BadManifest: it can't be read. A UTF-8 byte-order mark is no part of the first column.
    """
    try:
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            try:
                return parquet.read_table(path)
            except pa.ArrowInvalid as error:
                raise BadManifest(f"{path}: not a readable Parquet file ({error})") from None
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _from_csv(list(csv.reader(file, strict=True)), path)
    except FileNotFoundError:
        raise BadManifest(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise BadManifest(f"{path}: not a UTF-8 CSV file; save it as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise BadManifest(f"{path}: it can't be read ({error})") from None


def _from_csv(lines: list[list[str]], path: Path) -> pa.Table:
    lines = [line for line in lines if line]
    if not lines:
        raise BadManifest(f"{path}: the manifest has no rows")
    header = lines[0]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise BadManifest(f"{path}: the column {', '.join(twice)} stands twice in the header")
    for number, line in enumerate(lines[1:], 2):
        if len(line) > len(header):
            raise BadManifest(
                f"{path}: line {number} has {len(line)} values for {len(header)} columns; "
                "put quotes around values with commas"
            )
    columns = {
        name: pa.array(
            [line[i] or None if i < len(line) else None for line in lines[1:]], pa.string()
        )
        for i, name in enumerate(header)
    }
    return pa.table(columns)


def _check_columns(table: pa.Table, needed: Sequence[str], source: str) -> None:
    missing = set(needed) - set(table.column_names)
    if missing:
        raise BadManifest(
            f"{source}: not a manifest: no column {', '.join(sorted(missing))}; "
            f"it has {', '.join(table.column_names) or 'none'}{_separator(table.column_names)}"
        )
    if not table.num_rows:
        raise BadManifest(f"{source}: the manifest has no rows")


def _separator(header: Sequence[str]) -> str:
    """What to do about a header that is one column because its separator is another."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            return f"; its columns are parted by {name}: save it with commas"
    return ""


def _in_schema(table: pa.Table, source: str) -> pa.Table:
    """The known columns first, with their types, absent ones null; then what else there is."""
    _check_columns(table, REQUIRED, source)
    columns: dict[str, Any] = {}
    for field in SCHEMA:
        if field.name not in table.column_names:
            default = "" if field.name == "root" else None
            columns[field.name] = pa.array([default] * table.num_rows, type=field.type)
            continue
        column = table.column(field.name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        try:
            column = column.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            wanted = "0 (real) or 1 (manipulated)" if field.name == "label" else field.type
            raise BadManifest(
                f"{source}: the column {field.name} should hold {wanted} ({error})"
            ) from None
        columns[field.name] = column.fill_null("") if field.name == "root" else column
    for name in table.column_names:
        columns.setdefault(name, table.column(name))
    return pa.table(columns)


def _check_rows(table: pa.Table, source: str) -> None:
    names: set[str] = set()
    number = 0
    for batch in table.select(COLUMNS).to_batches(_BATCH):
        for row in batch.to_pylist():
            number += 1
            for column in REQUIRED:
                if row[column] in (None, ""):
                    raise BadManifest(f"{source}: row {number} has no {column}")
            try:
                Video(**row)
            except ValueError as error:
                raise BadManifest(f"{source}: row {number}: {error}") from None
            if row["video_id"] in names:
                raise BadManifest(
                    f"{source}: the video_id {row['video_id']!r} stands twice; ids are unique"
                )
            names.add(row["video_id"])
