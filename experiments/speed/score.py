"""Scoring, against its floor, the usual way, memory, and independent processes.

`floor`   whole scoring, over decoding the same frames with PyAV plus the network on as many crops.
`usual`   the usual way (decode with OpenCV, facenet-pytorch's MTCNN on every full-size frame, crop,
          network), over ours: the face stage alone, and the whole.
`memory`  peak memory for ten minutes of a 4K video, over ten seconds of it.
`jobs`    throughput of `--jobs 2` on a folder of 200 short clips, over two independent one-thread
          processes that share it out.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from ...datasets.crops import crop_face
from ...datasets.decoding import VideoReader
from ...datasets.faces import FaceDetector
from ...datasets.faces.boxes import iou_matrix
from ...datasets.faces.tracking import FaceTracker
from ...datasets.sampling import sample_indices
from ...datasets.types import Face, Float32, Frame, Uint8
from ...detectors.checkpoints import load_checkpoint
from ...detectors.occlusion import score_clips
from ...detectors.pipeline import FacePipeline
from ...detectors.pretrained import DEFAULT, locate
from ...detectors.scores import VideoScore
from .clips import clip_1080p, decode_with_opencv, scene, write_h264
from .timing import peak_mib, say, timed

NUM_FRAMES = 32
MEASURES = ("floor", "usual", "memory", "jobs")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed score`."""
    parser.add_argument("video", nargs="?", type=Path, help="default: a 10 s 1080p clip made here")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clips", type=int, default=200, help="for `jobs`")
    parser.add_argument("--solo", nargs="+", type=Path, help=argparse.SUPPRESS)


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    if options.solo:
        _solo(options.solo)
        return
    measures: dict[str, Callable[[Path], None]] = {
        "floor": lambda folder: floor(options.video or clip_1080p(folder), options.repeats),
        "usual": lambda folder: usual(options.video or clip_1080p(folder), options.repeats),
        "memory": memory,
        "jobs": lambda folder: jobs(folder, options.clips),
    }
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            measures[name](Path(folder))


def floor(video: Path, repeats: int) -> None:
    """Prints whole scoring over its floor."""
    checkpoint = load_checkpoint(locate(DEFAULT))
    pipeline = FacePipeline(checkpoint, num_frames=NUM_FRAMES)
    score = pipeline.score(video)  # also warms up
    crops = _num_crops(score)
    with VideoReader(video) as reader:
        wanted = set(sample_indices(reader.pts_seconds, pipeline.sampling_spec).ravel().tolist())
    size = checkpoint.detector.crop_spec.size
    pictures = np.zeros((crops, 1, size, size, 3), dtype=np.uint8)
    ratios = []
    for _ in range(repeats):
        decode, _ = timed(lambda: _decode_with_pyav(video, wanted))
        network, _ = timed(lambda: score_clips(checkpoint.detector, pictures))
        whole, _ = timed(lambda: pipeline.score(video))
        ratios.append(whole / (decode + network))
        print(f"  scoring {whole:.2f} s; decoding {decode:.2f} s + network {network:.2f} s")
    say("floor: whole scoring / (decoding + network)", ratios, "at most 1.5")


def usual(video: Path, repeats: int) -> None:
    """Prints the usual way over ours, and how far the boxes agree."""
    from facenet_pytorch import MTCNN

    checkpoint = load_checkpoint(locate(DEFAULT))
    pipeline = FacePipeline(checkpoint, num_frames=NUM_FRAMES)
    pipeline.score(video)
    with VideoReader(video) as reader:
        wanted = sample_indices(reader.pts_seconds, pipeline.sampling_spec).ravel().tolist()
    mtcnn = MTCNN(keep_all=True)
    spec = checkpoint.detector.crop_spec
    faces_ratio, whole_ratio = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        frames = decode_with_opencv(video, set(wanted))
        decoded = time.perf_counter()
        theirs = {}
        for index, image in frames.items():
            boxes, sure = mtcnn.detect(image)
            theirs[index] = (
                [] if boxes is None else [b for b, p in zip(boxes, sure, strict=True) if p > 0.9]
            )
        found = time.perf_counter()
        crops = [
            crop_face(
                frames[i],
                Face(np.array(b, dtype=np.float32), np.zeros((5, 2), dtype=np.float32), 1.0),
                spec,
            )
            for i, boxes in theirs.items()
            for b in boxes
        ]
        score_clips(checkpoint.detector, np.stack(crops)[:, None])
        end = time.perf_counter()
        whole, score = timed(lambda: pipeline.score(video))
        ours, _ = timed(partial(_follow, pipeline.faces, frames))
        faces_ratio.append((found - decoded) / ours)
        whole_ratio.append((end - start) / whole)
        print(
            f"  usual: faces {found - decoded:.2f} s of {end - start:.2f} s; "
            f"ours: faces {ours:.2f} s, whole {whole:.2f} s"
        )
    agreement, lost, total = _agreement(theirs, score)
    say("usual: face stage, usual way / ours", faces_ratio, "at least 20")
    say("usual: whole, usual way / ours", whole_ratio, "at least 3")
    print(
        f"usual: boxes agree at IoU >= .7 on {agreement:.1%} of {total} faces (at least 98 %), "
        f"{lost} lost (none)"
    )


def memory(folder: Path) -> None:
    """Prints the peak memory of ten minutes of 4K over that of ten seconds."""
    short = clip_1080p(folder, width=3840, height=2160, name="4k_10s.mp4")
    long = repeat_clip(short, folder / "4k_10min.mp4", times=60)
    peaks = [_solo_peak([path]) for path in (short, long)]
    print(f"  ten seconds {peaks[0] / 1024:.0f} MiB, ten minutes {peaks[1] / 1024:.0f} MiB")
    say("memory: ten minutes of 4K / ten seconds", [peaks[1] / peaks[0]], "at most 1.10")


def jobs(folder: Path, count: int) -> None:
    """Prints the throughput of two jobs over that of two independent one-thread processes."""
    clips = folder / "clips"
    clips.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        shift = rng.integers(0, 60, 2)
        images = (scene(320, 240, 0.5, k / 24, shift) for k in range(25))
        write_h264(clips / f"{i:03}.mp4", images, 25, preset="ultrafast")
    paths = sorted(clips.iterdir())
    start = time.perf_counter()
    halves = [_start_solo(paths[::2]), _start_solo(paths[1::2])]
    for process in halves:
        process.communicate()
    independent = time.perf_counter() - start
    command = [sys.executable, "-m", "unswap.cli", "score", str(clips), "--jobs", "2"]
    together, _ = timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))
    print(f"  two processes {independent:.1f} s, --jobs 2 {together:.1f} s, {count} clips")
    say("jobs: throughput of --jobs 2 / two processes", [independent / together], "at least .85")


def repeat_clip(source: Path, path: Path, times: int) -> Path:
    """The same packets over and over, without encoding again."""
    with av.open(str(path), "w") as out:
        stream = None
        for k in range(times):
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                assert video.duration is not None
                if stream is None:
                    stream = out.add_stream_from_template(video)
                for packet in container.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts += k * video.duration
                    packet.dts += k * video.duration
                    packet.stream = stream
                    out.mux(packet)
    return path


def _decode_with_pyav(video: Path, wanted: set[int]) -> int:
    """The plain way: decode from the beginning, keep the frames asked for as RGB."""
    kept = 0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for i, frame in enumerate(container.decode(stream)):
            if i in wanted:
                frame.to_ndarray(format="rgb24")
                kept += 1
    return kept


def _follow(faces: FaceDetector, frames: dict[int, Uint8]) -> None:
    """Our face stage alone, on frames that are decoded already, as the usual way's is timed."""
    tracker = FaceTracker(faces)
    for index, image in frames.items():
        tracker.update(Frame(index, index / 30, image))


def _agreement(theirs: dict[int, list[Any]], score: VideoScore) -> tuple[float, int, int]:
    """Share of the usual way's faces that ours cover at IoU .7; how many ours lack; of how many."""
    ours: dict[int, list[tuple[float, ...]]] = {}
    for track in score.tracks:
        for frame in track.frames:
            ours.setdefault(frame.frame_index, []).append(frame.box_xyxy)
    best: list[float] = []
    for index, boxes in theirs.items():
        mine: Float32 = np.array(ours.get(index, []), dtype=np.float32).reshape(-1, 4)
        for box in boxes:
            shared = iou_matrix(np.array(box, dtype=np.float32)[None], mine)
            best.append(float(shared.max()) if shared.size else 0.0)
    return float(np.mean(np.array(best) >= 0.7)), sum(b < 0.3 for b in best), len(best)


def _num_crops(score: VideoScore) -> int:
    count = sum(t.num_frames for t in score.tracks)
    if not count:
        raise SystemExit(f"{score.path}: {score.reason}; give a video with a face")
    return count


def _solo(paths: list[Path]) -> None:
    """Scores videos one after another with one thread, in this process; prints its peak memory."""
    from ..jobs.serving import set_threads

    set_threads(1)
    pipeline = FacePipeline(load_checkpoint(locate(DEFAULT)), threads=1)
    for path in paths:
        pipeline.score(path)
    print(json.dumps({"peak_kib": round(1024 * peak_mib())}))


def _start_solo(paths: list[Path]) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "unswap.experiments.speed",
        "score",
        "--solo",
        *map(str, paths),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _solo_peak(paths: list[Path]) -> int:
    output, _ = _start_solo(paths).communicate()
    peak: int = json.loads(output)["peak_kib"]
    return peak
