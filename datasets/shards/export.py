"""Prepared crops as DeepfakeBench takes them: folders of pictures, and a JSON file of paths."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..deepfakebench_json import Entry, build
from ..types import CropSpec
from .cutting import Cut, check_fits
from .reader import PreparedCrops

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
_RESERVED = re.compile(r"\.*|(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 120  # characters of a folder's name; file systems take 255 bytes


def export_deepfakebench(
    crops: PreparedCrops,
    out_dir: Path,
    *,
    dataset_name: str,
    spec: CropSpec | None = None,
    label_names: Mapping[str, str] | None = None,
    split: str | None = None,
) -> Path:
    """Writes every crop as `OUT/DATASET/LABEL/COMPRESSION/VIDEO/FRAME.png`, and `OUT/DATASET.json`.

    The JSON file (Yan et al., "DeepfakeBench", NeurIPS 2023) is
    `{dataset: {label: {split: {compression: {video: {label, frames: [path, ...]}}}}}}`, its paths
    relative to `out_dir`, frames in rising order. Where no video has a compression, that level is
    absent, as DeepfakeBench has it for such data sets. A video is called by its whole `video_id`,
    so two are never merged; each track of a video with several is a folder of its own. A frame
    that lies in two clips is written once.

    Args:
        crops: the prepared crops.
        out_dir: a new folder, or an empty one.
        dataset_name: what the data set is called there.
        spec: cut the crops so; None writes the stored ones as they are.
        label_names: what a method is called there (`{"real": "FF-real", "Deepfakes": "FF-DF"}`);
            others are called by their own name, manipulated videos without a method `fake`.
        split: of the videos for which the manifest has none.

    Returns:
        The JSON file's path; it appears when all pictures are there.

    Raises:
        FileExistsError: out_dir is not empty. BadShards: a crop is damaged. ValueError: no split is
            known of a video, only some have a compression, or the stored crops can't contain `spec`.
        OSError: a picture can't be written.
    """
    cut = None if spec is None else Cut(spec)
    if cut is not None:
        check_fits(cut, None, None, crops.prepared, str(crops.folder))
    used = np.unique(crops.video)
    rows = {int(v): crops.videos.slice(int(v), 1).to_pylist()[0] for v in used}
    entries = _entries(crops, rows, dataset_name, label_names or {}, split)
    out_dir.mkdir(parents=True, exist_ok=True)
    if any(out_dir.iterdir()):
        raise FileExistsError(f"{out_dir}: not an empty folder; give a new one")
    listed = []
    for entry, place, members in entries:
        folder = out_dir / place
        folder.mkdir(parents=True)
        frames = {int(crops.frame[row]): int(row) for row in members[::-1]}
        paths = []
        for frame in sorted(frames):
            description, image = crops.read_sample(frames[frame])
            if cut is not None:
                image = cut([(description, image)], np.random.default_rng(0))[0]
            path = folder / f"{frame:06d}.png"
            if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
                raise OSError(f"{path}: it can't be written; is the disk full?")
            paths.append(path.relative_to(out_dir).as_posix())
        listed.append(replace(entry, frames=tuple(paths)))
    path = out_dir / f"{safe_name(dataset_name)}.json"
    draft = path.with_suffix(".json.partial")
    text = json.dumps(build(listed), indent=1)
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path


def safe_name(name: str) -> str:
    """A name that any file system takes, as one folder; not always another name for another one.

    >>> safe_name("faceforensics++/Deepfakes/c23/000_003")
    'faceforensics++_Deepfakes_c23_000_003'
    """
    safe = _UNSAFE.sub("_", name)
    if _RESERVED.fullmatch(safe) or safe.endswith("."):
        safe = f"_{safe.rstrip('.')}_"
    return safe if len(safe) <= _LONGEST else f"{safe[: _LONGEST - 17]}-{_short_hash(name)}"


def _entries(
    crops: PreparedCrops,
    rows: Mapping[int, dict[str, Any]],
    dataset: str,
    label_names: Mapping[str, str],
    split: str | None,
) -> list[tuple[Entry, str, NDArray[Any]]]:
    """For each track of each video its entry without frames, its folder, its rows of the index."""
    without = [r["video_id"] for r in rows.values() if not (r.get("split") or split)]
    if without:
        raise ValueError(
            f"{crops.folder}: {len(without)} videos have no split, {without[0]!r} for one; "
            "say which split they are of"
        )
    bare = [r["video_id"] for r in rows.values() if not r.get("compression")]
    if bare and len(bare) < len(rows):
        raise ValueError(
            f"{crops.folder}: {len(bare)} of {len(rows)} videos have no compression, {bare[0]!r} for "
            "one; DeepfakeBench knows it of all of a data set's videos, or of none"
        )
    tracks = list(_tracks(crops))
    several = Counter(video for video, _, _ in tracks)
    names = {
        (v, t): str(rows[v]["video_id"]) + (f"#track{t}" if several[v] > 1 else "")
        for v, t, _ in tracks
    }
    taken = Counter(safe_name(name).lower() for name in names.values())
    entries = []
    for video, track, members in tracks:
        row, name = rows[video], names[video, track]
        safe = safe_name(name)
        if taken[safe.lower()] > 1:
            safe = f"{safe}-{_short_hash(name)}"
        method = "real" if row["label"] == 0 else row.get("method") or "fake"
        label = label_names.get(method, method)
        compression = row.get("compression") or None
        levels = [dataset, label, *([compression] if compression else [])]
        place = "/".join([*map(safe_name, levels), safe])
        kind = str(row.get("split") or split)
        entry = Entry(dataset, label, kind, compression, safe, label, ())
        entries.append((entry, place, members))
    return entries


def _tracks(crops: PreparedCrops) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Each track that has crops: video, track, its rows of the index."""
    if not len(crops):
        raise ValueError(f"{crops.folder}: there are no crops to export")
    order = np.lexsort((crops.track, crops.video))
    video, track = crops.video[order], crops.track[order]
    new = np.flatnonzero((video[1:] != video[:-1]) | (track[1:] != track[:-1])) + 1
    for members in np.split(order, new):
        yield int(crops.video[members[0]]), int(crops.track[members[0]]), members


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
