"""Preparing a manifest's videos: resumable, every status counted, the same bytes however it went."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ...datasets.journal import JournalMismatch, try_lock
from ...datasets.manifests import Manifest
from ...datasets.shards.finished import finished_records
from ...datasets.shards.layout import (
    INDEX_FILE,
    INDEX_SCHEMA,
    PREPARED_FILE,
    PREPARED_KEY,
    VIDEO_COLUMNS,
    VIDEO_SCHEMA,
    VIDEOS_FILE,
    BadShards,
    Prepared,
    PrepareSpec,
    index_part,
    shard_path,
    videos_part,
)
from ...datasets.shards.preparing import masks_by_video
from ...datasets.shards.writer import write_table
from ..jobs.pool import MustStop
from .engines import ENGINES
from .shard_job import Task, Work

MAX_VIDEOS_PER_SHARD = 64
MIN_SHARDS = 64  # as far as there are videos: so many can be worked on at a time
ROW_GROUP = 1 << 20  # rows of the index that are written, and read, at a time


@dataclass
class Summary:
    """What became of a run's videos: counts by (status, label).

    `kept`: how many lay in shards that were finished before. `damaged`: shards that were there but
    not whole, and were made again.
    """

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    crops: int = 0
    kept: int = 0
    damaged: list[str] = field(default_factory=list)

    def add(self, record: dict[str, Any], label: int) -> None:
        self.counts[record["status"], label] += 1
        self.crops += record["num_crops"]

    @property
    def all_prepared(self) -> bool:
        return {status for status, _ in self.counts} <= {"prepared"}

    def lines(self) -> list[str]:
        """A table of statuses, real and manipulated apart."""
        totals = [sum(n for (_, of), n in self.counts.items() if of == label) for label in (0, 1)]
        rows = [f"{'':12}{'real':>8}{'manipulated':>14}"]
        for status in sorted({s for s, _ in self.counts}, key=lambda s: (s != "prepared", s)):
            real, fake = (self.counts[status, label] for label in (0, 1))
            rows.append(f"{status:12}{real:8}{fake:14}")
        return [*rows, f"{'in all':12}{totals[0]:8}{totals[1]:14}; {self.crops} crops"]


def plan(manifest: Manifest, spec: PrepareSpec, version: str) -> Prepared:
    """What will be written: how many videos lie in a shard depends on their number alone."""
    if manifest.sha256 is None:
        raise ValueError("expected a manifest that was read from a file")
    per_shard = max(1, min(MAX_VIDEOS_PER_SHARD, -(-len(manifest) // MIN_SHARDS)))
    detector = f"mtcnn, facenet-pytorch {version_of('facenet-pytorch')}"
    return Prepared(manifest.sha256, len(manifest), per_shard, spec, detector, version)


def prepare(
    manifest: Manifest,
    roots: dict[str, Path],
    folder: Path,
    spec: PrepareSpec,
    *,
    version: str,
    engine: str = "local",
    jobs: int | None = None,
    address: str | None = None,
    time_limit_seconds: float | None = 600.0,
    resume: bool = False,
    on_record: Callable[[dict[str, Any]], None] | None = None,
) -> Summary:
    """Cuts the faces out of all videos of a manifest.

    Args:
        manifest: read from a file.
        roots: folder by root name.
        folder: CROPS, new or empty; one that an earlier run began with `resume`.
        spec: what is cut out.
        version: of unswap.
        engine: `local` or `ray`.
        jobs: videos at a time; by default as many as there are processors.
        address: of a Ray cluster.
        time_limit_seconds: a video.
        resume: go on with what lies in `folder`.
        on_record: is told of each finished video.

    Raises:
        BadManifest: a root was not given. KeyError: unknown engine. BadShards: crops of other
            settings, or something else, lie in `folder`. JournalMismatch: another run writes there.
        UnusableWorker: the face detector can't be loaded. MustStop: the disk is full, or the like;
            the run can be resumed.
    """
    run_engine = ENGINES.get(engine)
    prepared = plan(manifest, spec, version)
    paths = manifest.paths(_absolute(roots))
    masks = _masks(manifest, roots) if spec.faces == "mask" else [None] * len(paths)
    labels = manifest.column("label")
    try:
        lock = _open_folder(folder, prepared, resume)
    except OSError as error:
        raise MustStop(f"{error.filename or folder}: {error.strerror or error}") from error
    summary = Summary()
    try:
        with lock:
            todo = []
            for shard in range(prepared.num_shards):
                records = finished_records(folder, shard, prepared)
                if records is None:
                    todo.append(shard)
                    if shard_path(folder, shard).exists():
                        summary.damaged.append(shard_path(folder, shard).name)
                for record in records or ():
                    summary.add(record, labels[record["video"]])
                    summary.kept += 1
            rows = list(manifest.videos()) if todo else []
            shards = (
                (k, [Task(v, rows[v], str(paths[v]), masks[v]) for v in prepared.rows_of(k)])
                for k in todo
            )
            work = Work(
                folder.resolve(), prepared, uuid.uuid4().hex, time_limit_seconds, jobs, address
            )
            for record in run_engine(work, shards, len(todo)) if todo else ():
                summary.add(record, labels[record["video"]])
                if on_record:
                    on_record(record)
            _merge(folder, manifest, prepared)
    except OSError as error:
        raise MustStop(f"{error.filename or folder}: {error.strerror or error}") from error
    return summary


def _absolute(roots: dict[str, Path]) -> dict[str, Path]:
    return {name: path.resolve() for name, path in roots.items()}


def _masks(manifest: Manifest, roots: dict[str, Path]) -> list[str | None]:
    return list(
        masks_by_video(
            manifest.column("video_id"),
            manifest.column("original"),
            manifest.paths(_absolute(roots), "mask"),
        )
    )


def _open_folder(folder: Path, prepared: Prepared, resume: bool) -> Any:
    """Sets the folder up, or checks that it is this run's; returns the lock, to be held."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / ".lock", "ab")  # noqa: SIM115 (held while the run lasts)
    try:
        if not try_lock(lock.fileno()):
            raise JournalMismatch(
                f"{folder}: another run is writing into this folder; wait for it, or choose another"
            )
        file = folder / PREPARED_FILE
        draft = folder / f".{PREPARED_FILE}"  # a kill, or a full disk, may leave it
        ours = (".lock", draft.name)
        there = sorted(p.name for p in folder.iterdir() if p.name not in ours)
        if file.exists():
            before = Prepared.from_json(file.read_text(encoding="utf-8"), file)
            if not resume:
                raise BadShards(
                    f"{folder}: crops lie here already, or a run that was not finished; go on with "
                    "--resume, or choose another --out"
                )
            if before != prepared:
                raise BadShards(f"{file}: {_difference(before, prepared)}; choose another --out")
        elif there:
            raise BadShards(
                f"{folder}: something else lies in this folder ({', '.join(there[:5])}); "
                "choose an empty or new one as --out"
            )
        else:
            draft.write_text(prepared.to_json(), encoding="utf-8")
            os.replace(draft, file)
        (folder / "shards").mkdir(exist_ok=True)
    except BaseException:
        lock.close()
        raise
    return lock


def _difference(before: Prepared, now: Prepared) -> str:
    """What differs, with both values."""
    for name in ("manifest_sha256", "num_videos", "face_detector", "version"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            return f"the crops here are of another {name}: {old}, and this run's is {new}"
    for name in ("sampling", "margin", "max_size", "faces"):
        old, new = getattr(before.spec, name), getattr(now.spec, name)
        if old != new:
            return f"the crops here were cut with {name} {old}, and this run's is {new}"
    return "the crops here were cut by another plan"


def _merge(folder: Path, manifest: Manifest, prepared: Prepared) -> None:
    """The tables of all shards become one each."""
    for shard in range(prepared.num_shards):
        for left in (
            ".journal",
            ".tar.partial",
        ):  # where a shard was put back by hand, or by a kill
            shard_path(folder, shard).with_suffix(left).unlink(missing_ok=True)
    draft = folder / f".{INDEX_FILE}"
    told = INDEX_SCHEMA.with_metadata({PREPARED_KEY: prepared.to_json()})
    with parquet.ParquetWriter(draft, told) as writer:
        for table in _gathered(index_part(folder, k) for k in range(prepared.num_shards)):
            writer.write_table(table, row_group_size=ROW_GROUP)
    parts = [parquet.read_table(videos_part(folder, k)) for k in range(prepared.num_shards)]
    results = pa.concat_tables(parts).cast(VIDEO_SCHEMA)
    videos = manifest.table
    for name, _ in VIDEO_COLUMNS:
        if name in videos.column_names:  # a manifest's own column of that name
            place = videos.column_names.index(name)
            videos = videos.rename_columns(
                [f"manifest_{c}" if i == place else c for i, c in enumerate(videos.column_names)]
            )
        videos = videos.append_column(name, results.column(name))
    write_table(videos, folder / VIDEOS_FILE)
    os.replace(draft, folder / INDEX_FILE)


def _gathered(parts: Iterator[Path]) -> Iterator[pa.Table]:
    """The parts' rows in large pieces, in order."""
    held: list[pa.Table] = []
    for path in parts:
        held.append(parquet.read_table(path).cast(INDEX_SCHEMA))
        if sum(t.num_rows for t in held) >= ROW_GROUP:
            yield pa.concat_tables(held).unify_dictionaries()
            held = []
    if held:
        yield pa.concat_tables(held).unify_dictionaries()
