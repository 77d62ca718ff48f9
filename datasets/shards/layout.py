"""How prepared crops lie on disk; written by `writer`, read by `reader`.

    CROPS/prepared.json        what was asked for, and of which manifest (`Prepared`)
    CROPS/videos.parquet       the manifest's rows in order, and what became of each video
    CROPS/index.parquet        one row a crop (`INDEX_SCHEMA`); its metadata repeat prepared.json
    CROPS/shards/000000.tar    the crops: WebDataset samples `KEY.json` and `KEY.png`

A sample is two tar members in a row: its description, then its picture. `offset` and `length` in
the index span both, headers included, so that one read fetches a crop and what is known of it.
Shard k holds the videos k * videos_per_shard and following. While a shard is being written it is
called `000000.tar.partial`, and `000000.journal` tells what of it is finished; once it is, its rows of
the two tables lie beside it as `000000.index.parquet` and `000000.videos.parquet`.
"""

import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ..types import SamplingSpec

FORMAT = 1
BLOCK = 512  # bytes; what tar pads to
END_OF_TAR = bytes(2 * BLOCK)
VIDEOS_FILE, INDEX_FILE, PREPARED_FILE = "videos.parquet", "index.parquet", "prepared.json"

Faces = Literal["largest", "all", "mask", "whole"]
FACES: tuple[Faces, ...] = ("largest", "all", "mask", "whole")

PREPARED_KEY = "unswap.prepared"  # of the index's metadata: what prepared.json says
INDEX_SCHEMA = pa.schema(
    [
        ("shard", pa.int32()),
        ("offset", pa.int64()),  # of the sample, bytes from the shard's beginning
        ("length", pa.int32()),  # of the sample, bytes; a multiple of 512
        ("crc32", pa.uint32()),  # of those bytes
        ("video", pa.int32()),  # row of videos.parquet, from 0
        ("video_id", pa.dictionary(pa.int32(), pa.string())),
        ("track", pa.int16()),
        ("clip", pa.int32()),  # of the track, from 0
        ("position", pa.int16()),  # within the clip, from 0
        ("frame", pa.int32()),  # of the video, in the order shown, from 0
        ("pts_seconds", pa.float64()),
        ("side", pa.int16()),  # of the square crop, pixels
        ("scale", pa.float32()),  # crop pixels per frame pixel; 1 for a crop of native size
        ("face_size", pa.float32()),  # longer side of the face box, pixels of the full frame
        ("confidence", pa.float32()),  # of the face detector, 0 to 1
        ("sharpness", pa.float32()),  # variance of the Laplacian inside the face box, grey levels^2
    ]
)

# What became of a video, beside its manifest's columns.
VIDEO_COLUMNS = [
    ("status", pa.string()),  # prepared, no_face, too_small, no_mask, unreadable, timeout, failed
    ("reason", pa.string()),  # null for prepared, unless something was amiss
    ("num_crops", pa.int32()),
    ("num_tracks", pa.int32()),
    ("shard", pa.int32()),
    ("sha256", pa.string()),
    ("codec", pa.string()),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("fps", pa.float64()),
    ("duration_seconds", pa.float64()),
    ("num_frames", pa.int32()),
    ("bytes", pa.int64()),
]
VIDEO_SCHEMA = pa.schema([("video", pa.int32()), *VIDEO_COLUMNS])  # of a finished shard's table
STATUSES = ("prepared", "no_face", "too_small", "no_mask", "unreadable", "timeout", "failed")

_NUMBERS = re.compile(rb"([0-7]{11})\0.{12}([0-7]{6})\0 0", re.DOTALL)  # size, checksum, a file


@dataclass(frozen=True)
class PrepareSpec:
    """What is cut out of each video.

    `sampling`: which frames, as for scoring. `margin`: the crop's side over the longer side of the
    face box. `max_size`: larger crops are shrunk to this many pixels; smaller ones keep their
    native pixels. `faces`: `largest` (of each video the person who is largest and longest seen),
    `all`, `mask` (the person whom the manipulation's mask covers), `whole` (the pictures are face
    crops already: the whole picture is taken as it is).
    """

    sampling: SamplingSpec = field(default_factory=SamplingSpec)
    margin: float = 2.0
    max_size: int = 512
    faces: Faces = "largest"

    def __post_init__(self) -> None:
        if not 1.0 <= self.margin <= 5:
            raise ValueError(f"expected a margin from 1 to 5, got {self.margin}")
        if not 32 <= self.max_size <= 4096:
            raise ValueError(f"expected a max_size from 32 to 4096 pixels, got {self.max_size}")
        if self.faces not in FACES:
            raise ValueError(f"expected faces {', '.join(FACES)}, got {self.faces!r}")


@dataclass(frozen=True)
class Prepared:
    """The contents of prepared.json: what must agree for crops to lie in one folder.

    `manifest_sha256`: of the manifest's file. `face_detector`: name and version. `version`: of
    unswap.
    """

    manifest_sha256: str
    num_videos: int
    videos_per_shard: int
    spec: PrepareSpec
    face_detector: str
    version: str

    @property
    def num_shards(self) -> int:
        return -(-self.num_videos // self.videos_per_shard)

    def rows_of(self, shard: int) -> range:
        """The manifest rows whose crops lie in this shard."""
        start = shard * self.videos_per_shard
        return range(start, min(start + self.videos_per_shard, self.num_videos))

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, path: Path) -> "Prepared":
        """Raises BadShards where the text is not what `to_json` gives."""
        try:
            data = json.loads(text)
            if data.pop("format") != FORMAT:
                raise BadShards(f"{path}: written by another version of unswap; prepare again")
            spec = data.pop("spec")
            sampling = SamplingSpec(**spec.pop("sampling"))
            return cls(spec=PrepareSpec(sampling=sampling, **spec), **data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadShards(f"{path}: not a description of prepared crops ({error})") from None


class BadShards(Exception):
    """Prepared crops that can't be used; the message names the file, the reason, what to do."""


def shard_path(folder: Path, shard: int) -> Path:
    """`CROPS/shards/000012.tar`."""
    return folder / "shards" / f"{shard:06d}.tar"


def index_part(folder: Path, shard: int) -> Path:
    """A finished shard's rows of the index: `CROPS/shards/000012.index.parquet`."""
    return shard_path(folder, shard).with_suffix(".index.parquet")


def videos_part(folder: Path, shard: int) -> Path:
    """What became of a finished shard's videos: `CROPS/shards/000012.videos.parquet`."""
    return shard_path(folder, shard).with_suffix(".videos.parquet")


def sample_key(video: int, track: int, clip: int, position: int) -> str:
    """A sample's name; they sort as they lie in the shard."""
    return f"{video:08d}-{track:04d}-{clip:05d}-{position:03d}"


def pack_sample(key: str, description: Mapping[str, Any], png: bytes) -> bytes:
    """One sample as tar members, padded; the same arguments give the same bytes."""
    text = json.dumps(description, separators=(",", ":"), allow_nan=False).encode()
    return _member(f"{key}.json", text) + _member(f"{key}.png", png)


def unpack_sample(data: bytes | memoryview) -> tuple[str, dict[str, Any], memoryview]:
    """The key, description and PNG bytes of a sample.

    Raises:
        ValueError: these bytes are no sample (a damaged shard, or an index of another one).
    """
    view = memoryview(data)
    members: list[tuple[str, memoryview]] = []
    place = 0
    while place < len(view):
        try:
            name, size = read_header(bytes(view[place : place + BLOCK]))
        except ValueError as error:
            raise ValueError(f"no tar header at byte {place} of the sample ({error})") from None
        start = place + BLOCK
        if start + size > len(view):
            raise ValueError(f"the member {name} runs over the sample's end")
        members.append((name, view[start : start + size]))
        place = start + _padded(size)
    if len(members) != 2 or [name.rpartition(".")[2] for name, _ in members] != ["json", "png"]:
        raise ValueError(f"expected a .json and a .png, got {[name for name, _ in members]}")
    return members[0][0].removesuffix(".json"), json.loads(bytes(members[0][1])), members[1][1]


def read_header(block: bytes) -> tuple[str, int]:
    """A tar member's name and size in bytes, from its header, 512 bytes. Raises ValueError.

    As `tarfile` reads it, but five times as fast for headers that `pack_sample` wrote.
    """
    numbers = _NUMBERS.match(block, 124)
    name = block[:100].rstrip(b"\0")
    plain = len(block) == BLOCK and block[257:263] == b"ustar\0" and not any(block[345:])
    if numbers and plain and name.isascii() and b"\0" not in name:
        counted = sum(block) - sum(block[148:156]) + 8 * ord(" ")
        if counted == int(numbers[2], 8):
            return name.decode(), int(numbers[1], 8)
    try:
        head = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    return head.name, head.size


def _member(name: str, content: bytes) -> bytes:
    head = tarfile.TarInfo(name)
    head.size = len(content)
    head.mode = 0o644
    out = io.BytesIO()
    out.write(head.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
    out.write(content)
    out.write(bytes(_padded(len(content)) - len(content)))
    return out.getvalue()


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
