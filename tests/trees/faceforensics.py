"""FaceForensics++, two compressions, all five methods."""

import json
from pathlib import Path

from . import Tree, put, tree

PAIRS = {"train": [["003", "000"]], "val": [["720", "672"]], "test": [["953", "974"]]}
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")


def originals(root: Path, *levels: str, pairs: dict[str, list[list[str]]] = PAIRS) -> int:
    """The YouTube originals of these pairs; how many."""
    numbers = [n for listed in pairs.values() for pair in listed for n in pair]
    for level in levels:
        for number in numbers:
            put(root / "original_sequences" / "youtube" / level / "videos" / f"{number}.mp4")
    return len(numbers) * len(levels)


@tree("faceforensics++")
def make(root: Path) -> Tree:
    """Six originals; three pairs both ways for each method."""
    levels = ("c23", "c40")
    num_real = originals(root, *levels)
    num_fake = 0
    for method in METHODS:
        for listed in PAIRS.values():
            for a, b in [p for pair in listed for p in (pair, pair[::-1])]:
                folder = root / "manipulated_sequences" / method
                for level in levels:
                    put(folder / level / "videos" / f"{a}_{b}.mp4")
                    num_fake += 1
                if method != "FaceShifter":
                    put(folder / "masks" / "videos" / f"{a}_{b}.mp4")
    put(root / "original_sequences" / "actors" / "c23" / "videos" / "01__exit_phone_room.mp4")
    name = "01_02__exit_phone_room__YVGY8LOK.mp4"
    put(root / "manipulated_sequences" / "DeepFakeDetection" / "c23" / "videos" / name)
    put(root / "original_sequences" / "youtube" / "c23" / "videos" / ".DS_Store")
    put(root / "original_sequences" / "youtube" / "c23" / "videos" / "notes.txt")
    splits = tuple(
        put(root / "splits" / f"{split}.json", json.dumps(pairs)) for split, pairs in PAIRS.items()
    )
    table = {"000": "--b1Ua-kWJE 0", "003": "-9Gg5zdX7nU 0", "999": "zlKkyKw7xfw 0"}
    put(root / "conversion_dict.json", json.dumps(table))
    swap = "manipulated_sequences/Deepfakes"
    return Tree(
        {"": root},
        num_real,
        num_fake,
        splits,
        (
            {
                "video_id": "faceforensics++/real/c23/000",
                "root": "ffpp",
                "path": "original_sequences/youtube/c23/videos/000.mp4",
                "label": 0,
                "kind": None,
                "method": None,
                "compression": "c23",
                "split": "train",
                "source_id": "ffpp-000",
                "target_id": "ffpp-000",
                "original": None,
                "group": "ffpp-003_000",
                "mask": None,
            },
            {
                "video_id": "faceforensics++/Deepfakes/c40/000_003",
                "path": f"{swap}/c40/videos/000_003.mp4",
                "label": 1,
                "kind": "swap",
                "method": "Deepfakes",
                "compression": "c40",
                "split": "train",
                "source_id": "ffpp-003",
                "target_id": "ffpp-000",
                "original": "faceforensics++/real/c40/000",
                "group": "ffpp-003_000",
                "mask": f"{swap}/masks/videos/000_003.mp4",
            },
            {
                "video_id": "faceforensics++/NeuralTextures/c23/672_720",
                "kind": "reenactment",
                "split": "val",
                "original": "faceforensics++/real/c23/672",
            },
            {
                "video_id": "faceforensics++/FaceShifter/c23/974_953",
                "kind": "swap",
                "split": "test",
                "mask": None,
            },
        ),
    )
