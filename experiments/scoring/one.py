"""Scoring one video from Python."""

from functools import lru_cache
from pathlib import Path

from ...detectors.checkpoints import load_checkpoint
from ...detectors.pipeline import FacePipeline
from ...detectors.pretrained import DEFAULT
from ...detectors.protocols import VideoScorer
from ...detectors.scores import VideoScore
from ...detectors.vendors.descriptions import OnnxModel
from ...detectors.vendors.onnx_model import load_onnx
from ...detectors.vendors.opening import locate, open_scorer


def score(
    path: str | Path,
    *,
    detector: str | Path = DEFAULT,
    num_frames: int | None = None,
    device: str = "cpu",
    batch_size: int = 32,
    time_limit_seconds: float | None = None,
    keep_evidence: bool = False,
) -> VideoScore:
    """Scores one video, in this process.

    Args:
        path: the file.
        detector: the name of a detector that ships, a checkpoint, or one from outside that runs here
            (see `detectors.vendors`): FILE.onnx, a description FILE.yaml, a table of scores, a function.
        num_frames: frames to sample over the whole duration; the detector's own number by default.
        device: a torch device: cpu, cuda, mps.
        batch_size: crops that go through the network at once.
        time_limit_seconds: the status is `timeout` when it takes longer.
        keep_evidence: keep the pictures that `experiments.report.write_report` shows.

    Returns:
        A VideoScore with tracks and frames. A bad file is a status with a reason, no exception.

    Raises:
        KeyError: an unknown detector's name. BadCheckpoint, BadDescription: a file that is none.
        ValueError: a detector that videos are sent to: `unswap score` asks for consent and keeps a log.
    """
    source = locate(detector)
    if source.uploads_to is not None:
        raise ValueError(
            f"{source.detector.name} sends videos to {source.uploads_to}: score with the command, which "
            "asks for consent and keeps a log of what is sent and paid"
        )
    if not source.has_crops:
        return _scorer(str(detector), source.detector.sha256).score(
            path, time_limit_seconds=time_limit_seconds
        )
    pipeline = _pipeline(
        str(detector), source.detector.sha256, num_frames, device, batch_size, keep_evidence
    )
    return pipeline.score(path, time_limit_seconds=time_limit_seconds)


@lru_cache(maxsize=2)
def _scorer(detector: str, sha256: str) -> VideoScorer:
    return open_scorer(locate(detector))


@lru_cache(maxsize=2)
def _pipeline(
    detector: str,
    sha256: str,
    num_frames: int | None,
    device: str,
    batch_size: int,
    keep_evidence: bool,
) -> FacePipeline:
    source = locate(detector)
    if source.kind == "checkpoint":
        checkpoint = load_checkpoint(source.place, device)
    else:
        assert isinstance(source.description, OnnxModel)
        assert source.file
        checkpoint = load_onnx(source.file, source.description, source.detector, device=device)
    return FacePipeline(
        checkpoint,
        num_frames=num_frames,
        device=device,
        batch_size=batch_size,
        keep_evidence=keep_evidence,
    )
