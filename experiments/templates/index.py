"""The template index: a folder of fingerprints, and which of its videos a suspect comes from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...datasets.journal import try_lock
from ...datasets.types import TimeLimitExceeded, UnreadableVideo
from . import fingerprint as prints
from .keyframes import TEMPLATE_STEP, KeyFrames
from .matching import DEFAULT_TOP, Looked, look_up
from .segments import MAKING, MAX_SECONDS, Segment, join, pack, write_segment
from .types import Added, BadIndex, Fingerprint, IndexBusy, Template, TemplateMatch, Unreadable

FORMAT = 1
_FILE = "index.json"
_LOCK = "lock"
_VIDEOS = 256  # a new segment at this many videos
_POINTS = 500_000  # or this many points
_FEW = 100_000  # points of the lowest tier of segments
_FACTOR = 8  # segments of one tier are merged at this many, which makes one of the next
_LARGEST = 20_000_000  # points; larger segments are not merged any more


def settings() -> dict[str, int | str]:
    """What an index is made with; one made with other settings can't be used."""
    return {
        "what": "unswap template index",
        "format": FORMAT,
        "fingerprint": prints.VERSION,
        "code_bytes": prints.CODE_BYTES,
        "rotation_seed": prints.ROTATION_SEED,
        "points_per_keyframe": prints.TEMPLATE_POINTS,
        "listed_per_keyframe": prints.LISTED_POINTS,
    }


class TemplateIndex:
    """Fingerprints of videos in one folder, in immutable segments.

    Reading needs no lock: whoever opens the folder sees the segments that are whole at that moment.
    One process at a time may add.
    """

    def __init__(self, folder: Path, segments: Sequence[Segment]) -> None:
        """Use `open`."""
        self.folder = folder
        self.segments = tuple(segments)

    @classmethod
    def open(cls, folder: str | Path, *, create: bool = False) -> TemplateIndex:
        """Opens an index.

        Args:
            folder: where it lies.
            create: make it where there is none, or an empty folder.

        Raises:
            BadIndex: no index, another thing, another version's, or a damaged one.
        """
        folder = Path(folder)
        if create and (not folder.exists() or _is_empty(folder)):
            _begin(folder)
        try:
            found = json.loads((folder / _FILE).read_text())
        except FileNotFoundError as error:
            raise BadIndex(
                f"{folder}: no template index here; make one with "
                f"`unswap templates add PATH --index {folder}` (into a new or empty folder)"
            ) from error
        except (OSError, ValueError) as error:
            raise BadIndex(
                f"{folder / _FILE}: can't be read ({error}); bring it back from a copy, or make the "
                "index anew"
            ) from error
        _check_settings(folder / _FILE, found)
        return cls(folder, _live(folder))

    def add(
        self,
        paths: Sequence[str | Path],
        *,
        time_limit: float = 600,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Added:
        """Fingerprints videos and adds them; files whose SHA-256 is there already are left out.

        What can't be read is named in the result, and the others go on. Every few hundred videos,
        and at the end, a segment is written: stopped or killed, an add has lost at most what came
        after the last one, and the same add again goes on from there.

        Args:
            paths: video files, or folders of pictures.
            time_limit: seconds a video.
            on_progress: called with (videos done, videos in all).

        Raises:
            IndexBusy: another process is adding.
            OSError: no room, no permission.
        """
        added: list[Template] = []
        known: list[str] = []
        unreadable: list[Unreadable] = []
        waiting: list[tuple[Template, Fingerprint]] = []
        with _locked(self.folder):
            self.segments = tuple(_live(self.folder))
            _clean(self.folder, self.segments)
            there = {sha for s in self.segments for sha in s.videos["sha256"].to_pylist()}
            try:
                for done, path in enumerate(paths):
                    try:
                        made = fingerprint_template(path, there, time_limit)
                    except (UnreadableVideo, TimeLimitExceeded) as error:
                        unreadable.append(Unreadable(str(path), str(error)))
                        made = None
                    else:
                        if made is None:
                            known.append(str(path))
                    if made is not None:
                        there.add(made[0].sha256)
                        waiting.append(made)
                    if _is_full(waiting):
                        added += self._write(waiting)
                    if on_progress is not None:
                        on_progress(done + 1, len(paths))
            finally:
                if waiting:  # also when it is stopped: what is made is kept
                    added += self._write(waiting)
        return Added(tuple(added), tuple(known), tuple(unreadable))

    def templates(self) -> Iterator[Template]:
        """All videos, in the order in which they were added."""
        for segment in self.segments:
            for row in range(segment.num_videos):
                yield segment.template(row)

    def __len__(self) -> int:
        return sum(s.num_videos for s in self.segments)

    @property
    def num_points(self) -> int:
        """Local features in all."""
        return sum(s.num_points for s in self.segments)

    @property
    def num_bytes(self) -> int:
        """Size on disk."""
        return sum(f.stat().st_size for s in self.segments for f in s.path.iterdir())

    def match(
        self, path: str | Path, *, top: int = DEFAULT_TOP, time_limit: float = 600
    ) -> list[TemplateMatch]:
        """The templates that a suspect shows a stretch of, best first; empty where there is none.

        Args:
            path: a video file, or a folder of pictures.
            top: at most this many.
            time_limit: seconds for reading the suspect.

        Raises:
            UnreadableVideo, TimeLimitExceeded: the suspect can't be read.
        """
        return list(self.look_up(path, top=top, time_limit=time_limit).matches)

    def look_up(
        self, path: str | Path, *, top: int = DEFAULT_TOP, time_limit: float = 600
    ) -> Looked:
        """As `match`, with what it took and how near the best rejected template came."""
        return look_up(self.segments, path, top=top, time_limit=time_limit)

    def compact(self) -> None:
        """Merges all segments that are not at their largest yet. Raises IndexBusy, OSError."""
        with _locked(self.folder):
            self.segments = tuple(_live(self.folder))
            small = [s for s in self.segments if s.num_points < _LARGEST]
            while len(small) > 1:
                some: list[Segment] = []
                while small and (len(some) < 2 or sum(s.num_points for s in some) < _LARGEST):
                    some.append(small.pop(0))
                if len(some) > 1:
                    self._merge(some)

    def _write(self, waiting: list[tuple[Template, Fingerprint]]) -> list[Template]:
        """A new segment of what is waiting, which is emptied; merges small ones if there are many."""
        packed = pack(waiting)
        name = write_segment(self.folder / "segments", self._next_number(), packed)
        written = [template for template, _ in waiting]
        waiting.clear()
        self.segments = (*self.segments, Segment(self.folder / "segments" / name))
        while (some := _crowded(self.segments)) is not None:
            self._merge(some)
        return written

    def _merge(self, some: Sequence[Segment]) -> None:
        """One segment in the place of several; these go once it is there."""
        names = {s.name for s in some}
        gone = names.union(*(s.replaces for s in some))
        name = write_segment(self.folder / "segments", self._next_number(), join(some), gone)
        merged = Segment(self.folder / "segments" / name)
        kept = [s for s in self.segments if s.name not in names]
        self.segments = tuple(sorted([*kept, merged], key=lambda s: s.name))
        _clean(self.folder, self.segments)

    def _next_number(self) -> int:
        return 1 + max((int(p.name) for p in _numbered(self.folder)), default=0)


def fingerprint_template(
    path: str | Path, known: set[str], time_limit: float
) -> tuple[Template, Fingerprint] | None:
    """A video as it is indexed; None if its SHA-256 is known.

    Raises:
        UnreadableVideo, TimeLimitExceeded: it can't be read.
    """
    frames = KeyFrames(path, TEMPLATE_STEP, time_limit=time_limit)
    info = frames.info
    if info.sha256 in known:
        frames.close()
        return None
    if info.duration_seconds > MAX_SECONDS:
        frames.close()
        raise UnreadableVideo(
            f"{path}: it lasts {info.duration_seconds:.0f} s, and an index takes up to "
            f"{MAX_SECONDS} s; cut it into parts"
        )
    made = prints.fingerprint(frames, prints.TEMPLATE_POINTS)
    template = Template(
        os.path.abspath(path),
        info.sha256,
        info.duration_seconds,
        info.fps,
        info.width,
        info.height,
        info.num_frames,
        len(made.seconds),
        len(made.points),
    )
    return template, made


def _is_full(waiting: Sequence[tuple[Template, Fingerprint]]) -> bool:
    return len(waiting) >= _VIDEOS or sum(len(f.points) for _, f in waiting) >= _POINTS


def _crowded(segments: Sequence[Segment]) -> list[Segment] | None:
    """Segments to merge: a tier has too many of them."""
    tiers: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment.num_points < _LARGEST:
            tier, bound = 0, _FEW
            while segment.num_points >= bound:
                tier, bound = tier + 1, bound * _FACTOR
            tiers.setdefault(tier, []).append(segment)
    return next((some for _, some in sorted(tiers.items()) if len(some) >= _FACTOR), None)


def _begin(folder: Path) -> None:
    try:
        (folder / "segments").mkdir(parents=True, exist_ok=True)
        text = json.dumps(settings(), indent=1) + "\n"
        making = folder / f"{MAKING}{os.getpid()}"
        with making.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        making.replace(folder / _FILE)
    except OSError as error:
        raise BadIndex(
            f"{folder}: no index can be made here ({error.strerror or error}); choose another "
            "folder, or change its permissions"
        ) from error


def _is_empty(folder: Path) -> bool:
    """Nothing in it, or what a kill left of an index that was being begun."""
    return folder.is_dir() and all(
        p.name.startswith(MAKING) or (p.name == "segments" and p.is_dir() and not any(p.iterdir()))
        for p in folder.iterdir()
    )


def _check_settings(path: Path, found: object) -> None:
    wanted = settings()
    if not isinstance(found, dict) or found.get("what") != wanted["what"]:
        raise BadIndex(f"{path}: not of a template index; choose another --index")
    other = {k: v for k, v in wanted.items() if found.get(k) != v}
    if other:
        parts = ", ".join(f"{k} {found.get(k)}, expected {v}" for k, v in other.items())
        raise BadIndex(
            f"{path}: made by another version ({parts}); make the index anew, from the videos"
        )


def _numbered(folder: Path) -> list[Path]:
    """All segments that are whole, also replaced ones, in the order of their numbers."""
    try:
        paths = list((folder / "segments").iterdir())
    except OSError as error:
        raise BadIndex(
            f"{folder / 'segments'}: can't be read ({error.strerror or error}); bring it back from "
            "a copy, or make the index anew"
        ) from error
    return sorted((p for p in paths if p.name.isdigit()), key=lambda p: int(p.name))


def _live(folder: Path) -> list[Segment]:
    """The segments that no other one replaces.

    Raises:
        BadIndex: one is damaged.
    """
    for attempt in range(5):
        # newest first: what a merge replaced may be half deleted
        segments: list[Segment] = []
        replaced: set[str] = set()
        try:
            for path in reversed(_numbered(folder)):
                if path.name not in replaced:
                    segments.append(Segment(path))
                    replaced |= segments[-1].replaces
            return segments[::-1]
        except BadIndex:
            # an add that runs at the same time may have merged it away meanwhile
            if path.exists() or attempt == 4:
                raise
    raise AssertionError("not reached")


def _clean(folder: Path, live: Sequence[Segment]) -> None:
    """Removes what a kill left, and segments that were replaced. Under the lock only."""
    names = {s.name for s in live}
    replaced = set().union(*(s.replaces for s in live)) - names
    for path in (folder / "segments").iterdir():
        if path.name.startswith(MAKING) or path.name in replaced:
            shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(f"{MAKING}*"):
        path.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        file = open(folder / _LOCK, "a+b")  # noqa: SIM115 (held while writing)
    except OSError as error:
        raise BadIndex(
            f"{folder}: can't be written ({error.strerror or error}); change its permissions"
        ) from error
    with file:
        if not try_lock(file.fileno()):
            raise IndexBusy(
                f"{folder}: another process is adding to this index; wait for it and try again"
            )
        yield
