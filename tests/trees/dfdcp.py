"""The preview of DFDC."""

import json
from pathlib import Path

from . import Tree, put, tree


@tree("dfdcp")
def dfdcp(root: Path) -> Tree:
    entries: dict[str, object] = {}
    for person, split in ((643049, "train"), (1260311, "test")):
        entries[f"original_videos/{person}/{person}_A_001.mp4"] = {
            "label": "real",
            "set": split,
            "augmentations": [],
            "target_id": person,
        }
    for method, giver, person, split in (
        ("method_A", 1224068, 643049, "train"),
        ("method_B", 1255229, 1260311, "test"),
        ("method_B", 1255230, 1260311, "test"),
    ):
        name = f"{method}/{person}/{person}_C/{giver}_{person}_C_001.mp4"
        entries[name] = {
            "label": "fake",
            "set": split,
            "augmentations": [],
            "target_id": person,
            "swapped_id": giver,
        }
    for name in entries:
        put(root / name)
    return Tree(
        {"": root},
        num_real=2,
        num_fake=3,
        split_files=(put(root / "dataset.json", json.dumps(entries)),),
        examples=(
            {
                "video_id": "dfdcp/method_B/-/1260311/1260311_C/1255229_1260311_C_001",
                "path": "method_B/1260311/1260311_C/1255229_1260311_C_001.mp4",
                "label": 1,
                "kind": "swap",
                "split": "test",
                "source_id": "dfdcp-1255229",
                "target_id": "dfdcp-1260311",
                "group": "dfdcp-1260311",
            },
            {"video_id": "dfdcp/real/-/643049/643049_A_001", "label": 0, "split": "train"},
        ),
    )
