"""Finished shards: whether one is whole, and what became of its videos."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
from pyarrow import parquet

from .layout import END_OF_TAR, VIDEO_SCHEMA, Prepared, index_part, shard_path, videos_part


def finished_records(folder: Path, shard: int, prepared: Prepared) -> list[dict[str, Any]] | None:
    """What became of a finished shard's videos; None where it is not finished, or not whole.

    It is whole when its two tables can be read, are of its videos, agree on the number of crops,
    and the tar is as long as they say. The crops themselves are not read: a loader does that.

    Args:
        folder: CROPS.
        shard: which.
        prepared: what was asked for.

    Returns:
        A record (`layout.VIDEO_SCHEMA`) for each of its videos, in the manifest's order.

    Raises:
        OSError: a file is there and can't be read.
    """
    try:
        size = shard_path(folder, shard).stat().st_size
        index = parquet.read_table(index_part(folder, shard), columns=["offset", "length", "video"])
        records = parquet.read_table(videos_part(folder, shard)).cast(VIDEO_SCHEMA).to_pylist()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno is not None:
            raise
        return None  # so pyarrow speaks of some kinds of damage
    except (pa.ArrowException, ValueError, KeyError):
        return None
    if [r["video"] for r in records] != list(prepared.rows_of(shard)):
        return None
    counted = dict.fromkeys(prepared.rows_of(shard), 0)
    for video in index.column("video").to_pylist():
        counted[video] = counted.get(video, 0) + 1
    if counted != {r["video"]: r["num_crops"] for r in records}:
        return None
    ends = pa.compute.add(index.column("offset"), index.column("length")).to_pylist()
    return list(records) if size == max(ends, default=0) + len(END_OF_TAR) else None
