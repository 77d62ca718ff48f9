"""A lock on an open file, waited for; it ends when the process does, however that ends."""

import sys

if sys.platform != "win32":
    import fcntl

CAN_LOCK = sys.platform != "win32"


def lock(number: int) -> None:
    """Waits until the file is this process's (on Windows: for nothing, and one process is allowed)."""
    if sys.platform != "win32":
        fcntl.flock(number, fcntl.LOCK_EX)


def unlock(number: int) -> None:
    """Gives it up."""
    if sys.platform != "win32":
        fcntl.flock(number, fcntl.LOCK_UN)
