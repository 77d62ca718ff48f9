"""The process that scores: reads jobs as lines of JSON, answers each with a line of JSON.

Started by `pool`. A process of its own, so that a decoder that crashes or hangs takes one video's
score with it and not the run. Its standard output carries the answers alone: whatever a library
prints goes to standard error.
"""

import datetime
import errno
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


def main() -> None:
    """Answers `ready` or `unusable` to the settings, then `score` or `stop` to each job."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    set_threads(settings["threads"])
    pipeline = _load(settings, answers)
    for line in sys.stdin:
        _say(answers, _work(pipeline, settings, json.loads(line)))


def set_threads(threads: int) -> None:
    """Has torch, OpenCV and (through the pipeline) FFmpeg share this many threads."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def _load(settings: dict[str, Any], answers: TextIO) -> Any:
    from ...detectors.checkpoints import load_checkpoint
    from ...detectors.headers import BadCheckpoint
    from ...detectors.pipeline import FacePipeline

    try:
        checkpoint = load_checkpoint(settings["checkpoint"], settings["device"])
        pipeline = FacePipeline(
            checkpoint,
            num_frames=settings["num_frames"],
            batch_size=settings["batch_size"],
            device=settings["device"],
            threads=settings["threads"],
            person=settings["person"],
            keep_evidence=settings["report"] is not None,
        )
    except (BadCheckpoint, ValueError) as error:
        _say(answers, {"answer": "unusable", "reason": str(error).splitlines()[0]})
        sys.exit(0)
    except (RuntimeError, AssertionError) as error:  # torch: no such device, or not built for it
        reason = f"device {settings['device']!r}: {str(error).splitlines()[0]}"
        _say(answers, {"answer": "unusable", "reason": reason})
        sys.exit(0)
    _say(answers, {"answer": "ready", "detector": dict(checkpoint.id.__dict__)})
    return pipeline


def _work(pipeline: Any, settings: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """One video. An error that nobody foresaw is the status `failed`, with the trace on stderr."""
    try:
        score = pipeline.score(
            job["path"],
            video_id=job["video_id"],
            time_limit_seconds=settings["time_limit_seconds"],
        )
        report = _report(pipeline, settings, score) if settings["report"] else None
    except OSError as error:
        if error.errno in DISK_ERRORS:
            return {
                "answer": "stop",
                "reason": f"{error.filename or settings['report']}: {error.strerror}",
            }
        return _unforeseen(job, error)
    except Exception as error:  # its video is counted as failed, the others go on
        return _unforeseen(job, error)
    return {"answer": "score", "score": score.to_dict(), "report": report}


def _report(pipeline: Any, settings: dict[str, Any], score: Any) -> str:
    from ..report.render import write_report

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    version = settings["version"]
    folder = Path(settings["report"])
    return str(write_report(score, pipeline.card, folder, version=version, generated_at=now))


def _unforeseen(job: dict[str, Any], error: Exception) -> dict[str, Any]:
    traceback.print_exc(file=sys.stderr)
    reason = f"{job['path']}: {type(error).__name__}: {error}"
    return {"answer": "failed", "reason": reason}


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
