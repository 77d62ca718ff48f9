"""What `unswap score` does: progress, a line a video, a summary, an exit code."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...detectors import pretrained
from ...detectors.vendors.keys import Keys
from ...detectors.vendors.opening import Source, locate
from ...detectors.vendors.service_description import HttpService
from .canaries import with_canaries
from .inputs import Inputs, expand
from .repeats import with_repeats
from .run import ScoringRun, Settings, Summary, journal_path, kept_calls_path
from .tables import OUT_SUFFIXES, one_line, read_statuses

MOST_DEFAULT_JOBS = 4  # a worker takes about 0.7 GB
KINDS = {
    "logit": "scores are uncalibrated logits: higher is more fake; they are no probabilities",
    "probability": "scores are what the detector calls probabilities; nobody has checked here if they are",
    "llr": "scores are what the detector calls log likelihood ratios; nobody has checked here if they are",
    "ordinal": "scores are ordinal: higher is more fake, and no more is said; they are no probabilities",
}


def score_command(inputs: Inputs, options: argparse.Namespace, version: str) -> int:
    """Runs it. Returns 0 when every video was scored, 3 when some have another status.

    Raises:
        ValueError: options that do not go together. KeyError: an unknown detector.
        BadCheckpoint, BadDescription, JournalMismatch, UnusableWorker, MustStop: see `ScoringRun`.
    """
    out = options.out
    if out is None and options.resume:
        raise ValueError("--resume goes with --out: the run is kept beside the output file")
    if out is not None:
        if out.suffix not in OUT_SUFFIXES:
            raise ValueError(f"--out {out}: expected a name that ends in {', '.join(OUT_SUFFIXES)}")
        if not out.absolute().parent.is_dir():
            raise ValueError(f"--out {out}: there is no folder {out.absolute().parent}")
        if not os.access(out.absolute().parent, os.W_OK):
            raise ValueError(f"--out {out}: no permission to write into {out.absolute().parent}")
        if out.exists() and not journal_path(out).exists():
            if options.resume:
                print(one_line(f"{out} is finished: nothing to resume"))
                return 0 if read_statuses(out) <= {"scored"} else 3
            raise ValueError(f"--out {out}: exists already; choose another name, or delete it")
    if options.report is not None and options.report.exists() and not options.report.is_dir():
        raise ValueError(f"--report {options.report}: exists, and is not a folder")
    source = locate(options.detector or pretrained.DEFAULT)
    _check_outside(source, options)
    inputs = _with_extras(inputs, options)
    jobs = options.jobs or min(len(inputs.jobs), os.cpu_count() or 1, MOST_DEFAULT_JOBS)
    if source.at_a_time is not None:
        jobs = min(options.jobs or len(inputs.jobs), source.at_a_time)
    settings = Settings(
        checkpoint=Path(source.place) if source.kind == "checkpoint" else None,
        source=None if source.kind == "checkpoint" else source,
        detector=source.detector,
        version=version,
        out=out,
        report=options.report,
        num_frames=options.num_frames,
        device=options.device,
        batch_size=options.batch_size,
        jobs=jobs,
        person=options.person,
        time_limit_seconds=float(options.time_limit),
        resume=options.resume,
        canary_since=options.canary_since,
    )
    with tqdm(total=len(inputs.jobs), unit="video", disable=None, file=sys.stderr) as bar:

        def show(record: dict[str, Any], report: str | None) -> None:
            bar.write(_line(record, report), file=sys.stdout)
            sys.stdout.flush()
            bar.update()

        run = ScoringRun(inputs, settings, show)
        summary = run.run()
    _print_summary(summary, settings)
    return 0 if summary.all_scored else 3


def _check_outside(source: Source, options: argparse.Namespace) -> None:
    """What goes with a detector from outside, and what does not. Raises ValueError."""
    if not source.has_crops:
        for name in ("report", "num_frames", "person"):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"--{name.replace('_', '-')} goes with detectors that see crops of faces; "
                    f"{source.detector.name} is given whole videos"
                )
        if options.device != "cpu":
            raise ValueError(
                f"--device does not reach {source.detector.name}, which runs elsewhere"
            )
    if source.uploads_to is None:
        return
    if not options.consent_upload:
        raise ValueError(
            f"{source.detector.name} sends the videos, faces and all, to {source.uploads_to}. If you may "
            "do that, add --consent-upload"
        )
    if options.out is None:
        raise ValueError(
            "a detector that videos are sent to needs --out: what is sent, and every answer, is kept "
            "beside it"
        )
    if isinstance(source.description, HttpService):
        Keys(source.description)  # a key that is missing is told before anything is begun


def _with_extras(inputs: Inputs, options: argparse.Namespace) -> Inputs:
    """The videos, those that are to be scored twice, and the canaries."""
    jobs = with_repeats(inputs.jobs, options.repeat)
    if options.canary:
        if options.out is None:
            raise ValueError("--canary goes with --out: the canaries are kept beside the output")
        jobs = with_canaries(jobs, expand(options.canary, {}).jobs)
    elif options.canary_since is not None:
        raise ValueError("--canary-since compares canaries: add --canary")
    return replace(inputs, jobs=tuple(jobs))


def _line(record: dict[str, Any], report: str | None) -> str:
    """One finished video, in one line."""
    score = "" if record["score"] is None else f"{record['score']:+.3f}"
    line = f"{record['status']:<10} {score:>8}  {record['path']}"
    if record["condition"] != "none":
        line += f" [{record['condition']}]"
    if record["reason"]:
        reason = record["reason"].removeprefix(f"{record['path']}: ")
        line += f"  ({reason})"
    if report:
        line += f"  -> {report}"
    return one_line(line)


def _print_summary(summary: Summary, settings: Settings) -> None:
    counts = ", ".join(f"{n} {status}" for status, n in sorted(summary.counts.items())) or "none"
    total = sum(summary.counts.values())
    print(f"{total} video{'' if total == 1 else 's'}: {counts}")
    if summary.kept:
        print(f"{summary.kept} of them were finished before this run")
    for path, other in summary.duplicates:
        print(one_line(f"same bytes, not scored again: {path} = {other}"))
    if settings.out:
        print(one_line(f"wrote {settings.out}"))
    if settings.calls and settings.out:
        print(one_line(f"every call and every answer: {kept_calls_path(settings.out)}"))
    if summary.costs is not None:
        print(f"cost: {summary.costs:.2f} {_currency(settings)}")
    for found in (summary.again, summary.canaries):
        if found:
            print(one_line(found.sentence()))
    for kind in sorted(summary.kinds):
        print(KINDS[kind])


def _currency(settings: Settings) -> str:
    description = settings.source.description if settings.source else None
    price = description.price if isinstance(description, HttpService) else None
    return price.currency if price else "(as the detector says)"
