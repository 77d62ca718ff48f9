"""Scoring many videos: in parallel, resumable, every status counted."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ...datasets.journal import Journal
from ...detectors.ids import loose_id
from ...detectors.scores import DetectorId, Status, VideoScore
from ..jobs.pool import MustStop, UnusableWorker
from .answers import Answer, score_jobs
from .inputs import Inputs
from .tables import write_results


@dataclass(frozen=True)
class Settings:
    """What a scoring run is told.

    `checkpoint`: the detector's file. `out`: the output file, or None for none. `report`: folder
    for HTML reports. `person`: score this track alone. `threads`: a worker's; by default the
    processors are shared out among the `jobs` workers.
    """

    checkpoint: Path
    detector: DetectorId
    version: str
    out: Path | None = None
    report: Path | None = None
    num_frames: int | None = None
    device: str = "cpu"
    batch_size: int = 32
    jobs: int = 1
    threads: int | None = None
    person: int | None = None
    time_limit_seconds: float | None = 600.0
    resume: bool = False

    def of_results(self, manifest_sha256: str | None) -> dict[str, Any]:
        """What must agree for results to stand in one table."""
        return {
            "detector": dict(self.detector.__dict__),
            "num_frames": self.num_frames,
            "person": self.person,
            "manifest_sha256": manifest_sha256,
        }

    def for_workers(self) -> dict[str, Any]:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        share = max(1, (processors or os.cpu_count() or 1) // self.jobs)
        return {
            "checkpoint": str(self.checkpoint),
            "version": self.version,
            "report": str(self.report) if self.report else None,
            "num_frames": self.num_frames,
            "device": self.device,
            "batch_size": self.batch_size,
            "threads": self.threads or share,
            "person": self.person,
            "time_limit_seconds": self.time_limit_seconds,
        }


@dataclass
class Summary:
    """What became of a run's videos. `duplicates`: paths whose bytes another path has, not scored
    again. `kept`: finished before a resume."""

    counts: Counter[str]
    duplicates: list[tuple[str, str]]
    kept: int = 0

    @property
    def all_scored(self) -> bool:
        return set(self.counts) <= {str(Status.SCORED)}


Listener = Callable[[dict[str, Any], str | None], None]


def journal_path(out: Path) -> Path:
    """The journal of a run that is not finished: `scores.parquet` -> `scores.parquet.journal`."""
    return out.with_name(out.name + ".journal")


class ScoringRun:
    """One run over many videos.

    Args:
        inputs: the videos.
        settings: how to score them.
        on_result: called with each finished VideoScore, as a dict, and its report's path.

    Raises:
        JournalMismatch: an unfinished run lies at `out`, one with other settings, or one that goes
            on at this moment.
        MustStop: the journal can't be written.
    """

    def __init__(self, inputs: Inputs, settings: Settings, on_result: Listener) -> None:
        self.inputs = inputs
        self.settings = settings
        self.on_result = on_result
        self.summary = Summary(Counter(), [])
        self._first_path: dict[str, str] = {}
        self._ids: dict[int, str] = {}
        self._journal: Journal | None = None
        if settings.out:
            wanted = settings.of_results(inputs.manifest_sha256)
            path = journal_path(settings.out)
            try:
                self._journal = Journal(path, wanted, resume=settings.resume)
            except OSError as error:
                raise MustStop(f"{error.filename or path}: {_why(error)}") from error

    def run(self) -> Summary:
        """Scores what is not finished yet, and writes the output.

        Raises:
            MustStop: the disk is full, or the like; the run can be resumed.
            UnusableWorker: the detector or the device can't be used.
        """
        try:
            if self.settings.report:
                self.settings.report.mkdir(parents=True, exist_ok=True)
            if self._journal:
                for record in self._journal.records():
                    self.summary.kept += 1
                    self.summary.counts[record["status"]] += 1
                    self._first_path[record["video_id"]] = record["path"]
            todo = self._todo()
            first = next(todo, None)
            if first is not None:
                jobs = chain([first], todo)
                answers = score_jobs(jobs, self.settings.for_workers(), self.settings.jobs)
                with closing(answers):  # ends the workers, whatever happens here
                    for answer in answers:
                        self._finish(answer)
            if self._journal and self.settings.out:
                records = self._journal.records
                write_results(self.settings.out, records, self.inputs.manifest_sha256)
                self._journal.discard()
        except UnusableWorker:
            if self._journal and self._journal.is_empty():
                self._journal.discard()  # nothing that another try would have to go on from
            raise
        except OSError as error:
            piped = isinstance(error, BrokenPipeError) or not self.settings.out
            name = error.filename or ("standard output" if piped else self.settings.out)
            raise MustStop(f"{name}: {_why(error)}") from error
        finally:
            if self._journal:
                self._journal.close()
        return self.summary

    def _todo(self) -> Iterator[tuple[int, str, str | None]]:
        """Jobs that are not finished; bytes that had their turn under another path are left out."""
        for key, job in enumerate(self.inputs.jobs):
            video_id = job.video_id or loose_id(job.path)
            if video_id in self._first_path:
                other = self._first_path[video_id]
                if os.path.abspath(other) != os.path.abspath(job.path):
                    self.summary.duplicates.append((job.path, other))
                continue
            self._first_path[video_id] = job.path
            self._ids[key] = video_id
            yield key, job.path, video_id

    def _finish(self, answer: Answer) -> None:
        video_id, path = self._ids.pop(answer.key), self.inputs.jobs[answer.key].path
        record = answer.score
        if record is None:
            record = VideoScore(
                video_id=video_id,
                path=path,
                status=Status(answer.status),
                score=None,
                detector=self.settings.detector,
                reason=answer.reason,
            ).to_dict()
        if self._journal:
            self._journal.add(record)
        self.summary.counts[record["status"]] += 1
        self.on_result(record, answer.report)


def _why(error: OSError) -> str:
    """The reason alone, where an error has one; pyarrow's have a text only."""
    return error.strerror or str(error)
