"""Prepared crops, opened for reading: any crop by its row of the index."""

import os
import zlib
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ..registry import unknown_name
from ..types import Int64, Uint8
from .layout import (
    INDEX_FILE,
    INDEX_SCHEMA,
    PREPARED_FILE,
    PREPARED_KEY,
    VIDEOS_FILE,
    BadShards,
    Prepared,
    shard_path,
    unpack_sample,
)

_PLACE = ("shard", "offset", "length", "crc32", "video", "track", "clip", "position", "frame")
_DTYPES = {f.name: np.dtype(f.type.to_pandas_dtype()) for f in INDEX_SCHEMA if f.name != "video_id"}
_RGB = getattr(cv2, "IMREAD_COLOR_RGB", None)  # from OpenCV 4.11 on
REMEDY = "delete this shard's file and run the same `unswap prepare` again with --resume"


class PreparedCrops:
    """The crops in a folder. Opening it reads the index, and looks at every shard's size.

    `videos`: the manifest's rows with what became of each, an Arrow table. `shard`, `offset`,
    `length`, `crc32`, `video`, `track`, `clip`, `position`, `frame`: (N,) arrays, one value a crop,
    of the types in `layout.INDEX_SCHEMA`; further columns are read by `column` when asked for.

    It can be pickled, and used after a fork: each process opens shards for itself. One thread at a
    time may read.

    Args:
        folder: CROPS, as `unswap prepare` leaves it.
        max_open: shards that are held open at once.

    Raises:
        BadShards: a file is missing, damaged, or belongs to other crops.
    """

    def __init__(self, folder: Path | str, *, max_open: int = 64) -> None:
        if max_open < 1:
            raise ValueError(f"expected max_open of at least 1, got {max_open}")
        self.folder = Path(folder)
        self.max_open = max_open
        self.prepared = read_prepared(self.folder)
        self.videos = _read_videos(self.folder, self.prepared)
        columns = _read_columns(self.folder / INDEX_FILE, _PLACE)
        self._check_owner()
        self.shard = columns["shard"]
        self.offset = columns["offset"]
        self.length = columns["length"]
        self.crc32 = columns["crc32"]
        self.video = columns["video"]
        self.track = columns["track"]
        self.clip = columns["clip"]
        self.position = columns["position"]
        self.frame = columns["frame"]
        self._files: OrderedDict[int, int] = OrderedDict()
        self._pid = os.getpid()
        self.verify()

    def __len__(self) -> int:
        return len(self.video)

    def _check_owner(self) -> None:
        """The index repeats what prepared.json says: another run's index would mix crops up."""
        path = self.folder / INDEX_FILE
        told = (parquet.read_schema(path).metadata or {}).get(PREPARED_KEY.encode())
        if told is not None and Prepared.from_json(told.decode(), path) != self.prepared:
            raise BadShards(
                f"{path}: it is the index of other crops than {PREPARED_FILE} tells of; run the same "
                "`unswap prepare` again with --resume"
            )

    def column(self, name: str) -> NDArray[Any]:
        """One column of the index, (N,); a new array at each call.

        Raises:
            KeyError: there is no such column (or `video_id`, which `video` and `videos` give).
        """
        if name not in _DTYPES:
            raise KeyError(unknown_name("column of the index", name, _DTYPES))
        return _read_columns(self.folder / INDEX_FILE, (name,))[name]

    def video_id(self, video: int) -> str:
        """The id of the video in this row of `videos`."""
        return str(self.videos.column("video_id")[int(video)].as_py())

    @cached_property
    def run_starts(self) -> Int64:
        """Rows where a run of consecutive frames of one clip begins, (R,), rising."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        new = self.position[1:] != self.position[:-1] + 1
        for values in (self.video, self.track, self.clip):
            new |= values[1:] != values[:-1]
        return np.concatenate([[0], np.flatnonzero(new) + 1]).astype(np.int64)

    def read_sample(self, row: int) -> tuple[dict[str, Any], Uint8]:
        """One crop.

        Args:
            row: of the index.

        Returns:
            Its description (see `layout`), and the picture, (side, side, 3) uint8 RGB.

        Raises:
            BadShards: these bytes are not what was written; nothing is put in their place.
            IndexError: no such row.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}, got {row}")
        shard, offset, length = int(self.shard[row]), int(self.offset[row]), int(self.length[row])
        try:
            data = os.pread(self._open(shard), length, offset)
        except OSError as error:
            raise self._bad(row, f"it can't be read ({error.strerror})") from None
        if len(data) != length:
            raise self._bad(row, f"expected {length} bytes, got {len(data)}: the file is cut off")
        if zlib.crc32(data) != int(self.crc32[row]):
            raise self._bad(row, "its bytes are not those that were written (checksum)")
        try:
            _, description, png = unpack_sample(data)
            image = decode_png(png)
        except ValueError as error:
            raise self._bad(row, str(error)) from None
        return description, image

    def verify(self, *, deep: bool = False) -> None:
        """Checks that index, videos and shards belong together.

        Args:
            deep: read and decode every crop as well, which takes as long as it does.

        Raises:
            BadShards: they don't; missing shards are all listed.
        """
        index = self.folder / INDEX_FILE
        _check_range(index, "video", self.video, self.prepared.num_videos)
        _check_range(index, "shard", self.shard, self.prepared.num_shards)
        counted = np.bincount(self.video, minlength=self.prepared.num_videos)
        told = np.asarray(self.videos.column("num_crops").fill_null(0).to_numpy())
        if (counted != told).any():
            row = int(np.flatnonzero(counted != told)[0])
            raise BadShards(
                f"{index}: it has {counted[row]} crops of {self.video_id(row)!r}, {VIDEOS_FILE} says "
                f"{told[row]}: they are of different runs; run the same `unswap prepare` again "
                "with --resume"
            )
        self._check_sizes()
        if deep:
            for row in range(len(self)):
                self.read_sample(row)

    def _check_sizes(self) -> None:
        ends = np.zeros(self.prepared.num_shards, dtype=np.int64)
        np.maximum.at(ends, self.shard, self.offset + self.length)
        missing = []
        for shard in np.flatnonzero(ends).tolist():
            path = shard_path(self.folder, shard)
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                missing.append(path.name)
                continue
            if size < ends[shard]:
                raise BadShards(
                    f"{path}: expected at least {ends[shard]} bytes, got {size}: the file is cut "
                    f"off; {REMEDY}"
                )
        if missing:
            listed = ", ".join(missing[:20]) + (", ..." if len(missing) > 20 else "")
            raise BadShards(
                f"{self.folder / 'shards'}: {len(missing)} of {np.count_nonzero(ends)} shards are "
                f"missing: {listed}; copy them here, or run the same `unswap prepare` again with "
                "--resume"
            )

    def _open(self, shard: int) -> int:
        if self._pid != os.getpid():  # after a fork: the parent goes on using its own
            self._files, self._pid = OrderedDict(), os.getpid()
        if shard in self._files:
            self._files.move_to_end(shard)
            return self._files[shard]
        file = os.open(shard_path(self.folder, shard), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._files[shard] = file
        if len(self._files) > self.max_open:
            os.close(self._files.popitem(last=False)[1])
        return file

    def close(self) -> None:
        """Closes the shards that this process holds open; reading opens them again."""
        if self._pid == os.getpid():
            while self._files:
                os.close(self._files.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_pid"):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k != "run_starts"}  # large, made again
        return {**state, "_files": OrderedDict(), "_pid": -1}

    def _bad(self, row: int, why: str) -> BadShards:
        path = shard_path(self.folder, int(self.shard[row]))
        name = self.video_id(int(self.video[row]))
        return BadShards(
            f"{path}: the crop of {name!r} at byte {self.offset[row]}: {why}; {REMEDY}"
        )


def read_prepared(folder: Path) -> Prepared:
    """What was asked for when these crops were made. Raises BadShards."""
    path = folder / PREPARED_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadShards(
            f"{path}: no such file; give the folder that `unswap prepare` wrote"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadShards(f"{path}: it can't be read ({error})") from None
    return Prepared.from_json(text, path)


def read_checksums(shard: Path) -> dict[int, int] | None:
    """The CRC-32 of each sample of a finished shard, by its offset; None where no table tells.

    Raises:
        BadShards: the table beside the shard is damaged.
    """
    path = shard.with_suffix(".index.parquet")
    if not path.exists():
        return None
    columns = _read_columns(path, ("offset", "crc32"))
    return dict(zip(columns["offset"].tolist(), columns["crc32"].tolist(), strict=True))


def decode_png(png: bytes | memoryview) -> Uint8:
    """A stored picture, (side, side, 3) uint8 RGB. Raises ValueError."""
    data = np.frombuffer(png, dtype=np.uint8)
    if not data.size:
        raise ValueError("the PNG is empty")
    if _RGB is not None:
        image = cv2.imdecode(data, _RGB)
    else:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        image = None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if image is None:
        raise ValueError("the PNG can't be decoded")
    if image.shape[0] != image.shape[1]:
        raise ValueError(f"expected a square picture, got {image.shape[1]} x {image.shape[0]}")
    return np.asarray(image, dtype=np.uint8)


def _read_videos(folder: Path, prepared: Prepared) -> pa.Table:
    path = folder / VIDEOS_FILE
    try:
        table = _parquet(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise BadShards(f"{path}: it can't be read ({error}); prepare again") from None
    if table.num_rows != prepared.num_videos:
        raise BadShards(
            f"{path}: expected {prepared.num_videos} videos as in {PREPARED_FILE}, got "
            f"{table.num_rows}; copy the whole folder, or prepare again"
        )
    missing = {"video_id", "label", "status", "num_crops"} - set(table.column_names)
    if missing:
        raise BadShards(f"{path}: no column {', '.join(sorted(missing))}; prepare again")
    return table


def _read_columns(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Columns of the index, a row group at a time, so that no second copy is held of all of it."""
    file = _parquet(path)
    missing = set(names) - set(file.schema_arrow.names)
    if missing:
        raise BadShards(f"{path}: no column {', '.join(sorted(missing))}; prepare again")
    columns = {n: np.empty(file.metadata.num_rows, dtype=_DTYPES[n]) for n in names}
    start = 0
    try:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(names))
            for name, column in columns.items():
                if table.column(name).null_count:
                    raise BadShards(f"{path}: {name} has empty values; prepare again")
                column[start : start + table.num_rows] = table.column(name).to_numpy()
            start += table.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise BadShards(f"{path}: it can't be read ({error}); prepare again") from None
    return columns


def _parquet(path: Path) -> Any:
    try:
        return parquet.ParquetFile(path)
    except FileNotFoundError:
        raise BadShards(
            f"{path}: no such file; when `unswap prepare` was stopped, run it again with --resume"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise BadShards(f"{path}: not a readable Parquet file ({error}); prepare again") from None


def _check_range(path: Path, name: str, values: NDArray[Any], count: int) -> None:
    if len(values) and not (int(values.min()) >= 0 and int(values.max()) < count):
        raise BadShards(
            f"{path}: expected {name} from 0 to {count - 1}, got {values.min()} to {values.max()}; "
            "the index is of other crops; prepare again"
        )
