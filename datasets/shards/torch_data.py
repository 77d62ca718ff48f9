"""Prepared crops as a torch Dataset, and a loader for it."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from ..crops import as_input
from ..registry import unknown_name
from ..types import CropSpec, Int64, Uint8
from .cutting import Cut, Transform, check_fits, enlarged
from .layout import BadShards, shard_path
from .reader import PreparedCrops

Item = dict[str, Any]


class CropDataset(Dataset[Item]):
    """Crops or clips of chosen videos, cut as a CropSpec says.

    An item is a dict: `image`, float32 (3, size, size), or (T, 3, size, size) for clips, normalised
    as the spec says; `label`, 0 real, 1 manipulated; `video`, row of `crops.videos`; `track`;
    `clip`; `frame` and `pts_seconds`, int64 and float64, () or (T,).

    What is random in an item depends on `seed`, the epoch and the item's number alone, not on who
    loads it.

    Args:
        crops: the prepared crops.
        spec: size, margin, alignment, mean and std.
        clip_length: frames of an item, consecutive ones of a stored clip; a stored clip gives as
            many items as fit into it. None for single crops.
        stride: of the clip's frames; None for the stored one.
        split, label, method: only these videos; method "real" is that of all real ones.
        videos: only these rows of `crops.videos`: (V,) bool, or row numbers.
        margin_jitter, transform: see `Cut`.
        seed: of what is random.

    Raises:
        ValueError: the crops can't contain what is wanted, or nothing is left by the selection;
            says what there is.
    """

    def __init__(
        self,
        crops: PreparedCrops,
        spec: CropSpec,
        *,
        clip_length: int | None = None,
        stride: int | None = None,
        split: str | None = None,
        label: int | None = None,
        method: str | None = None,
        videos: NDArray[Any] | Sequence[int] | None = None,
        margin_jitter: float = 0.0,
        transform: Transform | None = None,
        seed: int = 0,
    ) -> None:
        self.cut = Cut(spec, margin_jitter, transform)
        check_fits(self.cut, clip_length, stride, crops.prepared, str(crops.folder))
        self.crops, self.clip_length, self.seed = crops, clip_length, seed
        self.chosen = _chosen(crops, split, label, method, videos)
        self.starts, self.num_left_out = _windows(crops, self.chosen, clip_length or 1)
        if not len(self.starts):
            raise ValueError(
                f"{crops.folder}: the {self.chosen.sum()} videos chosen have no "
                f"{'crop' if clip_length is None else f'clip of {clip_length} frames on end'}; "
                + _statuses(crops, self.chosen)
            )
        self._labels = np.asarray(crops.videos.column("label").to_numpy(), dtype=np.int64)
        # shared memory, so that workers that live through all epochs are told of a new one
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def video(self) -> NDArray[np.int32]:
        """Each item's row of `crops.videos`, (n,)."""
        return np.asarray(self.crops.video[self.starts])

    def set_epoch(self, epoch: int) -> None:
        """What is random is drawn anew; call it before going through the loader again."""
        self._epoch.fill_(epoch)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The label of each row of `crops.videos`, (V,)."""
        return self._labels

    def __getitem__(self, item: int) -> Item:
        """Raises BadShards where a crop is damaged; no other one is put in its place."""
        return self.take(item, np.random.default_rng([self.seed, int(self._epoch), item]))

    def take(self, item: int, rng: np.random.Generator) -> Item:
        """As `self[item]`, with what is random drawn from `rng`."""
        if not 0 <= item < len(self):
            raise IndexError(f"expected an item from 0 to {len(self) - 1}, got {item}")
        first = int(self.starts[item])
        rows = range(first, first + (self.clip_length or 1))
        samples = [self.crops.read_sample(row) for row in rows]
        video = int(self.crops.video[first])
        label = int(self._labels[video])
        told = samples[0][0]["label"]
        if told != label:
            raise BadShards(
                f"{shard_path(self.crops.folder, int(self.crops.shard[first]))}: "
                f"{self.crops.video_id(video)!r} has label {told} there and {label} in videos.parquet; "
                "prepare again"
            )
        images = self.cut(samples, rng)
        return make_item(images, [d for d, _ in samples], video, self.cut.spec, self.clip_length)

    def describe(self) -> str:
        """What is in it, and what is not: sentences, a line each."""
        there = np.unique(self.video)
        counts = np.bincount(self._labels[there], minlength=2)
        what = "crops" if self.clip_length is None else f"clips of {self.clip_length} frames"
        lines = [
            f"{len(self)} {what} of {len(there)} videos: {counts[0]} real, {counts[1]} manipulated",
        ]
        if len(there) < self.chosen.sum():
            lines.append(
                f"{self.chosen.sum() - len(there)} of the {self.chosen.sum()} videos chosen have none; "
                + _statuses(self.crops, self.chosen)
            )
        if self.num_left_out:
            lines.append(f"{self.num_left_out} crops are left over, being too few in a row")
        small = enlarged(self.cut.spec, self.crops.prepared)
        return "\n".join([*lines, small] if small else lines)


def make_item(
    images: Uint8,
    descriptions: Sequence[dict[str, Any]],
    video: int,
    spec: CropSpec,
    clip_length: int | None,
) -> Item:
    """An item (see `CropDataset`) of crops (T, size, size, 3) uint8 RGB and their descriptions."""
    image = np.ascontiguousarray(as_input(images, spec))
    frame = np.array([d["frame"] for d in descriptions], dtype=np.int64)
    pts = np.array([d["pts_seconds"] for d in descriptions], dtype=np.float64)
    single = clip_length is None
    return {
        "image": torch.from_numpy(image[0] if single else image),
        "label": descriptions[0]["label"],
        "video": video,
        "track": descriptions[0]["track"],
        "clip": descriptions[0]["clip"],
        "frame": torch.from_numpy(frame).squeeze(0) if single else torch.from_numpy(frame),
        "pts_seconds": torch.from_numpy(pts).squeeze(0) if single else torch.from_numpy(pts),
    }


def collate(items: Sequence[Item]) -> dict[str, torch.Tensor]:
    """Items as a batch: every value a tensor whose first axis is the item; integers as int64."""
    return {
        name: torch.stack([item[name] for item in items])
        if isinstance(items[0][name], torch.Tensor)
        else torch.tensor([item[name] for item in items], dtype=torch.int64)
        for name in items[0]
    }


def loader(
    dataset: Dataset[Item],
    batch_size: int,
    sampler: Sampler[int] | None = None,
    *,
    num_workers: int = 0,
    prefetch: int = 2,
    pin_memory: bool = False,
    drop_last: bool = False,
) -> DataLoader[Item]:
    """A DataLoader over a CropDataset or StreamingCrops; the last batch, smaller, is kept.

    Workers are spawned: forked ones hang where the parent has used threads. So a script that asks
    for workers keeps its work below `if __name__ == "__main__":`, and a transform is one that can
    be pickled. Each worker uses one thread.

    Args:
        dataset: what is loaded.
        batch_size: items of a batch.
        sampler: the order; None for the dataset's own.
        num_workers: processes; 0 loads in this one.
        prefetch: batches that each worker has ready.
        pin_memory: for a GPU.
        drop_last: leave out a last batch that is smaller.

    Returns:
        A loader whose batches are `collate`'s. Call `set_epoch` on it before each epoch.
    """
    if sampler is not None and isinstance(dataset, IterableDataset):
        raise ValueError("a stream has its own order: expected no sampler for it")
    workers: dict[str, Any] = {}
    if num_workers:
        workers = {
            "multiprocessing_context": "spawn",
            "persistent_workers": True,
            "prefetch_factor": prefetch,
            "worker_init_fn": _begin_worker,
        }
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        drop_last=drop_last,
        **workers,
    )


def set_epoch(batches: DataLoader[Item], epoch: int) -> None:
    """Tells a loader's dataset and sampler of the epoch, those that have a `set_epoch`."""
    for part in (batches.dataset, batches.sampler):
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)


def _begin_worker(worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _chosen(
    crops: PreparedCrops,
    split: str | None,
    label: int | None,
    method: str | None,
    videos: NDArray[Any] | Sequence[int] | None,
) -> NDArray[np.bool_]:
    count = crops.prepared.num_videos
    chosen = np.ones(count, dtype=np.bool_)
    for name, wanted in (("split", split), ("label", label), ("method", method)):
        if wanted is not None:
            values = video_values(crops, name)
            if wanted not in set(values):
                known = {str(v) for v in values if v is not None}
                raise ValueError(f"{crops.folder}: {unknown_name(name, str(wanted), known)}")
            chosen &= np.array([v == wanted for v in values], dtype=np.bool_)
    if videos is not None:
        rows = np.asarray(videos)
        if rows.dtype == np.bool_ and rows.shape != (count,):
            raise ValueError(f"expected {count} choices for {count} videos, got {rows.shape}")
        if rows.dtype != np.bool_ and rows.size and not (rows.min() >= 0 and rows.max() < count):
            raise ValueError(
                f"expected rows of videos from 0 to {count - 1}, got {rows.min()} to {rows.max()}"
            )
        given = np.zeros(count, dtype=np.bool_)
        given[rows if rows.size else []] = True
        chosen &= given
    if not chosen.any():
        raise ValueError(
            f"{crops.folder}: no video is left by split {split or 'any'}, label "
            f"{'any' if label is None else label}, method {method or 'any'}"
            f"{'' if videos is None else ' and the rows given'}; there are: {_there(crops)}"
        )
    return chosen


def video_values(crops: PreparedCrops, name: str) -> list[Any]:
    """A column of the videos, one value a video; `method` is "real" for real ones.

    Raises ValueError where there is no such column.
    """
    if name not in crops.videos.column_names:
        raise ValueError(
            f"{crops.folder}: {unknown_name('column of videos', name, crops.videos.column_names)}"
        )
    values = crops.videos.column(name).to_pylist()
    if name == "method":
        labels = crops.videos.column("label").to_pylist()
        return ["real" if y == 0 else v for v, y in zip(values, labels, strict=True)]
    return list(values)


def _there(crops: PreparedCrops) -> str:
    """The selections that would give something, with their numbers of videos."""
    names = [n for n in ("split", "label", "method") if n in crops.videos.column_names]
    counts: dict[tuple[Any, ...], int] = {}
    for values in zip(*(video_values(crops, n) for n in names), strict=True):
        counts[values] = counts.get(values, 0) + 1
    each = sorted(f"{' '.join(str(v) for v in values)} ({n})" for values, n in counts.items())
    return f"{', '.join(names)}: " + ", ".join(each[:30]) + (", ..." if len(each) > 30 else "")


def _statuses(crops: PreparedCrops, chosen: NDArray[np.bool_]) -> str:
    """What became of the chosen videos: `prepared 90, no_face 3`."""
    status, counts = np.unique(
        np.array(crops.videos.column("status").to_pylist(), dtype=str)[chosen], return_counts=True
    )
    return "what became of them: " + ", ".join(
        f"{s} {n}" for s, n in zip(status, counts, strict=True)
    )


def _windows(crops: PreparedCrops, chosen: NDArray[np.bool_], length: int) -> tuple[Int64, int]:
    """First rows of the items, and how many crops of the chosen videos are in none."""
    runs = crops.run_starts
    sizes = np.diff(np.append(runs, len(crops)))
    keep = chosen[crops.video[runs]]
    runs, sizes = runs[keep], sizes[keep]
    fit = sizes // length
    first = np.repeat(runs - length * (np.cumsum(fit) - fit), fit)
    starts = first + length * np.arange(len(first), dtype=np.int64)
    return starts, int(sizes.sum() - length * len(starts))
