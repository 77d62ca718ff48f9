"""Speed, size and recall of the template index among simulated videos.

`grow`   an index of simulated videos and a few real ones, at several sizes: seconds and size of
         building, seconds of a query, and whether the real ones are still found.

The simulated videos have 30 key frames of 80 features. These are drawn from real ones (of the
photographs that scikit-image and scikit-learn carry, and of the clips given with --pool), with bits
flipped at random; most features of a key frame come again in the next. Real videos are the clips
given, or else animated photographs; of each a part is cropped, made smaller, encoded at CRF 32 and
looked up. Strangers are clips that are not in the index. Fingerprinting of the simulated videos is
not in the build's time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...datasets.animation import animate, write_clip
from ...datasets.decoding import VideoReader
from ...datasets.types import Uint8
from ..templates.fingerprint import CODE_BYTES, TEMPLATE_POINTS, describe, to_codes
from ..templates.index import TemplateIndex
from ..templates.keyframes import TEMPLATE_STEP, KeyFrames
from ..templates.segments import Segment, pack, write_segment
from ..templates.training import histograms, pictures
from ..templates.types import Fingerprint, Points, Template
from .timing import peak_mib, timed

KEYFRAMES = 30
_KEPT = 0.7  # share of a key frame's features that are in the next one too
_SEGMENT = 6250  # simulated videos


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed templates`."""
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO", help="real ones")
    parser.add_argument("--strangers", nargs="*", type=Path, default=[], help="not to be found")
    parser.add_argument("--pool", nargs="*", type=Path, default=[], help="clips to draw from")
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[12_500, 25_000, 50_000, 100_000], metavar="N"
    )
    parser.add_argument("--folder", type=Path, help="where the index is built (default: temporary)")


def measure(options: argparse.Namespace) -> None:
    """Measures, and prints a line a size."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = Path(name)
        originals = options.videos or _animated(work)
        queries = [_query(path, work / f"query-{k}.mp4") for k, path in enumerate(originals)]
        strangers = options.strangers or (_animated(work) if options.videos else [])
        pool = _pool(options.pool)
        print(f"{len(originals)} real videos; simulated ones drawn from {len(pool)} features")
        index = TemplateIndex.open(work / "index", create=True)
        added = index.add(originals)
        if added.unreadable:
            raise RuntimeError(f"can't be read: {added.unreadable[0].reason}")
        seconds = sum(t.duration_seconds for t in added.added)
        rng = np.random.default_rng(0)
        count, building = 0, 0.0
        for size in sorted(options.sizes):
            building += _grow(work / "index", size - count, count, pool, rng)
            count = size
            opening, index = timed(lambda: TemplateIndex.open(work / "index"))
            told = _told(index, queries)
            alike = [index.look_up(path) for path in strangers]
            hours = (count * KEYFRAMES * TEMPLATE_STEP + seconds) / 3600
            print(
                f"{count + len(originals):,} videos, {hours:,.0f} h: "
                f"{index.num_bytes / 1e9:.2f} GB ({index.num_bytes / hours / 1e6:.2f} MB an hour of "
                f"video), written in {building:.0f} s ({count / building:,.0f} videos a second), "
                f"opened in {opening:.2f} s\n"
                f"  query: search {told.search:.3f} s (at most {told.search_most:.3f}), with "
                f"fingerprinting {told.whole:.3f} s (at most {told.whole_most:.3f}); "
                f"found first {told.found} of {len(queries)}, wrong ones first {told.wrong}\n"
                f"  strangers: {sum(bool(a.matches) for a in alike)} of {len(alike)} matched, nearest "
                f"{max((a.nearest for a in alike), default=0):.2f} of what is needed; "
                f"peak {peak_mib():.0f} MiB",
                flush=True,
            )


@dataclass(frozen=True)
class _Told:
    """Medians and maxima of seconds; how many were found, how many answers named another video."""

    search: float
    search_most: float
    whole: float
    whole_most: float
    found: int
    wrong: int


def _told(index: TemplateIndex, queries: Sequence[tuple[Path, Path]]) -> _Told:
    index.look_up(queries[0][1])  # what lies on disk is in memory then
    search, whole, found, wrong = [], [], 0, 0
    for original, query in queries:
        looked = index.look_up(query)
        search.append(looked.search_seconds)
        whole.append(looked.search_seconds + looked.fingerprint_seconds)
        if looked.matches:
            right = Path(looked.matches[0].template.path) == original.resolve()
            found, wrong = found + right, wrong + (not right)
    return _Told(
        float(np.median(search)), max(search), float(np.median(whole)), max(whole), found, wrong
    )


def _grow(folder: Path, more: int, start: int, pool: Uint8, rng: np.random.Generator) -> float:
    """Adds simulated videos; returns the seconds that writing them took."""
    seconds = 0.0
    for first in range(start, start + more, _SEGMENT):
        videos = list(_simulated(first, min(_SEGMENT, start + more - first), pool, rng))
        before = time.perf_counter()
        packed = pack(videos)
        numbers = [int(p.name) for p in (folder / "segments").iterdir() if p.name.isdigit()]
        Segment(folder / "segments" / write_segment(folder / "segments", max(numbers) + 1, packed))
        seconds += time.perf_counter() - before
    return seconds


def _simulated(
    first: int, count: int, pool: Uint8, rng: np.random.Generator
) -> Iterator[tuple[Template, Fingerprint]]:
    """Videos whose features are real ones with bits flipped, KEYFRAMES x TEMPLATE_POINTS each."""
    frame = np.repeat(np.arange(KEYFRAMES), TEMPLATE_POINTS)
    times = np.arange(KEYFRAMES, dtype=np.float64) * TEMPLATE_STEP
    for number in range(first, first + count):
        # the key frame in which each feature was last drawn anew
        fresh = rng.random((KEYFRAMES, TEMPLATE_POINTS)) >= _KEPT
        fresh[0] = True
        source = np.maximum.accumulate(np.where(fresh, np.arange(KEYFRAMES)[:, None], 0), axis=0)
        column = np.arange(TEMPLATE_POINTS)
        drawn = pool[rng.integers(0, len(pool), fresh.shape)]
        drawn = flip(drawn, 3, rng)[source, column]
        codes = flip(drawn, 4, rng).reshape(-1, CODE_BYTES)
        xy = (rng.random((*fresh.shape, 2)) * (400, 225))[source, column].reshape(-1, 2)
        size = np.exp2(1.6 + rng.exponential(0.7, fresh.shape))[source, column].ravel()
        points = Points(codes, xy.astype(np.float32), size.astype(np.float32), frame)
        template = Template(
            f"simulated/{number:07d}.mp4", f"{number:064x}", 30.0, 25.0, 1280, 720, 750,
            KEYFRAMES, len(codes),
        )  # fmt: skip
        yield template, Fingerprint(points, times, 400, 225)


def flip(codes: Uint8, masks: int, rng: np.random.Generator) -> Uint8:
    """Codes with each bit flipped with a chance of 2 ** -masks."""
    mask = np.full(codes.shape, 255, dtype=np.uint8)
    for _ in range(masks):
        mask &= np.frombuffer(rng.bytes(codes.size), dtype=np.uint8).reshape(codes.shape)
    return codes ^ mask


def _pool(clips: Sequence[Path]) -> Uint8:
    """Codes of real features, (n, CODE_BYTES)."""
    found = [to_codes(histograms(seed=5))]
    for clip in clips:
        found += [to_codes(describe(grey, 80)[0]) for _, grey in KeyFrames(clip, TEMPLATE_STEP)]
    return np.unique(np.concatenate(found), axis=0)


def _animated(folder: Path, count: int = 12) -> list[Path]:
    """Clips of 12 s of parts of photographs."""
    rng = np.random.default_rng(1)
    stills = [p for p in pictures() if min(p.shape[:2]) >= 300]
    paths = []
    for k in range(count):
        still = stills[k % len(stills)]
        side = min(still.shape[:2])
        y, x = (int(rng.integers(0, n - side + 1)) for n in still.shape[:2])
        part = cv2.resize(still[y : y + side, x : x + side], (400, 400))
        path = folder / f"original-{k}.mp4"
        write_clip(path, animate(np.asarray(part), 144, rng, 12), 12, 23, "veryfast")
        paths.append(path)
    return paths


def _query(original: Path, path: Path) -> tuple[Path, Path]:
    """(original, a stretch of it of up to 7 s, cropped, made smaller, at CRF 32)."""
    with VideoReader(original) as reader:
        times = reader.pts_seconds
        first = min(2.3, float(times[-1]) / 4)
        inside = np.flatnonzero((times >= first) & (times <= first + 7))
        pictures = (_cut(frame.image) for frame in reader.read(inside))
        write_clip(path, pictures, reader.info.fps, 32, "veryfast")
    return original, path


def _cut(image: Uint8) -> Uint8:
    height, width = image.shape[:2]
    part = image[height // 12 :, : width - width // 8]
    size = (int(part.shape[1] * 0.4) * 2, int(part.shape[0] * 0.4) * 2)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
