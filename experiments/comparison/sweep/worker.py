"""The process that makes, compares and judges; started by the pool (see `jobs.pool`)."""

from __future__ import annotations

import importlib
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from ...jobs.serving import Message, Unusable, disk_is_full, serve
from .cases import draw
from .judging import failures, judge
from .making import REFERENCE, SUSPECT, make
from .sources import MissingSource, Source, prepare


@dataclass(frozen=True)
class _Tools:
    sources: list[Source]
    compare: Callable[[Path, Path], Any]


def main() -> None:
    """Answers each job, the name of a case, with its record."""
    serve(_load, _work)


def _load(settings: Message) -> _Tools:
    cv2.setNumThreads(settings["threads"])  # torch has it from OMP_NUM_THREADS
    module, _, name = settings["compare"].partition(":")
    try:
        compare = getattr(importlib.import_module(module), name)
        sources = prepare(Path(settings["cache"]), settings["clips"], settings["portraits"])
    except (ImportError, AttributeError, MissingSource) as error:
        raise Unusable(str(error)) from error
    return _Tools(sources, compare)


def _work(tools: _Tools, settings: Message, job: Message) -> Iterator[Message]:
    yield {"answer": "record", "record": run_case(job["name"], tools, settings)}


def run_case(name: str, tools: _Tools, settings: Message) -> dict[str, Any]:
    """One case's record: `name`, `case`, `tags`, `described`, `seconds` and `judged`, or `error`.

    An error of the comparison is part of the record. One in making or judging is this program's
    own, and is raised.
    """
    case = draw(name, settings["seed"], tools.sources)
    folder = Path(settings["folder"]) / name
    began = time.monotonic()
    truth = make(case, {s.name: s for s in tools.sources}, folder)
    record: dict[str, Any] = {
        "name": name,
        "case": case.to_dict(),
        "tags": case.tags(),
        "described": case.described(),
        "making_seconds": time.monotonic() - began,
    }
    began = time.monotonic()
    try:
        comparison = tools.compare(folder / REFERENCE, folder / SUSPECT)
    except Exception as error:  # counted: a comparison must not fail on any of these
        if isinstance(error, OSError) and disk_is_full(error):
            raise
        record["error"] = f"{type(error).__name__}: {error}"
        record["trace"] = traceback.format_exc(limit=-4)
    record["seconds"] = time.monotonic() - began
    if "error" not in record:
        record["judged"] = judge(truth, comparison)
    record["failures"] = failures(record)
    if not settings["keep_files"] and not record["failures"]:
        shutil.rmtree(folder)
    return record


if __name__ == "__main__":
    main()
