"""A manifest of one's own."""

from pathlib import Path

from unswap.datasets.manifests import Manifest, Video

from . import Tree, put, tree
from .wilddeepfake import archive


@tree("manifest")
def own_manifest(root: Path) -> Tree:
    put(root / "clips" / "a.mp4")
    put(root / "clips" / "b.mp4")
    put(root / "masks" / "b.mp4")
    archive(root / "clips" / "1.tar", ["1/real/7/0.png"])
    rows = [
        Video("mine/a", "clips/a.mp4", 0, split="train", source_id="p", target_id="p"),
        Video("mine/b", "clips/b.mp4", 1, kind="swap", original="mine/a", mask="masks/b.mp4"),
        Video("mine/c", "clips/1.tar!/1/real/7", 0, compression="c23"),
    ]
    path = root / "manifest.csv"
    Manifest.from_videos(rows).write(path)
    return Tree(
        {"": root},
        num_real=2,
        num_fake=1,
        split_files=(),
        examples=(
            {"video_id": "mine/a", "path": "clips/a.mp4", "split": "train", "target_id": "p"},
            {"video_id": "mine/b", "original": "mine/a", "mask": "masks/b.mp4"},
            {"video_id": "mine/c", "path": "clips/1.tar!/1/real/7"},
        ),
    )
