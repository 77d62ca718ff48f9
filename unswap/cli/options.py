"""What several commands' options share."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

EXIT_ALL_DONE = 0
EXIT_USAGE = 2
EXIT_SOME_WRONG = 3
EXIT_STOPPED = 4
EXIT_UNREAD = 141  # as a shell reports a program whose reader has gone


class UsageError(Exception):
    """Wrong usage; the message says what is wrong and what to do."""


def roots(texts: Sequence[str]) -> dict[str, Path]:
    """`--root` options: folder by root name, "" for a bare folder. Raises UsageError."""
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():  # a bare folder, whose name may hold a "="
            name, folder = "", text
        if not Path(folder).is_dir():
            raise UsageError(f"--root {text}: {folder} is not a folder")
        if name in found:
            what = f"the root {name!r}" if name else "a root without a name"
            raise UsageError(f"--root {text}: {what} was given already, as {found[name]}")
        found[name] = Path(folder)
    return found


def add_roots(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Adds `--root`."""
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        required=required,
        metavar="[NAME=]FOLDER",
        help="where the videos lie; once for each tree, where there are several",
    )


def message(error: Exception) -> Any:
    """An error's own words (a KeyError would put them in quotes)."""
    return error.args[0] if isinstance(error, KeyError) else error


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    value = _whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text}")
    return value
