"""`unswap score`."""

import argparse
import sys
from pathlib import Path

from unswap import __version__
from unswap.cli.options import (
    EXIT_STOPPED,
    UsageError,
    add_roots,
    message,
    not_negative,
    positive,
    roots,
)


def add_score(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap score`."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="files, folders, globs, or one manifest"
    )
    parser.add_argument(
        "--detector",
        metavar="NAME|FILE|MODULE:FUNCTION",
        help="a detector that ships (default), a checkpoint, or one from outside: a description .yaml, "
        "a model .onnx, a table of scores .csv or .parquet, a Python function",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help=".parquet, .csv or .json")
    parser.add_argument("--report", type=Path, metavar="DIR", help="an HTML report each, in here")
    parser.add_argument(
        "--num-frames", type=positive, metavar="N", help="frames a video (default: the detector's)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (default: cpu)")
    parser.add_argument("--batch-size", type=positive, default=32, metavar="N", help="default: 32")
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="videos at a time (default: up to 4, one a core)",
    )
    parser.add_argument(
        "--person", type=not_negative, metavar="TRACK", help="score this track alone"
    )
    parser.add_argument(
        "--time-limit",
        type=positive,
        default=600,
        metavar="SECONDS",
        help="a video (default: 600)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run that wrote --out")
    add_roots(parser)
    outside = parser.add_argument_group("detectors from outside")
    outside.add_argument(
        "--consent-upload",
        action="store_true",
        help="videos may be sent to the detector's service; what is sent is logged beside --out",
    )
    outside.add_argument(
        "--repeat",
        type=not_negative,
        default=0,
        metavar="N",
        help="score the first N videos twice, to see if the scores repeat",
    )
    outside.add_argument(
        "--canary",
        action="append",
        default=[],
        metavar="PATH",
        help="videos that are scored before and after, to see if the model was changed",
    )
    outside.add_argument(
        "--canary-since",
        type=Path,
        metavar="FILE",
        help="an earlier run's .canaries.json to compare with",
    )
    parser.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    from unswap.datasets.journal import JournalMismatch
    from unswap.datasets.manifests import BadManifest
    from unswap.detectors.headers import BadCheckpoint
    from unswap.detectors.vendors.binding import BadDescription
    from unswap.experiments.jobs.pool import MustStop, UnusableWorker
    from unswap.experiments.scoring.command import score_command
    from unswap.experiments.scoring.inputs import NoInput, expand

    try:
        inputs = expand(options.paths, roots(options.root))
        return score_command(inputs, options, __version__)
    except (
        NoInput,
        BadManifest,
        BadCheckpoint,
        BadDescription,
        JournalMismatch,
        UnusableWorker,
        KeyError,
        ValueError,
    ) as error:
        raise UsageError(message(error)) from error
    except MustStop as error:
        if not options.out:
            then = "Without --out nothing was kept"
        elif "--resume" in str(error):
            then = "What is finished is kept"
        else:
            then = (
                "Free some space, if that is why, and go on with --resume; what is finished is kept"
            )
        print(f"unswap score: stopped: {error}. {then}", file=sys.stderr)
        return EXIT_STOPPED
