"""What the scores that `unswap score` writes as JSON tell of the files themselves."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

MEASURED = (
    "face_size",
    "resolution",
    "fps",
    "codec",
    "bitrate",
    "bits_per_pixel",
    "length_seconds",
    "num_faces",
)


def facts_of_files(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What the records' probes and boxes tell: the columns of the measurements table."""
    out: dict[str, list[Any]] = {name: [] for name in MEASURED}
    for record in records:
        info = record.get("input") or {}
        width, height, fps = info.get("width"), info.get("height"), info.get("fps")
        seconds = info.get("duration_seconds")
        bits = info["bytes"] * 8 / seconds if info.get("bytes") and seconds else None
        pixels = width * height * fps if width and height and fps else None
        sizes = [
            max(x2 - x1, y2 - y1)
            for track in record.get("tracks") or ()
            for x1, y1, x2, y2 in (frame["box_xyxy"] for frame in track["frames"])
        ]
        out["face_size"].append(float(np.median(sizes)) if sizes else None)
        out["resolution"].append(min(width, height) if width and height else None)
        out["fps"].append(fps)
        out["codec"].append(info.get("codec"))
        out["bitrate"].append(bits)
        out["bits_per_pixel"].append(bits / pixels if bits and pixels else None)
        out["length_seconds"].append(seconds)
        out["num_faces"].append(len(record["tracks"]) if record.get("tracks") else None)
    return out
