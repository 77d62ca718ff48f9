"""Celeb-DF v1, v2 (Li et al., CVPR 2020) and ++ (2025): celebrities swapped among each other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..manifests import Video, video_id
from .base import (
    BENCHMARKS,
    BadBenchmark,
    Card,
    Problem,
    Reading,
    Trees,
    below,
    named_videos,
    read_lines,
    require_file,
    require_layout,
    unknown_folders,
)
from .celeb_df_cards import (
    CARD_PP,
    CARD_V1,
    CARD_V2,
    FAKE_FOLDER,
    KIND_OF_SCENARIO,
    METHODS_OF_SCENARIO,
    TEST_LIST,
)

REAL_FOLDERS = ("Celeb-real", "YouTube-real")
FOLDERS = (*REAL_FOLDERS, FAKE_FOLDER)
_SAME_METHOD = {"Celeb-DF-v2": "Celeb-DF"}  # the authors' two names for one folder

_PATTERN_OF_REAL = {
    "Celeb-real": (re.compile(r"(?P<target>id[0-9]+)_[0-9]+"), "id0_0000"),
    "YouTube-real": (re.compile(r"(?P<target>[0-9]+)"), "00170"),
}
_SWAP = re.compile(r"(?P<target>id[0-9]+)_(?P<source>id[0-9]+)_(?P<clip>[0-9]+)")
_TALK = re.compile(
    r"(?P<target>id[0-9]+)(?:_(?P<source>id[0-9]+))?_(?P<clip>[0-9]+)(?:_[A-Za-z0-9_-]+)?"
)


@dataclass(frozen=True)
class _Fakes:
    """One folder of fakes: its names below the root, what they are, what they are called."""

    folders: tuple[str, ...]
    method: str
    kind: str
    pattern: re.Pattern[str]
    says: str


@dataclass(frozen=True)
class CelebDF:
    """The adapter of one version. `people`: the prefix of its people's ids."""

    card: Card
    people: str
    scenarios: bool = False

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """As `base.Benchmark`."""
        root = trees.folder(next(iter(self.card.trees)))
        require_layout(root, FOLDERS, self.card)
        problems: list[Problem] = []
        fakes = self._fakes(root, problems)
        path = require_file(
            root / TEST_LIST, "test list", f"it comes with {self.card.title}; put it there"
        )
        listed = _read_list(path, problems)
        rows = self._real_rows(root, problems, listed)
        for group in fakes:
            rows.update(self._fake_rows(root, group, set(rows), problems, listed))
        for key in listed:
            if key not in rows:
                problems.append(Problem("missing", f"{key}.mp4", f"{TEST_LIST} names it"))
        return Reading(list(rows.values()), problems)

    def _person(self, name: str) -> str:
        return f"{self.people}-{name if name.startswith('id') else f'yt-{name}'}"

    def _real_rows(
        self, root: Path, problems: list[Problem], listed: dict[str, int]
    ) -> dict[str, Video]:
        rows = {}
        for folder in REAL_FOLDERS:
            pattern, says = _PATTERN_OF_REAL[folder]
            for path, match in named_videos(_levels(root, folder), root, pattern, says, problems):
                key = f"{folder}/{path.stem}"
                who = self._person(match["target"])
                rows[key] = Video(
                    video_id=video_id(self.card.name, None, None, key),
                    path=below(path, root),
                    label=0,
                    root=next(iter(self.card.trees)),
                    split="test" if key in listed else "train",
                    source_id=who,
                    target_id=who,
                    group=who,
                )
        return rows

    def _fake_rows(
        self,
        root: Path,
        fakes: _Fakes,
        there: set[str],
        problems: list[Problem],
        listed: dict[str, int],
    ) -> Iterator[tuple[str, Video]]:
        folders = [level for folder in fakes.folders for level in _levels(root, folder)]
        for path, match in named_videos(folders, root, fakes.pattern, fakes.says, problems):
            key = f"{fakes.folders[0]}/{path.stem}"
            original = f"Celeb-real/{match['target']}_{match['clip']}"
            if original not in there:
                text = f"its original {original}.mp4 is not there"
                problems.append(Problem("pair", below(path, root), text))
            yield (
                key,
                Video(
                    video_id=video_id(self.card.name, fakes.method, None, path.stem),
                    path=below(path, root),
                    label=1,
                    root=next(iter(self.card.trees)),
                    kind=fakes.kind,
                    method=fakes.method,
                    split="test" if key in listed else "train",
                    source_id=self._person(match["source"]) if match["source"] else None,
                    target_id=self._person(match["target"]),
                    original=(
                        video_id(self.card.name, None, None, original)
                        if original in there
                        else None
                    ),
                    group=self._person(match["target"]),
                ),
            )

    def _fakes(self, root: Path, problems: list[Problem]) -> list[_Fakes]:
        top = root / FAKE_FOLDER
        scenarios = [name for name in KIND_OF_SCENARIO if (top / name).is_dir()]
        if not self.scenarios:
            if scenarios:
                raise BadBenchmark(
                    f"{top}: it holds {', '.join(scenarios)}, as Celeb-DF++ does; this is not "
                    f"{self.card.title}: read it as celeb-df++"
                )
            return [_Fakes((FAKE_FOLDER,), FAKE_FOLDER, "swap", _SWAP, "id0_id1_0000")]
        if top.is_dir() and not scenarios:
            raise BadBenchmark(
                f"{top}: none of {', '.join(KIND_OF_SCENARIO)} lies there; this is not Celeb-DF++: "
                "an older version is read as celeb-df-v1 or celeb-df-v2"
            )
        found = []
        problems += unknown_folders(top, root, KIND_OF_SCENARIO, "scenario")
        for scenario in scenarios:
            methods = METHODS_OF_SCENARIO[scenario]
            known = (*methods, *_SAME_METHOD) if scenario == "FaceSwap" else methods
            problems += unknown_folders(top / scenario, root, known, "method")
            for method in methods:
                also = [old for old, new in _SAME_METHOD.items() if new == method]
                folders = tuple(f"{FAKE_FOLDER}/{scenario}/{m}" for m in (method, *also))
                talks = scenario == "TalkingFace"
                pattern, says = (_TALK, "id0_0000_...") if talks else (_SWAP, "id0_id1_0000")
                found.append(_Fakes(folders, method, KIND_OF_SCENARIO[scenario], pattern, says))
        return found


def _levels(root: Path, folder: str) -> list[Path]:
    return [root / folder, root / folder / "videos"]


def _read_list(path: Path, problems: list[Problem]) -> dict[str, int]:
    """Label by video (its path without `videos` and the ending) of the official test list.

    The label is this project's (0 real), and the folder's: a line that says otherwise is a Problem.
    """
    listed: dict[str, int] = {}
    for number, line in enumerate(read_lines(path, "test list"), 1):
        label, _, name = line.replace("\t", " ").partition(" ")
        if label not in ("0", "1") or not name.strip():
            raise BadBenchmark(
                f"{path}: entry {number}: expected a line like '1 YouTube-real/00170.mp4' (1 is "
                f"real there), got {line[:80]!r}; get the list again"
            )
        stem = re.sub(r"\.[^./]*$", "", name.strip())
        parts = [p for p in stem.split("/") if p != "videos"]
        key = "/".join(_SAME_METHOD.get(p, p) for p in parts)
        if parts[0] not in FOLDERS:
            text = f"entry {number} of {TEST_LIST} lies in none of {', '.join(FOLDERS)}"
            problems.append(Problem("split", name.strip(), text))
            continue
        is_fake = int(parts[0] == FAKE_FOLDER)
        if is_fake == int(label):
            text = (
                f"{TEST_LIST} says {label} (1 is real there), and it lies in {parts[0]}: "
                f"it is taken as {'fake' if is_fake else 'real'}"
            )
            problems.append(Problem("polarity", name.strip(), text))
        if key in listed:
            problems.append(Problem("split", name.strip(), f"{TEST_LIST} names it twice"))
        listed[key] = is_fake
    return listed


BENCHMARKS.register(CARD_V1.name)(CelebDF(CARD_V1, people="celebdf1"))
BENCHMARKS.register(CARD_V2.name)(CelebDF(CARD_V2, people="celebdf"))
# Its real videos are v2's, so its people are too.
BENCHMARKS.register(CARD_PP.name)(CelebDF(CARD_PP, people="celebdf", scenarios=True))
