"""Which pictures make which step: a pure function of (seed, step), on any number of processes.

A run is one long row of draws, `batch_size` a step. Draw number d takes an item and what is random in
it from (seed, d) alone. So a run that goes on at step s draws what it would have drawn, and the
processes of a run share out each step's draws without talking to one another.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ....datasets.pseudo_fakes.pairs import PairDataset
from ....datasets.registry import unknown_name
from ....datasets.shards.samplers import balanced_weights
from ....datasets.shards.torch_data import CropDataset, video_values
from ....datasets.shards.twins import TwinDataset
from ....datasets.types import Float64, Int64

Batch = dict[str, Any]


class Draws(Dataset[Batch]):
    """What a draw gives: `clips` (P, T, 3, size, size) float32, `label` (P,) float32, `video` (P,).

    P is 1, or 2 for pairs and twins: the genuine face, then the fake made of it; pairs have
    besides what their `targets` name. Asked for by (item, draw).

    Args:
        dataset: its items.
        seed: of what is random in them.
    """

    def __init__(self, dataset: CropDataset | PairDataset | TwinDataset, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def crops(self) -> CropDataset:
        """The stored crops that items are made of."""
        if isinstance(self.dataset, PairDataset):
            return self.dataset.genuine
        return self.dataset.crops if isinstance(self.dataset, TwinDataset) else self.dataset

    @property
    def pictures(self) -> int:
        """P, of each draw."""
        return 2 if isinstance(self.dataset, PairDataset | TwinDataset) else 1

    def __getitem__(self, index: tuple[int, int]) -> Batch:
        """Raises BadShards where a crop is damaged; no other one is put in its place."""
        item, draw = index
        rng = np.random.default_rng([self.seed, 2, draw])
        taken = self.dataset.take(item, rng)
        if isinstance(self.dataset, PairDataset | TwinDataset):
            return taken
        image = taken["image"]
        return {
            "clips": image[None] if self.dataset.clip_length is not None else image[None, None],
            "label": torch.tensor([float(taken["label"])]),
            "video": torch.tensor([taken["video"]], dtype=torch.int64),
        }


class StepSampler(Sampler[list[tuple[int, int]]]):
    """For every part of every step from `first` on, this process's (item, draw)s.

    Args:
        weights: (n,) each item's probability; None takes every item once an epoch, in an order drawn
            from (seed, epoch).
        count: items.
        seed: of the draws.
        steps, first: steps of the run; the one to begin with.
        draws: of one step, over all processes and parts.
        parts: of a step (accumulation).
        rank, world: this process's number, and how many there are.
    """

    def __init__(
        self,
        weights: Float64 | None,
        count: int,
        *,
        seed: int,
        steps: int,
        first: int,
        draws: int,
        parts: int = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if draws % (parts * world):
            raise ValueError(
                f"batch_size: a step's {draws} draws can't be shared out evenly over {world} "
                f"processes in {parts} parts each; make it a multiple of {parts * world}"
            )
        self.until = None if weights is None else np.cumsum(weights)
        self.count, self.seed, self.steps, self.first = count, seed, steps, first
        self.draws, self.parts, self.rank, self.world = draws, parts, rank, world
        self._order: tuple[int, Int64] = (-1, np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return (self.steps - self.first) * self.parts

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        each = self.draws // self.parts
        for step in range(self.first, self.steps):
            items = self.items_of(step)
            for part in range(self.parts):
                places = range(part * each + self.rank, (part + 1) * each, self.world)
                yield [(items[p], step * self.draws + p) for p in places]

    def items_of(self, step: int) -> list[int]:
        """A step's items, over all processes and parts."""
        if self.until is not None:
            chances = np.random.default_rng([self.seed, 1, step]).random(self.draws)
            found = np.searchsorted(self.until, chances * self.until[-1], side="right")
            return [min(int(item), self.count - 1) for item in found]
        return [self._once(step * self.draws + p) for p in range(self.draws)]

    def _once(self, draw: int) -> int:
        epoch, place = divmod(draw, self.count)
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.seed, 1, epoch])
            self._order = (epoch, rng.permutation(self.count))
        return int(self._order[1][place])


def draw_weights(
    dataset: CropDataset, balance: Sequence[str], weights: Mapping[str, float]
) -> Float64 | None:
    """Each item's probability: balanced, then multiplied by its method's and its class's weight.

    Args:
        dataset: the items.
        balance: see `BalancedSampler`; empty for every item once an epoch, which gives None.
        weights: by method, `real`, or `manipulated` (all methods).

    Raises:
        ValueError: a weight of something that isn't there.
    """
    if not balance:
        return None
    out = balanced_weights(dataset, balance)
    if weights:
        methods = np.array(video_values(dataset.crops, "method"), dtype=object)[dataset.video]
        real = np.asarray(dataset.labels[dataset.video] == 0)
        for name, weight in weights.items():
            where = ~real if name == "manipulated" else methods == name
            if not where.any():
                known = {"manipulated", *(str(m) for m in set(methods.tolist()))}
                raise ValueError(f"data.weights: {unknown_name('method', name, known)}")
            out = np.where(where, out * weight, out)
    return np.asarray(out / out.sum())


def joined(parts: Sequence[Batch]) -> Batch:
    """Draws as a batch: every value joined along its first axis."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def step_loader(draws: Draws, sampler: StepSampler, workers: int, pin: bool) -> DataLoader[Batch]:
    """Batches in the sampler's order. Workers are spawned, each with one thread."""
    settings: dict[str, Any] = {}
    if workers:
        settings = {"multiprocessing_context": "spawn", "worker_init_fn": _one_thread}
    return DataLoader(
        draws,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=joined,
        pin_memory=pin,
        # the data are pure functions of the draws: the loader may not draw from torch's generator
        generator=torch.Generator(),
        **settings,
    )


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
