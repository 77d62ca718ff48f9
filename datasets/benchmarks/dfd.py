"""DeepFakeDetection (Google and Jigsaw, 2019): actors' videos and swaps, in FaceForensics++."""

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
)
from .ffpp_tree import COMPRESSIONS, TREE, masks, missing, no_masks

NAME = "dfd"
METHOD = "DeepFakeDetection"
SPLIT = "test"  # for all: there is no official split

_SCENE = r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*"
_REAL = re.compile(rf"([0-9]{{2}})__({_SCENE})")
_FAKE = re.compile(rf"([0-9]{{2}})_([0-9]{{2}})__({_SCENE})__([A-Z0-9]{{8}})")

CARD = Card(
    name=NAME,
    title="DeepFakeDetection (DFD)",
    paper="Dufour, Gully: Contributing Data to Deepfake Detection Research. Google AI Blog, 2019",
    bibtex="""@misc{dufour2019dfd,
  author       = {Nick Dufour and Andrew Gully and Per Karlsson and Alexey Victor Vorbyov and
                  Thomas Leung and Jeremiah Childs and Christoph Bregler},
  title        = {DeepFakes Detection Dataset by Google \\& JigSaw},
  howpublished = {Google AI Blog},
  year         = {2019}
}""",
    url="https://github.com/ondyari/FaceForensics/tree/master/dataset/DeepFakeDetection",
    licence="FaceForensics Terms of Use: non-commercial research, no redistribution",
    access=(
        "with FaceForensics++: the form at https://github.com/ondyari/FaceForensics gives the "
        "download script (-d DeepFakeDetection and -d DeepFakeDetection_original)"
    ),
    trees={TREE: "the FaceForensics++ folder: DFD lies in the same one"},
    layout="""original_sequences/actors/{raw,c23,c40}/videos/01__exit_phone_room.mp4
manipulated_sequences/DeepFakeDetection/{raw,c23,c40}/videos/01_02__exit_phone_room__YVGY8LOK.mp4
manipulated_sequences/DeepFakeDetection/masks/videos/01_02__exit_phone_room__YVGY8LOK.mp4 (optional)""",
    expected=(Expected(None, 363), Expected(METHOD, 3068)),
    compressions=COMPRESSIONS,
    split="there is no official split; all videos are test, as the field uses them",
    notes=(
        "a fake is named <target>_<source>__<scene>__<8 characters>, made from <target>__<scene>",
        "the actors are swapped among each other, so a split of one's own must part the people",
        "several scenes show two people of whom one is manipulated: choose the face by the mask",
        "which method made the swaps is not published",
    ),
)


def person(actor: str) -> str:
    """The id of an actor (`01` here is nobody of FaceForensics++)."""
    return f"dfd-actor-{actor}"


class DeepFakeDetection:
    """The adapter."""

    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """As `base.Benchmark`."""
        root = trees.folder(TREE)
        parents = ("original_sequences/actors", f"manipulated_sequences/{METHOD}")
        require_layout(root, parents, CARD)
        mask_of = masks(root, METHOD)
        problems: list[Problem] = []
        videos: list[Video] = []
        names: set[str] = set()
        for level in COMPRESSIONS if compression is None else (compression,):
            folders = [root / parent / level / "videos" for parent in parents]
            like = ("01__exit_phone_room", "01_02__exit_phone_room__YVGY8LOK")
            reals = named_videos(folders[:1], root, _REAL, like[0], problems)
            fakes = named_videos(folders[1:], root, _FAKE, like[1], problems)
            for folder, found in zip(folders, (reals, fakes), strict=True):
                problems += missing(folder, root, {p.stem for p, _ in found}, set(), "")
            there = {path.stem for path, _ in reals}
            names |= {path.stem for path, _ in fakes}
            videos += [_real_row(root, level, path, match) for path, match in reals]
            for path, match in fakes:
                target, source, scene, _ = match.groups()
                original = f"{target}__{scene}"
                where = below(path, root)
                if original not in there:
                    text = f"its original {original}.mp4 is not there in {level}"
                    problems.append(Problem("pair", where, text))
                videos.append(
                    Video(
                        video_id=video_id(NAME, METHOD, level, path.stem),
                        path=where,
                        label=1,
                        root=TREE,
                        kind="swap",
                        method=METHOD,
                        compression=level,
                        split=SPLIT,
                        source_id=person(source),
                        target_id=person(target),
                        original=(
                            video_id(NAME, None, level, original) if original in there else None
                        ),
                        group=person(target),
                        mask=None if mask_of is None else mask_of.get(path.stem),
                    )
                )
        problems += no_masks(root, METHOD, names, mask_of)
        return Reading(videos, problems)


def _real_row(root: Path, level: str, path: Path, match: re.Match[str]) -> Video:
    return Video(
        video_id=video_id(NAME, None, level, path.stem),
        path=below(path, root),
        label=0,
        root=TREE,
        compression=level,
        split=SPLIT,
        source_id=person(match[1]),
        target_id=person(match[1]),
        group=person(match[1]),
    )


BENCHMARKS.register(NAME)(DeepFakeDetection())
