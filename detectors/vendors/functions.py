"""A Python function as a VideoScorer."""

import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..scores import DetectorId, Status, VideoScore
from .answers import as_video_score, failed, unanswered
from .binding import BadDescription
from .descriptions import Function


def source_of(function: str) -> Path:
    """The file that holds `package.module:function`. Raises BadDescription."""
    module = function.partition(":")[0]
    _see_the_current_folder()
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise BadDescription(f"{function}: can't import {module} ({error})") from None
    if found is None or not found.origin or not Path(found.origin).is_file():
        raise BadDescription(
            f"{function}: there is no module {module}; it must be installed, or lie in {os.getcwd()}"
        )
    return Path(found.origin)


class FunctionScorer:
    """Calls a function with each video's path.

    Args:
        description: which function, and how its score is read.
        detector: what it is called.

    Raises:
        BadDescription: it can't be imported, or is no function.
    """

    def __init__(self, description: Function, detector: DetectorId) -> None:
        self.description = description
        self.detector = detector
        self._call = _load(description.function)

    def score(
        self,
        path: str | Path,
        *,
        video_id: str | None = None,
        condition: str = "none",
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """Scores one video; an exception in the function is the status `failed`. The time limit is
        kept by whoever runs this process: a function can't be interrupted from within."""
        started = time.perf_counter()
        kind = self.description.score.kind
        blank = unanswered(self.detector, kind, path, video_id, condition)
        if not os.path.exists(path):
            return failed(blank, "no such file", Status.UNREADABLE)
        try:
            answer = self._call(str(path))
        except Exception as error:  # whatever a stranger's code raises is this video's failure
            score = failed(blank, f"{type(error).__name__}: {error}")
        else:
            score = as_video_score(blank, answer, self.description.score)
        return replace(score, seconds={"total": round(time.perf_counter() - started, 4)})


def _load(function: str) -> Callable[[str], Any]:
    module, _, name = function.partition(":")
    _see_the_current_folder()
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # a module runs when it is imported
        raise BadDescription(
            f"{function}: can't import {module} ({type(error).__name__}: {error})"
        ) from error
    if not callable(found):
        raise BadDescription(f"{function}: {module} has no function {name!r}")
    made: Callable[[str], Any] = found
    return made


def _see_the_current_folder() -> None:
    """Last on the path, so that what lies there hides nothing that is installed."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    importlib.invalidate_caches()
