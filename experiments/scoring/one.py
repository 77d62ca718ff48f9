"""Scoring one video from Python."""

from functools import lru_cache
from pathlib import Path

from ...detectors.checkpoints import load_checkpoint
from ...detectors.pipeline import FacePipeline
from ...detectors.pretrained import DEFAULT, locate
from ...detectors.scores import VideoScore


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
        detector: the name of a detector that ships, or a checkpoint, FILE.safetensors.
        num_frames: frames to sample over the whole duration; the detector's own number by default.
        device: a torch device: cpu, cuda, mps.
        batch_size: crops that go through the network at once.
        time_limit_seconds: the status is `timeout` when it takes longer.
        keep_evidence: keep the pictures that `experiments.report.write_report` shows.

    Returns:
        A VideoScore with tracks and frames. A bad file is a status with a reason, no exception.

    Raises:
        KeyError: an unknown detector's name. BadCheckpoint: a file that is none.
    """
    pipeline = _pipeline(str(locate(detector)), num_frames, device, batch_size, keep_evidence)
    return pipeline.score(path, time_limit_seconds=time_limit_seconds)


@lru_cache(maxsize=2)
def _pipeline(
    checkpoint: str, num_frames: int | None, device: str, batch_size: int, keep_evidence: bool
) -> FacePipeline:
    return FacePipeline(
        load_checkpoint(checkpoint, device),
        num_frames=num_frames,
        device=device,
        batch_size=batch_size,
        keep_evidence=keep_evidence,
    )
