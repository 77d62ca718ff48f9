"""`unswap compare`."""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from unswap import __version__
from unswap.cli.options import EXIT_ALL_DONE, EXIT_SOME_WRONG, EXIT_STOPPED, UsageError

if TYPE_CHECKING:
    from unswap.experiments.comparison.types import Comparison


def add_compare(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap compare`."""
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="the original")
    parser.add_argument("suspect", type=Path, metavar="SUSPECT", help="what may be made of it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers")
    parser.add_argument("--report", type=Path, metavar="DIR", help="an HTML report, in here")
    parser.add_argument(
        "--overlay", type=Path, metavar="OUT.mp4", help="both side by side, the change marked"
    )
    parser.add_argument(
        "--identity-weights",
        type=Path,
        metavar="FILE",
        help="a face-embedding model (.onnx, or facenet-pytorch's .pt), to say whose face it is",
    )
    parser.add_argument(
        "--fdr",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="of the cells called changed, how many may be wrongly so (default: 0.01)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: cpu)")
    parser.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> int:
    from unswap.datasets.perturbations.writing import CannotWrite, check_target, new_file
    from unswap.datasets.types import UnreadableVideo
    from unswap.experiments.comparison.compare import compare
    from unswap.experiments.comparison.identity import BadIdentityWeights

    if not 0 < options.fdr < 1:
        raise UsageError(f"--fdr: expected a share between 0 and 1, got {options.fdr}")
    if options.json and not options.json.parent.is_dir():
        raise UsageError(f"--json: there is no folder {options.json.parent}; make it first")
    try:
        if options.overlay:
            check_target(options.suspect, options.overlay, overwrite=True)
        result = compare(
            options.reference,
            options.suspect,
            identity_weights=options.identity_weights,
            fdr=options.fdr,
            device=options.device,
            options=_given(options),
        )
        print_comparison(result)
        if options.json:
            with new_file(options.json, overwrite=True) as file:
                file.write(json.dumps(result.to_dict(), indent=1, allow_nan=False).encode())
        write_outputs(result, options.report, options.overlay)
    except UnreadableVideo as error:
        print(f"unswap compare: {error}", file=sys.stderr)
        return EXIT_SOME_WRONG
    except BadIdentityWeights as error:
        raise UsageError(str(error)) from error
    except CannotWrite as error:
        print(f"unswap compare: {error}", file=sys.stderr)
        return EXIT_STOPPED
    return EXIT_ALL_DONE


def _given(options: argparse.Namespace) -> tuple[str, ...]:
    """What was asked for beyond the files, to be repeated in the report."""
    given = []
    if options.identity_weights:
        given += ["--identity-weights", str(options.identity_weights)]
    if options.fdr != 0.01:
        given += ["--fdr", f"{options.fdr:g}"]
    return tuple(given)


def print_comparison(result: "Comparison") -> None:
    """The findings, in a few lines."""
    from unswap.experiments.comparison.types import Status

    print(f"reference  {result.reference.path}")
    print(f"suspect    {result.suspect.path}")
    print(f"{result.status}: {result.reason}")
    for stretch in result.stretches:
        (a, b), (c, d) = stretch.suspect_seconds, stretch.reference_seconds
        backwards = ", backwards" if stretch.rate < 0 else ""
        print(
            f"  suspect {a:.2f} to {b:.2f} s (frames {stretch.suspect_first} to {stretch.suspect_last})"
            f" = reference {c:.2f} to {d:.2f} s (frames {stretch.reference_first} to "
            f"{stretch.reference_last}), speed {abs(stretch.rate):.3f}{backwards}"
        )
    for region in result.regions:
        print(
            f"  changed: {region.name}, in {region.persistence:.0%} of the frames, "
            f"{region.area_share:.1%} of the picture"
        )
    for finding in result.findings:
        print(f"({finding.key}) {finding.title}: {finding.verdict}")
        for reason in finding.reasons if result.status is Status.COMPARED else ():
            print(f"      {reason}")
    for note in result.notes:
        print(f"note: {note}")


def write_outputs(result: "Comparison", report: Path | None, overlay: Path | None) -> None:
    """The report and the overlay, where they are asked for.

    Raises:
        CannotWrite, UnreadableVideo: see `write_report` and `write_overlay`.
    """
    from unswap.experiments.comparison.overlay import write_overlay
    from unswap.experiments.comparison.report.render import write_report
    from unswap.experiments.comparison.types import Status

    if report:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        path = write_report(result, report, version=__version__, generated_at=now)
        print(f"report: {path}")
    if overlay:
        if result.status is Status.COMPARED:
            write_overlay(result, overlay, overwrite=True)
            print(f"overlay: {overlay}")
        else:
            print("no overlay: nothing was compared", file=sys.stderr)
