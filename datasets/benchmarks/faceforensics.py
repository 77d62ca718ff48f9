"""FaceForensics++ (Rössler et al., ICCV 2019): 1000 YouTube videos, five manipulations of each."""

import re
from collections.abc import Mapping
from pathlib import Path

from ..manifests import Video, video_id
from .base import (
    BENCHMARKS,
    Card,
    Expected,
    Problem,
    Reading,
    Trees,
    below,
    named_videos,
    require_layout,
    unknown_folders,
)
from .ffpp_tree import (
    COMPRESSIONS,
    TREE,
    PairSplits,
    masks,
    missing,
    no_masks,
    originals,
    person,
    read_splits,
    youtube_ids,
)

NAME = "faceforensics++"
KIND_OF_METHOD: Mapping[str, str] = {
    "Deepfakes": "swap",
    "Face2Face": "reenactment",
    "FaceSwap": "swap",
    "NeuralTextures": "reenactment",
    "FaceShifter": "swap",
}
WITHOUT_MASKS = ("FaceShifter",)
OTHER_BENCHMARKS = ("DeepFakeDetection",)  # in the same tree; read by `dfd`
SPLIT_SIZES = {"train": 720, "val": 140, "test": 140}

# Originals of one YouTube video that the official split parts.
_PARTED = ("605 606", "639 640", "755 756", "837 838", "875 876", "954 955", "982 983")

_PAIR = re.compile(r"([0-9]{3})_([0-9]{3})")
_NO_LEVELS = ("masks", "models", "images", "frames")  # beside the compressions, by design

CARD = Card(
    name=NAME,
    title="FaceForensics++",
    paper=(
        "Rössler, Cozzolino, Verdoliva, Riess, Thies, Nießner: FaceForensics++: Learning to "
        "Detect Manipulated Facial Images. ICCV 2019. (FaceShifter: Li, Bao, Yang, Chen, Wen, "
        "CVPR 2020; added by the authors later.)"
    ),
    bibtex=r"""@inproceedings{roessler2019faceforensics,
  author    = {Andreas R{\"o}ssler and Davide Cozzolino and Luisa Verdoliva and Christian Riess
               and Justus Thies and Matthias Nie{\ss}ner},
  title     = {FaceForensics++: Learning to Detect Manipulated Facial Images},
  booktitle = {International Conference on Computer Vision (ICCV)},
  year      = {2019}
}""",
    url="https://github.com/ondyari/FaceForensics",
    licence="FaceForensics Terms of Use: non-commercial research, no redistribution",
    access=(
        "fill out the form that https://github.com/ondyari/FaceForensics links to; the answer "
        "holds the download script (-d all -c c23 -t videos, and again with -t masks)"
    ),
    trees={TREE: "the FaceForensics++ folder, with original_sequences and manipulated_sequences"},
    layout="""original_sequences/youtube/{raw,c23,c40}/videos/000.mp4
manipulated_sequences/{Deepfakes,Face2Face,FaceSwap,NeuralTextures,FaceShifter}/{raw,c23,c40}/videos/000_003.mp4
manipulated_sequences/{Deepfakes,Face2Face,FaceSwap,NeuralTextures}/masks/videos/000_003.mp4 (optional)
splits/{train,val,test}.json (from dataset/splits of the repository; also read from the root)
conversion_dict.json (optional; from dataset/ of the repository; also read from splits/)""",
    expected=tuple(
        Expected(method, count, split)
        for method in (None, *KIND_OF_METHOD)
        for split, count in ((None, 1000), *SPLIT_SIZES.items())
    ),
    compressions=COMPRESSIONS,
    split=(
        "official: splits/{train,val,test}.json, lists of 360, 70 and 70 pairs [a, b] that give "
        "the real videos a and b and the fakes a_b and b_a (720, 140 and 140)"
    ),
    notes=(
        "a fake is named <target>_<source>: the target's video with the source's face (swaps) or "
        "driven by the source's expressions (Face2Face, NeuralTextures)",
        "masks: none for FaceShifter and none for real videos",
        "one group for both videos of a pair and all their fakes, since a_b and b_a show the same "
        "two people",
        "the 1000 videos show fewer than 1000 people: Zhu et al. (One Shot Face Swapping on "
        "Megapixels, CVPR 2021) sorted them by hand into 885; 043 and 343 are one person, so are "
        "179, 183 and 826",
        "real videos and fakes differ in bitrate",
    ),
    known_leaks={
        "youtube": (
            "1000 videos come from 977 on YouTube, and seven of these stand in two splits (605 "
            "and 606, 639 and 640, 755 and 756, 837 and 838, 875 and 876, 954 and 955, 982 and "
            "983): it follows from the authors' own conversion_dict.json and splits"
        )
    },
    known_leak_people={
        "youtube": tuple(tuple(person(n) for n in pair.split()) for pair in _PARTED)
    },
)


def real_id(number: str, level: str) -> str:
    """The `video_id` of an original."""
    return video_id(NAME, None, level, number)


class FaceForensics:
    """The adapter."""

    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """As `base.Benchmark`; the Problems are told compression by compression."""
        root = trees.folder(TREE)
        manipulated = root / "manipulated_sequences"
        wanted = [f"manipulated_sequences/{method}" for method in KIND_OF_METHOD]
        require_layout(root, ["original_sequences/youtube", *wanted], CARD)
        splits = read_splits(root)
        problems = _unknown_folders(root)
        videos: list[Video] = []
        mask_of = {m: None if m in WITHOUT_MASKS else masks(root, m) for m in KIND_OF_METHOD}
        names: dict[str, set[str]] = {method: set() for method in KIND_OF_METHOD}
        for level in COMPRESSIONS if compression is None else (compression,):
            reals = originals(root, level, problems)
            folder = root / "original_sequences" / "youtube" / level / "videos"
            problems += missing(folder, root, set(reals), set(splits.split), "a split list")
            videos += _real_rows(root, level, reals, splits, problems)
            for method in KIND_OF_METHOD:
                folder = manipulated / method / level / "videos"
                found = named_videos([folder], root, _PAIR, "000_003", problems)
                there = {match[0]: path for path, match in found}
                names[method] |= set(there)
                listed = {f"{a}_{b}" for a, b in splits.partner.items()}
                problems += missing(folder, root, set(there), listed, "a split list")
                videos += [
                    _fake_row(root, method, level, path, reals, splits, mask_of[method], problems)
                    for path in there.values()
                ]
        for method, found_masks in mask_of.items():
            problems += no_masks(root, method, names[method], found_masks)
        here = {v.target_id for v in videos if v.label == 0}
        youtube = {person(n): y for n, y in youtube_ids(root).items() if person(n) in here}
        return Reading(videos, problems, youtube)


def _real_rows(
    root: Path,
    level: str,
    reals: Mapping[str, Path],
    splits: PairSplits,
    problems: list[Problem],
) -> list[Video]:
    rows = []
    for number, path in reals.items():
        where = below(path, root)
        if number not in splits.split:
            problems.append(Problem("split", where, f"no split list has a pair with {number}"))
        rows.append(
            Video(
                video_id=real_id(number, level),
                path=where,
                label=0,
                root=TREE,
                compression=level,
                split=splits.split.get(number),
                source_id=person(number),
                target_id=person(number),
                group=splits.group.get(number, person(number)),
            )
        )
    return rows


def _fake_row(
    root: Path,
    method: str,
    level: str,
    path: Path,
    reals: Mapping[str, Path],
    splits: PairSplits,
    mask_of: Mapping[str, str] | None,
    problems: list[Problem],
) -> Video:
    where = below(path, root)
    target, source = path.stem.split("_")
    listed = splits.partner.get(target) == source
    if not listed:
        problems.append(Problem("split", where, f"no split list has the pair {target}, {source}"))
    if target not in reals:
        text = f"its original {target}.mp4 is not there in {level}"
        problems.append(Problem("pair", where, text))
    return Video(
        video_id=video_id(NAME, method, level, path.stem),
        path=where,
        label=1,
        root=TREE,
        kind=KIND_OF_METHOD[method],
        method=method,
        compression=level,
        split=splits.split[target] if listed else None,
        source_id=person(source),
        target_id=person(target),
        original=real_id(target, level) if target in reals else None,
        group=splits.group.get(target, person(target)),
        mask=None if mask_of is None else mask_of.get(path.stem),
    )


def _unknown_folders(root: Path) -> list[Problem]:
    """Folders where a method or a compression is expected, with a name that is none."""
    methods = root / "manipulated_sequences"
    problems = unknown_folders(methods, root, (*KIND_OF_METHOD, *OTHER_BENCHMARKS), "method")
    for parent in (root / "original_sequences" / "youtube", *(methods / m for m in KIND_OF_METHOD)):
        problems += unknown_folders(parent, root, (*COMPRESSIONS, *_NO_LEVELS), "compression")
    return problems


BENCHMARKS.register(NAME)(FaceForensics())
