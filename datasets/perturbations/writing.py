"""An output file that appears whole or not at all, and its pictures and sound on the way there."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMATS = {".mp4": "mp4", ".mkv": "matroska"}  # FFmpeg's names


class CannotWrite(Exception):
    """A file that can't be written. The message names the file, the reason, and what to do."""


def cannot_write(path: str | Path, reason: str, remedy: str) -> CannotWrite:
    """The exception for an output that can't be written."""
    return CannotWrite(f"{path}: {reason}. What to do: {remedy}.")


def check_target(source: str | Path, target: str | Path, overwrite: bool) -> Path:
    """The output's path, if something may be written there.

    Raises:
        CannotWrite: an unknown ending, no such folder, the file is there already, is a folder, or
            is the input itself.
    """
    path = Path(target)
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise cannot_write(path, f"the ending {path.suffix!r} is unknown", f"end it in {known}")
    if not path.parent.is_dir():
        raise cannot_write(path, f"there is no folder {path.parent}", "make it first")
    if path.is_dir():
        raise cannot_write(path, "it is a folder", "give the path of a file")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise cannot_write(path, "it is the input itself", "write to another file")
    _check_absent(path, overwrite)
    return path


def _check_absent(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise cannot_write(
            path,
            "it is there already",
            "remove it, or write to another file (from Python: overwrite=True)",
        )


class OutputFile(io.BufferedWriter):
    """A file that remembers why it could not be written: FFmpeg, in between, may not pass it on."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return super().seek(offset, whence)  # writes what was held back
        except OSError as error:
            self.error = self.error or error
            raise


@contextmanager
def new_file(path: Path, overwrite: bool) -> Iterator[OutputFile]:
    """A file open for writing that becomes `path` at the end of a block without an error.

    Until then it is a hidden `.NAME.*.part` in the same folder. After an error, or an interrupt
    that Python sees, it is removed; a killed process leaves it behind.

    Raises:
        CannotWrite: the folder may not be written to, the disk is full, and the like.
    """
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem[:80]}.", suffix=".part", dir=path.parent
        )
    except OSError as error:
        raise _explained(path, error) from error
    temporary = Path(name)
    file = OutputFile(io.FileIO(handle, "wb"))
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # what open() would have given it
        _check_absent(path, overwrite)
        temporary.replace(path)
    except Exception as error:
        cause = file.error or error
        if isinstance(cause, OSError):
            raise _explained(path, cause) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _explained(path: Path, error: OSError) -> CannotWrite:
    reason = f"it can't be written ({error.strerror or error})"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return cannot_write(path, "the disk is full", "make room, or write to another disk")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = f"the folder {path.parent} may not be written to"
        return cannot_write(path, reason, "change its permissions, or write to another folder")
    if error.errno == errno.EFBIG:
        return cannot_write(
            path, reason, "raise the limit on the size of files, or write elsewhere"
        )
    return cannot_write(path, reason, "check the folder and the disk")
