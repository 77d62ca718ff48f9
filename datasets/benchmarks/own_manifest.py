"""A manifest of one's own, in the folder that its paths lie below."""

import os
from dataclasses import replace
from pathlib import Path

from ..image_sources import split_archive_path
from ..manifests import BadManifest, Manifest, Video
from .base import BENCHMARKS, BadBenchmark, Card, Problem, Reading, Trees

TREE = "manifest"

CARD = Card(
    name="manifest",
    title="a manifest of one's own",
    paper="none: your own data",
    bibtex="",
    url="",
    licence="your own",
    access="write manifest.parquet or manifest.csv yourself",
    trees={TREE: "the folder that holds the manifest and what it names"},
    layout="""manifest.parquet or manifest.csv, with the columns video_id, path, label and, as far as
you know them, kind, method, compression, split, source_id, target_id, original, group, mask
(the files, below this folder, as its column path says)""",
    expected=(),
    split="its column split",
    notes=(
        "columns beyond a manifest's own are left out",
        "give all files of one person (or made from one video) the same group",
    ),
)


class _OwnManifest:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder(TREE)
        found = [p for p in (root / "manifest.parquet", root / "manifest.csv") if p.exists()]
        if len(found) != 1:
            what = "both lie there; remove one" if found else "neither lies there; write one"
            raise BadBenchmark(f"{root}: expected manifest.parquet or manifest.csv: {what}")
        try:
            videos = list(Manifest.read(found[0]).videos())
        except BadManifest as error:
            raise BadBenchmark(str(error)) from error
        reading = Reading([])
        for video in videos:
            if _is_there(root, video.path):
                # It was found below this tree, whatever tree the manifest was first made for.
                found_video = replace(video, root=TREE)
                reading.videos.append(_with_mask(found_video, root, reading))
            else:
                text = f"{found[0].name} names it as {video.video_id}, and it is not there"
                reading.problems.append(Problem("missing", video.path, text))
        real = {v.video_id for v in reading.videos if not v.label}
        for place, video in enumerate(reading.videos):
            if video.original is not None and video.original not in real:
                text = f"its original {video.original} is no real video of the manifest"
                reading.problems.append(Problem("pair", video.path, text))
                reading.videos[place] = replace(video, original=None)
        return reading


def _is_there(root: Path, path: str) -> bool:
    full = root / path
    if os.path.lexists(full):
        return True
    archive = split_archive_path(full)
    return archive is not None and os.path.isfile(archive[0])


def _with_mask(video: Video, root: Path, reading: Reading) -> Video:
    if video.mask is None or _is_there(root, video.mask):
        return video
    reading.problems.append(
        Problem("mask", video.mask, f"the mask of {video.video_id} is not there")
    )
    return replace(video, mask=None)


BENCHMARKS.register("manifest")(_OwnManifest())
