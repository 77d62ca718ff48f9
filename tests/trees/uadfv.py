"""UADFV."""

from pathlib import Path

from . import Tree, put, tree


@tree("uadfv")
def make(root: Path) -> Tree:
    """Four videos and a fake of each; one ends in capitals."""
    for number in range(4):
        put(root / "real" / f"{number:04d}.{'MP4' if number == 3 else 'mp4'}")
        put(root / "fake" / f"{number:04d}_fake.mp4")
    return Tree(
        {"": root},
        4,
        4,
        (),
        (
            {"video_id": "uadfv/real/-/0003", "path": "real/0003.MP4", "split": "test"},
            {
                "video_id": "uadfv/FakeApp/-/0003_fake",
                "path": "fake/0003_fake.mp4",
                "label": 1,
                "kind": "swap",
                "split": "test",
                "source_id": None,
                "target_id": "uadfv-0003",
                "original": "uadfv/real/-/0003",
                "group": "uadfv-0003",
            },
        ),
    )
