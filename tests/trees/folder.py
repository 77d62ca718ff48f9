"""A folder of one's own, with and without methods and splits."""

from pathlib import Path

from . import Tree, put, tree


@tree("folder")
def folder(root: Path) -> Tree:
    for name in (
        "real/a.mp4",
        "real/deep/er/a.mp4",
        "real/walk/1.png",
        "real/walk/2.png",
        "fake/b.mkv",
        "fake/clip/1.jpg",
        "fake/myswap/a.mp4",
        "fake/myswap/more/a.MOV",
        "fake/myswap/seq/1.png",
        "test/real/c.mp4",
        "test/fake/myswap/c.mp4",
        "real/.DS_Store",
    ):
        put(root / name)
    return Tree(
        {"": root},
        num_real=4,
        num_fake=6,
        examples=(
            {"video_id": "folder/real/-/real/walk", "path": "real/walk", "label": 0, "split": None},
            {"video_id": "folder/fake/-/fake/clip", "path": "fake/clip", "method": "fake"},
            {"video_id": "folder/fake/-/fake/b.mkv", "method": "fake", "kind": None},
            {"video_id": "folder/myswap/-/fake/myswap/seq", "method": "myswap"},
            {"video_id": "folder/myswap/-/fake/myswap/more/a.MOV", "method": "myswap"},
            {"video_id": "folder/myswap/-/test/fake/myswap/c.mp4", "label": 1, "split": "test"},
        ),
    )
