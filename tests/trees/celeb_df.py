"""Celeb-DF v1, v2 and ++."""

from pathlib import Path

from . import Tree, put, tree

REALS = ("Celeb-real/id0_0000", "Celeb-real/id0_0001", "Celeb-real/id1_0000")
YOUTUBE = ("YouTube-real/00000", "YouTube-real/00170")
FAKES = ("id0_id1_0000", "id0_id1_0001", "id1_id0_0000")
LIST = "List_of_testing_videos.txt"


def _make(root: Path, version: str, people: str, level: str = "") -> Tree:
    for name in (*REALS, *YOUTUBE, *(f"Celeb-synthesis/{fake}" for fake in FAKES)):
        folder, _, stem = name.partition("/")
        put(root / folder / level / f"{stem}.mp4")
    put(root / "Celeb-real" / ".DS_Store")
    tested = (
        "1 YouTube-real/00170.mp4\n1 Celeb-real/id0_0001.mp4\n0 Celeb-synthesis/id0_id1_0001.mp4\n"
    )
    names = put(root / LIST, tested)
    return Tree(
        {"": root},
        len(REALS) + len(YOUTUBE),
        len(FAKES),
        (names,),
        (
            {
                "video_id": f"{version}/real/-/YouTube-real/00170",
                "label": 0,
                "split": "test",
                "source_id": f"{people}-yt-00170",
                "target_id": f"{people}-yt-00170",
                "group": f"{people}-yt-00170",
            },
            {
                "video_id": f"{version}/real/-/Celeb-real/id1_0000",
                "label": 0,
                "compression": None,
                "split": "train",
                "source_id": f"{people}-id1",
            },
            {
                "video_id": f"{version}/Celeb-synthesis/-/id0_id1_0001",
                "path": "/".join(filter(None, ("Celeb-synthesis", level, "id0_id1_0001.mp4"))),
                "label": 1,
                "kind": "swap",
                "method": "Celeb-synthesis",
                "split": "test",
                "source_id": f"{people}-id1",
                "target_id": f"{people}-id0",
                "original": f"{version}/real/-/Celeb-real/id0_0001",
                "group": f"{people}-id0",
            },
        ),
    )


@tree("celeb-df-v1")
def make_v1(root: Path) -> Tree:
    """As downloaded."""
    return _make(root, "celeb-df-v1", "celebdf1")


@tree("celeb-df-v2")
def make_v2(root: Path) -> Tree:
    """As some copies have it, with a level `videos`."""
    return _make(root, "celeb-df-v2", "celebdf", "videos")


@tree("celeb-df++")
def make_pp(root: Path) -> Tree:
    """Two methods of swaps, one of each other scenario."""
    for name in (*REALS, *YOUTUBE):
        put(root / f"{name}.mp4")
    fakes = (
        "FaceSwap/Celeb-DF/id0_id1_0000",
        "FaceSwap/BlendFace/id0_id1_0000",
        "FaceReenact/LivePortrait/id1_id0_0000",
        "TalkingFace/SadTalker/id0_0001_test_00012",
    )
    for name in fakes:
        put(root / "Celeb-synthesis" / f"{name}.mp4")
    tested = "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/FaceSwap/BlendFace/id0_id1_0000.mp4\n"
    names = put(root / LIST, tested)
    return Tree(
        {"cdfpp": root},
        len(REALS) + len(YOUTUBE),
        len(fakes),
        (names,),
        (
            {"video_id": "celeb-df++/Celeb-DF/-/id0_id1_0000", "kind": "swap", "split": "train"},
            {"video_id": "celeb-df++/BlendFace/-/id0_id1_0000", "kind": "swap", "split": "test"},
            {
                "video_id": "celeb-df++/LivePortrait/-/id1_id0_0000",
                "kind": "reenactment",
                "source_id": "celebdf-id0",
                "target_id": "celebdf-id1",
                "original": "celeb-df++/real/-/Celeb-real/id1_0000",
            },
            {
                "video_id": "celeb-df++/SadTalker/-/id0_0001_test_00012",
                "kind": "lip_sync",
                "method": "SadTalker",
                "source_id": None,
                "target_id": "celebdf-id0",
                "original": "celeb-df++/real/-/Celeb-real/id0_0001",
            },
        ),
    )
