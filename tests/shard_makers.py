"""Valid folders of prepared crops, made of drawn pictures, without decoding or finding faces."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from unswap.datasets.crops import CANONICAL_POINTS, cut_wide
from unswap.datasets.manifests import SCHEMA
from unswap.datasets.shards.layout import (
    END_OF_TAR,
    INDEX_FILE,
    INDEX_SCHEMA,
    PREPARED_FILE,
    VIDEO_COLUMNS,
    VIDEOS_FILE,
    Prepared,
    PrepareSpec,
    pack_sample,
    sample_key,
    shard_path,
)
from unswap.datasets.types import Face, SamplingSpec

Picture = NDArray[np.uint8]


@dataclass
class Shown:
    """One video to be put into a folder. `clips`: by track, for each clip its frames."""

    name: str
    label: int = 0
    method: str | None = None
    status: str = "prepared"
    clips: list[list[list[int]]] = field(default_factory=lambda: [[[0], [7]]])
    columns: dict[str, Any] = field(default_factory=dict)


def scene(video: int, frame: int, size: int = 240) -> Picture:
    """A full frame, (size, size * 4 / 3, 3); no two videos or frames show the same."""
    rng = np.random.default_rng([video, frame])
    small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = cv2.resize(small, (size * 4 // 3, size), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(-12, 13, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


def face_in(video: int, frame: int, track: int = 0) -> Face:
    """Where the face is in `scene`: values that a description's four decimals hold exactly."""
    rng = np.random.default_rng([video, frame, track])
    x, y = rng.integers(80, 140), rng.integers(70, 110)
    width, height = rng.integers(45, 55), rng.integers(55, 70)
    box = np.array([x, y, x + width, y + height], dtype=np.float32) + np.float32(0.25)
    points = CANONICAL_POINTS * height + box[:2] - [(height - width) / 2, 0]
    return Face(box, (np.round(points * 16) / 16).astype(np.float32), 0.99)


def build(
    folder: Path,
    videos: Sequence[Shown],
    *,
    spec: PrepareSpec | None = None,
    per_shard: int = 2,
) -> Path:
    """Writes CROPS for these videos; their shards, index and tables are as the format says."""
    spec = spec or PrepareSpec(SamplingSpec(2))
    prepared = Prepared("0" * 64, len(videos), per_shard, spec, "drawn", "0")
    (folder / "shards").mkdir(parents=True)
    (folder / PREPARED_FILE).write_text(prepared.to_json())
    rows: list[dict[str, Any]] = []
    for shard in range(prepared.num_shards):
        data = b""
        for video in prepared.rows_of(shard):
            for row, sample in _samples(video, videos[video], spec):
                place = {"shard": shard, "offset": len(data), "length": len(sample)}
                rows.append({**row, **place, "crc32": zlib.crc32(sample)})
                data += sample
        shard_path(folder, shard).write_bytes(data + END_OF_TAR)
    parquet.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), folder / INDEX_FILE)
    records = [_record(k, v, rows, per_shard) for k, v in enumerate(videos)]
    schema = pa.schema([*SCHEMA, *VIDEO_COLUMNS])
    parquet.write_table(pa.Table.from_pylist(records, schema=schema), folder / VIDEOS_FILE)
    return folder


def _samples(video: int, shown: Shown, spec: PrepareSpec) -> list[tuple[dict[str, Any], bytes]]:
    made = []
    for track, clips in enumerate(shown.clips if shown.status == "prepared" else []):
        for clip, frames in enumerate(clips):
            for position, frame in enumerate(frames):
                face = face_in(video, frame, track)
                image, origin, scale = cut_wide(
                    scene(video, frame), face.box_xyxy, spec.margin, spec.max_size
                )
                corner = np.array(origin, dtype=np.float64)
                box = (face.box_xyxy - np.tile(corner, 2)) * scale
                told = {
                    "video_id": shown.name,
                    "track": track,
                    "clip": clip,
                    "position": position,
                    "frame": frame,
                    "pts_seconds": frame / 25,
                    "scale": scale,
                    "face_size": face.size,
                    "confidence": face.confidence,
                    "sharpness": 10.0,
                }
                description = {
                    **told,
                    "label": shown.label,
                    "method": shown.method,
                    "box_xyxy": np.round(box, 4).tolist(),
                    "landmarks_xy": np.round((face.landmarks_xy - corner) * scale, 4).tolist(),
                    "origin_xy": list(origin),
                }
                png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
                sample = pack_sample(sample_key(video, track, clip, position), description, png)
                made.append(({**told, "video": video, "side": len(image)}, sample))
    return made


def _record(video: int, shown: Shown, rows: list[dict[str, Any]], per_shard: int) -> dict[str, Any]:
    return {
        "video_id": shown.name,
        "path": f"{video}.mp4",
        "label": shown.label,
        "method": shown.method,
        **shown.columns,
        "status": shown.status,
        "num_crops": sum(row["video"] == video for row in rows),
        "num_tracks": len(shown.clips),
        "shard": video // per_shard,
    }
