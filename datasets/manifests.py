"""Reading a manifest: the table that says which videos there are."""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadManifest(Exception):
    """A manifest that can't be used; the message names the file, the reason, what to do."""


@dataclass(frozen=True)
class ManifestVideo:
    """One row, as far as scoring needs it: the video's id and where its file lies."""

    video_id: str
    path: Path


def read_manifest_videos(path: Path, roots: Mapping[str, Path]) -> list[ManifestVideo]:
    """The videos of a manifest, in its order.

    Args:
        path: .parquet or .csv with the columns `video_id`, `path` and, where the manifest has
            several trees, `root`.
        roots: folder by root name; the name "" is the one for every row without a name of its own.

    Raises:
        BadManifest: no such file, missing columns, an id that stands twice, a root that was not
            given.
    """
    rows = _read_rows(path)
    missing = {"video_id", "path"} - set(rows[0] if rows else ())
    if not rows:
        raise BadManifest(f"{path}: the manifest has no rows")
    if missing:
        raise BadManifest(
            f"{path}: not a manifest: no column {', '.join(sorted(missing))}; "
            f"it has {', '.join(str(name) for name in rows[0])}"
        )
    videos, seen = [], set()
    for number, row in enumerate(rows, 1):
        for column in ("video_id", "path"):
            if not row[column]:
                raise BadManifest(f"{path}: row {number} has no {column}")
        video_id = str(row["video_id"])
        if video_id in seen:
            raise BadManifest(f"{path}: the video_id {video_id!r} stands twice; ids are unique")
        seen.add(video_id)
        root = str(row.get("root") or "")
        folder = roots.get(root, roots.get(""))
        if folder is None:
            given = ", ".join(sorted(roots)) or "none"
            raise BadManifest(
                f"{path}: {video_id!r} lies below root {root!r}, and no folder was given for it "
                f"(given: {given}); add --root {root + '=' if root else ''}FOLDER"
            )
        videos.append(ManifestVideo(video_id, folder / str(row["path"])))
    return videos


def file_sha256(path: Path) -> str:
    """A table's SHA-256, to tell by which manifest scores were made."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_rows(path: Path) -> list[dict[str, Any]]:
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow as pa
            from pyarrow import parquet

            try:
                rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
            except pa.ArrowInvalid as error:
                raise BadManifest(f"{path}: not a readable Parquet file ({error})") from None
            return rows
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise BadManifest(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise BadManifest(f"{path}: not a UTF-8 CSV file; save it as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise BadManifest(f"{path}: it can't be read ({error})") from None
