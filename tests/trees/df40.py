"""DF40: fakes by method, and the real frames in trees of their own."""

import json
from pathlib import Path

from . import Tree, put, tree
from .deepfakebench import video


@tree("df40")
def df40(folder: Path) -> Tree:
    root, ffpp, cdf2 = folder / "df40", folder / "ff", folder / "cdf"
    ff_real = "FaceForensics++/original_sequences/youtube/c23/frames/{}"
    celeb_real = "Celeb-DF-v2/Celeb-real/frames/id0_0000"
    train_real = {"071": video(ffpp, ff_real.format("071"), "simswap_Real")}
    test_real = {"000": video(ffpp, ff_real.format("000"), "simswap_Real")}
    fake = video(root, "DF40_train/simswap/frames/071_054", "simswap_Fake")
    test = video(root, "DF40/simswap/ff/frames/000_003", "simswap_Fake")
    lists = {
        "simswap_ff": {
            "simswap_Real": {"train": train_real, "test": test_real},
            "simswap_Fake": {"train": {"071_054": fake}, "test": {"000_003": test}},
        },
        # The same videos once more, as the lists of all methods have them.
        "FSAll_ff": {
            "FSAll_Real": {"test": {"000": {**test_real["000"], "label": "FSAll_Real"}}},
            "FSAll_Fake": {"test": {"000_003_simswap": {**test, "label": "FSAll_Fake"}}},
        },
        "mraa_cdf": {
            "mraa_Real": {"test": {"id0_0000": video(cdf2, celeb_real, "mraa_Real")}},
            "mraa_Fake": {
                "test": {
                    "id0_id1_0000": video(root, "DF40/MRAA/cdf/frames/id0_id1_0000", "mraa_Fake")
                }
            },
        },
        "VQGAN_ff": {
            "VQGAN_Fake": {"test": {"000": video(root, "DF40/VQGAN/ff/000", "VQGAN_Fake")}}
        },
        "heygen": {
            "heygen_Real": {"test": {"a": video(root, "DF40/heygen/real/a", "heygen_Real")}},
            "heygen_Fake": {"test": {"b": video(root, "DF40/heygen/fake/frames/b", "heygen_Fake")}},
        },
    }
    for name, labels in lists.items():
        put(root / "dataset_json" / f"{name}.json", json.dumps({name: labels}))
    return Tree(
        {"df40": root, "ffpp": ffpp, "cdf2": cdf2},
        num_real=4,
        num_fake=5,
        examples=(
            {
                "video_id": "df40/simswap/-/DF40/simswap/ff/frames/000_003",
                "root": "df40",
                "path": "DF40/simswap/ff/frames/000_003",
                "label": 1,
                "kind": "swap",
                "split": "test",
                "target_id": "df40-ff-000",
                "source_id": "df40-ff-003",
                "group": "df40-ff-000",
            },
            {
                "video_id": f"df40/real/-/{ff_real.format('000')}",
                "root": "ffpp",
                "path": ff_real.format("000"),
                "label": 0,
                "split": "test",
                "target_id": "df40-ff-000",
            },
            {
                "video_id": "df40/MRAA/-/DF40/MRAA/cdf/frames/id0_id1_0000",
                "kind": "reenactment",
                "target_id": "df40-cdf-id0",
            },
            {
                "video_id": "df40/VQGAN/-/DF40/VQGAN/ff/000",
                "kind": "synthesis",
                "target_id": None,
                "group": "df40-ff-000",
            },
            {"video_id": "df40/real/-/DF40/heygen/real/a", "root": "df40", "label": 0},
            {
                "video_id": "df40/simswap/-/DF40_train/simswap/frames/071_054",
                "path": "DF40_train/simswap/frames/071_054",
                "split": "train",
            },
        ),
    )
