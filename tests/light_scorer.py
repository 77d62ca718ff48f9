"""A scoring worker without networks: what it says of a video depends on the file's bytes alone."""

import hashlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from light_workers import HELD

from unswap.detectors.headers import identify
from unswap.detectors.ids import loose_id
from unswap.detectors.scores import DetectorId, FrameScore, Status, TrackScore, VideoScore
from unswap.experiments.jobs.serving import Message, serve


def load(settings: Message) -> DetectorId:
    time.sleep(0.2)  # networks take a while, and a kill may come meanwhile
    return identify(Path(settings["checkpoint"]))


def work(detector: DetectorId, settings: Message, job: Message) -> Iterator[Message]:
    path = Path(job["path"])
    held = path.stem.endswith("held") or path.name == os.environ.get(HELD)
    time.sleep(1000 if held else 0.05)
    chance = random.Random(hashlib.sha256(path.read_bytes()).digest())
    frames = tuple(
        FrameScore(i, i / 25, chance.gauss(0, 2), (chance.random(), 8.5, 60.25, 90.125))
        for i in range(settings["num_frames"])
    )
    mean = sum(f.score for f in frames) / len(frames)
    scored = path.name != "empty.mp4"
    score = VideoScore(
        video_id=job["video_id"] or loose_id(path),
        path=str(path),
        status=Status.SCORED if scored else Status.NO_FACE,
        score=mean if scored else None,
        detector=detector,
        tracks=(TrackScore(0, mean, frames),) if scored else (),
        seconds={"total": chance.random()},
        reason=None if scored else f"{path}: no face in it",
        condition=job["condition"],
    )
    yield {"answer": "score", "score": score.to_dict(), "report": None}


if __name__ == "__main__":
    serve(load, work)
