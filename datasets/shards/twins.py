"""Manipulated crops beside the genuine ones that they were made from: the same frame of both videos."""

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from ..types import Int64
from .torch_data import CropDataset, video_values

Item = dict[str, Any]


class TwinDataset(Dataset[Item]):
    """Pairs of a genuine and a manipulated crop (or clip), by the manifest's `original`.

    An item is a pair, both along the first axis, genuine first: `clips`, float32
    (2, T, 3, size, size), T = 1 for single crops; `label`, float32 (2,) 0 and 1; `video`, int64 (2,).
    What is random in it is the same for both. There is one item for each manipulated crop whose
    original was prepared at the same frame; `num_alone` counts those without.

    Args:
        crops: real and manipulated videos.

    Raises:
        ValueError: no manipulated crop has its original beside it.
    """

    def __init__(self, crops: CropDataset) -> None:
        self.crops = crops
        self.fake, self.genuine = _matched(crops)
        self.num_alone = int((crops.labels[crops.video] == 1).sum()) - len(self.fake)
        if not len(self.fake):
            raise ValueError(
                f"{crops.crops.folder}: no manipulated video has its original, the same frames of it, "
                "among the chosen videos; give the manifest an `original` column, or leave twins out"
            )

    def __len__(self) -> int:
        return len(self.fake)

    def __getitem__(self, item: int) -> Item:
        """Raises BadShards where a crop is damaged; no other one is put in its place."""
        return self.take(item, np.random.default_rng([self.crops.seed, item]))

    def take(self, item: int, rng: np.random.Generator) -> Item:
        """As `self[item]`, with what is random drawn from `rng`."""
        if not 0 <= item < len(self):
            raise IndexError(f"expected an item from 0 to {len(self) - 1}, got {item}")
        key = int(rng.integers(2**62))
        both = [
            self.crops.take(int(i), np.random.default_rng(key))
            for i in (self.genuine[item], self.fake[item])
        ]
        pictures = torch.stack([b["image"] for b in both])
        return {
            "clips": pictures if self.crops.clip_length is not None else pictures[:, None],
            "label": torch.tensor([0.0, 1.0]),
            "video": torch.tensor([b["video"] for b in both], dtype=torch.int64),
        }


def _matched(crops: CropDataset) -> tuple[Int64, Int64]:
    """Items of manipulated crops, and of the genuine ones of the same original and frame."""
    store = crops.crops
    rows = {store.video_id(v): v for v in np.unique(crops.video).tolist()}
    frames = store.frame[crops.starts]
    places = {
        (int(v), int(f)): i
        for i, (v, f) in enumerate(zip(crops.video, frames, strict=True))
        if crops.labels[v] == 0
    }
    originals = video_values(store, "original")
    fake, genuine = [], []
    for i in np.flatnonzero(crops.labels[crops.video] == 1).tolist():
        row = rows.get(str(originals[int(crops.video[i])]))
        twin = None if row is None else places.get((row, int(frames[i])))
        if twin is not None:
            fake.append(i)
            genuine.append(twin)
    return np.array(fake, dtype=np.int64), np.array(genuine, dtype=np.int64)
