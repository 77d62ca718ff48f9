"""A sweep from its first case to its last: in worker processes, with a journal to go on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....datasets.journal import Journal
from ...jobs.pool import run_jobs
from .cases import Case, draw, names
from .judging import Record, failures
from .sources import prepare

COMPARE = "unswap.experiments.comparison.compare:compare"
_WORKER = "unswap.experiments.comparison.sweep.worker"


@dataclass(frozen=True)
class Settings:
    """What a sweep is told.

    `out`: folder of the journal and of kept files. `cache`: folder of the sources. `derived`,
    `other_takes`, `unrelated`: how many cases. `only`: names of cases, in place of these counts.
    `changes`: of these cases, those alone whose suspects went through one of these steps.
    `keep_files`: also of cases that passed. `again`: what is done already is done again, with the
    files that were kept. `compare`: `module:function`.
    """

    out: Path
    cache: Path
    clips: tuple[str, ...] = ()
    portraits: int = 60
    derived: int = 120
    other_takes: int = 40
    unrelated: int = 40
    seed: int = 0
    jobs: int = 2
    keep_files: bool = False
    only: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    again: bool = False
    compare: str = COMPARE
    time_limit_seconds: float = 900.0

    def wanted(self) -> list[str]:
        """The names of the cases, in the order in which they are done."""
        if self.only:
            return list(self.only)
        return list(names(self.derived, self.other_takes, self.unrelated))

    def asked_for(self, case: Case) -> bool:
        """Whether a case is one of those that `changes` leaves."""
        return not self.changes or any(step.name in self.changes for step in case.steps)

    def of_results(self) -> dict[str, Any]:
        """What must agree for cases to stand in one journal; how many there are may differ."""
        return {
            "seed": self.seed,
            "clips": list(self.clips),
            "portraits": self.portraits,
            "compare": self.compare,
        }


@dataclass
class Sweep:
    """One run. `records`: by case, those of an earlier run among them."""

    settings: Settings
    records: dict[str, Record] = field(default_factory=dict)

    def run(self, on_record: Callable[[Record], None]) -> list[Record]:
        """Does what is not done yet, and gives the records of all wanted cases.

        Args:
            on_record: called with each record as it comes.

        Raises:
            MissingSource, NoSuchCase: sources are missing or too few; nothing was begun.
            JournalMismatch: the journal is another run's, or of other settings.
            UnusableWorker, MustStop: see `run_jobs`; what is done is kept.
        """
        settings = self.settings
        sources = prepare(settings.cache, settings.clips, settings.portraits)
        cases = [draw(name, settings.seed, sources) for name in settings.wanted()]
        wanted = [case.name for case in cases if settings.asked_for(case)]
        settings.out.mkdir(parents=True, exist_ok=True)
        path = journal_path(settings.out)
        if settings.again and not (settings.only or settings.changes):
            path.unlink(missing_ok=True)
        journal = Journal(path, settings.of_results(), resume=True)
        try:
            self.records = {r["name"]: r for r in journal.records()}
            todo = [name for name in wanted if settings.again or name not in self.records]
            with closing(self._answers(todo)) as answers:
                for record in answers:
                    journal.add(record)
                    self.records[record["name"]] = record
                    on_record(record)
        finally:
            journal.close()
        return [self.records[name] for name in wanted]

    def _answers(self, todo: list[str]) -> Generator[Record]:
        settings = self.settings
        told = {
            "seed": settings.seed,
            "cache": str(settings.cache),
            "clips": list(settings.clips),
            "portraits": settings.portraits,
            "compare": settings.compare,
            "folder": str(settings.out / "cases"),
            "keep_files": settings.keep_files,
            "threads": 1,
            "time_limit_seconds": settings.time_limit_seconds,
        }
        if not todo:
            return
        jobs = ((key, {"name": name}) for key, name in enumerate(todo))
        workers = min(settings.jobs, len(todo))
        with closing(run_jobs(jobs, told, workers, _WORKER)) as events:
            for event in events:
                if event.kind == "done" and event.message["answer"] == "record":
                    record: Record = event.message["record"]
                    yield record
                else:
                    reason = event.reason or event.message.get("reason", event.kind)
                    yield self._lost(todo[event.key], reason)

    def _lost(self, name: str, reason: str) -> Record:
        """The record of a case whose process died or hung, or that could not be made or judged."""
        settings = self.settings
        sources = prepare(settings.cache, settings.clips, settings.portraits)
        case = draw(name, settings.seed, sources)
        record: Record = {
            "name": name,
            "case": case.to_dict(),
            "tags": case.tags(),
            "described": case.described(),
            "error": reason,
        }
        return {**record, "failures": failures(record)}


def journal_path(out: Path) -> Path:
    """The journal: its first line has the settings, each other one a case."""
    return out / "cases.jsonl"


def finished(out: Path) -> list[Record]:
    """The records of a journal, of a run that goes on or has ended; of a case done twice, the last.

    Raises:
        FileNotFoundError: there is no journal. ValueError: a line is damaged.
    """
    with open(journal_path(out), encoding="utf-8") as file:
        lines = file.read().split("\n")[1:-1]  # the settings, and what a running sweep tears
    return list({r["name"]: r for r in map(json.loads, lines)}.values())
