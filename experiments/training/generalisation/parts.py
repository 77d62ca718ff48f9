"""Parts of prepared crops: who trains, who is left out; a folder of its own for each, without copies."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ....datasets.shards.layout import INDEX_FILE, PREPARED_FILE, VIDEOS_FILE
from ....datasets.shards.reader import PreparedCrops

Row = dict[str, Any]


def is_portrait(row: Row) -> bool:
    """Whether a clip shows a still set in motion; the others were filmed."""
    return str(row["group"]).startswith("p")


def is_held_out(person: str, every: int) -> bool:
    """One person of `every`, by the hash of the name; nobody who was filmed.

    >>> [p for p in ("p001", "p002", "p003", "franck") if is_held_out(p, 3)]
    ['p001', 'p003']
    """
    digest = hashlib.sha256(person.encode()).digest()
    return person.startswith("p") and int.from_bytes(digest[:4], "big") % every == 0


def trains(row: Row, every: int) -> bool:
    """Whether nobody in the clip is held out, neither whose video it is nor whose face."""
    people = [row["target_id"], row["source_id"]]
    return not any(is_held_out(str(p), every) for p in people if p is not None)


def make_part(crops: Path, out: Path, keep: Callable[[Row], bool], clip_step: int = 1) -> Path:
    """A folder with some of the crops' videos, its shards those of the whole.

    Args:
        crops: as `unswap prepare` left it.
        out: the new folder; one that is there already is made anew.
        keep: by a row of the videos' table: whether its crops are kept.
        clip_step: of a kept video's clips, every so many-th, from the first on.

    Returns:
        `out`.

    Raises:
        BadShards: `crops` is damaged. ValueError: nothing is kept.
    """
    store = PreparedCrops(crops)
    chosen = np.array([keep(row) for row in store.videos.to_pylist()], dtype=bool)
    kept = chosen[store.video] & (store.clip % clip_step == 0)
    if not kept.any():
        raise ValueError(f"{crops}: none of its {len(chosen)} videos belongs into {out.name}")
    out.mkdir(parents=True, exist_ok=True)
    _write(parquet.read_table(crops / INDEX_FILE).filter(pa.array(kept)), out / INDEX_FILE)
    counts = np.bincount(store.video[kept], minlength=len(chosen))
    place = store.videos.schema.get_field_index("num_crops")
    column = pa.array(counts, type=store.videos.schema.field(place).type)
    _write(store.videos.set_column(place, "num_crops", column), out / VIDEOS_FILE)
    (out / PREPARED_FILE).write_bytes((crops / PREPARED_FILE).read_bytes())
    shards = out / "shards"
    if shards.is_symlink():
        shards.unlink()
    shards.symlink_to((crops / "shards").absolute(), target_is_directory=True)
    return out


def _write(table: pa.Table, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    parquet.write_table(table, part)
    os.replace(part, path)
