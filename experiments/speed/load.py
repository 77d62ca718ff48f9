"""Speed of loading prepared crops, as ratios of things measured side by side in one run.

`random`  throughput of crops read at random from shards, over decoding the same PNGs from memory.
`start`   seconds and peak memory of opening an index of four million rows, in a fresh process.
"""

import argparse
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ...datasets.crops import CANONICAL_POINTS
from ...datasets.shards.layout import (
    END_OF_TAR,
    INDEX_FILE,
    INDEX_SCHEMA,
    PREPARED_FILE,
    VIDEO_COLUMNS,
    VIDEOS_FILE,
    Prepared,
    PrepareSpec,
    pack_sample,
    sample_key,
    shard_path,
    unpack_sample,
)
from ...datasets.shards.preparing import encode_png
from ...datasets.shards.reader import PreparedCrops, decode_png
from ...datasets.types import SamplingSpec, Uint8
from .timing import say

CROPS_PER_VIDEO = 32
_PROCESS = """
import sys, time
start = time.perf_counter()
from unswap.datasets.shards.reader import PreparedCrops
imported = time.perf_counter()
crops = PreparedCrops(sys.argv[1])
opened = time.perf_counter()
from unswap.experiments.speed.timing import peak_mib
print(len(crops), imported - start, opened - imported, peak_mib(), "torch" in sys.modules)
"""


MEASURES = ("random", "start")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed load`."""
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--crops", type=int, default=600, help="for `random`")
    parser.add_argument("--repeats", type=int, default=7, help="for `random`")
    parser.add_argument("--videos", type=int, default=125_000, help="for `start`, of 32 rows each")


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    for what in options.only:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "crops"
            if what == "random":
                ratios = loading(make_crops(folder, options.crops), options.repeats)
                say("random: crops from shards / PNGs from memory", ratios, "at least .9")
            elif what == "start":
                seconds, peak = starting(make_large_index(folder, options.videos))
                rows = options.videos * CROPS_PER_VIDEO
                print(
                    f"start: an index of {rows:,} rows: {seconds:.2f} s, {peak:.0f} MiB; "
                    "wanted less than 3 s, 1 GB",
                    flush=True,
                )
            else:
                raise ValueError(f"expected one of {MEASURES}, got {what!r}")


def loading(folder: Path, rounds: int) -> list[float]:
    """Loading's throughput over that of decoding alone, for each round; the page cache is warm."""
    crops = PreparedCrops(folder)
    order = np.random.default_rng(0).permutation(len(crops)).tolist()
    pngs = []
    for row in order:
        with shard_path(folder, int(crops.shard[row])).open("rb") as file:
            file.seek(int(crops.offset[row]))
            pngs.append(bytes(unpack_sample(file.read(int(crops.length[row])))[2]))
    for row, png in zip(order[:50], pngs[:50], strict=True):
        if not (crops.read_sample(row)[1] == decode_png(png)).all():
            raise RuntimeError(f"row {row} of {folder} is not the picture that was written")

    def load() -> None:
        for row in order:
            crops.read_sample(row)

    def decode() -> None:
        for png in pngs:
            _decode(png)

    ratios = []
    for k in range(rounds + 1):
        actions = {"decode": decode, "load": load}
        names = sorted(actions, reverse=k % 2 == 1)
        took = {name: _seconds(actions[name]) for name in names}
        if k:  # the first one warms up
            ratios.append(took["decode"] / took["load"])
            print(
                f"  loading {took['load'] / len(order) * 1e3:.2f} ms a crop, "
                f"decoding {took['decode'] / len(order) * 1e3:.2f} ms"
            )
    return ratios


def starting(folder: Path) -> tuple[float, float]:
    """Seconds, with imports, and peak memory in MiB of opening a folder in a fresh process."""
    done = run([sys.executable, "-c", _PROCESS, str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"opening {folder} failed: {done.stderr.strip()}")
    count, imports, opening, peak, torch = done.stdout.split()
    print(f"  {count} rows: imports {imports[:4]} s, opening {opening[:4]} s; torch: {torch}")
    return float(imports) + float(opening), float(peak)


def make_crops(folder: Path, count: int) -> Path:
    """CROPS of parts of photographs with a camera's noise, 300 to 512 pixels wide."""
    from skimage import data

    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    rng = np.random.default_rng(0)
    per_shard = 8
    samples: list[list[tuple[dict[str, Any], bytes]]] = []
    for video in range(-(-count // CROPS_PER_VIDEO)):
        picture = pictures[video % len(pictures)]
        made = []
        for clip in range(min(CROPS_PER_VIDEO, count - video * CROPS_PER_VIDEO)):
            made.append(_sample(video, clip, _part(picture, rng)))
        samples.append(made)
    prepared = _begin(folder, len(samples), per_shard)
    rows: list[dict[str, Any]] = []
    for shard in range(prepared.num_shards):
        with shard_path(folder, shard).open("wb") as file:
            for video in prepared.rows_of(shard):
                for row, sample in samples[video]:
                    place = {"shard": shard, "offset": file.tell(), "length": len(sample)}
                    rows.append({**row, **place, "crc32": zlib.crc32(sample)})
                    file.write(sample)
            file.write(END_OF_TAR)
    parquet.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), folder / INDEX_FILE)
    _write_videos(folder, [len(s) for s in samples], per_shard)
    return folder


def make_large_index(folder: Path, num_videos: int, *, per_shard: int = 100) -> Path:
    """CROPS of `num_videos` videos whose shards are empty files of the right size."""
    _begin(folder, num_videos, per_shard)
    rng = np.random.default_rng(0)
    ends: list[int] = []
    with parquet.ParquetWriter(folder / INDEX_FILE, INDEX_SCHEMA) as writer:
        for first in range(0, num_videos, 10_000):
            videos = np.arange(first, min(first + 10_000, num_videos))
            count = len(videos) * CROPS_PER_VIDEO
            video = np.repeat(videos, CROPS_PER_VIDEO)
            length = rng.integers(200, 1000, count) * 512
            shard = video // per_shard
            so_far = np.cumsum(length) - length
            begins = np.flatnonzero(np.diff(shard, prepend=-1))
            offset = so_far - np.repeat(so_far[begins], np.diff(np.append(begins, count)))
            ends += (offset + length)[np.append(begins[1:], count) - 1].tolist()
            clip = np.tile(np.arange(CROPS_PER_VIDEO), len(videos))
            values: dict[str, Any] = {
                "shard": shard,
                "offset": offset,
                "length": length,
                "crc32": rng.integers(0, 2**32, count),
                "video": video,
                "video_id": pa.DictionaryArray.from_arrays(
                    pa.array((video - first).astype(np.int32)),
                    pa.array([f"benchmark/method/c23/{v:06d}" for v in videos]),
                ),
                "clip": clip,
                "frame": clip * 9,
                "pts_seconds": clip * 9 / 30,
                "side": rng.integers(300, 513, count),
                "face_size": rng.uniform(100, 400, count),
                "confidence": rng.uniform(0.9, 1, count),
                "sharpness": rng.uniform(10, 900, count),
            }
            columns = [
                values[f.name]
                if f.name == "video_id"
                else pa.array(np.asarray(values.get(f.name, np.zeros(count)))).cast(f.type, False)
                for f in INDEX_SCHEMA
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=INDEX_SCHEMA))
    for number, end in enumerate(ends):
        with shard_path(folder, number).open("wb") as file:
            file.truncate(end + len(END_OF_TAR))
    _write_videos(folder, [CROPS_PER_VIDEO] * num_videos, per_shard)
    return folder


def _begin(folder: Path, num_videos: int, per_shard: int) -> Prepared:
    spec = PrepareSpec(SamplingSpec(CROPS_PER_VIDEO))
    prepared = Prepared("0" * 64, num_videos, per_shard, spec, "none", "measure")
    (folder / "shards").mkdir(parents=True)
    (folder / PREPARED_FILE).write_text(prepared.to_json())
    return prepared


def _write_videos(folder: Path, counts: list[int], per_shard: int) -> None:
    columns: dict[str, Any] = {
        "video_id": [f"benchmark/method/c23/{k:06d}" for k in range(len(counts))],
        "path": [f"method/c23/videos/{k:06d}.mp4" for k in range(len(counts))],
        "label": pa.array([k % 2 for k in range(len(counts))], pa.int8()),
        "status": ["prepared"] * len(counts),
        "num_crops": counts,
        "shard": [k // per_shard for k in range(len(counts))],
        "sha256": [f"{k:064x}" for k in range(len(counts))],
    }
    for name, kind in VIDEO_COLUMNS:
        columns.setdefault(name, pa.nulls(len(counts), kind))
    parquet.write_table(pa.table(columns), folder / VIDEOS_FILE)


def _part(picture: Uint8, rng: np.random.Generator) -> Uint8:
    """A square of a photograph, a little enlarged as faces in video are, and noisy."""
    side = int(rng.integers(300, 513))
    cut = int(rng.integers(200, 300))
    y, x = (int(rng.integers(0, n - cut + 1)) for n in picture.shape[:2])
    part = cv2.resize(
        picture[y : y + cut, x : x + cut], (side, side), interpolation=cv2.INTER_CUBIC
    )
    noisy = part + rng.normal(0, 1.5, part.shape)
    return np.asarray(np.clip(np.round(noisy), 0, 255), dtype=np.uint8)


def _sample(video: int, clip: int, image: Uint8) -> tuple[dict[str, Any], bytes]:
    side = len(image)
    low, high = side * 0.25, side * 0.75
    told = {
        "video_id": f"benchmark/method/c23/{video:06d}",
        "track": 0,
        "clip": clip,
        "position": 0,
        "frame": 9 * clip,
        "pts_seconds": 0.3 * clip,
        "scale": 1.0,
        "face_size": side / 2,
        "confidence": 0.9931,
        "sharpness": 123.45,
    }
    description = {
        **told,
        "label": video % 2,
        "method": None,
        "box_xyxy": [low, low, high, high],
        "landmarks_xy": np.round(CANONICAL_POINTS * (high - low) + low, 4).tolist(),
        "origin_xy": [312, 97],
    }
    sample = pack_sample(sample_key(video, 0, clip, 0), description, encode_png(image))
    return {**told, "video": video, "side": side}, sample


def _decode(png: bytes) -> Uint8:
    """The plain way to an RGB picture."""
    data = np.frombuffer(png, dtype=np.uint8)
    if hasattr(cv2, "IMREAD_COLOR_RGB"):
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
