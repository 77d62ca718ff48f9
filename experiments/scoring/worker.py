"""The process that scores; started by the pool (see `jobs.pool`, `jobs.serving`)."""

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..jobs.serving import Message, Unusable, serve, set_threads


def main() -> None:
    """Answers each job with a VideoScore as a dict, and its report's path."""
    serve(_load, _work)


def _load(settings: Message) -> Any:
    return _load_crops(settings) if settings["has_crops"] else _load_outside(settings)


def _load_outside(settings: Message) -> Any:
    """A detector from outside that takes whole videos."""
    from ...detectors.vendors.binding import BadDescription
    from ...detectors.vendors.opening import open_scorer

    try:
        source = _source(settings)
        calls = Path(settings["calls"]) if settings["calls"] else None
        return open_scorer(source, calls=calls, seed=os.getpid())
    except (BadDescription, KeyError) as error:
        raise Unusable(str(error.args[0])) from error


def _source(settings: Message) -> Any:
    from ...detectors.vendors.opening import locate

    source = locate(settings["detector"])
    if source.detector.sha256 != settings["detector_sha256"]:
        raise Unusable(f"{settings['detector']}: it was changed while the run began")
    return source


def _load_crops(settings: Message) -> Any:
    from ...detectors.checkpoints import load_checkpoint
    from ...detectors.headers import BadCheckpoint
    from ...detectors.pipeline import FacePipeline
    from ...detectors.vendors.binding import BadDescription

    set_threads(settings["threads"])
    try:
        if settings["detector"] is None:
            checkpoint = load_checkpoint(settings["checkpoint"], settings["device"])
        else:
            checkpoint = _load_onnx(settings)
        return FacePipeline(
            checkpoint,
            num_frames=settings["num_frames"],
            batch_size=settings["batch_size"],
            device=settings["device"],
            threads=settings["threads"],
            person=settings["person"],
            keep_evidence=settings["report"] is not None,
        )
    except (BadCheckpoint, BadDescription, ValueError) as error:
        raise Unusable(str(error).splitlines()[0]) from error
    except (RuntimeError, AssertionError) as error:  # torch: no such device, or not built for it
        raise Unusable(f"device {settings['device']!r}: {str(error).splitlines()[0]}") from error


def _load_onnx(settings: Message) -> Any:
    from ...detectors.vendors.onnx_model import load_onnx

    source = _source(settings)
    return load_onnx(
        source.file,
        source.description,
        source.detector,
        threads=settings["threads"],
        device=settings["device"],
    )


def _work(pipeline: Any, settings: Message, job: Message) -> Iterator[Message]:
    from ...detectors.vendors.requests import StopRun

    try:
        score = pipeline.score(
            job["path"],
            video_id=job["video_id"],
            condition=job["condition"],
            time_limit_seconds=settings["time_limit_seconds"],
        )
    except StopRun as error:
        yield {"answer": "stop", "reason": str(error)}
        return
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
