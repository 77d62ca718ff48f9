"""Preparing crops, against the usual ways, independent processes, and Ray.

`dlib`    the field benchmark's way (decode with OpenCV, dlib's frontal detector on every full-size
          frame sampled, enlarged twofold as DeepfakeBench has it, crop, write PNG), over ours, one
          thread each; and the same on frames that are not enlarged, for comparison.
`mtcnn`   the same with facenet-pytorch's MTCNN on every full-size frame.
`jobs`    throughput of `--jobs 2`, over two independent one-thread processes that share the clips.
`ray`     throughput of Ray on this machine, over the local engine's.

The clips are 1080p, 30 frames per second, ten seconds; 32 frames of each are prepared. `dlib` needs
`pip install "unswap[speed]"`, `ray` needs `pip install "unswap[cluster]"`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.crops import cut_wide
from ...datasets.decoding import VideoReader
from ...datasets.faces import create_face_detector
from ...datasets.manifests import Manifest, Video
from ...datasets.sampling import sample_indices
from ...datasets.shards.layout import PrepareSpec
from ...datasets.shards.preparing import encode_png, prepare_video
from ...datasets.types import Uint8
from ..jobs.serving import set_threads
from .clips import clip_1080p, decode_with_opencv
from .timing import say, timed

MEASURES = ("dlib", "mtcnn", "jobs", "ray")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed prepare`."""
    parser.add_argument("video", nargs="?", type=Path, help="default: a 10 s 1080p clip made here")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--repeats", type=int, default=3, help="for `dlib` and `mtcnn`")
    parser.add_argument("--clips", type=int, default=64, help="for `jobs` and `ray`")


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    set_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = options.video or clip_1080p(folder)
        for what in options.only:
            if what == "dlib":
                usual(video, options.repeats, "dlib", _dlib(1), "at least 8")
                usual(video, options.repeats, "dlib, not enlarged", _dlib(0), "nothing")
            elif what == "mtcnn":
                usual(video, options.repeats, "mtcnn", _mtcnn(), "at least 4")
            elif what == "jobs":
                jobs(video, folder, options.clips)
            elif what == "ray":
                ray(video, folder, options.clips)
            else:
                raise ValueError(f"expected one of {MEASURES}, got {what!r}")


Boxes = Callable[[Uint8], list[tuple[float, ...]]]


def _dlib(enlarged: int) -> Boxes:
    import dlib

    detector = dlib.get_frontal_face_detector()

    def boxes(image: Uint8) -> list[tuple[float, ...]]:
        return [(r.left(), r.top(), r.right(), r.bottom()) for r in detector(image, enlarged)]

    return boxes


def _mtcnn() -> Boxes:
    from facenet_pytorch import MTCNN

    detector = MTCNN(keep_all=True)

    def boxes(image: Uint8) -> list[tuple[float, ...]]:
        found, _ = detector.detect(image)
        return [] if found is None else [tuple(b) for b in found]

    return boxes


def usual(video: Path, repeats: int, name: str, boxes: Boxes, wanted: str) -> None:
    """Prints a usual way over ours: the same video, the same frames, PNG files either way."""
    spec = PrepareSpec()
    faces = create_face_detector()
    prepare_video(str(video), spec, faces)  # warms up
    with VideoReader(video, threads=1) as reader:
        frames = set(sample_indices(reader.pts_seconds, spec.sampling).ravel().tolist())
    ratios = []
    for _ in range(repeats):
        ours, made = timed(lambda: prepare_video(str(video), spec, faces))
        theirs, crops = timed(lambda: _usual_way(video, frames, boxes, spec))
        ratios.append(theirs / ours)
        print(f"  {name} {theirs:.2f} s, {crops} crops; ours {ours:.2f} s, {len(made.crops)} crops")
    say(f"{name}: preparing, usual way / ours", ratios, wanted)


def _usual_way(video: Path, wanted: set[int], boxes: Boxes, spec: PrepareSpec) -> int:
    """The largest face of each frame, cut as wide as ours; returns how many."""
    count = 0
    for image in decode_with_opencv(video, wanted).values():
        found = boxes(image)
        if found:
            box = np.array(max(found, key=lambda b: b[2] - b[0]), dtype=np.float32)
            encode_png(cut_wide(image, box, spec.margin, spec.max_size)[0])
            count += 1
    return count


def jobs(video: Path, folder: Path, clips: int) -> None:
    """Prints the throughput of two jobs over that of two independent one-thread processes."""
    whole = _manifest(video, folder, range(clips))
    halves = [_manifest(video, folder, range(k, clips, 2)) for k in (0, 1)]
    ratios = []
    for _ in range(2):
        together, _ = timed(lambda: _prepare(whole, folder, "--jobs", "2"))
        processes, _ = timed(lambda: _at_once(halves, folder))
        ratios.append(processes / together)
        print(f"  two processes {processes:.1f} s, --jobs 2 {together:.1f} s, {clips} clips")
    say("jobs: throughput of --jobs 2 / two processes", ratios, "at least .85")


def ray(video: Path, folder: Path, clips: int) -> None:
    """Prints the throughput of Ray on this machine over that of the local engine."""
    whole = _manifest(video, folder, range(clips))
    ratios = []
    for _ in range(2):
        local, _ = timed(lambda: _prepare(whole, folder, "--jobs", "2"))
        on_ray, _ = timed(lambda: _prepare(whole, folder, "--engine", "ray", "--jobs", "2"))
        ratios.append(local / on_ray)
        print(f"  local {local:.1f} s, Ray {on_ray:.1f} s, its start included, {clips} clips")
    say("ray: throughput of Ray / local, on one machine", ratios, "at least .8")


def _manifest(video: Path, folder: Path, numbers: range) -> Path:
    """The same clip under several names."""
    videos = folder / "videos"
    videos.mkdir(exist_ok=True)
    rows = []
    for k in numbers:
        link = videos / f"{k:03}{video.suffix}"
        if not link.exists():
            link.symlink_to(video.resolve())
        rows.append(Video(f"clip/{k:03}", link.name, 0))
    path = folder / f"{numbers.start}-{numbers.step}.parquet"
    Manifest.from_videos(rows).write(path)
    return path


def _start(manifest: Path, folder: Path, *more: str) -> "subprocess.Popen[Any]":
    out = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "unswap.cli", "prepare", str(manifest), *more]
    command += ["--root", str(folder / "videos"), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _prepare(manifest: Path, folder: Path, *more: str) -> None:
    if _start(manifest, folder, *more).wait():
        raise SystemExit("preparing failed; see above")


def _at_once(manifests: list[Path], folder: Path) -> None:
    processes = [_start(m, folder, "--jobs", "1") for m in manifests]
    for process in processes:
        if process.wait():
            raise SystemExit("preparing failed; see above")
