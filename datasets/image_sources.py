"""Where a sequence's pictures lie: a folder, or a folder inside a tar archive."""

import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from .manifests import ARCHIVE_MARK
from .packets import check_deadline, short, unreadable
from .suffixes import IMAGE_SUFFIXES

_IN_MEMORY = 64 << 20  # bytes of one sequence from a compressed archive; above, in a temporary file
# What tarfile and the decompressors let through on damaged archives.
_ARCHIVE_FAILURES = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)
_ARCHIVE_REMEDY = "copy or download it again"
_DIGITS = re.compile(r"(\d+)")


class ImageSource(Protocol):
    """Pictures in the order of their names. `container`: "images" or "tar". `names`: (n,)."""

    @property
    def container(self) -> str: ...

    @property
    def names(self) -> list[str]: ...

    def read(self, place: int) -> bytes:
        """One picture's file. Raises OSError where it can't be read."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Member:
    """One picture in an archive: where its bytes begin (in the unpacked archive) and how many."""

    name: str
    offset: int
    size: int


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts numbers in names by their value.

    >>> sorted(["10.png", "2.png", "a.png"], key=natural_key)
    ['2.png', '10.png', 'a.png']
    """
    parts = [p for p in _DIGITS.split(name) if p]
    return tuple((0, int(p), p) if _DIGITS.fullmatch(p) else (1, 0, p) for p in parts)


def is_image(name: str) -> bool:
    """Whether a file is a picture by its name; hidden files (`._1.png`) are none."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def split_archive_path(path: str | Path) -> tuple[str, str] | None:
    """`a/1.tar!/1/real/7` as archive and folder in it; None for a path without the mark.

    >>> split_archive_path("a/1.tar!/1/real/7")
    ('a/1.tar', '1/real/7')
    >>> split_archive_path("a/1.mp4")
    """
    text = os.fspath(path)
    places = [m.start() for m in re.finditer(re.escape(ARCHIVE_MARK), text)]
    if not places:
        return None
    # Folders may end in "!" too: the archive is the first part that is a file.
    place = next((p for p in places if os.path.isfile(text[:p])), places[0])
    return text[:place], text[place + len(ARCHIVE_MARK) :]


class FolderSource:
    """The pictures that lie in a folder itself, not those in its sub-folders."""

    container = "images"

    def __init__(self, path: str | Path) -> None:
        """Raises UnreadableVideo: no such folder, nothing in it, no picture in it."""
        self._folder = Path(path)
        if not self._folder.is_dir():
            raise unreadable(path, "there is no such folder", "check the path")
        try:
            files = [e.name for e in os.scandir(self._folder) if not e.is_dir()]
        except OSError as error:
            reason = f"the folder can't be read ({short(error)})"
            raise unreadable(path, reason, "change its permissions") from error
        self.names = sorted(filter(is_image, files), key=natural_key)
        if not self.names:
            raise unreadable(path, _no_pictures("the folder", files), _give_folder())

    def read(self, place: int) -> bytes:
        """One picture's file. Raises OSError."""
        return (self._folder / self.names[place]).read_bytes()

    def close(self) -> None:
        """Nothing is held open."""


class TarSource:
    """The pictures in one folder of a tar archive, compressed or not.

    From an uncompressed archive each is read where it lies; the list of its members is made once
    for all sequences in it. A compressed one is unpacked once, from its beginning to its end, and
    this folder's pictures are kept (in memory, or in a temporary file if they are large).
    """

    container = "tar"

    def __init__(self, archive: str, folder: str, deadline: float | None = None) -> None:
        """Raises UnreadableVideo: no such archive, a damaged one, no such folder, no picture."""
        self._path = archive + ARCHIVE_MARK + folder
        folder = _normal(folder)
        if not os.path.isfile(archive):
            raise unreadable(self._path, f"there is no archive {archive}", "check the path")
        try:
            if _is_plain_tar(archive):
                folders = _plain_index(archive, *_stamp(archive))
                self._file: IO[bytes] = open(archive, "rb")  # noqa: SIM115 - closed by close()
                self._members = sorted(folders.get(folder, ()), key=lambda m: natural_key(m.name))
                there = list(folders)
            else:
                self._file, self._members, there = _unpacked(archive, folder, deadline)
        except _ARCHIVE_FAILURES as error:
            reason = f"the archive {archive} is damaged or no tar archive ({short(error)})"
            raise unreadable(self._path, reason, _ARCHIVE_REMEDY) from error
        self.names = [m.name for m in self._members]
        if not self.names:
            self._file.close()
            pictured = sorted(there, key=natural_key)
            listed = ", ".join(pictured[:5]) + (", ..." if len(pictured) > 5 else "")
            reason = f"there is no folder {folder!r} with pictures in the archive {archive}"
            raise unreadable(self._path, reason, f"give one that has: {listed or 'it has none'}")

    def read(self, place: int) -> bytes:
        """One picture's file. Raises OSError."""
        member = self._members[place]
        self._file.seek(member.offset)
        data = self._file.read(member.size)
        if len(data) != member.size:
            raise OSError(f"expected {member.size} bytes, got {len(data)}: the archive is cut off")
        return data

    def close(self) -> None:
        """Closes the archive."""
        self._file.close()


def archive_folders(archive: str | Path) -> dict[str, int]:
    """How many pictures lie in each folder of an archive that has any, without keeping them.

    Raises:
        OSError: it is damaged, or no tar archive.
    """
    counts: dict[str, int] = {}
    try:
        with tarfile.open(archive, "r:*") as tar:
            for folder, _ in _pictures(tar):
                counts[folder] = counts.get(folder, 0) + 1
    except _ARCHIVE_FAILURES as error:
        raise OSError(f"it is damaged, or no tar archive ({short(error)})") from error
    return dict(sorted(counts.items(), key=lambda item: natural_key(item[0])))


def _is_plain_tar(archive: str) -> bool:
    try:
        with tarfile.open(archive, "r:"):
            return True
    except tarfile.ReadError:
        return False


def _stamp(archive: str) -> tuple[int, int]:
    status = os.stat(archive)
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=16)
def _plain_index(archive: str, size: int, mtime_ns: int) -> dict[str, tuple[Member, ...]]:
    """By folder; remembered as long as the archive's size and time stay the same."""
    folders: dict[str, dict[str, Member]] = {}
    with tarfile.open(archive, "r:") as tar:
        for folder, info in _pictures(tar):
            name = PurePosixPath(info.name).name
            folders.setdefault(folder, {})[name] = Member(name, info.offset_data, info.size)
    return {folder: tuple(members.values()) for folder, members in folders.items()}


def _unpacked(
    archive: str, folder: str, deadline: float | None
) -> tuple[IO[bytes], list[Member], list[str]]:
    """One folder's pictures in a file of their own, and the names of all folders with pictures."""
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    members: dict[str, Member] = {}
    there: dict[str, None] = {}
    try:
        with tarfile.open(archive, "r:*") as tar:
            for found, info in _pictures(tar):
                check_deadline(deadline, archive)
                there[found] = None
                data = tar.extractfile(info) if found == folder else None
                if data is not None:
                    name = PurePosixPath(info.name).name
                    members[name] = Member(name, kept.tell(), kept.write(data.read()))
    except BaseException:
        kept.close()
        raise
    return kept, sorted(members.values(), key=lambda m: natural_key(m.name)), list(there)


def _pictures(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    for info in tar:
        path = PurePosixPath(_normal(info.name))
        if info.isreg() and is_image(path.name):
            yield _normal(str(path.parent)), info


def _normal(folder: str) -> str:
    """Without `./` before and slashes around; the archive's top is the empty string."""
    text = str(PurePosixPath(folder.lstrip("/")))
    return "" if text == "." else text


def _no_pictures(what: str, files: list[str]) -> str:
    if not files:
        return f"{what} is empty"
    return f"{what} has no pictures ({len(files)} other files, such as {min(files)})"


def _give_folder() -> str:
    return f"give a folder with {', '.join(sorted(IMAGE_SUFFIXES))} files in it"
