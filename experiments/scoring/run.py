"""Scoring many videos: in parallel, resumable, every status counted."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ...datasets.journal import Journal, JournalMismatch
from ...detectors.ids import loose_id
from ...detectors.scores import DetectorId, Status, VideoScore
from ...detectors.vendors.calls import CallLog
from ...detectors.vendors.opening import Source
from ..jobs.pool import MustStop, UnusableWorker
from .answers import Answer, score_jobs
from .canaries import Canaries, is_canary, write_canaries
from .inputs import Inputs
from .repeats import REPEAT, Repeatability, measure_repeats, repeats_path
from .tables import write_results, write_scores


@dataclass(frozen=True)
class Settings:
    """What a scoring run is told.

    `checkpoint`: the detector's file; None where `source`, from outside, scores. `out`: the output
    file, or None for none. `report`: folder for HTML reports. `person`: score this track alone.
    `threads`: a worker's; by default the processors are shared out among the `jobs` workers.
    `canary_since`: an earlier run's canaries to compare with.
    """

    checkpoint: Path | None
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
    source: Source | None = None
    canary_since: Path | None = None

    @property
    def calls(self) -> Path | None:
        """The log of calls, where videos are sent away."""
        sent = self.source is not None and self.source.uploads_to is not None
        return calls_path(self.out) if self.out and sent else None

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
            "checkpoint": str(self.checkpoint) if self.checkpoint else None,
            "detector": self.source.place if self.source else None,
            "detector_sha256": self.detector.sha256,
            "has_crops": self.source is None or self.source.has_crops,
            "calls": str(self.calls) if self.calls else None,
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
    """What became of a run's videos, their repeats and canaries apart.

    `duplicates`: paths whose bytes another path has, not scored again. `kept`: finished before a
    resume. `kinds`: of the scores. `costs`: the sum over all that was sent, None where nothing is said
    of it. `again`: videos that were scored twice, and how that differs. `canaries`: if they moved.
    """

    counts: Counter[str]
    duplicates: list[tuple[str, str]]
    kept: int = 0
    kinds: set[str] = field(default_factory=set)
    costs: float | None = None
    again: Repeatability | None = None
    canaries: Canaries | None = None

    @property
    def all_scored(self) -> bool:
        return set(self.counts) <= {str(Status.SCORED)}


Listener = Callable[[dict[str, Any], str | None], None]


def calls_path(out: Path) -> Path:
    """The log of an unfinished run's calls: `scores.parquet` -> `scores.parquet.calls`."""
    return out.with_name(out.name + ".calls")


def kept_calls_path(out: Path) -> Path:
    """The same of a finished run: `scores.parquet` -> `scores.calls.jsonl.gz`."""
    return out.with_name(f"{out.stem}.calls.jsonl.gz")


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
        self._first_path: dict[tuple[str, str], str] = {}
        self._ids: dict[int, str] = {}
        self._journal: Journal | None = None
        if settings.out:
            wanted = settings.of_results(inputs.manifest_sha256)
            path = journal_path(settings.out)
            if settings.calls and settings.calls.exists() and not settings.resume:
                raise JournalMismatch(
                    f"{settings.calls}: calls of an unfinished run lie here, perhaps with answers that "
                    "were paid for; go on with --resume, or delete this file"
                )
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
            if self.settings.calls:
                self._begin_calls(self.settings.calls)
            if self._journal:
                for record in self._journal.records():
                    self._first_path[record["video_id"], record["condition"]] = record["path"]
                    self.summary.kept += not _is_extra(record)
                    self._count(record)
            todo = self._todo()
            first = next(todo, None)
            if first is not None:
                jobs = chain([first], todo)
                answers = score_jobs(jobs, self.settings.for_workers(), self.settings.jobs)
                with closing(answers):  # ends the workers, whatever happens here
                    for answer in answers:
                        self._finish(answer)
            if self._journal and self.settings.out:
                self._write(self._journal, self.settings.out)
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

    def _begin_calls(self, path: Path) -> None:
        source = self.settings.source
        assert source
        log = CallLog(path)
        log.begin_run(
            {
                "detector": dict(self.settings.detector.__dict__),
                "uploads_to": source.uploads_to,
                "consented": True,  # the command line asked, or there would be no run
                "unswap": self.settings.version,
            }
        )
        log.close()

    def _write(self, journal: Journal, out: Path) -> None:
        """The tables, what stands beside them, and the end of the journal."""

        def rows() -> Iterator[dict[str, Any]]:
            return (r for r in journal.records() if not _is_extra(r))

        write_results(out, rows, self.inputs.manifest_sha256)
        again = measure_repeats(journal.records())
        if again:
            repeats = (r for r in journal.records() if r["condition"] == REPEAT)
            write_scores(repeats_path(out), repeats, self.inputs.manifest_sha256)
        self.summary.again = again
        canaries = (r for r in journal.records() if is_canary(r["condition"]))
        self.summary.canaries = write_canaries(
            out, canaries, self.settings.detector, again, self.settings.canary_since
        )
        calls = self.settings.calls
        if calls:
            log = CallLog(calls)
            log.export(kept_calls_path(out))
            log.close()
        journal.discard()
        if calls:
            calls.unlink()  # what is kept of it stands beside the output

    def _todo(self) -> Iterator[tuple[int, str, str | None, str]]:
        """Jobs that are not finished; bytes that had their turn under another path are left out."""
        for key, job in enumerate(self.inputs.jobs):
            video_id = job.video_id or loose_id(job.path)
            if (video_id, job.condition) in self._first_path:
                other = self._first_path[video_id, job.condition]
                if os.path.abspath(other) != os.path.abspath(job.path) and job.condition == "none":
                    self.summary.duplicates.append((job.path, other))
                continue
            self._first_path[video_id, job.condition] = job.path
            self._ids[key] = video_id
            yield key, job.path, video_id, job.condition

    def _finish(self, answer: Answer) -> None:
        video_id, job = self._ids.pop(answer.key), self.inputs.jobs[answer.key]
        record = answer.score
        if record is None:
            record = VideoScore(
                video_id=video_id,
                path=job.path,
                status=Status(answer.status),
                score=None,
                detector=self.settings.detector,
                reason=answer.reason,
                condition=job.condition,
            ).to_dict()
        if self._journal:
            self._journal.add(record)
        self._count(record)
        self.on_result(record, answer.report)

    def _count(self, record: dict[str, Any]) -> None:
        if record.get("cost") is not None:
            self.summary.costs = (self.summary.costs or 0.0) + record["cost"]
        if _is_extra(record):
            return
        self.summary.counts[record["status"]] += 1
        if record["score"] is not None:
            self.summary.kinds.add(record["score_kind"])


def _is_extra(record: dict[str, Any]) -> bool:
    """Whether it is a further scoring, and no row of the table."""
    return record["condition"] == REPEAT or is_canary(record["condition"])


def _why(error: OSError) -> str:
    """The reason alone, where an error has one; pyarrow's have a text only."""
    return error.strerror or str(error)
