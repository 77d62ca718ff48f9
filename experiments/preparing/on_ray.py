"""The Ray engine: Ray Data hands shards to actors that hold the face detector.

CROPS and the videos lie on storage that all nodes share under the same paths. An actor appends to
its shard's own files, so nothing but small records goes through the driver. An actor or a node that
dies is replaced and its shard taken up where it stood; Ray Data hands out no more shards than
actors can take (back-pressure).
"""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...datasets.shards.layout import Prepared
from ..jobs.pool import MustStop, UnusableWorker
from ..jobs.serving import disk_is_full, set_threads
from .shard_job import Shards, Task, Work, prepare_shard

CONNECT_SECONDS = 10


class ShardActor:
    """Holds a face detector; prepares one shard at a time, in one thread."""

    def __init__(self, folder: str, prepared: str, run: str, limit: float | None) -> None:
        from ...datasets.faces import create_face_detector

        set_threads(1)
        self.folder = Path(folder)
        self.prepared = Prepared.from_json(prepared, self.folder)
        self.run = run
        self.limit = limit
        self.faces = create_face_detector("mtcnn")

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """`item`: `shard` and its `tasks`; returns its videos' records, or why the run must stop."""
        try:
            records = prepare_shard(
                self.folder,
                item["shard"],
                [Task.from_dict(task) for task in json.loads(item["tasks"])],
                self.prepared,
                self.faces,
                run=self.run,
                time_limit_seconds=self.limit,
                watchdog=True,
            )
            return {"records": json.dumps(list(records)), "stop": ""}
        except OSError as error:
            full = disk_is_full(error)
            reason = full["reason"] if full else f"{error.filename or self.folder}: {error}"
            return {"records": "[]", "stop": reason}


def _check_reachable(address: str | None) -> None:
    """Ray itself would wait for a cluster without an end."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # none, or `auto`
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise UnusableWorker(f"no Ray cluster at {address!r}: {error}") from error


def prepare_on_ray(work: Work, shards: Shards, num_shards: int) -> Iterator[dict[str, Any]]:
    """Prepares shards on a cluster; see `engines.Work`.

    Yields:
        The record of each video, as its shard is finished.

    Raises:
        UnusableWorker: Ray is not installed, or the cluster can't be reached. MustStop: a node
            can't write, or Ray gave up.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        reason = f"the ray engine needs Ray ({error}): pip install 'unswap[cluster]'"
        raise UnusableWorker(reason) from error
    _check_reachable(work.address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    begun_here = not ray.is_initialized()
    try:
        if begun_here:
            local = {} if work.address else {"include_dashboard": False, "num_cpus": work.jobs}
            ray.init(work.address or "local", log_to_driver=False, logging_level="warning", **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UnusableWorker(f"no Ray cluster at {work.address!r}: {error}") from error
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        items = [
            {"shard": k, "tasks": json.dumps([t.to_dict() for t in tasks])} for k, tasks in shards
        ]
        actors = work.jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        out = ray.data.from_items(items, override_num_blocks=len(items)).map(
            ShardActor,
            fn_constructor_args=(
                str(work.folder),
                work.prepared.to_json(),
                work.run,
                work.time_limit_seconds,
            ),
            compute=ray.data.ActorPoolStrategy(size=min(actors, num_shards)),
            num_cpus=1,  # actors that die are made again, and their work is tried again
        )
        for row in out.iter_rows():
            if row["stop"]:
                raise MustStop(row["stop"])
            yield from json.loads(row["records"])
    except ray.exceptions.RayError as error:
        raise MustStop(f"Ray gave up: {str(error).strip().splitlines()[-1]}") from error
    finally:
        if begun_here:
            ray.shutdown()
