"""Comparing, against its floor, and its memory.

`floor`   comparing two 10 s clips of 720p, report and overlay apart, over decoding both in full and
          encoding one of them once.
`memory`  peak memory for a long pair, over ten seconds of it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np

from ...datasets.types import Uint8
from .clips import scene, write_h264
from .score import repeat_clip
from .timing import peak_mib, say, timed

MEASURES = ("floor", "memory")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed compare`."""
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=3, help="of the long pair, for `memory`")
    parser.add_argument("--solo", nargs=2, type=Path, help=argparse.SUPPRESS)


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    if options.solo:
        from ..comparison.compare import compare

        status = compare(*options.solo).status
        print(json.dumps({"peak_mib": peak_mib(), "status": str(status)}))
        return
    with tempfile.TemporaryDirectory() as name:
        pair = make_pair(Path(name))
        if "floor" in options.only:
            floor(pair, options.repeats)
        if "memory" in options.only:
            memory(pair, options.minutes)


def make_pair(folder: Path) -> tuple[Path, Path]:
    """Ten seconds of 720p with a textured background and a face that moves; and its re-encoding,
    of which a rectangle on the face was blurred."""
    rng = np.random.default_rng(1)
    ground = cv2.GaussianBlur(rng.integers(0, 80, (720, 1280, 3), dtype=np.uint8), (0, 0), 2)

    def pictures(altered: bool) -> Iterator[Uint8]:
        for k in range(300):
            image = cv2.add(scene(1280, 720, 0.5, k / 150), ground)
            if altered:
                x = 640 + round(256 * np.sin(2 * np.pi * k / 150))
                face = image[230:430, x - 70 : x + 70]
                face[:] = cv2.GaussianBlur(face, (0, 0), 6)
            yield np.asarray(image, dtype=np.uint8)

    reference, suspect = folder / "reference.mp4", folder / "suspect.mp4"
    write_h264(reference, pictures(False), 30, preset="medium")
    write_h264(suspect, pictures(True), 30, preset="medium")
    return reference, suspect


def floor(pair: tuple[Path, Path], repeats: int) -> None:
    """Prints comparing over decoding both and encoding one."""
    from ..comparison.compare import compare

    compare(*pair)  # warms up
    ratios = []
    for _ in range(repeats):
        decode, _ = timed(partial(_decode, pair))
        frames = _frames(pair[1])
        encode, _ = timed(partial(_encode, pair[1].with_name("encoded.mp4"), frames))
        del frames
        whole, result = timed(lambda: compare(*pair))
        ratios.append(whole / (decode + encode))
        print(
            f"  comparing {whole:.1f} s ({result.status}); decoding both {decode:.1f} s + encoding "
            f"{encode:.1f} s"
        )
    say("floor: comparing / (decoding both + encoding one)", ratios, "at most 2")


def memory(pair: tuple[Path, Path], minutes: float) -> None:
    """Prints the peak memory of a long pair over that of a short one, each in a new process."""
    times = max(2, round(minutes * 6))
    long = [repeat_clip(p, p.with_name(f"long_{p.name}"), times) for p in pair]
    peaks = [_solo(list(pair)), _solo(long)]
    print(f"  ten seconds {peaks[0]:.0f} MiB, {times * 10} seconds {peaks[1]:.0f} MiB")
    say(f"memory: {times * 10} s / 10 s", [peaks[1] / peaks[0]], "near 1")


def _solo(pair: list[Path]) -> float:
    command = [sys.executable, "-m", "unswap.experiments.speed", "compare", "--solo"]
    done = subprocess.run([*command, *map(str, pair)], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    print(f"  {pair[0].name}: {answer['status']}")
    return float(answer["peak_mib"])


def _decode(paths: tuple[Path, ...]) -> None:
    """All frames of the files as RGB."""
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                frame.to_ndarray(format="rgb24")


def _frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(container.streams.video[0]))


def _encode(path: Path, frames: list[av.VideoFrame]) -> None:
    """Decoded pictures into a file, with x264's own settings."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"crf": "23", "preset": "medium"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = frames[0].width, frames[0].height
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 30)
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
