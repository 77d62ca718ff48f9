"""One shard's worth of work: the same code in a local process and on a cluster."""

import errno
import faulthandler
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...datasets.faces import FaceDetector
from ...datasets.manifests import Video
from ...datasets.shards.finished import finished_records
from ...datasets.shards.layout import Prepared
from ...datasets.shards.preparing import PreparedVideo, prepare_video
from ...datasets.shards.writer import ShardWriter

MAX_DEATHS = 3  # of processes over one video in one run, before it is counted as failed


@dataclass(frozen=True)
class Task:
    """A manifest row to prepare. `video`: its number. `path`, `mask`: where the files lie."""

    video: int
    row: Video
    path: str
    mask: str | None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "row": asdict(self.row)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Task":
        return cls(**{**data, "row": Video(**data["row"])})


@dataclass(frozen=True)
class Work:
    """What an engine is told. `jobs`: processes, or actors at the most; None: as many as there is
    room for. `address`: of a Ray cluster; None for one on this machine alone."""

    folder: Path
    prepared: Prepared
    run: str
    time_limit_seconds: float | None = 600.0
    jobs: int | None = None
    address: str | None = None


Shards = Iterable[tuple[int, list[Task]]]


def prepare_shard(
    folder: Path,
    shard: int,
    tasks: Sequence[Task],
    prepared: Prepared,
    faces: FaceDetector,
    *,
    run: str,
    time_limit_seconds: float | None,
    hung: bool = False,
    watchdog: bool = False,
) -> Iterator[dict[str, Any]]:
    """Prepares what is not finished of a shard.

    Args:
        folder: CROPS.
        shard: its number.
        tasks: all of its videos, in order.
        prepared: what was asked for.
        faces: the face detector.
        run: names this run of the command: deaths are counted within a run, so that killing the
            run itself, however often, fails no video.
        time_limit_seconds: a video.
        hung: the process that had this work before hung, and was ended.
        watchdog: end this process when a video hangs (where nobody else would).

    Yields:
        The record of each video, those finished earlier included.

    Raises:
        JournalMismatch: another process writes this shard. OSError: it can't be written, or the
            folder of the videos is not there (a machine without its mount would else count all
            videos as unreadable, and so for good).
    """
    finished = finished_records(folder, shard, prepared)
    if finished is not None:  # by a process that died before it could say so
        yield from finished
        return
    writer = ShardWriter(folder, shard, prepared)
    try:
        for task in tasks:
            if task.video not in writer.records:
                deaths = writer.begin(task.video, run)
                if deaths and hung:
                    hung = False
                    reason = f"{task.path}: hung, and was ended after {time_limit_seconds} s"
                    result = PreparedVideo("timeout", reason)
                elif deaths >= MAX_DEATHS:
                    reason = f"{task.path}: the process that prepared it died {deaths} times"
                    result = PreparedVideo("failed", reason)
                else:
                    result = _prepare(task, prepared, faces, time_limit_seconds, watchdog)
                writer.add(task.video, task.row, result)
            yield writer.records[task.video]
        writer.finish()
    finally:
        writer.close()


def _prepare(
    task: Task,
    prepared: Prepared,
    faces: FaceDetector,
    limit: float | None,
    watchdog: bool,
) -> PreparedVideo:
    if watchdog and limit is not None:
        faulthandler.dump_traceback_later(limit + 30, exit=True, file=2)
    try:
        result = prepare_video(
            task.path, prepared.spec, faces, mask=task.mask, time_limit_seconds=limit
        )
        if result.status == "unreadable":
            _check_root(task)
        return result
    except OSError:
        raise  # the disk: the run has to stop
    except Exception as error:  # its video is counted as failed, the others go on
        reason = f"{task.path}: {type(error).__name__}: {error}"
        return PreparedVideo("failed", reason)
    finally:
        if watchdog:
            faulthandler.cancel_dump_traceback_later()


def _check_root(task: Task) -> None:
    """Raises FileNotFoundError where the folder below which this video lies is missing or empty."""
    root = Path(task.path).parents[len(Path(task.row.path).parts) - 1]
    if not root.is_dir() or next(root.iterdir(), None) is None:
        why = f"the folder of the videos is missing or empty on {socket.gethostname()}; mount it"
        raise FileNotFoundError(errno.ENOENT, why, str(root))
