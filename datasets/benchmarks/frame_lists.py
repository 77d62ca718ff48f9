"""Videos that a JSON list gives as frames: their entries, splits and folders."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..deepfakebench_json import BadDocument, Entry, parse
from ..image_sources import is_image, natural_key
from ..manifests import SPLITS
from .base import BadBenchmark, Problem, read_json

_PLACES = ("dataset_json", "preprocessing/dataset_json", ".")


@dataclass(frozen=True)
class FrameList:
    """One video of one list: its entry, the parts of its folder's path as the list writes it
    (without `.`, `..` and slashes before), its frames' names, and its split."""

    entry: Entry
    folder: tuple[str, ...]
    names: frozenset[str]
    split: str


def json_files(root: Path) -> list[Path]:
    """The lists of a tree: in dataset_json/, else in preprocessing/dataset_json/, else at its top."""
    for place in _PLACES:
        found = sorted((root / place).glob("*.json"), key=lambda p: natural_key(p.name))
        if found:
            return found
    return []


def read_list(path: Path, root: Path) -> tuple[list[FrameList], list[Problem]]:
    """The videos of a list, each once, and what is wrong with it.

    A video that stands in several splits, as those of Celeb-DF do in DeepfakeBench's lists, is in
    the first of test, val, train that names it.

    Raises:
        BadBenchmark: the file can't be read, or is not of DeepfakeBench's form.
    """
    try:
        entries = parse(read_json(path, "list of frames"))
    except BadDocument as error:
        raise BadBenchmark(f"{path}: not in DeepfakeBench's form: {error}") from None
    place = path.relative_to(root).as_posix()
    problems: list[Problem] = []
    lists: dict[tuple[object, ...], FrameList] = {}
    for entry in sorted(entries, key=lambda e: -SPLITS.index(e.split) if e.split in SPLITS else 0):
        what = f"{entry.dataset}/{entry.label_name}/{entry.split}/{entry.video}"
        folders, names = _folders(entry.frames)
        if entry.split not in SPLITS:
            text = f"{what}: expected the split {', '.join(SPLITS)}"
            problems.append(Problem("split", place, text))
        elif not folders:
            problems.append(Problem("missing", place, f"{what}: it has no frames"))
        elif len(folders) > 1:
            shown = " and ".join("/".join(f) for f in sorted(folders)[:2])
            text = f"{what}: its frames lie in several folders: {shown}"
            problems.append(Problem("name", place, text))
        else:
            key = (entry.dataset, entry.label_name, entry.compression, entry.video)
            lists.setdefault(key, FrameList(entry, folders.pop(), names, entry.split))
    return _without_shared(sorted(lists.values(), key=_order), place, problems), problems


def find_below(root: Path, parts: Sequence[str], at_least: int = 2) -> str | None:
    """A folder that a list names, below the root: lists carry folders of other machines before it.

    The longest end of the path that is there; not the last part alone.
    """
    for skip in range(max(len(parts) - at_least, 0) + 1):
        place = PurePosixPath(*parts[skip:])
        if (root / place).is_dir():
            return str(place)
    return None


def missing_frames(frames: FrameList, folder: Path) -> tuple[int, str]:
    """How many listed frames are not in the folder, and the first of their names ("" if none)."""
    there = {name for name in os.listdir(folder) if is_image(name)}
    missing = sorted(frames.names - there, key=natural_key)
    return len(missing), missing[0] if missing else ""


def _order(frames: FrameList) -> tuple[object, ...]:
    entry = frames.entry
    return entry.dataset, entry.label_name, entry.compression or "", natural_key(entry.video)


def _folders(frames: Iterable[str]) -> tuple[set[tuple[str, ...]], frozenset[str]]:
    """The folders of frames' paths, which may have been written on Windows, and their names."""
    paths = [PurePosixPath(frame.replace("\\", "/")) for frame in frames]
    folders = {tuple(p for p in path.parent.parts if p not in ("/", ".", "..")) for path in paths}
    return folders, frozenset(path.name for path in paths)


def _without_shared(lists: list[FrameList], place: str, problems: list[Problem]) -> list[FrameList]:
    """Without videos that share a folder: those are single images, which no row can stand for."""
    users: dict[tuple[str, ...], list[FrameList]] = {}
    for frames in lists:
        users.setdefault(frames.folder, []).append(frames)
    shared = {f for f, us in users.items() if len({u.names for u in us}) > 1}
    for folder in sorted(shared):
        text = (
            f"{len(users[folder])} videos have their frames in one folder, {'/'.join(folder)}: "
            "these are single images; a row is a folder of frames"
        )
        problems.append(Problem("name", place, text))
    return [frames for frames in lists if frames.folder not in shared]
