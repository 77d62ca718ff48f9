"""What every benchmark's adapter is made of: its card, its trees on disk, what reading it gives."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ..manifests import Video
from ..registry import Registry


class BadBenchmark(Exception):
    """A benchmark's folder that can't be read; the message names the file, the reason, the remedy."""


@dataclass(frozen=True)
class Expected:
    """How many videos there should be. `method`: None for real ones. `split`: None for all.

    Where a benchmark comes in several compressions, this many in each one.
    """

    method: str | None
    count: int
    split: str | None = None


@dataclass(frozen=True)
class Card:
    """What a benchmark is.

    `name`: as registered. `title`: as its authors call it. `paper`: authors, title, venue, year.
    `bibtex`: the entry to cite. `url`: where it is described. `licence`: its terms in short.
    `access`: how to ask for it. `trees`: by name, what lies in each folder that it needs; the first
    is the benchmark's own. `layout`: the folders and files below the trees, one a line.
    `expected`: how many videos the authors state (empty: they state none that can be checked).
    `compressions`: those it comes in. `split`: how the official split is given, or that there is
    none. `notes`: traps. `known_leaks`: by kind (`person`, `original`, `youtube`), what is known to
    stand in two of its official splits, and by whom that was published. `known_leak_people`: the
    same for the machine, sets of people of one source; a leak of that kind among others is not
    known. A kind that is not in it is known altogether.
    """

    name: str
    title: str
    paper: str
    bibtex: str
    url: str
    licence: str
    access: str
    trees: Mapping[str, str]
    layout: str
    expected: tuple[Expected, ...]
    split: str
    compressions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    known_leaks: Mapping[str, str] = field(default_factory=dict)
    known_leak_people: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.trees:
            raise ValueError(f"{self.name}: expected at least one tree, got none")
        unknown = set(self.known_leaks) - {"person", "original", "youtube"}
        if unknown:
            raise ValueError(f"{self.name}: unknown kinds of leaks: {sorted(unknown)}")
        untold = set(self.known_leak_people) - set(self.known_leaks)
        if untold:
            raise ValueError(f"{self.name}: known leaks that are not told: {sorted(untold)}")


ProblemKind = Literal["missing", "polarity", "name", "split", "pair", "mask"]


@dataclass(frozen=True)
class Problem:
    """Something in a benchmark's folder that is not as it should be; reading goes on without it.

    `kind`: `missing` (a file that a list names is not there), `polarity` (two places disagree on
    what is real), `name` (a file whose name does not say what it is), `split` (a list's entry that
    fits no video, or a video in no list where each should be in one), `pair` (an original that is
    not there), `mask` (a mask that should be there and is not). `path`: below its tree.
    """

    kind: ProblemKind
    path: str
    text: str


@dataclass(frozen=True)
class Reading:
    """What an adapter gives: the videos that are there, and what is wrong.

    `youtube`: by person or video id (`target_id` of real videos), the YouTube video that it was
    taken from, where the benchmark's conversion table lies beside it.
    """

    videos: list[Video]
    problems: list[Problem] = field(default_factory=list)
    youtube: Mapping[str, str] = field(default_factory=dict)


class Trees:
    """The folders that a user gave, by name; `""` stands for every tree without a name of its own.

    >>> Trees({"": Path("/data/ff")}).has("ffpp")
    True
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self.roots = dict(roots)

    def has(self, name: str) -> bool:
        """Whether a folder was given for this tree by name, or one for all."""
        return name in self.roots or "" in self.roots

    def folder(self, name: str) -> Path:
        """The tree's folder. Raises BadBenchmark where none was given or it is no folder."""
        if not self.has(name):
            given = ", ".join(sorted(self.roots)) or "none"
            raise BadBenchmark(
                f"no folder was given for the tree {name!r} (given: {given}); "
                f"add --root {name}=FOLDER"
            )
        path = self.roots.get(name, self.roots.get("", Path()))
        if not path.is_dir():
            raise BadBenchmark(f"{path}: not a folder; check --root {name}={path}")
        return path


class Benchmark(Protocol):
    """A benchmark's adapter, one file each, registered by name."""

    @property
    def card(self) -> Card:
        """What it is."""
        ...

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """The videos that lie there, with the official split, in a fixed order.

        Args:
            trees: the folders.
            compression: only this one; all that are there by default. (A benchmark in a single
                compression accepts only None; `benchmarks.read` sees to that.)

        Returns:
            Only files that exist; what lists name beyond them is a Problem.

        Raises:
            BadBenchmark: a wrong root, a split file that is missing, damaged or of another version.
        """
        ...


BENCHMARKS: Registry[Benchmark] = Registry("benchmark")


def require_layout(root: Path, wanted: Iterable[str], card: Card) -> None:
    """Checks that at least one of the folders or files is below `root`.

    Raises:
        BadBenchmark: it lists what was looked for, and what lies there instead.
    """
    looked_for = list(wanted)
    if any((root / name).exists() for name in looked_for):
        return
    there = sorted(p.name for p in root.iterdir())[:8]
    raise BadBenchmark(
        f"{root}: this is not {card.title}: none of {', '.join(looked_for)} lies there "
        f"(there is: {', '.join(there) or 'nothing'}); give the folder that holds them as --root"
    )


def require_file(path: Path, what: str, where_from: str) -> Path:
    """A list that the benchmark can't be read without.

    Raises:
        BadBenchmark: `PATH: the WHAT is missing; WHERE_FROM`.
    """
    if not path.is_file():
        raise BadBenchmark(f"{path}: the {what} is missing; {where_from}")
    return path


def files_in(folder: Path, suffixes: Iterable[str] = (".mp4",)) -> list[Path]:
    """The files of a folder with these endings, sorted by name; hidden ones are left out.

    Symbolic links are followed; one that leads nowhere is listed all the same (it is a file that
    can't be read, not a file that isn't there).
    """
    endings = {s.lower() for s in suffixes}
    if not folder.is_dir():
        return []
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in endings and not p.name.startswith(".") and not p.is_dir()
    )


def read_json(path: Path, what: str) -> object:
    """A JSON file. Raises BadBenchmark where it is none."""
    import json

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BadBenchmark(f"{path}: the {what} can't be read ({error}); get it again") from None


def read_lines(path: Path, what: str) -> list[str]:
    """A text file's lines without blank ones and without spaces around.

    Raises:
        BadBenchmark: it can't be read, or has no lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadBenchmark(f"{path}: the {what} can't be read ({error}); get it again") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise BadBenchmark(f"{path}: the {what} is empty; get it again")
    return lines


OTHER_ENDINGS = (".avi", ".mkv", ".mov", ".webm", ".m4v", ".part", ".crdownload", ".tmp")


def below(path: Path, root: Path) -> str:
    """Where `path` lies below `root`, with forward slashes; links are not resolved."""
    name = path.relative_to(root).as_posix()
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def named_videos(
    folders: Iterable[Path],
    root: Path,
    pattern: re.Pattern[str],
    says: str,
    problems: list[Problem],
) -> list[tuple[Path, re.Match[str]]]:
    """The .mp4 files of these folders whose names (without the ending) fit a pattern, by name.

    Args:
        folders: those that are not there are passed over.
        root: the tree's folder, for messages.
        pattern: for the whole name.
        says: what it should look like, for messages.
        problems: a video whose name does not fit, is taken, or ends otherwise, is added here.
    """
    found: dict[str, tuple[Path, re.Match[str]]] = {}
    for folder in folders:
        for path in files_in(folder, (".mp4", *OTHER_ENDINGS)):
            match = pattern.fullmatch(path.stem)
            if path.suffix.lower() != ".mp4":
                text = f"a video that is no .mp4, or no whole one ({path.suffix}); it is not read"
            elif match is None:
                text = f"expected a name like {says}; it is not read"
            elif path.stem in found:
                text = f"it has the name of {below(found[path.stem][0], root)}; it is not read"
            else:
                found[path.stem] = (path, match)
                continue
            problems.append(Problem("name", below(path, root), text))
    return [found[stem] for stem in sorted(found)]


def unknown_folders(parent: Path, root: Path, known: Iterable[str], what: str) -> list[Problem]:
    """A Problem for each folder in `parent` that is not `known`, so that none is passed over.

    Hidden ones are left out, and so is a `parent` that is not there.
    """
    names = list(known)
    text = f"an unknown {what}; known: {', '.join(names)}; it is not read"
    return [
        Problem("name", below(path, root), text)
        for path in (sorted(parent.iterdir()) if parent.is_dir() else ())
        if path.is_dir() and path.name not in names and not path.name.startswith(".")
    ]
