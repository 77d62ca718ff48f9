"""Files and folders below a folder, in a fixed order."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from ..image_sources import is_image, natural_key
from .base import BadBenchmark


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder below `root` (itself first), with its sub-folders' and files' names.

    Hidden ones are left out; symbolic links are followed, but no folder is entered twice, so that a
    link to a folder above does no harm. In natural order. Nothing for a root that is no folder.

    Raises:
        BadBenchmark: a folder can't be read.
    """
    if not root.is_dir():
        return
    seen: set[tuple[int, int]] = set()
    for folder, names, files in os.walk(root, followlinks=True, onerror=_refuse):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            names.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        names[:] = sorted((n for n in names if not n.startswith(".")), key=natural_key)
        yield (
            Path(folder),
            list(names),
            sorted((f for f in files if not f.startswith(".")), key=natural_key),
        )


def _refuse(error: OSError) -> NoReturn:
    reason = error.strerror or error
    raise BadBenchmark(
        f"{error.filename}: this folder can't be read ({reason}); change its permissions"
    ) from error


def image_folders(root: Path) -> list[Path]:
    """The folders below `root` that hold pictures themselves."""
    return [folder for folder, _, files in walk(root) if any(map(is_image, files))]


def is_usable(path: str) -> bool:
    """Whether a manifest can hold this path: no backslashes, and characters that UTF-8 can write."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return "\\" not in path
