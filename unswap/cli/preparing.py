"""`unswap datasets`, `unswap prepare`, `unswap degrade`."""

import argparse
import errno
import sys
from pathlib import Path

from unswap import __version__
from unswap.cli.options import (
    EXIT_ALL_DONE,
    EXIT_SOME_WRONG,
    EXIT_STOPPED,
    UsageError,
    add_roots,
    message,
    not_negative,
    positive,
    roots,
)


def add_prepare(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap prepare`."""
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help=".parquet or .csv")
    add_roots(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="CROPS", help="a folder")
    parser.add_argument(
        "--num-frames", type=positive, default=32, metavar="N", help="clips a video (default: 32)"
    )
    parser.add_argument(
        "--clip-length", type=positive, default=1, metavar="N", help="frames a clip (default: 1)"
    )
    parser.add_argument(
        "--stride", type=positive, default=1, metavar="N", help="frames apart, in a clip"
    )
    parser.add_argument(
        "--margin", type=float, metavar="M", help="the crop's side over the face's (default: 2)"
    )
    parser.add_argument(
        "--max-size",
        type=positive,
        default=512,
        metavar="PX",
        help="the crop's side (default: 512)",
    )
    parser.add_argument(
        "--faces",
        choices=["largest", "all", "mask", "whole"],
        default="largest",
        help="whose: the largest and longest seen, everybody's, that which was manipulated; or "
        "whole, for pictures that are face crops already (default: largest)",
    )
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument(
        "--ray-address", metavar="ADDRESS", help="of a Ray cluster, auto or ip:port"
    )
    parser.add_argument("--jobs", type=positive, metavar="N", help="default: one a processor")
    parser.add_argument(
        "--time-limit", type=positive, default=600, metavar="SECONDS", help="a video (default: 600)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with what lies in --out")
    parser.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> int:
    from unswap.datasets.journal import JournalMismatch
    from unswap.datasets.manifests import BadManifest
    from unswap.datasets.shards.layout import BadShards
    from unswap.experiments.jobs.pool import MustStop, UnusableWorker
    from unswap.experiments.preparing.command import prepare_command

    try:
        done = prepare_command(options, roots(options.root), __version__)
    except (
        BadManifest,
        BadShards,
        JournalMismatch,
        UnusableWorker,
        KeyError,
        ValueError,
    ) as error:
        raise UsageError(message(error)) from error
    except MustStop as error:
        print(
            f"unswap prepare: stopped: {error}. What is finished is kept: mend it (free some space, "
            "if that is why) and go on with --resume",
            file=sys.stderr,
        )
        return EXIT_STOPPED
    return EXIT_ALL_DONE if done else EXIT_SOME_WRONG


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap datasets`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="all benchmarks: licence, split, counts",
        description="Lists all benchmarks, one a row; or, in full, how to ask for each, its layout, "
        "how to cite it.",
    )
    how = listing.add_mutually_exclusive_group()
    how.add_argument("--full", action="store_true", help="all cards, one after another")
    how.add_argument("--json", action="store_true", help="all cards, as JSON")
    show = actions.add_parser("show", help="one benchmark's card")
    show.add_argument("name", metavar="NAME")

    check = actions.add_parser(
        "check",
        help="what is wrong with a copy of a benchmark",
        description="Checks a copy of a benchmark: counts, missing and unreadable files, duplicates, "
        "labels, leakage between splits, and whether the files' technical data alone tell real from "
        "fake. Exit code 0: nothing wrong was found; 3: something was; 2: wrong usage.",
    )
    check.add_argument("name", metavar="NAME")
    add_roots(check, required=True)
    check.add_argument("--compression", metavar="C", help="only this one: c23")
    check.add_argument(
        "--no-probe", action="store_true", help="leave out what needs every file to be read"
    )
    check.add_argument("--jobs", type=positive, metavar="N", help="default: one a processor")
    check.add_argument("--seed", type=not_negative, default=0, metavar="N")
    check.add_argument("--json", type=Path, metavar="FILE", help="the result as JSON")
    check.add_argument("--report", type=Path, metavar="DIR", help="the result as HTML, in here")

    manifest = actions.add_parser(
        "manifest",
        help="write a benchmark's manifest",
        description="Writes a benchmark's manifest. Exit code 0: nothing is missing; 3: it was "
        "written, but something in the folder is not as it should be; 2: wrong usage.",
    )
    manifest.add_argument("name", metavar="NAME")
    add_roots(manifest, required=True)
    manifest.add_argument("--compression", metavar="C", help="only this one: c23")
    manifest.add_argument("--split", choices=["official", "identity-disjoint"], default="official")
    manifest.add_argument("--seed", type=not_negative, default=0, metavar="N")
    manifest.add_argument("--out", type=Path, required=True, metavar="FILE", help=".parquet, .csv")

    export = actions.add_parser("export", help="prepared crops as DeepfakeBench's folders and JSON")
    export.add_argument("crops", type=Path, metavar="CROPS", help="what `unswap prepare` wrote")
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    export.add_argument("--name", required=True, metavar="NAME", help="of the data set there")
    export.add_argument("--size", type=positive, default=256, metavar="PX", help="default: 256")
    export.add_argument("--margin", type=float, default=1.3, metavar="M", help="default: 1.3")
    parser.set_defaults(run=_datasets)


def _datasets(options: argparse.Namespace) -> int:
    from unswap.datasets.benchmarks import BadBenchmark
    from unswap.datasets.manifests import BadManifest
    from unswap.datasets.shards.layout import BadShards
    from unswap.experiments import dataset_commands

    action = getattr(dataset_commands, f"{options.action}_command")
    if "root" in options:
        options.root = roots(options.root)
    try:
        good: bool = action(options, __version__)
    except (BadBenchmark, BadManifest, BadShards, KeyError, ValueError) as error:
        raise UsageError(message(error)) from error
    except BrokenPipeError:
        raise  # whoever read the output has gone: no fault of a file
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        raise UsageError(f"{name}{error.strerror or error}{_remedy(error)}") from error
    return EXIT_ALL_DONE if good else EXIT_SOME_WRONG


def _remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "; change its permissions"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "; make room, or write to another disk"
    return ""


def add_degrade(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap degrade`."""
    parser.add_argument("video", type=Path, nargs="?", metavar="VIDEO")
    parser.add_argument(
        "--with",
        dest="conditions",
        action="append",
        default=[],
        metavar="CODE:LEVEL",
        help="VC:3; several are applied in order",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help=".mp4 or .mkv")
    parser.add_argument("--seed", type=not_negative, default=0, metavar="N")
    parser.add_argument("--list", action="store_true", help="list the codes and their levels")
    parser.set_defaults(run=_degrade)


def _degrade(options: argparse.Namespace) -> int:
    from unswap.datasets.perturbations import CannotWrite
    from unswap.datasets.types import UnreadableVideo
    from unswap.experiments.dataset_commands import degrade_command

    try:
        good = degrade_command(options)
    except (CannotWrite, UnreadableVideo, KeyError, ValueError) as error:
        raise UsageError(message(error)) from error
    return EXIT_ALL_DONE if good else EXIT_SOME_WRONG
