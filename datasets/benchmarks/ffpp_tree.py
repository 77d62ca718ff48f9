"""The FaceForensics++ folder as it lies on disk: three benchmarks read from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..manifests import SPLITS
from .base import BadBenchmark, Problem, below, named_videos, read_json, require_file

TREE = "ffpp"
COMPRESSIONS = ("raw", "c23", "c40")

_ID = re.compile(r"[0-9]{3}")


@dataclass(frozen=True)
class PairSplits:
    """The official split: by video id, its split, the other video of its pair, its group."""

    split: Mapping[str, str]
    partner: Mapping[str, str]
    group: Mapping[str, str]


def person(number: str) -> str:
    """The id of the person in the original `number` (each video counts as its own person)."""
    return f"ffpp-{number}"


def originals(root: Path, level: str, problems: list[Problem]) -> dict[str, Path]:
    """The YouTube originals in one compression, by their three-digit id."""
    folder = root / "original_sequences" / "youtube" / level / "videos"
    return {match[0]: path for path, match in named_videos([folder], root, _ID, "000", problems)}


def masks(root: Path, method: str) -> dict[str, str] | None:
    """A method's mask videos below the root, by name; None where none were downloaded."""
    folder = root / "manipulated_sequences" / method / "masks" / "videos"
    found = named_videos([folder], root, re.compile(r"[\w-]+", re.ASCII), "000_003", [])
    return {path.stem: below(path, root) for path, _ in found} or None


def no_masks(
    root: Path, method: str, names: set[str], found: Mapping[str, str] | None
) -> list[Problem]:
    """A Problem for each video without a mask, where its method's masks were downloaded."""
    if found is None:
        return []
    folder = f"manipulated_sequences/{method}/masks/videos"
    return [
        Problem("mask", f"{folder}/{name}.mp4", "the mask is missing; the others are there")
        for name in sorted(names - set(found))
    ]


def youtube_ids(root: Path) -> dict[str, str]:
    """The YouTube video of each original, by its id, from `conversion_dict.json` if it is there.

    Raises:
        BadBenchmark: it does not map three-digit ids to `YOUTUBEID NUMBER`.
    """
    path = next(
        (
            p
            for p in (root / "conversion_dict.json", root / "splits" / "conversion_dict.json")
            if p.is_file()
        ),
        None,
    )
    if path is None:
        return {}
    table = read_json(path, "conversion table")
    found = {}
    for number, text in table.items() if isinstance(table, dict) else ():
        words = text.split() if isinstance(text, str) else []
        if not _ID.fullmatch(number) or len(words) != 2:
            raise BadBenchmark(
                f'{path}: expected entries like "000": "--b1Ua-kWJE 0", got {number!r}: {text!r}; '
                "get dataset/conversion_dict.json of github.com/ondyari/FaceForensics"
            )
        found[number] = words[0]
    if not found:
        raise BadBenchmark(
            f"{path}: expected an object of ids, got none; get dataset/conversion_dict.json of "
            "github.com/ondyari/FaceForensics"
        )
    return found


def read_splits(root: Path) -> PairSplits:
    """The three lists of pairs, from `splits/` or, where that holds none, from the root itself.

    Raises:
        BadBenchmark: one is missing or no list of pairs of ids, or an id stands in two pairs.
    """
    names = [f"{split}.json" for split in SPLITS]
    folder = root / "splits"
    if not any((folder / n).is_file() for n in names) and any((root / n).is_file() for n in names):
        folder = root
    split_of: dict[str, str] = {}
    partner: dict[str, str] = {}
    group: dict[str, str] = {}
    for split in SPLITS:
        path = require_file(
            folder / f"{split}.json",
            "split list",
            f"copy dataset/splits/ of github.com/ondyari/FaceForensics to {root / 'splits'} (its "
            f"three files may also lie in {root} itself)",
        )
        for pair in _pairs(path):
            for number, other in (pair, pair[::-1]):
                if number in split_of:
                    raise BadBenchmark(
                        f"{path}: {number} stands in two pairs ({group[number]} and "
                        f"{person('_'.join(pair))}); the lists are of different versions: get all "
                        "three again"
                    )
                split_of[number] = split
                partner[number] = other
                group[number] = person("_".join(pair))
    return PairSplits(split_of, partner, group)


def _pairs(path: Path) -> list[tuple[str, str]]:
    table = read_json(path, "split list")
    wanted = 'a list of pairs like [["953", "974"], ...]'
    if not isinstance(table, list) or not table:
        raise BadBenchmark(f"{path}: expected {wanted}, got {str(table)[:60]}; get it again")
    pairs = []
    for entry in table:
        good = isinstance(entry, list) and len(entry) == 2 and entry[0] != entry[1]
        if not good or not all(isinstance(n, str) and _ID.fullmatch(n) for n in entry):
            raise BadBenchmark(f"{path}: expected {wanted}, got the entry {entry!r}; get it again")
        pairs.append((entry[0], entry[1]))
    return pairs


def missing(
    folder: Path, root: Path, there: set[str], listed: set[str], where: str
) -> list[Problem]:
    """A Problem for each listed video that a folder lacks, or a single one where it has none."""
    if not there:
        # Only where somebody began to download it: its compression's folder is there.
        if not folder.parent.is_dir():
            return []
        return [Problem("missing", below(folder, root), "the folder holds no video that is read")]
    return [
        Problem("missing", f"{below(folder, root)}/{name}.mp4", f"{where} names it")
        for name in sorted(listed - there)
    ]
