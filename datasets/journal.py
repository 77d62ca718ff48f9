"""The journal of a run: one line of JSON a finished video, on disk before the next one is begun.

It lies beside the output file and is what `--resume` goes on from. Its first line holds the run's
settings. A line that a kill tore is cut off. While a run writes it, it is locked (not on Windows,
where nothing keeps a second run away).
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import fcntl


class JournalMismatch(Exception):
    """A journal that does not belong to this run; the message says what to do."""


def try_lock(file_number: int) -> bool:
    """Locks an open file until it is closed; false where another process holds it.

    Where there are no locks (Windows, some network file systems) nothing keeps others away.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass
    return True


class Journal:
    """Append-only, written through to the disk line by line.

    Args:
        path: the journal's file.
        settings: what must be the same for results to stand in one table.
        resume: go on from what is there; otherwise there must be nothing.

    Raises:
        JournalMismatch: a journal of other settings, one where none was expected, one that another
            run is writing, or another file of that name.
        OSError: the file can't be written.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, resume: bool) -> None:
        self.path = path
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 (held open for the whole run)
        try:
            self._lock()
            self._begin(settings, resume)
        except BaseException:
            self._file.close()
            raise

    def add(self, record: dict[str, Any]) -> None:
        """One finished video. Returns when it is on disk; raises OSError when the disk is full."""
        self._append(record)

    def records(self) -> Iterator[dict[str, Any]]:
        """All finished videos, in the order in which they were finished."""
        lines = self._lines()
        next(lines)
        yield from lines

    def is_empty(self) -> bool:
        """Whether no video is finished."""
        return next(self.records(), None) is None

    def close(self) -> None:
        """Ends the writing; the file stays, for a run that goes on from it."""
        self._file.close()

    def discard(self) -> None:
        """Ends the writing and deletes the file."""
        if sys.platform == "win32":  # where an open file can't be deleted
            self._file.close()
            self.path.unlink()
        else:
            self.path.unlink()  # before the lock goes: nobody else may take this file up
            self._file.close()

    def _lock(self) -> None:
        busy = f"{self.path}: another run is writing to this --out; wait for it, or choose another"
        if not try_lock(self._file.fileno()):
            raise JournalMismatch(busy)
        if sys.platform != "win32" and (
            not self.path.exists()
            or not os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        ):
            raise JournalMismatch(busy)  # it came to its end at this very moment

    def _begin(self, settings: dict[str, Any], resume: bool) -> None:
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        if data and not resume:
            raise JournalMismatch(
                f"{self.path}: an unfinished run lies here; go on with --resume, or delete this file"
            )
        if not data.startswith(b'{"settings": '[: len(data)]):
            raise JournalMismatch(f"{self.path}: not the journal of a run; choose another --out")
        if whole < len(data):
            self._file.truncate(whole)
        if whole == 0:
            self._append({"settings": settings})
            return
        before = next(self._lines())["settings"]
        if before != settings:
            changed = sorted(k for k in {*before, *settings} if before.get(k) != settings.get(k))
            raise JournalMismatch(
                f"{self.path}: the run to be resumed had other settings ({', '.join(changed)}); "
                "use the same, or another --out"
            )

    def _append(self, entry: dict[str, Any]) -> None:
        line = (json.dumps(entry) + "\n").encode()
        start = self._file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:  # a disk that fills up takes a part, and refuses the next
                rest = rest[self._file.write(rest) or 0 :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(start)
            raise

    def _lines(self) -> Iterator[dict[str, Any]]:
        with open(self.path, "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    entry: dict[str, Any] = json.loads(line)
                except ValueError:
                    remedy = (
                        "choose another --out"
                        if number == 1
                        else "delete that line and go on with --resume"
                    )
                    raise JournalMismatch(
                        f"{self.path}: line {number} is damaged; {remedy}"
                    ) from None
                yield entry
