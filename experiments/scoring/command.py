"""What `unswap score` does: progress, a line a video, a summary, an exit code."""

import argparse
import os
import sys
from typing import Any

from tqdm import tqdm

from ...detectors import pretrained
from ...detectors.headers import identify
from .inputs import Inputs
from .run import ScoringRun, Settings, Summary, journal_path
from .tables import OUT_SUFFIXES, one_line, read_statuses

MOST_DEFAULT_JOBS = 4  # a worker takes about 0.7 GB


def score_command(inputs: Inputs, options: argparse.Namespace, version: str) -> int:
    """Runs it. Returns 0 when every video was scored, 3 when some have another status.

    Raises:
        ValueError: options that do not go together. KeyError: an unknown detector.
        BadCheckpoint, JournalMismatch, UnusableWorker, MustStop: see `ScoringRun`.
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
    checkpoint = pretrained.locate(options.detector or pretrained.DEFAULT)
    settings = Settings(
        checkpoint=checkpoint,
        detector=identify(checkpoint),
        version=version,
        out=out,
        report=options.report,
        num_frames=options.num_frames,
        device=options.device,
        batch_size=options.batch_size,
        jobs=options.jobs or min(len(inputs.jobs), os.cpu_count() or 1, MOST_DEFAULT_JOBS),
        person=options.person,
        time_limit_seconds=float(options.time_limit),
        resume=options.resume,
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


def _line(record: dict[str, Any], report: str | None) -> str:
    """One finished video, in one line."""
    score = "" if record["score"] is None else f"{record['score']:+.3f}"
    line = f"{record['status']:<10} {score:>8}  {record['path']}"
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
    if summary.counts.get("scored"):
        print("scores are uncalibrated logits: higher is more fake; they are no probabilities")
