"""Which other person's face is laid over one: the nearest in pose of some drawn at random."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..shards.layout import BLOCK, BadShards, read_header, shard_path
from ..shards.reader import REMEDY, PreparedCrops
from ..types import Int64
from .between_people import nearest, relative_points

_READ_AHEAD = 2048  # a description with its header is shorter, unless it carries dense points


class Donors:
    """The faces that may be laid over others: their points, and whose they are.

    Args:
        crops: the prepared crops.
        rows: of the index, of the faces that may give.
        candidates: drawn at random for every face; the nearest in pose of them is taken, as in
            Face X-ray.

    Raises:
        ValueError: all faces are of one person.
        BadShards: a description can't be read.
    """

    def __init__(self, crops: PreparedCrops, rows: Int64, *, candidates: int = 100) -> None:
        if candidates < 1:
            raise ValueError(f"expected at least 1 candidate, got {candidates}")
        self.rows, self.candidates = np.asarray(rows), candidates
        people = people_of(crops)
        self.person = people[crops.video[self.rows]]
        if len(np.unique(self.person)) < 2:
            raise ValueError(
                f"{crops.folder}: {len(self.rows)} genuine crops of one person: a pseudo-fake of two "
                "people needs another; choose more videos, or make 'sbi' only"
            )
        told = list(read_descriptions(crops, self.rows))
        self.points = relative_points(
            np.array([d["landmarks_xy"] for d in told], dtype=np.float32),
            np.array([d["box_xyxy"] for d in told], dtype=np.float32),
        )

    def choose(self, item: int, rng: np.random.Generator) -> int:
        """The row of the index of a face for face number `item`, another person's."""
        drawn = rng.integers(len(self.rows), size=self.candidates)
        allowed = self.person[drawn] != self.person[item]
        if not allowed.any():  # one person has nearly all crops: look at every one
            drawn, allowed = np.arange(len(self.rows)), self.person != self.person[item]
        return int(self.rows[drawn[nearest(self.points[item], self.points[drawn], allowed)]])


def people_of(crops: PreparedCrops) -> Int64:
    """A number for each row of `crops.videos`; the same for videos of the same person.

    By `target_id`; where that is not known by `group`, then by the video itself.
    """
    names: list[str] = []
    table = crops.videos
    for row in range(table.num_rows):
        for column in ("target_id", "group", "video_id"):
            value = table.column(column)[row].as_py() if column in table.column_names else None
            if value is not None:
                names.append(f"{column}/{value}")
                break
    return np.unique(np.array(names, dtype=str), return_inverse=True)[1].astype(np.int64)


def read_descriptions(
    crops: PreparedCrops, rows: Sequence[int] | Int64
) -> Iterator[dict[str, Any]]:
    """What is known of each of these crops, without its picture.

    Raises:
        BadShards: a shard can't be read, or these bytes are no description.
    """
    file, of_shard = -1, -1
    try:
        for row in np.asarray(rows).tolist():
            shard, offset = int(crops.shard[row]), int(crops.offset[row])
            path = shard_path(crops.folder, shard)
            try:
                if shard != of_shard:
                    if file >= 0:
                        os.close(file)
                        file = -1
                    file, of_shard = os.open(path, os.O_RDONLY), shard
                data = os.pread(file, _READ_AHEAD, offset)
                size = read_header(data[:BLOCK])[1]
                if BLOCK + size > len(data):
                    data = os.pread(file, BLOCK + size, offset)
                yield json.loads(data[BLOCK : BLOCK + size])
            except (OSError, ValueError) as error:
                raise BadShards(
                    f"{path}: the description at byte {offset} can't be read ({error}); {REMEDY}"
                ) from None
    finally:
        if file >= 0:
            os.close(file)
