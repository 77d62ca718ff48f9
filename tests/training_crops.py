"""A tiny prepared benchmark and a tiny recipe, to train on in tests."""

import copy
import json
from pathlib import Path
from typing import Any

from shard_makers import Shown, build

from unswap.datasets.shards.layout import PrepareSpec
from unswap.datasets.types import SamplingSpec

RECIPE: dict[str, Any] = {
    "kind": "detector",
    "name": "tiny",
    "version": "1",
    "summary": "For tests.",
    "detector": {
        "name": "frame",
        "arguments": {"backbone": "test_efficientnet", "drop_rate": 0.2},
        "crop": {"size": 32},
        "sampling": {"num_clips": 4},
    },
    "data": {"balance": ["label"], "augment": {"flip": 0.5, "brightness": 0.1, "jpeg": 0.3}},
    "validation": {"every_steps": 3, "clips_per_track": 2},
    "optimiser": {"name": "adamw", "lr": 1e-3},
    "schedule": {"name": "cosine", "warm_up_steps": 2},
    "steps": 8,
    "batch_size": 4,
    "clip_norm": 1.0,
    "ema": 0.9,
    "save_every_steps": 3,
    "workers": 0,
    "tensorboard": False,
}  # fmt: skip


def recipe(**changes: Any) -> dict[str, Any]:
    """The tiny recipe with other values, whole sections replaced; `detector__name` goes deeper."""
    out = copy.deepcopy(RECIPE)
    for key, value in changes.items():
        place = out
        *above, last = key.split("__")
        for part in above:
            place = place[part]
        place[last] = value
    return out


def write_recipe(path: Path, **changes: Any) -> Path:
    """The recipe as a file: JSON is YAML."""
    path.write_text(json.dumps(recipe(**changes)))
    return path


def shown(label: int, split: str | None, number: int, clips: int = 3, length: int = 1) -> Shown:
    """One video, of a person of its own, with stored clips of `length` frames."""
    method = None if label == 0 else ("Swap", "Move")[number % 2]
    columns = {"split": split, "group": f"{split}{number}", "target_id": f"{split}{number}"}
    frames = [[20 * k + i for i in range(length)] for k in range(clips)]
    name = f"made/{method or 'real'}/{split}/{number}"
    return Shown(name, label, method, clips=[frames], columns=columns)


def tiny_benchmark(folder: Path, *, length: int = 1, each: int = 3) -> Path:
    """CROPS with `each` videos of either class for training, and as many for validation and test."""
    videos = [
        shown(label, split, number, length=length)
        for split in ("train", "val", "test")
        for label in (0, 1)
        for number in range(each)
    ]
    return build(folder, videos, spec=PrepareSpec(SamplingSpec(3, length)), per_shard=4)
