"""FFIW-10K (Zhou et al., CVPR 2021): several people in a video, some of them swapped."""

import re
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

NAME = "ffiw-10k"
TREE = "ffiw"
METHOD = "FFIW-10K"  # which of its swapping methods made a video is not published
SPLIT_OF_FOLDER = {"train": "train", "val": "test"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

CARD = Card(
    name=NAME,
    title="FFIW-10K (Face Forensics in the Wild)",
    paper="Zhou, Wang, Liang, Shen: Face Forensics in the Wild. CVPR 2021",
    bibtex="""@inproceedings{zhou2021ffiw,
  author    = {Tianfei Zhou and Wenguan Wang and Zhiyuan Liang and Jianbing Shen},
  title     = {Face Forensics in the Wild},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2021},
  pages     = {5778--5788}
}""",
    url="https://github.com/tfzhou/FFIW",
    licence="FFIW-10K Terms to Use, agreed to in the request form",
    access="fill out the form that https://github.com/tfzhou/FFIW links to",
    trees={TREE: "the FFIW10K folder (FFIW10K-v1-release), with source and target"},
    layout="""source/{train,val}/val_00000000.mp4 (real)
target/{train,val}/val_00000000.mp4 (fake)
target_mask/{train,val}/val_00000000.mp4 (optional)
(each folder's videos may also lie in a folder `videos` below it)""",
    expected=tuple(
        Expected(method, count, split)
        for method in (None, METHOD)
        for split, count in (("train", 8000), ("test", 250))
    ),
    split=(
        "by folder: train, and val, which is filed as test because the field tests on it (250 "
        "real and 250 fake); there is no other val"
    ),
    notes=(
        "the paper counts 10,000 videos of each class; the release holds 8000 and 250, and a test "
        "set came later as a download of its own, which is not read here (counts from others' "
        "copies; the authors' pages state none)",
        "videos of one name in source and target are read as original and fake; the authors' "
        "public pages do not say so: compare a few before relying on pairs",
        "several faces in a video and not all are swapped: a fake video has real faces too; "
        "choose by target_mask",
        "who the people are is not published, so none are named",
    ),
)


class FFIW:
    """The adapter."""

    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """As `base.Benchmark`."""
        root = trees.folder(TREE)
        require_layout(
            root, [f"{p}/{f}" for p in ("source", "target") for f in SPLIT_OF_FOLDER], CARD
        )
        problems = [
            problem
            for parent in ("source", "target")
            for problem in unknown_folders(root / parent, root, SPLIT_OF_FOLDER, "split")
        ]
        videos: list[Video] = []
        for folder, split in SPLIT_OF_FOLDER.items():
            reals = _paths(root, "source", folder, problems)
            fakes = _paths(root, "target", folder, problems)
            masks = _paths(root, "target_mask", folder, problems)
            for name, path in reals.items():
                videos.append(
                    Video(
                        video_id=_real_id(folder, name),
                        path=below(path, root),
                        label=0,
                        root=TREE,
                        split=split,
                        group=_group(folder, name),
                    )
                )
            for name, path in fakes.items():
                where = below(path, root)
                if name not in reals:
                    text = f"no video of its name lies in source/{folder}"
                    problems.append(Problem("pair", where, text))
                if masks and name not in masks:
                    text = f"no mask of its name lies in target_mask/{folder}; others do"
                    problems.append(Problem("mask", where, text))
                videos.append(
                    Video(
                        video_id=video_id(NAME, METHOD, None, f"{folder}/{name}"),
                        path=where,
                        label=1,
                        root=TREE,
                        kind="swap",
                        method=METHOD,
                        split=split,
                        original=_real_id(folder, name) if name in reals else None,
                        group=_group(folder, name),
                        mask=below(masks[name], root) if name in masks else None,
                    )
                )
        return Reading(videos, problems)


def _paths(root: Path, parent: str, folder: str, problems: list[Problem]) -> dict[str, Path]:
    places = [root / parent / folder, root / parent / folder / "videos"]
    found = named_videos(places, root, _NAME, "val_00000000", problems)
    return {path.stem: path for path, _ in found}


def _real_id(folder: str, name: str) -> str:
    return video_id(NAME, None, None, f"{folder}/{name}")


def _group(folder: str, name: str) -> str:
    return f"ffiw-{folder}/{name}"


BENCHMARKS.register(NAME)(FFIW())
