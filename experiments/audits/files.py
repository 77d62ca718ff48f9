"""What every file of a manifest is, or why it can't be read. Probed in processes of their own."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...datasets.manifests import Manifest
from ...datasets.sequences import open_frames
from ...datasets.types import UnreadableVideo, VideoInfo
from ..jobs.pool import run_jobs
from .findings import Finding, finding

LIMIT_SECONDS = 600.0  # a file whose probe takes longer counts as unreadable
_WORKER = "unswap.experiments.audits.probe_worker"


@dataclass(frozen=True)
class FileFacts:
    """What a row's file is.

    `info`: None where it can't be read; `reason`: why. `cut`: of a file whose end is missing, how
    many frames' bytes would lie behind it, and of how many.
    """

    video_id: str
    path: str
    info: VideoInfo | None
    reason: str = ""
    cut: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if (self.info is None) != bool(self.reason):
            raise ValueError(
                f"{self.video_id}: expected a reason for an unreadable file, and only for one; "
                f"got {self.reason!r} with {self.info}"
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FileFacts":
        """Back from `to_dict`, also after JSON."""
        info, cut = data["info"], data["cut"]
        return cls(
            data["video_id"],
            data["path"],
            VideoInfo(**info) if info else None,
            data["reason"],
            (int(cut[0]), int(cut[1])) if cut else None,
        )


def look_at(video_id: str, path: str, *, threads: int = 1) -> FileFacts:
    """Probes one file or image sequence, in this process."""
    try:
        with closing(open_frames(path, threads=threads)) as frames:
            return FileFacts(video_id, path, frames.info, cut=getattr(frames, "cut", None))
    except UnreadableVideo as error:
        return FileFacts(video_id, path, None, str(error))


def probe_all(
    manifest: Manifest,
    roots: Mapping[str, Path],
    jobs: int,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    column: str = "path",
) -> list[FileFacts]:
    """Probes the file of every row, in the manifest's order.

    A worker process that FFmpeg takes down, or that hangs, is replaced; the file that it was on
    counts as unreadable, with that reason.

    Args:
        manifest: its rows' files.
        roots: folder by root name; "" for every name that is not given.
        jobs: worker processes.
        on_progress: called with (files done, files in all) after each.
        column: `path`, or `mask`, which then every row must have.

    Raises:
        ValueError: fewer than one job. BadManifest: a root that was not given.
        UnusableWorker, MustStop: no process can be started (see `jobs.pool`).
    """
    if jobs < 1:
        raise ValueError(f"expected at least 1 job, got {jobs}")
    names = [str(name) for name in manifest.column("video_id")]
    paths = [str(path) for path in manifest.paths(roots, column)]
    rows = list(zip(names, paths, strict=True))
    found: dict[int, FileFacts] = {}
    settings = {"threads": 1, "time_limit_seconds": LIMIT_SECONDS}
    work = ((key, {"video_id": name, "path": path}) for key, (name, path) in enumerate(rows))
    with closing(run_jobs(work, settings, min(jobs, len(rows)), _WORKER)) as events:
        for event in events:
            name, path = rows[event.key]
            if event.kind == "done" and event.message["answer"] == "facts":
                found[event.key] = FileFacts.from_dict(event.message["facts"])
            else:
                how = event.reason or event.message.get("reason", "it failed")
                reason = f"{path}: probing it failed ({how}); copy or download it again"
                found[event.key] = FileFacts(name, path, None, reason)
            if on_progress:
                on_progress(len(found), len(rows))
    return [found[key] for key in range(len(rows))]


def probe_masks(
    manifest: Manifest,
    roots: Mapping[str, Path],
    jobs: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[FileFacts]:
    """Probes the masks as `probe_all` does; one that several rows share, once."""
    seen: set[tuple[str, str]] = set()
    first = []
    for root, mask in zip(manifest.column("root"), manifest.column("mask"), strict=True):
        first.append(mask is not None and (root, mask) not in seen)
        seen.add((root, mask))
    if not any(first):
        return []
    return probe_all(manifest.select(first), roots, jobs, on_progress, column="mask")


def file_findings(facts: Sequence[FileFacts]) -> list[Finding]:
    """Files that can't be read, and files that lack their end."""
    broken = [fact.reason for fact in facts if fact.info is None]
    short = [
        f"{fact.path}: {fact.cut[0]} of {fact.cut[1]} frames lie behind the file's end"
        for fact in facts
        if fact.cut
    ]
    return [
        *finding("unreadable", "wrong", "files can't be read as a video", broken),
        *finding("truncated", "wrong", "files are cut off; download them again", short),
    ]
