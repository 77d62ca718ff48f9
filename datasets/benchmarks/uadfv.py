"""UADFV (Yang, Li, Lyu, ICASSP 2019): 49 videos and a FakeApp swap of each."""

import re

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
)

NAME = "uadfv"
TREE = "uadfv"
METHOD = "FakeApp"
SPLIT = "test"  # for all: there is no official split

_REAL = re.compile(r"([0-9]{4})")
_FAKE = re.compile(r"([0-9]{4})_fake")

CARD = Card(
    name=NAME,
    title="UADFV",
    paper="Yang, Li, Lyu: Exposing Deep Fakes Using Inconsistent Head Poses. ICASSP 2019",
    bibtex="""@inproceedings{yang2019headposes,
  author    = {Xin Yang and Yuezun Li and Siwei Lyu},
  title     = {Exposing Deep Fakes Using Inconsistent Head Poses},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  year      = {2019}
}""",
    url="https://arxiv.org/abs/1811.00661",
    licence="Terms to use UADFV, agreed to in the request form",
    access=(
        "fill out the authors' agreement form: https://docs.google.com/forms/d/e/"
        "1FAIpQLScKPoOv15TIZ9Mn0nGScIVgKRM9tFWOmjh9eHKx57Yp-XcnxA/viewform"
    ),
    trees={TREE: "the UADFV folder, with real and fake"},
    layout="""real/0000.mp4
fake/0000_fake.mp4
(each folder's videos may also lie in a folder `videos` below it)""",
    expected=(Expected(None, 49), Expected(METHOD, 49)),
    split="there is no official split, and too few videos for one; all are test",
    notes=(
        "0000_fake is made from 0000",
        "who gave the faces is not in the names, so no source is filed",
        "each video counts as its own person",
    ),
)


class UADFV:
    """The adapter."""

    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """As `base.Benchmark`."""
        root = trees.folder(TREE)
        require_layout(root, ["real", "fake"], CARD)
        problems: list[Problem] = []
        places = {name: [root / name, root / name / "videos"] for name in ("real", "fake")}
        reals = named_videos(places["real"], root, _REAL, "0000", problems)
        fakes = named_videos(places["fake"], root, _FAKE, "0000_fake", problems)
        there = {match[1] for _, match in reals}
        videos = [
            Video(
                video_id=video_id(NAME, None, None, match[1]),
                path=below(path, root),
                label=0,
                root=TREE,
                split=SPLIT,
                source_id=f"uadfv-{match[1]}",
                target_id=f"uadfv-{match[1]}",
                group=f"uadfv-{match[1]}",
            )
            for path, match in reals
        ]
        for path, match in fakes:
            number = match[1]
            if number not in there:
                text = f"its original real/{number}.mp4 is not there"
                problems.append(Problem("pair", below(path, root), text))
            videos.append(
                Video(
                    video_id=video_id(NAME, METHOD, None, path.stem),
                    path=below(path, root),
                    label=1,
                    root=TREE,
                    kind="swap",
                    method=METHOD,
                    split=SPLIT,
                    target_id=f"uadfv-{number}",
                    original=video_id(NAME, None, None, number) if number in there else None,
                    group=f"uadfv-{number}",
                )
            )
        return Reading(videos, problems)


BENCHMARKS.register(NAME)(UADFV())
