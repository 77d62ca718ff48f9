"""What a checkpoint's header says, read without torch.

A safetensors file begins with the length of its JSON header (8 bytes, little-endian), then the
header; its `__metadata__` holds text by name. Ours has one entry, `unswap`: JSON with the
architecture's registered name and arguments, the crop and sampling specs, the aggregation and the
card.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from .scores import DetectorId

FORMAT = 1
LONGEST_HEADER = 100_000_000  # bytes, as the safetensors format limits it


class BadCheckpoint(Exception):
    """A file that is no usable checkpoint; the message names the file, the reason, what to do."""


def read_header(path: Path) -> dict[str, Any]:
    """The `unswap` entry of a checkpoint's header. Raises BadCheckpoint."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LONGEST_HEADER:
                raise ValueError(f"a header of {length} bytes")
            metadata = json.loads(file.read(length)).get("__metadata__") or {}
    except FileNotFoundError:
        raise BadCheckpoint(
            f"{path}: no such file; give a detector's name or a .safetensors file"
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        raise BadCheckpoint(
            f"{path}: not a readable safetensors file ({error}); was the download complete?"
        ) from None
    if "unswap" not in metadata:
        raise BadCheckpoint(
            f"{path}: a safetensors file, but not one that unswap wrote (its header has no 'unswap' "
            "entry with the crop spec and the card)"
        )
    header: dict[str, Any] = json.loads(metadata["unswap"])
    if header.get("format") != FORMAT:
        raise BadCheckpoint(
            f"{path}: expected header format {FORMAT}, got {header.get('format')}; "
            "a newer unswap may have written it"
        )
    return header


def identify(path: Path) -> DetectorId:
    """Which detector a checkpoint is: its card's name and version, its bytes' SHA-256."""
    card = read_header(path)["card"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return DetectorId(card["name"], digest, card["version"])
