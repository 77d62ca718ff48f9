"""The journal of a run: one line of JSON a finished video, on disk before the next one is begun.

It lies beside the output file and is what `--resume` goes on from. Its first line holds the run's
settings. A line that a kill tore is cut off.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class JournalMismatch(Exception):
    """A journal that does not belong to this run; the message says what to do."""


class Journal:
    """Append-only, written through to the disk line by line.

    Args:
        path: the journal's file.
        settings: what must be the same for results to stand in one table.
        resume: go on from what is there; otherwise there must be nothing.

    Raises:
        JournalMismatch: a journal of other settings, or one where none was expected.
        OSError: the file can't be written.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, resume: bool) -> None:
        self.path = path
        if path.exists() and not resume:
            raise JournalMismatch(
                f"{path}: an unfinished run lies here; go on with --resume, or delete this file"
            )
        self._file = open(path, "a+b")  # noqa: SIM115 (held open for the whole run)
        complete = self._cut_torn_line()
        if complete == 0:
            self._append({"settings": settings})
            return
        before = next(self._lines())["settings"]
        if before != settings:
            changed = sorted(k for k in {*before, *settings} if before.get(k) != settings.get(k))
            self._file.close()
            raise JournalMismatch(
                f"{path}: the run to be resumed had other settings ({', '.join(changed)}); "
                "use the same, or another --out"
            )

    def add(self, record: dict[str, Any]) -> None:
        """One finished video. Returns when it is on disk; raises OSError when the disk is full."""
        self._append(record)

    def records(self) -> Iterator[dict[str, Any]]:
        """All finished videos, in the order in which they were finished."""
        lines = self._lines()
        next(lines)
        yield from lines

    def close(self) -> None:
        self._file.close()

    def _append(self, entry: dict[str, Any]) -> None:
        line = (json.dumps(entry) + "\n").encode()
        start = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._drop_buffer()
            os.truncate(self.path, start)
            raise

    def _drop_buffer(self) -> None:
        """Forgets what could not be written, which closing would try to write again."""
        raw = self._file.detach()
        raw.close()
        self._file = open(self.path, "a+b")  # noqa: SIM115

    def _cut_torn_line(self) -> int:
        """Leaves whole lines only; how many bytes they are."""
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)
        return whole

    def _lines(self) -> Iterator[dict[str, Any]]:
        with open(self.path, "rb") as file:
            for line in file:
                yield json.loads(line)
