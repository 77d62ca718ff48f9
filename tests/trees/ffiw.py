"""FFIW-10K, train without and val with the level `videos`."""

from pathlib import Path

from . import Tree, put, tree


@tree("ffiw-10k")
def make(root: Path) -> Tree:
    """Two videos of each class in train, three in val, masks for all fakes."""
    for parent in ("source", "target", "target_mask"):
        for number in range(2):
            put(root / parent / "train" / f"train_{number:08d}.mp4")
        for number in range(3):
            put(root / parent / "val" / "videos" / f"val_{number:08d}.mp4")
    return Tree(
        {"": root},
        5,
        5,
        (),
        (
            {
                "video_id": "ffiw-10k/real/-/train/train_00000001",
                "path": "source/train/train_00000001.mp4",
                "label": 0,
                "split": "train",
                "source_id": None,
                "target_id": None,
                "mask": None,
            },
            {
                "video_id": "ffiw-10k/FFIW-10K/-/val/val_00000002",
                "path": "target/val/videos/val_00000002.mp4",
                "label": 1,
                "kind": "swap",
                "split": "test",
                "original": "ffiw-10k/real/-/val/val_00000002",
                "group": "ffiw-val/val_00000002",
                "mask": "target_mask/val/videos/val_00000002.mp4",
            },
        ),
    )
