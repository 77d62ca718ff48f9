"""What a loose file is called."""

import hashlib
import os
from pathlib import Path

from ..datasets.probing import hash_file
from ..datasets.types import UnreadableVideo


def loose_id(path: str | Path) -> str:
    """The id of a file that is in no manifest: `file/<sha256>`, of its name where it can't be read."""
    try:
        if os.path.isfile(path):  # reading a pipe or a device might never end
            return f"file/{hash_file(path)}"
    except (OSError, UnreadableVideo):
        pass
    name = os.fsencode(Path(path).absolute())  # a name need not be Unicode
    return f"unread/{hashlib.sha256(name).hexdigest()}"
