"""Who does the work: processes on this machine, or a Ray cluster."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from ...datasets.registry import Registry
from ..jobs.pool import MustStop, run_jobs
from .on_ray import prepare_on_ray
from .shard_job import Shards, Work

WORKER = "unswap.experiments.preparing.worker"
FACE_DETECTOR = "mtcnn"


Engine = Callable[[Work, Shards, int], Iterator[dict[str, Any]]]
ENGINES: Registry[Engine] = Registry("engine")


@ENGINES.register("local")
def local_engine(work: Work, shards: Shards, num_shards: int) -> Iterator[dict[str, Any]]:
    """Processes on this machine, each with one thread; one that dies is replaced.

    Yields:
        The record of each video.

    Raises:
        UnusableWorker, MustStop: see `run_jobs`.
    """
    settings = {
        "threads": 1,  # numbers added up in another order would give other bytes
        "time_limit_seconds": work.time_limit_seconds,
        "face_detector": FACE_DETECTOR,
        "folder": str(work.folder),
        "prepared": work.prepared.to_json(),
        "run": work.run,
    }
    jobs = ((k, {"shard": k, "tasks": [t.to_dict() for t in tasks]}) for k, tasks in shards)
    workers = min(work.jobs or processors(), num_shards)
    told: set[int] = set()  # a shard that is taken up again tells of its finished videos once more
    with closing(run_jobs(jobs, settings, workers, WORKER, again=True)) as events:
        for event in events:
            if event.kind == "progress":
                record = event.message["record"]
                if record["video"] not in told:
                    told.add(record["video"])
                    yield record
            elif event.kind == "done" and event.message["answer"] == "failed":
                raise MustStop(event.message["reason"])


@ENGINES.register("ray")
def ray_engine(work: Work, shards: Shards, num_shards: int) -> Iterator[dict[str, Any]]:
    """Actors on a Ray cluster; see `on_ray`."""
    return prepare_on_ray(work, shards, num_shards)


def processors() -> int:
    """How many processors this process may use."""
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
