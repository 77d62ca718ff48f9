"""A segment: an immutable folder with the fingerprints of some videos. It appears whole or not at all.

segment.json    counts, each file's length and checksum, which segments it replaces
videos.parquet  one row a video
codes.u8        (n, CODE_BYTES) uint8, all videos' points one after the other
places.u32      (n,) x, y (9 bits each), size (8 bits, logarithmic)
frames.u16      (n,) which key frame of its video
lists.faiss     inverted lists of each key frame's strongest; ids are (video, second, size)
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ...datasets.types import Float32, Float64, Int64, Uint8
from .fingerprint import CODE_BYTES, LISTED_POINTS
from .lists import Lists, write_lists
from .types import BadIndex, Fingerprint, Points, Template

MAKING = ".making-"  # what a folder is called until it is whole
MAX_SECONDS = (1 << 16) - 1  # of one video; more than 18 hours
_FILES = ("videos.parquet", "codes.u8", "places.u32", "frames.u16", "lists.faiss")
_CHECKED = 1 << 18  # bytes at a file's beginning and end that its checksum covers
_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("duration_seconds", pa.float64()),
        ("fps", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("num_frames", pa.int64()),
        ("num_keyframes", pa.int32()),
        ("num_points", pa.int64()),
        ("first_point", pa.int64()),
        ("keyframe_width", pa.int32()),
        ("keyframe_height", pa.int32()),
        ("keyframe_seconds", pa.list_(pa.float32())),
    ]
)


@dataclass(frozen=True)
class Packed:
    """Many videos' points, as a segment stores them. Arrays as in the module's description."""

    videos: pa.Table
    codes: Uint8
    places: np.ndarray[Any, np.dtype[np.uint32]]
    frames: np.ndarray[Any, np.dtype[np.uint16]]

    def listed(self) -> tuple[Uint8, Int64]:
        """What goes into the inverted lists: codes, and ids video << 24 | second << 8 | size."""
        counts = self.videos["num_points"].to_numpy()
        video = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        first_frame = np.cumsum(np.r_[0, self.videos["num_keyframes"].to_numpy()])[:-1]
        seconds = self.videos["keyframe_seconds"].combine_chunks().flatten().to_numpy()
        keyframe = first_frame[video] + self.frames
        second = seconds[keyframe].astype(np.int64)
        ids = video << 24 | second << 8 | (self.places >> 18).astype(np.int64)
        # points of a key frame stand strongest first
        strong = np.arange(len(ids)) - np.searchsorted(keyframe, keyframe) < LISTED_POINTS
        return self.codes[strong], ids[strong]


def unpack_ids(ids: Int64) -> tuple[Int64, Int64, Float64]:
    """Ids as (video, second, log2 of the size in pixels)."""
    return ids >> 24, ids >> 8 & 0xFFFF, (ids & 0xFF) / 32


def pack(made: Sequence[tuple[Template, Fingerprint]]) -> Packed:
    """Fingerprints of videos, ready to be written. At least one."""
    points = [f.points for _, f in made]
    size = np.clip(np.rint(np.log2(np.concatenate([p.size for p in points]).clip(1)) * 32), 0, 255)
    xy = np.clip(np.rint(np.concatenate([p.xy for p in points])), 0, 511).astype(np.uint32)
    first = np.cumsum([0] + [len(p) for p in points])
    rows = [
        {
            **template.to_dict(),
            "first_point": int(start),
            "keyframe_width": printed.width,
            "keyframe_height": printed.height,
            "keyframe_seconds": printed.seconds.tolist(),
        }
        for (template, printed), start in zip(made, first[:-1], strict=True)
    ]
    return Packed(
        pa.Table.from_pylist(rows, schema=_SCHEMA),
        np.concatenate([p.codes for p in points]),
        np.asarray(size.astype(np.uint32) << 18 | xy[:, 1] << 9 | xy[:, 0], dtype=np.uint32),
        np.concatenate([p.frame for p in points]).astype(np.uint16),
    )


def join(segments: Sequence[Segment]) -> Packed:
    """All videos of several segments, in their order."""
    tables, start = [], 0
    for segment in segments:
        table = segment.videos
        place = table.schema.get_field_index("first_point")
        shifted = pa.array(table["first_point"].to_numpy() + start)
        tables.append(table.set_column(place, _SCHEMA.field(place), shifted))
        start += segment.num_points
    return Packed(
        pa.concat_tables(tables).combine_chunks(),
        np.concatenate([s.codes for s in segments]),
        np.concatenate([s.places for s in segments]),
        np.concatenate([s.frames for s in segments]),
    )


def write_segment(folder: Path, number: int, packed: Packed, replaces: Iterable[str] = ()) -> str:
    """Writes a segment below `folder`; returns its name.

    All is written to a folder of another name and brought to the disk before it is renamed, so a
    kill or a power cut at any moment leaves the index as it was, or with the whole segment.

    Raises:
        OSError: no room, no permission.
    """
    making = folder / f"{MAKING}{uuid.uuid4().hex}"
    making.mkdir()
    try:
        parquet.write_table(packed.videos, making / "videos.parquet")
        packed.codes.tofile(making / "codes.u8")
        packed.places.tofile(making / "places.u32")
        packed.frames.tofile(making / "frames.u16")
        codes, ids = packed.listed()
        write_lists(making / "lists.faiss", codes, ids)
        record = {
            "num_videos": packed.videos.num_rows,
            "num_points": len(packed.codes),
            "num_listed": len(codes),
            "replaces": sorted(replaces),
            "files": {name: _seal(making / name) for name in _FILES},
        }
        (making / "segment.json").write_text(json.dumps(record, indent=1))
        for path in [*making.iterdir(), making]:
            _to_disk(path)
        name = f"{number:08d}"
        making.rename(folder / name)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    _to_disk(folder)
    return name


class Segment:
    """A segment on disk; its arrays are mapped into memory, not read."""

    def __init__(self, path: Path) -> None:
        """Checks the files against `segment.json`.

        Raises:
            BadIndex: a file is missing or is not what was written.
        """
        self.path = path
        try:
            record = json.loads((path / "segment.json").read_text())
            self.num_videos: int = int(record["num_videos"])
            self.num_points: int = int(record["num_points"])
            self._num_listed = int(record["num_listed"])
            self.replaces: frozenset[str] = frozenset(record["replaces"])
            self._files: dict[str, list[int]] = {n: record["files"][n] for n in _FILES}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path / "segment.json", str(error)) from error
        for name, sealed in self._files.items():
            try:
                found = _seal(path / name)
            except OSError as error:
                raise _damaged(path / name, error.strerror or str(error)) from error
            if found != sealed:
                raise _damaged(path / name, "it is not what was written")

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def videos(self) -> pa.Table:
        """One row a video."""
        try:
            table = parquet.read_table(self.path / "videos.parquet")
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path / "videos.parquet", str(error)) from error
        if table.num_rows != self.num_videos or table.schema.names != _SCHEMA.names:
            raise _damaged(self.path / "videos.parquet", "it is not what was written")
        return table

    @cached_property
    def codes(self) -> Uint8:
        codes: Uint8 = self._map("codes.u8", np.uint8).reshape(-1, CODE_BYTES)
        return codes

    @cached_property
    def places(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        places: np.ndarray[Any, np.dtype[np.uint32]] = self._map("places.u32", np.uint32)
        return places

    @cached_property
    def frames(self) -> np.ndarray[Any, np.dtype[np.uint16]]:
        frames: np.ndarray[Any, np.dtype[np.uint16]] = self._map("frames.u16", np.uint16)
        return frames

    @cached_property
    def lists(self) -> Lists:
        """The inverted lists."""
        try:
            lists = Lists(self.path / "lists.faiss")
        except RuntimeError as error:
            raise _damaged(self.path / "lists.faiss", str(error).splitlines()[-1]) from error
        if len(lists) != self._num_listed:
            raise _damaged(self.path / "lists.faiss", "it is not what was written")
        return lists

    def template(self, row: int) -> Template:
        """What is known of a video."""
        values = self.videos.slice(row, 1).to_pylist()[0]
        return Template(**{name: values[name] for name in Template.__dataclass_fields__})

    def fingerprint(self, row: int, first: float, last: float) -> Fingerprint:
        """A video's key frames from `first` to `last` seconds; key frames count from the first."""
        values = self.videos.slice(row, 1).to_pylist()[0]
        seconds: Float64 = np.array(values["keyframe_seconds"], dtype=np.float64)
        inside = np.flatnonzero((seconds >= first) & (seconds <= last))
        low, high = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)
        start = values["first_point"]
        frames = self.frames[start : start + values["num_points"]]
        begin, end = (start + int(n) for n in np.searchsorted(frames, [low, high]))
        places = np.asarray(self.places[begin:end])
        xy: Float32 = np.stack([places & 511, places >> 9 & 511], axis=1).astype(np.float32)
        points = Points(
            np.asarray(self.codes[begin:end]),
            xy,
            np.exp2((places >> 18).astype(np.float32) / 32),
            self.frames[begin:end].astype(np.int64) - low,
        )
        size = values["keyframe_width"], values["keyframe_height"]
        return Fingerprint(points, seconds[low:high], *size)

    def _map(self, name: str, kind: Any) -> Any:
        if self.num_points == 0:
            return np.zeros(0, dtype=kind)
        return np.memmap(self.path / name, dtype=kind, mode="r")


def _seal(path: Path) -> list[int]:
    """A file's length, and the CRC-32 of its beginning and end."""
    length = path.stat().st_size
    with path.open("rb") as file:
        crc = zlib.crc32(file.read(_CHECKED))
        if length > _CHECKED:
            file.seek(max(_CHECKED, length - _CHECKED))
            crc = zlib.crc32(file.read(_CHECKED), crc)
    return [length, crc]


def _to_disk(path: Path) -> None:
    """Written through to the disk; a folder where the system allows that."""
    try:
        number = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _damaged(path: Path, reason: str) -> BadIndex:
    return BadIndex(
        f"{path}: damaged ({reason}); delete the folder {path.parent} and add its videos again, "
        "or bring it back from a copy"
    )
