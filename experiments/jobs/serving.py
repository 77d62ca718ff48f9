"""A worker's side of the conversation with `pool`: jobs come as lines of JSON, and so go answers.

Standard output carries the answers alone: whatever a library prints goes to standard error.
"""

import ctypes
import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

Message = dict[str, Any]
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_PR_SET_PDEATHSIG = 1


class Unusable(Exception):
    """What a worker needs can't be loaded; the message says what."""


def serve(
    load: Callable[[Message], Any], work: Callable[[Any, Message, Message], Iterator[Message]]
) -> None:
    """Answers `ready` or `unusable` to the settings, then does the jobs.

    Args:
        load: settings -> what the work needs. Raises Unusable.
        work: (that, settings, job) -> answers: any number that are `progress`, then one that is
            not. An error that it does not catch becomes `stop` where the disk is full, else
            `failed`, with the trace on standard error.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    def say(message: Message) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    _die_with_the_parent()
    settings: Message = json.loads(sys.stdin.readline())
    try:
        loaded = load(settings)
    except Unusable as error:
        say({"answer": "unusable", "reason": str(error)})
        sys.exit(0)
    say({"answer": "ready"})
    for line in sys.stdin:
        try:
            for message in work(loaded, settings, json.loads(line)):
                say(message)
        except OSError as error:
            say(disk_is_full(error) or _unforeseen(error))
        except Exception as error:  # this job is counted as failed, the others go on
            say(_unforeseen(error))


def disk_is_full(error: OSError) -> Message | None:
    """The answer that ends the run, if that is what the error says."""
    if error.errno not in DISK_ERRORS:
        return None
    return {"answer": "stop", "reason": f"{error.filename or 'writing'}: {error.strerror}"}


def set_threads(threads: int) -> None:
    """Has torch and OpenCV use this many threads. It imports torch, which takes seconds."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def _unforeseen(error: Exception) -> Message:
    traceback.print_exc(file=sys.stderr)
    return {"answer": "failed", "reason": f"{type(error).__name__}: {error}"}


def _die_with_the_parent() -> None:
    """A worker whose run was killed must not go on writing (Linux; elsewhere its pipe ends it)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(0)
