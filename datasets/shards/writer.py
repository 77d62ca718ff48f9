"""Writing one shard so that a kill at any moment loses at most the video that was worked on."""

import os
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ..journal import Journal
from ..manifests import Video
from .layout import (
    END_OF_TAR,
    INDEX_SCHEMA,
    VIDEO_COLUMNS,
    VIDEO_SCHEMA,
    Prepared,
    index_part,
    pack_sample,
    sample_key,
    shard_path,
    videos_part,
)
from .preparing import PreparedVideo, WideCrop


class ShardWriter:
    """Appends videos to a shard, in the manifest's order.

    The tar is on the disk before the journal says that a video is finished; what lies behind that
    is cut off when the writing is taken up again. So the bytes do not depend on how often it was.

    Args:
        folder: CROPS.
        shard: which.
        prepared: what was asked for.

    Raises:
        JournalMismatch: another process writes this shard, or the journal is another run's.
        OSError: it can't be written.
    """

    def __init__(self, folder: Path, shard: int, prepared: Prepared) -> None:
        self.folder, self.shard = folder, shard
        self._final = shard_path(folder, shard)
        self._draft = self._final.with_suffix(".tar.partial")
        settings = {"shard": shard, "prepared": prepared.to_json()}
        journal_file = self._final.with_suffix(".journal")
        self._journal = Journal(journal_file, settings, resume=True)
        self.records: dict[int, dict[str, Any]] = {}
        self._rows: list[dict[str, Any]] = []
        self._begun: Counter[tuple[int, str]] = Counter()
        try:
            self._take_up()
            if self._draft_size() < self._end:  # lost with a disk's cache; the journal is too far
                self._journal.discard()
                self._journal = Journal(journal_file, settings, resume=True)
                self._take_up()
            self._file = open(self._draft, "ab", buffering=0)  # noqa: SIM115 (closed by `close`)
            self._file.truncate(self._end)
        except BaseException:
            self._journal.close()
            raise

    def _take_up(self) -> None:
        self.records, self._rows, self._begun, self._end = {}, [], Counter(), 0
        for line in self._journal.records():
            if "run" in line:
                self._begun[line["video"], line["run"]] += 1
            else:
                self.records[line["video"]] = line["record"]
                self._rows += line["rows"]
                self._end = line["end"]

    def _draft_size(self) -> int:
        return self._draft.stat().st_size if self._draft.exists() else 0

    def begin(self, video: int, run: str) -> int:
        """Notes that work on a video begins; returns how often this run had begun it before.

        More than once means that a process died over it.
        """
        before = self._begun[video, run]
        self._begun[video, run] += 1
        self._journal.add({"video": video, "run": run})
        return before

    def add(self, video: int, row: Video, result: PreparedVideo) -> dict[str, Any]:
        """A finished video; returns its record when it is on the disk.

        Raises:
            OSError: the disk is full, or the like; the shard stays as it was before.
        """
        end, rows = self._end, []
        try:
            for crop in result.crops:
                key = sample_key(video, crop.track, crop.clip, crop.position)
                data = pack_sample(key, _description(row, crop), crop.png)
                self._write(data)
                place = {"shard": self.shard, "offset": end, "length": len(data)}
                check = {"crc32": zlib.crc32(data), "video": video, "video_id": row.video_id}
                rows.append({**place, **check, **_measures(crop)})
                end += len(data)
            os.fsync(self._file.fileno())
            record = _record(video, self.shard, result)
            self._journal.add({"video": video, "record": record, "rows": rows, "end": end})
        except OSError:
            self._file.truncate(self._end)
            raise
        self._end = end
        self._rows += rows
        self.records[video] = record
        return record

    def finish(self) -> None:
        """All videos are there: the shard gets its name and its two tables, and the journal goes."""
        try:
            self._write(END_OF_TAR)
            os.fsync(self._file.fileno())
            index = pa.Table.from_pylist(self._rows, schema=INDEX_SCHEMA)
            write_table(index, index_part(self.folder, self.shard))
            records = [self.records[v] for v in sorted(self.records)]
            table = pa.Table.from_pylist(records, schema=VIDEO_SCHEMA)
            write_table(table, videos_part(self.folder, self.shard))
        except OSError:
            self._file.truncate(self._end)
            raise
        self._file.close()
        os.replace(self._draft, self._final)
        self._journal.discard()

    def close(self) -> None:
        """Ends the writing; the files stay, to be taken up again."""
        self._file.close()
        self._journal.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:  # a disk that fills up takes a part, and refuses the next
            rest = rest[self._file.write(rest) or 0 :]


def write_table(table: pa.Table, path: Path) -> None:
    """A Parquet file in one step; the same rows give the same bytes.

    What a kill leaves of a draft is written over by the next try, so its name is always the same.
    """
    draft = path.with_name(f".{path.name}")
    try:
        parquet.write_table(table, draft)
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _description(row: Video, crop: WideCrop) -> dict[str, Any]:
    return {
        "video_id": row.video_id,
        "label": row.label,
        "method": row.method,
        "track": crop.track,
        "clip": crop.clip,
        "position": crop.position,
        "frame": crop.frame,
        "pts_seconds": round(crop.pts_seconds, 6),
        "box_xyxy": crop.box_xyxy.tolist(),  # exact: it says which pixels a crop holds
        "landmarks_xy": [[round(v, 4) for v in point] for point in crop.landmarks_xy.tolist()],
        "origin_xy": list(crop.origin_xy),
        "scale": crop.scale,
        "face_size": round(crop.face_size, 3),
        "confidence": round(crop.confidence, 4),
        "sharpness": round(crop.sharpness, 2),
    }


def _measures(crop: WideCrop) -> dict[str, Any]:
    return {
        "track": crop.track,
        "clip": crop.clip,
        "position": crop.position,
        "frame": crop.frame,
        "pts_seconds": round(crop.pts_seconds, 6),
        "side": crop.side,
        "scale": crop.scale,
        "face_size": round(crop.face_size, 3),
        "confidence": round(crop.confidence, 4),
        "sharpness": round(crop.sharpness, 2),
    }


def _record(video: int, shard: int, result: PreparedVideo) -> dict[str, Any]:
    record = {
        "video": video,
        "status": result.status,
        "reason": result.reason,
        "num_crops": len(result.crops),
        "num_tracks": len({c.track for c in result.crops}),
        "shard": shard,
    }
    info = result.info
    for name, _ in VIDEO_COLUMNS:
        if name not in record:
            record[name] = None if info is None else getattr(info, name)
    return record
