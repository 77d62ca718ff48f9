"""Batches without end, whose place can be saved and restored exactly."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from .torch_data import Item, collate

Batch = dict[str, torch.Tensor]


class EpochSampler(Protocol):
    """An order drawn from (seed, epoch) alone, as those in `samplers` are."""

    seed: int
    rank: int
    num_replicas: int

    def __iter__(self) -> Iterator[int]: ...

    def __len__(self) -> int: ...

    def set_epoch(self, epoch: int) -> None: ...


class ResumableLoader:
    """Goes through epoch after epoch; what was left off is gone on with, batch for batch.

    Order and items are functions of (seed, epoch, item): so a place is two numbers, and no generator
    has a state to be saved. Batches that workers have ready, and that were not taken, are made again.
    Nothing is drawn from torch's own generator.

    A last, smaller batch of an epoch is left out, so that all ranks have as many. Workers are
    spawned, with one thread each, and live through all epochs.

    Args:
        dataset: whose randomness hangs on seed, epoch and item: a CropDataset, a PairDataset.
        batch_size: items of a batch, on this rank.
        sampler: the order; of the same dataset.
        collate: items to a batch.
        num_workers: processes; 0 loads in this one.
        prefetch: batches that each worker has ready.
        pin_memory: for a GPU.

    Raises:
        ValueError: not even one whole batch on each rank.
    """

    def __init__(
        self,
        dataset: Dataset[Item],
        batch_size: int,
        sampler: EpochSampler,
        *,
        collate: Callable[[Sequence[Item]], Batch] = collate,
        num_workers: int = 0,
        prefetch: int = 2,
        pin_memory: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"expected a batch_size of at least 1, got {batch_size}")
        for part in (dataset, sampler):
            if not hasattr(part, "set_epoch"):
                raise ValueError(
                    f"expected something with set_epoch, got {type(part).__name__}: its order could "
                    "not be restored"
                )
        self.dataset, self.batch_size, self.sampler = dataset, batch_size, sampler
        self.items = len(dataset)  # type: ignore[arg-type]
        # where each item comes once, ranks may differ by one item: all stop with the shortest
        once = len(sampler) == len(range(sampler.rank, self.items, sampler.num_replicas))
        each = self.items // sampler.num_replicas if once else len(sampler)
        self.batches_per_epoch = each // batch_size
        if not self.batches_per_epoch:
            raise ValueError(
                f"{self.items} items are not one batch of {batch_size} for each of "
                f"{sampler.num_replicas} processes; make batch_size smaller"
            )
        self.epoch, self.batch = 0, 0
        self._rest = _Rest(sampler)
        workers: dict[str, Any] = {}
        if num_workers:
            workers = {
                "multiprocessing_context": "spawn",
                "persistent_workers": True,
                "prefetch_factor": prefetch,
                "worker_init_fn": _one_thread,
            }
        self._loader: DataLoader[Item] = DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=self._rest,
            num_workers=num_workers,
            collate_fn=collate,
            pin_memory=pin_memory,
            drop_last=True,
            generator=torch.Generator(),
            **workers,
        )

    def __iter__(self) -> Iterator[Batch]:
        """From the place it is at, for ever. A batch counts as taken once it is handed out."""
        while True:
            if self.batch == self.batches_per_epoch:
                self.epoch, self.batch = self.epoch + 1, 0
            self.sampler.set_epoch(self.epoch)
            self.dataset.set_epoch(self.epoch)  # type: ignore[attr-defined]
            self._rest.first = self.batch * self.batch_size
            left = self.batches_per_epoch - self.batch
            for batch in islice(self._loader, left):
                self.batch += 1
                yield batch

    def state_dict(self) -> dict[str, int]:
        """The place, and what it is a place in; the same on all ranks."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "seed": self.sampler.seed,
            "data_seed": int(getattr(self.dataset, "seed", 0)),
            "batch_size": self.batch_size,
            "items": self.items,
            "processes": self.sampler.num_replicas,
        }

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes to a place; an iterator that was begun before is to be thrown away.

        Raises:
            ValueError: it is a place in other data or another order; lists what differs.
        """
        here = self.state_dict()
        if state.keys() != here.keys():
            raise ValueError(
                f"expected a place with {', '.join(here)}, got {', '.join(state) or 'nothing'}"
            )
        other = [
            f"{name} was {state[name]}, is {here[name]}"
            for name in here
            if name not in ("epoch", "batch") and state[name] != here[name]
        ]
        if not 0 <= state["batch"] <= self.batches_per_epoch or state["epoch"] < 0:
            other.append(
                f"batch {state['batch']} of epoch {state['epoch']}, of {self.batches_per_epoch} batches"
            )
        if other:
            raise ValueError(f"this is no place in these data: {'; '.join(other)}")
        self.epoch, self.batch = state["epoch"], state["batch"]


class _Rest(Sampler[int]):
    """A sampler's items from number `first` on."""

    def __init__(self, sampler: EpochSampler) -> None:
        self.sampler, self.first = sampler, 0

    def __iter__(self) -> Iterator[int]:
        return islice(iter(self.sampler), self.first, None)

    def __len__(self) -> int:
        return max(0, len(self.sampler) - self.first)


def _one_thread(_: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
