"""In which order, and how often, the items of a CropDataset are taken; for several processes too."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from ..registry import unknown_name
from ..types import Float64, Int64
from .torch_data import CropDataset, video_values

LEVELS = ("label", "method", "identity", "video")


class BalancedSampler(Sampler[int]):
    """Draws items, with replacement, so that each class comes equally often in expectation.

    `by` is a ladder: its first level's values share the draws equally; below each of them the next
    level's values that occur there share its part equally, and so on; below the last, items do.
    With `("label", "method")`, half of the draws are real; the other half is shared equally among
    the methods, however many videos each has.

    All ranks draw the same sequence from (seed, epoch), and rank r takes its places r, r +
    num_replicas, ...; so they never share a place, and together take all of them.

    Args:
        dataset: whose items.
        by: `label`; `method` (the real ones count as one); `identity` (the manifest's `group`, or
            `target_id` where not every video has one); `video`.
        num_samples: draws of all ranks together in an epoch, rounded up to a multiple of
            num_replicas; as many as there are items by default.
        seed: of the draws.
        rank, num_replicas: this process's number, and how many there are.

    Raises:
        ValueError: an unknown level, or a video whose method or identity the manifest lacks.
    """

    def __init__(
        self,
        dataset: CropDataset,
        by: Sequence[str] = ("label",),
        *,
        num_samples: int | None = None,
        seed: int = 0,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        _check_rank(rank, num_replicas)
        total = len(dataset) if num_samples is None else num_samples
        if total < 1:
            raise ValueError(f"expected num_samples of at least 1, got {total}")
        self.weights = balanced_weights(dataset, by)
        self._until = np.cumsum(self.weights)
        self.seed, self.epoch, self.rank, self.num_replicas = seed, 0, rank, num_replicas
        self._each = -(-total // num_replicas)

    def __len__(self) -> int:
        return self._each

    def set_epoch(self, epoch: int) -> None:
        """Another epoch's draws."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        draws = rng.random(self._each * self.num_replicas) * self._until[-1]
        items = np.searchsorted(self._until, draws[self.rank :: self.num_replicas], side="right")
        yield from np.minimum(items, len(self._until) - 1).tolist()


class EachOnceSampler(Sampler[int]):
    """Every item once an epoch, shared out over the ranks; none is doubled to make them even.

    Args:
        dataset: whose items.
        shuffle: in an order drawn from (seed, epoch); else as they lie.
        seed: of the order.
        rank, num_replicas: this process's number, and how many there are.
    """

    def __init__(
        self,
        dataset: CropDataset,
        *,
        shuffle: bool = True,
        seed: int = 0,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        _check_rank(rank, num_replicas)
        self.count, self.shuffle, self.seed, self.epoch = len(dataset), shuffle, seed, 0
        self.rank, self.num_replicas = rank, num_replicas

    def __len__(self) -> int:
        return len(range(self.rank, self.count, self.num_replicas))

    def set_epoch(self, epoch: int) -> None:
        """Another epoch's order."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        if self.shuffle:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        else:
            order = np.arange(self.count)
        yield from order[self.rank :: self.num_replicas].tolist()


def balanced_weights(dataset: CropDataset, by: Sequence[str]) -> Float64:
    """The probability of each item in a draw, (n,), as `BalancedSampler` documents it."""
    if not by:
        raise ValueError(f"expected something to balance by: {', '.join(LEVELS)}")
    videos = dataset.video
    branch: Int64 = np.zeros(len(videos), dtype=np.int64)  # which part of the ladder an item is in
    share: Float64 = np.ones(1)  # each branch's share of the draws
    for level in by:
        values = _classes(dataset, level)[videos]
        pairs, below = np.unique(branch * (int(values.max()) + 1) + values, return_inverse=True)
        above = pairs // (int(values.max()) + 1)
        share = share[above] / np.bincount(above)[above]
        branch = below
    return np.asarray(share[branch] / np.bincount(branch)[branch])


def _classes(dataset: CropDataset, level: str) -> Int64:
    """A class number for each row of `crops.videos`; -1 for rows of which there is no item."""
    crops = dataset.crops
    used = np.unique(dataset.video)
    if level == "video":
        return np.arange(crops.prepared.num_videos, dtype=np.int64)
    if level in ("label", "method"):
        names = [level]
    elif level == "identity":
        names = [n for n in ("group", "target_id") if n in crops.videos.column_names]
    else:
        raise ValueError(unknown_name("level to balance by", level, LEVELS))
    lacking = []
    for name in names:
        values: NDArray[np.object_] = np.array(video_values(crops, name), dtype=object)[used]
        empty = [row for row, v in zip(used.tolist(), values, strict=True) if v is None]
        if not empty:
            classes = np.full(crops.prepared.num_videos, -1, dtype=np.int64)
            classes[used] = np.unique(values.astype(str), return_inverse=True)[1]
            return classes
        lacking.append(f"{len(empty)} of {len(used)} videos, {crops.video_id(empty[0])!r} for one")
        lacking[-1] += f", have no {name}"
    raise ValueError(
        f"{crops.folder}: {level} is not known of all videos: "
        f"{'; '.join(lacking) or 'there is no column group or target_id'}; "
        "choose videos that have it, or balance by something else"
    )


def _check_rank(rank: int, num_replicas: int) -> None:
    if num_replicas < 1 or not 0 <= rank < num_replicas:
        raise ValueError(f"expected rank from 0 to {num_replicas - 1}, got {rank}")
