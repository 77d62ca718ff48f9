"""DeepfakeBench's lists and frames: FF++, and Celeb-DF with its videos in several splits."""

import json
from pathlib import Path

from . import Tree, put, tree

# Lists carry the folder of the machine that they were made on.
BEFORE = "deepfakes_detection_datasets"


def video(root: Path, folder: str, label: str, before: str = BEFORE, slash: str = "/") -> dict:
    """A folder of three frames, and its entry in a list."""
    names = [put(root / folder / f"{number:03d}.png").name for number in (0, 5, 10)]
    paths = [f"{before}/{folder}/{name}".replace("/", slash) for name in names]
    return {"label": label, "frames": paths}


@tree("deepfakebench")
def deepfakebench(root: Path) -> Tree:
    real = "FaceForensics++/original_sequences/youtube/{}/frames/{}"
    fake = "FaceForensics++/manipulated_sequences/Deepfakes/{}/frames/{}"
    ff: dict[str, dict] = {"FF-real": {}, "FF-DF": {}}
    for split, a, b in (("train", "071", "054"), ("test", "000", "003")):
        ff["FF-real"][split] = {
            comp: {a: video(root, real.format(comp, a), "FF-real")} for comp in ("c23", "c40")
        }
        name = f"{a}_{b}"
        ff["FF-DF"][split] = {"c23": {name: video(root, fake.format("c23", name), "FF-DF")}}
    put(root / "dataset_json" / "FaceForensics++.json", json.dumps({"FaceForensics++": ff}))
    windows = {"before": "D:\\data\\rgb", "slash": "\\"}
    known = video(root, "Celeb-DF-v2/Celeb-real/frames/id0_0000", "CelebDFv2_real", **windows)
    other = video(root, "Celeb-DF-v2/Celeb-real/frames/id1_0000", "CelebDFv2_real", **windows)
    made = video(root, "Celeb-DF-v2/Celeb-synthesis/frames/id0_id1_0000", "CelebDFv2_fake", ".")
    celeb = {
        "CelebDFv2_real": {
            "train": {"id0_0000": known, "id1_0000": other},
            "val": {"id0_0000": known},
            "test": {"id0_0000": known},
        },
        "CelebDFv2_fake": {"train": {}, "test": {"id0_id1_0000": made}},
    }
    put(root / "dataset_json" / "Celeb-DF-v2.json", json.dumps({"Celeb-DF-v2": celeb}))
    return Tree(
        {"": root},
        num_real=6,
        num_fake=3,
        examples=(
            {
                "video_id": "FaceForensics++/FF-DF/c23/FF-DF/000_003",
                "path": fake.format("c23", "000_003"),
                "label": 1,
                "kind": "swap",
                "method": "FF-DF",
                "compression": "c23",
                "split": "test",
            },
            {"video_id": "FaceForensics++/real/c40/FF-real/071", "label": 0, "split": "train"},
            {
                "video_id": "Celeb-DF-v2/real/-/CelebDFv2_real/id0_0000",
                "path": "Celeb-DF-v2/Celeb-real/frames/id0_0000",
                "split": "test",
                "compression": None,
            },
            {"video_id": "Celeb-DF-v2/real/-/CelebDFv2_real/id1_0000", "split": "train"},
        ),
    )
