"""The process that scores; started by the pool (see `jobs.pool`, `jobs.serving`)."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..jobs.serving import Message, Unusable, serve, set_threads


def main() -> None:
    """Answers each job with a VideoScore as a dict, and its report's path."""
    serve(_load, _work)


def _load(settings: Message) -> Any:
    from ...detectors.checkpoints import load_checkpoint
    from ...detectors.headers import BadCheckpoint
    from ...detectors.pipeline import FacePipeline

    set_threads(settings["threads"])
    try:
        return FacePipeline(
            load_checkpoint(settings["checkpoint"], settings["device"]),
            num_frames=settings["num_frames"],
            batch_size=settings["batch_size"],
            device=settings["device"],
            threads=settings["threads"],
            person=settings["person"],
            keep_evidence=settings["report"] is not None,
        )
    except (BadCheckpoint, ValueError) as error:
        raise Unusable(str(error).splitlines()[0]) from error
    except (RuntimeError, AssertionError) as error:  # torch: no such device, or not built for it
        raise Unusable(f"device {settings['device']!r}: {str(error).splitlines()[0]}") from error


def _work(pipeline: Any, settings: Message, job: Message) -> Iterator[Message]:
    score = pipeline.score(
        job["path"],
        video_id=job["video_id"],
        time_limit_seconds=settings["time_limit_seconds"],
    )
    report = _report(pipeline, settings, score) if settings["report"] else None
    yield {"answer": "score", "score": score.to_dict(), "report": report}


def _report(pipeline: Any, settings: Message, score: Any) -> str:
    from ..report.render import write_report

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    version = settings["version"]
    folder = Path(settings["report"])
    return str(write_report(score, pipeline.card, folder, version=version, generated_at=now))


if __name__ == "__main__":
    main()
