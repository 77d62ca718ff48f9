"""DeeperForensics-1.0 (Jiang et al., CVPR 2020): actors' faces on the FaceForensics++ originals."""

import re
from collections.abc import Mapping
from pathlib import Path

from ..manifests import SPLITS, Video, video_id
from .base import (
    BENCHMARKS,
    BadBenchmark,
    Card,
    Expected,
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
from .ffpp_tree import TREE as FFPP
from .ffpp_tree import missing, originals, person, youtube_ids

NAME = "deeperforensics-1.0"
TREE = "dfo"
LEVEL = "c23"  # of the originals that the fakes were made from
METHODS = (
    "end_to_end",
    *(f"end_to_end_level_{level}" for level in range(1, 6)),
    "end_to_end_random_level",
    *(f"end_to_end_mix_{count}_distortions" for count in range(2, 5)),
    "reenact_postprocess",
)
SPLIT_SIZES = {"train": 703, "val": 96, "test": 201}

_FAKE = re.compile(r"([0-9]{3})_([MW][0-9]{3})")

CARD = Card(
    name=NAME,
    title="DeeperForensics-1.0",
    paper=(
        "Jiang, Li, Wu, Qian, Loy: DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face "
        "Forgery Detection. CVPR 2020"
    ),
    bibtex="""@inproceedings{jiang2020deeperforensics,
  author    = {Liming Jiang and Ren Li and Wayne Wu and Chen Qian and Chen Change Loy},
  title     = {DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face Forgery Detection},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2020}
}""",
    url="https://github.com/EndlessSora/DeeperForensics-1.0",
    licence="DeeperForensics-1.0 Terms of Use: non-commercial research, no redistribution",
    access=(
        "read the terms and fill out the form at "
        "https://github.com/EndlessSora/DeeperForensics-1.0/tree/master/dataset; the real videos "
        "are asked for separately, as FaceForensics++"
    ),
    trees={
        TREE: "the DeeperForensics-1.0 folder, with manipulated_videos and lists",
        FFPP: "the FaceForensics++ folder: its c23 originals are the real videos",
    },
    layout="""dfo: manipulated_videos/METHOD/000_M101.mp4
(METHOD: end_to_end, end_to_end_level_{1..5}, end_to_end_random_level,
end_to_end_mix_{2,3,4}_distortions, reenact_postprocess)
dfo: lists/splits/{train,val,test}.txt
ffpp: original_sequences/youtube/c23/videos/000.mp4
ffpp: conversion_dict.json (optional)""",
    expected=tuple(
        Expected(method, count, split)
        for method in (None, *METHODS)
        for split, count in ((None, 1000), *SPLIT_SIZES.items())
    ),
    split=(
        "official: lists/splits/{train,val,test}.txt, names of fakes, for each of the folders "
        "alike (703, 96, 201; the source actors 71, 9, 20); a real video is in the split of the "
        "fakes made from it"
    ),
    notes=(
        "a fake is named <target>_<source actor>: the face of the actor on a FaceForensics++ video",
        "the real counterparts are the FaceForensics++ c23 originals; source_videos (48,475 of "
        "100 actors in a studio) are not, by the authors' word, and are not read",
        "11 folders of 1000 fakes: 10 hold the same end_to_end fakes, 9 of them perturbed; the "
        "real videos are not perturbed",
        "its split is not that of FaceForensics++, whose originals it uses: a detector trained on "
        "FaceForensics++ has seen real videos that are test here",
        "no compression is filed, since the fakes come in a single one; the real videos are c23",
    ),
)


class DeeperForensics:
    """The adapter."""

    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """As `base.Benchmark`."""
        root = trees.folder(TREE)
        require_layout(root, ["manipulated_videos"], CARD)
        if not trees.has(FFPP):
            raise BadBenchmark(
                f"no folder was given for the tree {FFPP!r}: the real videos of "
                f"DeeperForensics-1.0 are the {LEVEL} originals of FaceForensics++, which do not "
                f"come with it (source_videos are not its real part); add --root {FFPP}=FOLDER"
            )
        ffpp = trees.folder(FFPP)
        if not (ffpp / "original_sequences" / "youtube" / LEVEL / "videos").is_dir():
            raise BadBenchmark(
                f"{ffpp}: no original_sequences/youtube/{LEVEL}/videos lies there; they are the "
                f"real videos of DeeperForensics-1.0: give the FaceForensics++ folder as --root "
                f"{FFPP}=FOLDER"
            )
        split_of = _read_splits(root)
        problems = unknown_folders(root / "manipulated_videos", root, METHODS, "method")
        targets: dict[str, set[str | None]] = {}
        for name, split in split_of.items():
            targets.setdefault(name[:3], set()).add(split)
        fakes: list[tuple[str, Path, re.Match[str]]] = []
        for method in METHODS:
            folder = root / "manipulated_videos" / method
            found = named_videos([folder], root, _FAKE, "000_M101", problems)
            if folder.is_dir():
                there = {path.stem for path, _ in found}
                problems += missing(folder, root, there, set(split_of), "a split list")
            for path, match in found:
                targets.setdefault(match[1], {None})
                fakes.append((method, path, match))
        reals = {
            number: path
            for number, path in originals(ffpp, LEVEL, problems).items()
            if number in targets
        }
        videos = _real_rows(ffpp, reals, targets, problems)
        for number in sorted({match[1] for _, _, match in fakes} - set(reals)):
            text = f"the original of its fakes is not there; the tree {FFPP} should hold it"
            where = f"original_sequences/youtube/{LEVEL}/videos/{number}.mp4"
            problems.append(Problem("pair", where, text))
        for method, path, match in fakes:
            videos.append(_fake_row(root, method, path, match, set(reals), split_of, problems))
        youtube = {person(n): y for n, y in youtube_ids(ffpp).items() if n in reals}
        return Reading(videos, problems, youtube)


def _real_id(number: str) -> str:
    return video_id(NAME, None, None, number)


def _real_rows(
    ffpp: Path,
    reals: Mapping[str, Path],
    targets: Mapping[str, set[str | None]],
    problems: list[Problem],
) -> list[Video]:
    rows = []
    for number, path in reals.items():
        splits = targets[number]
        if len(splits) > 1:
            names = ", ".join(sorted(str(s) for s in splits))
            text = f"fakes made from it stand in {names}, so it is in no split"
            problems.append(Problem("split", below(path, ffpp), text))
        rows.append(
            Video(
                video_id=_real_id(number),
                path=below(path, ffpp),
                label=0,
                root=FFPP,
                split=next(iter(splits)) if len(splits) == 1 else None,
                source_id=person(number),
                target_id=person(number),
                group=person(number),
            )
        )
    return rows


def _fake_row(
    root: Path,
    method: str,
    path: Path,
    match: re.Match[str],
    reals: set[str],
    split_of: Mapping[str, str],
    problems: list[Problem],
) -> Video:
    target, source = match.groups()
    if path.stem not in split_of:
        problems.append(Problem("split", below(path, root), "no split list names it"))
    return Video(
        video_id=video_id(NAME, method, None, path.stem),
        path=below(path, root),
        label=1,
        root=TREE,
        kind="swap",
        method=method,
        split=split_of.get(path.stem),
        source_id=f"dfo-{source}",
        target_id=person(target),
        original=_real_id(target) if target in reals else None,
        group=person(target),
    )


def _read_splits(root: Path) -> dict[str, str]:
    """Split by the name of a fake, without the ending."""
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = require_file(
            root / "lists" / "splits" / f"{split}.txt",
            "split list",
            "it comes with DeeperForensics-1.0, in lists; unpack it there",
        )
        for line in read_lines(path, "split list"):
            name = line.removesuffix(".mp4")
            if not _FAKE.fullmatch(name):
                raise BadBenchmark(
                    f"{path}: expected lines like 000_M101.mp4, got {line[:80]!r}; get it again"
                )
            if split_of.get(name, split) != split:
                raise BadBenchmark(
                    f"{path}: {name} stands in {split_of[name]}.txt too; get the lists again"
                )
            split_of[name] = split
    return split_of


BENCHMARKS.register(NAME)(DeeperForensics())
