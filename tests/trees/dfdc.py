"""DFDC: two parts and the test set."""

import json
from pathlib import Path

from . import Tree, put, tree


@tree("dfdc")
def dfdc(root: Path) -> Tree:
    lists = []
    for part, names in ((0, "abc"), (11, "def")):
        folder = root / f"dfdc_train_part_{part}"
        real, fakes = f"{names[0] * 10}.mp4", [f"{n * 10}.mp4" for n in names[1:]]
        entries: dict[str, object] = {real: {"label": "REAL", "split": "train"}}
        for fake in fakes:
            entries[fake] = {"label": "FAKE", "split": "train", "original": real}
        for name in entries:
            put(folder / name)
        lists.append(put(folder / "metadata.json", json.dumps(entries)))
    for name in "xyz":
        put(root / "test" / f"{name * 10}.mp4")
    rows = ["xxxxxxxxxx.mp4,0", "yyyyyyyyyy.mp4,1", "zzzzzzzzzz.mp4,1"]
    lists.append(put(root / "test" / "labels.csv", "\n".join(["filename,label", *rows]) + "\n"))
    original = "dfdc/real/-/dfdc_train_part_11/dddddddddd"
    return Tree(
        {"": root},
        num_real=3,
        num_fake=6,
        split_files=tuple(lists),
        examples=(
            {
                "video_id": "dfdc/dfdc/-/dfdc_train_part_11/eeeeeeeeee",
                "path": "dfdc_train_part_11/eeeeeeeeee.mp4",
                "label": 1,
                "split": "train",
                "original": original,
                "target_id": "dfdc-dddddddddd",
                "source_id": None,
                "group": "dfdc-dddddddddd",
            },
            {"video_id": original, "label": 0, "kind": None, "source_id": "dfdc-dddddddddd"},
            {"video_id": "dfdc/dfdc/-/test/yyyyyyyyyy", "label": 1, "split": "test"},
            {"video_id": "dfdc/real/-/test/xxxxxxxxxx", "label": 0, "split": "test"},
        ),
    )
