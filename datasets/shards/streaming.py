"""Prepared crops read from end to end, shard by shard, without the index: for a cluster."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..types import CropSpec
from .cutting import Cut, Transform, check_fits
from .layout import BLOCK, PREPARED_FILE, BadShards, read_header, shard_path, unpack_sample
from .reader import REMEDY, decode_png, read_checksums, read_prepared
from .torch_data import Item, make_item


@dataclass(frozen=True)
class Packed:
    """A sample as it lies in a shard. `place`: video, track, clip, position, as in its key."""

    path: Path
    offset: int
    place: tuple[int, int, int, int]
    description: dict[str, Any]
    png: memoryview


class StreamingCrops(IterableDataset[Item]):
    """The items that a CropDataset of whole shards has, in an order that reads each from end to end.

    Shards are shared out over ranks, and over a loader's workers, each to one of them; so ranks may
    have unequal numbers of items. What is random in an item depends on `seed`, the epoch and which
    crop it is, not on who loads it.

    Args:
        shards: CROPS, or paths of shards of it. Of paths nothing is known but what lies in them
            and, if it's there, prepared.json in the folder above theirs.
        spec: size, margin, alignment, mean and std.
        clip_length: frames of an item, as for CropDataset; None for single crops.
        stride: of the clip's frames; None for the stored one.
        shuffle_buffer: items among which the next one is drawn; 1 keeps the order of the shards.
        margin_jitter, transform: see `Cut`.
        seed: of what is random.
        rank, num_replicas: this process's number, and how many there are.

    Raises:
        BadShards: shards are missing. ValueError: they can't contain what is wanted.
    """

    def __init__(
        self,
        shards: Path | str | Sequence[Path | str],
        spec: CropSpec,
        *,
        clip_length: int | None = None,
        stride: int | None = None,
        shuffle_buffer: int = 1000,
        margin_jitter: float = 0.0,
        transform: Transform | None = None,
        seed: int = 0,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        if shuffle_buffer < 1:
            raise ValueError(f"expected a shuffle_buffer of at least 1, got {shuffle_buffer}")
        if num_replicas < 1 or not 0 <= rank < num_replicas:
            raise ValueError(f"expected rank from 0 to {num_replicas - 1}, got {rank}")
        self.cut = Cut(spec, margin_jitter, transform)
        self.paths, folders = _find_shards(shards)
        for folder in folders:
            check_fits(self.cut, clip_length, stride, read_prepared(folder), str(folder))
        if not folders and (clip_length or 1) > 1:
            raise ValueError(
                f"{self.paths[0]}: whether there are clips of {clip_length} frames is not known; "
                f"put {PREPARED_FILE} into the folder above the shards'"
            )
        self.clip_length, self.shuffle_buffer, self.seed = clip_length, shuffle_buffer, seed
        self.rank, self.num_replicas = rank, num_replicas
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # see CropDataset

    def set_epoch(self, epoch: int) -> None:
        """Another order, and what is random is drawn anew."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[Item]:
        worker = get_worker_info()
        return self.items(worker.id if worker else 0, worker.num_workers if worker else 1)

    def items(self, worker: int, num_workers: int) -> Iterator[Item]:
        """What one of a loader's workers goes through.

        Raises:
            BadShards: a shard is damaged or cut off; nothing is put in its place.
        """
        epoch = int(self._epoch)
        paths = list(self.paths)
        if self.shuffle_buffer > 1:
            np.random.default_rng([self.seed, epoch]).shuffle(paths)
        part, parts = self.rank * num_workers + worker, self.num_replicas * num_workers
        groups = _grouped(paths[part::parts], self.clip_length or 1)
        rng = np.random.default_rng([self.seed, epoch, 1 + part])
        for group in _shuffled(groups, self.shuffle_buffer, rng):
            yield self._item(group, epoch)

    def _item(self, group: list[Packed], epoch: int) -> Item:
        first = group[0]
        try:
            samples = [(s.description, decode_png(s.png)) for s in group]
        except ValueError as error:
            raise _bad(first.path, first.offset, str(error)) from None
        rng = np.random.default_rng([self.seed, epoch, *first.place])
        images = self.cut(samples, rng)
        descriptions = [s.description for s in group]
        return make_item(images, descriptions, first.place[0], self.cut.spec, self.clip_length)


def read_shard(path: Path) -> Iterator[Packed]:
    """A shard's samples from first to last.

    Where the shard's rows of the index lie beside it, as `unswap prepare` leaves them, every sample
    is held against its checksum there, and none may be missing.

    Raises:
        BadShards: the shard is damaged, cut off, or another one than its rows of the index.
    """
    checksums = read_checksums(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadShards(f"{path}: it can't be read ({error.strerror})") from None
    with file:
        offset = 0
        while True:
            data = _read_sample(file, path, offset)
            if not data:
                if checksums:
                    raise _bad(
                        path, min(checksums), "it is in the index, and the shard ends before"
                    )
                return
            if checksums is not None and checksums.pop(offset, None) != zlib.crc32(data):
                raise _bad(path, offset, "its bytes are not those that were written (checksum)")
            try:
                key, description, png = unpack_sample(data)
                video, track, clip, position = (int(v) for v in key.split("-"))
            except ValueError as error:
                raise _bad(path, offset, str(error)) from None
            yield Packed(path, offset, (video, track, clip, position), description, png)
            offset += len(data)


def _read_sample(file: BinaryIO, path: Path, offset: int) -> bytes:
    """The next two members with their headers; nothing at the tar's end."""
    parts: list[bytes] = []
    for _ in range(2):
        head = file.read(BLOCK)
        if len(head) < BLOCK:
            raise _bad(path, offset, "the file is cut off")
        if not parts and not any(head):
            return b""
        try:
            size = read_header(head)[1]
        except ValueError as error:
            raise _bad(path, offset, f"no tar header ({error})") from None
        size = -(-size // BLOCK) * BLOCK
        content = file.read(size)
        if len(content) < size:
            raise _bad(path, offset, "the file is cut off")
        parts += [head, content]
    return b"".join(parts)


def _grouped(paths: Sequence[Path], length: int) -> Iterator[list[Packed]]:
    """Runs of consecutive frames of a clip, cut into items of `length`; what is left over goes."""
    for path in paths:
        group: list[Packed] = []
        for sample in read_shard(path):
            if group:
                *clip, position = group[-1].place
                if sample.place != (*clip, position + 1):
                    group = []
            group.append(sample)
            if len(group) == length:
                yield group
                group = []


def _shuffled(
    groups: Iterator[list[Packed]], size: int, rng: np.random.Generator
) -> Iterator[list[Packed]]:
    held: list[list[Packed]] = []
    for group in groups:
        held.append(group)
        if len(held) >= size:
            yield _drawn(held, rng)
    while held:
        yield _drawn(held, rng) if size > 1 else held.pop(0)


def _drawn(held: list[list[Packed]], rng: np.random.Generator) -> list[Packed]:
    place = int(rng.integers(len(held)))
    held[place], held[-1] = held[-1], held[place]
    return held.pop()


def _find_shards(shards: Path | str | Sequence[Path | str]) -> tuple[list[Path], list[Path]]:
    """The shards' paths, and the folders whose prepared.json tells of them."""
    if isinstance(shards, (str, Path)):
        folder = Path(shards)
        paths = [shard_path(folder, k) for k in range(read_prepared(folder).num_shards)]
        folders = [folder]
    else:
        paths = [Path(path) for path in shards]
        if not paths:
            raise ValueError("expected at least one shard, got none")
        if len(set(paths)) < len(paths):
            raise ValueError(
                f"expected each shard once, got {len(paths)} paths of {len(set(paths))}"
            )
        above = sorted({path.parent.parent for path in paths})
        folders = [folder for folder in above if (folder / PREPARED_FILE).exists()]
    missing = [path for path in paths if not path.exists()]
    if missing:
        listed = ", ".join(str(path) for path in missing[:10])
        raise BadShards(
            f"{len(missing)} of {len(paths)} shards are missing: {listed}"
            f"{', ...' if len(missing) > 10 else ''}; copy them there, or run the same "
            "`unswap prepare` again with --resume"
        )
    return paths, folders


def _bad(path: Path, offset: int, why: str) -> BadShards:
    return BadShards(f"{path}: the crop at byte {offset}: {why}; {REMEDY}")
