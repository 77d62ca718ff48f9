"""Which videos a command line means: files, folders, globs, a manifest."""

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...datasets.manifests import file_sha256, read_manifest_videos
from ...datasets.suffixes import VIDEO_SUFFIXES

MANIFEST_SUFFIXES = frozenset({".parquet", ".csv"})


@dataclass(frozen=True)
class Job:
    """One video to score. `video_id` is None for a loose file: its SHA-256 will name it.

    `condition`: `none`, or which further scoring of it this is.
    """

    path: str
    video_id: str | None = None
    condition: str = "none"


@dataclass(frozen=True)
class Inputs:
    """The videos of a run, and the manifest that they came from."""

    jobs: tuple[Job, ...]
    manifest_sha256: str | None = None


class NoInput(Exception):
    """A PATH that names nothing; the message says which and what to do."""


def expand(paths: Sequence[str], roots: Mapping[str, Path]) -> Inputs:
    """The videos that the given paths name, each once, in order.

    A file is taken whatever it is called; a folder gives the files below it that end as videos do;
    a pattern with `*`, `?` or `[` that is no file is expanded (`**` goes into folders); a .parquet
    or .csv file is a manifest, and stands alone.

    Raises:
        NoInput: a path that does not exist, a folder or pattern without a video.
        BadManifest: see `read_manifest_videos`.
    """
    if any(Path(p).suffix.lower() in MANIFEST_SUFFIXES for p in paths):
        if len(paths) > 1:
            raise NoInput("a manifest stands alone: give either one manifest, or videos")
        manifest = Path(paths[0])
        videos = read_manifest_videos(manifest, roots)
        jobs = tuple(Job(str(v.path), v.video_id) for v in videos)
        return Inputs(jobs, file_sha256(manifest))
    if roots:
        raise NoInput("--root goes with a manifest; videos are given by their paths")
    found: dict[str, Job] = {}
    for path in paths:
        for file in _expand_one(path):
            found.setdefault(os.path.abspath(file), Job(file))
    return Inputs(tuple(found.values()))


def _expand_one(path: str) -> list[str]:
    if os.path.isdir(path):
        files = [os.path.join(folder, f) for folder, _, names in os.walk(path) for f in names]
        videos = sorted(f for f in files if _ends_as_video(f))
        if not videos:
            raise NoInput(
                f"{path}: no video in this folder ({len(files)} files, none ends as a video does)"
            )
        return videos
    if os.path.lexists(path):
        return [path]
    if glob.has_magic(path):
        matches = sorted(f for f in glob.glob(path, recursive=True) if os.path.isfile(f))
        if not matches:
            raise NoInput(f"{path}: nothing matches this pattern")
        return matches
    raise NoInput(f"{path}: no such file or folder; relative paths start at {os.getcwd()}")


def _ends_as_video(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES
