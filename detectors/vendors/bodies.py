"""What is sent: bodies that stream from the disk and say when their last piece goes out."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

CHUNK = 1 << 16


class Body:
    """A request's body.

    Args:
        parts: bytes, and at most one file's path, in order.
        content_type: of the whole.
        size: of the file in bytes, as it was when it was looked at.

    Raises:
        OSError: while it is sent, where the file has changed its length.
    """

    def __init__(self, parts: list[bytes | Path], content_type: str, size: int = 0) -> None:
        self.parts = parts
        self.content_type = content_type
        self.size = size
        self.length = sum(len(p) for p in parts if isinstance(p, bytes)) + (
            size if any(isinstance(p, Path) for p in parts) else 0
        )

    def pieces(self, before_the_last: Callable[[], None]) -> Iterator[bytes]:
        """The bytes; `before_the_last` is called before those are given without which the request
        is not whole, so that whoever is killed knows afterwards if it could have been received."""
        held = b""
        for piece in self._raw():
            if held:
                yield held
            held = piece
        before_the_last()
        if held:
            yield held

    def _raw(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, bytes):
                if part:
                    yield part
                continue
            sent = 0
            with part.open("rb") as file:
                while piece := file.read(CHUNK):
                    sent += len(piece)
                    if sent > self.size:
                        break
                    yield piece
            if sent != self.size:
                raise ChangedFile(f"{part}: its length changed while it was sent")


class ChangedFile(Exception):
    """A file that is not what it was when it was hashed."""


def json_body(data: Any) -> Body:
    return Body([json.dumps(data).encode()], "application/json")


def file_body(path: Path, size: int, content_type: str) -> Body:
    return Body([path], content_type, size)


def multipart_body(
    path: Path,
    size: int,
    *,
    field: str,
    file_name: str,
    content_type: str,
    fields: Mapping[str, str],
) -> Body:
    """A form with the file in it (RFC 7578)."""
    boundary = f"unswap-{os.urandom(16).hex()}"
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(field)}"; '
        f'filename="{_quoted(file_name)}"\r\nContent-Type: {content_type}\r\n\r\n'
    )
    tail = f"\r\n--{boundary}--\r\n"
    return Body(
        [head.encode(), path, tail.encode()], f"multipart/form-data; boundary={boundary}", size
    )


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
