"""What becomes of the jobs that scoring's workers do."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..jobs.pool import run_jobs

WORKER = "unswap.experiments.scoring.worker"


@dataclass(frozen=True)
class Answer:
    """What became of one job: a VideoScore as a dict, or a status and reason without one."""

    key: int
    score: dict[str, Any] | None
    status: str
    reason: str | None
    report: str | None = None


def score_jobs(
    jobs: Iterable[tuple[int, str, str | None, str]], settings: dict[str, Any], num_workers: int
) -> Generator[Answer]:
    """Scores jobs in worker processes, and gives each answer as it comes.

    Args:
        jobs: (key, path, video_id or None, condition); taken one by one as workers become free.
        settings: what `worker` reads.
        num_workers: processes.

    Raises:
        UnusableWorker, MustStop: see `run_jobs`.
    """
    paths: dict[int, str] = {}

    def messages() -> Iterator[tuple[int, dict[str, Any]]]:
        for key, path, video_id, condition in jobs:
            paths[key] = path
            yield key, {"path": path, "video_id": video_id, "condition": condition}

    with closing(run_jobs(messages(), settings, num_workers, WORKER)) as events:
        for event in events:
            path, message = paths.pop(event.key), event.message
            if event.kind == "hung":
                yield Answer(event.key, None, "timeout", f"{path}: {event.reason}")
            elif event.kind == "died":
                reason = f"{path}: the process that scored it {event.reason}"
                yield Answer(event.key, None, "failed", reason)
            elif message["answer"] == "failed":
                yield Answer(event.key, None, "failed", f"{path}: {message['reason']}")
            else:
                score = message["score"]
                yield Answer(event.key, score, score["status"], None, message["report"])
