"""The command line. Heavy imports wait until a command needs them."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unswap import __version__

EXIT_ALL_SCORED = 0
EXIT_USAGE = 2
EXIT_SOME_NOT_SCORED = 3
EXIT_STOPPED = 4


class UsageError(Exception):
    """Wrong usage; the message says what is wrong and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    parser = build_parser()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that the screen's encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return EXIT_USAGE
    try:
        code: int = options.run(options)
    except UsageError as error:
        print(f"unswap {options.command}: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("stopped; what is finished is kept: go on with --resume", file=sys.stderr)
        return EXIT_STOPPED
    return code


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="unswap",
        description="Says whether a video was face-swapped, and how far that answer can be trusted.",
    )
    parser.add_argument("--version", action="version", version=f"unswap {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    score = commands.add_parser(
        "score",
        help="score videos, one or many",
        description="Scores videos. Exit code 0: all were scored; 3: some have another status; "
        "2: wrong usage; 4: the run had to stop and can be resumed.",
    )
    score.add_argument(
        "paths", nargs="+", metavar="PATH", help="files, folders, globs, or one manifest"
    )
    score.add_argument("--detector", metavar="NAME|FILE", help="default: the one that ships")
    score.add_argument("--out", type=Path, metavar="FILE", help=".parquet, .csv or .json")
    score.add_argument("--report", type=Path, metavar="DIR", help="an HTML report each, in here")
    score.add_argument(
        "--num-frames", type=_positive, metavar="N", help="frames a video (default: the detector's)"
    )
    score.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (default: cpu)")
    score.add_argument("--batch-size", type=_positive, default=32, metavar="N", help="default: 32")
    score.add_argument(
        "--jobs",
        type=_positive,
        metavar="N",
        help="videos at a time (default: up to 4, one a core)",
    )
    score.add_argument(
        "--person", type=_not_negative, metavar="TRACK", help="score this track alone"
    )
    score.add_argument(
        "--time-limit",
        type=_positive,
        default=600,
        metavar="SECONDS",
        help="a video (default: 600)",
    )
    score.add_argument("--resume", action="store_true", help="go on with the run that wrote --out")
    score.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="[NAME=]FOLDER",
        help="where a manifest's videos lie; once for each root that it names",
    )
    score.set_defaults(run=_score)

    train = commands.add_parser("train", help="train a detector from a recipe")
    train.add_argument("recipe", type=Path, metavar="RECIPE.yaml")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    train.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    train.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="downloads and prepared faces (default: RUN/cache)",
    )
    train.set_defaults(run=_train)

    detectors = commands.add_parser(
        "detectors", help="list the detectors that ship, or show a card"
    )
    detectors.add_argument("action", choices=["list", "show"])
    detectors.add_argument("name", nargs="?", metavar="NAME|FILE")
    detectors.set_defaults(run=_detectors)
    return parser


def _score(options: argparse.Namespace) -> int:
    from unswap.datasets.manifests import BadManifest
    from unswap.detectors.headers import BadCheckpoint
    from unswap.experiments.scoring.command import score_command
    from unswap.experiments.scoring.inputs import NoInput, expand
    from unswap.experiments.scoring.journal import JournalMismatch
    from unswap.experiments.scoring.pool import MustStop, UnusableDetector

    try:
        inputs = expand(options.paths, _roots(options.root))
        return score_command(inputs, options, __version__)
    except (
        NoInput,
        BadManifest,
        BadCheckpoint,
        JournalMismatch,
        UnusableDetector,
        KeyError,
        ValueError,
    ) as error:
        raise UsageError(_message(error)) from error
    except MustStop as error:
        then = (
            "Free some space, if that is why, and go on with --resume; what is finished is kept"
            if options.out
            else "Without --out nothing was kept"
        )
        print(f"unswap score: stopped: {error}. {then}", file=sys.stderr)
        return EXIT_STOPPED


def _train(options: argparse.Namespace) -> int:
    from unswap.experiments.training.loop import TrainingFailed
    from unswap.experiments.training.portraits import BadWeights
    from unswap.experiments.training.recipe import BadRecipe
    from unswap.experiments.training.run import train

    try:
        path = train(options.recipe, options.out, resume=options.resume, cache=options.cache)
    except (BadRecipe, BadWeights, FileExistsError) as error:
        raise UsageError(_message(error)) from error
    except (TrainingFailed, OSError, RuntimeError) as error:
        print(f"unswap train: stopped: {error}", file=sys.stderr)
        return EXIT_STOPPED
    print(f"wrote {path}")
    return 0


def _detectors(options: argparse.Namespace) -> int:
    import json

    from unswap.detectors import pretrained
    from unswap.detectors.headers import BadCheckpoint, read_header

    if options.action == "list":
        for name in pretrained.names():
            card = read_header(pretrained.locate(name))["card"]
            print(f"{name}  version {card['version']}  {card['summary']}")
        return 0
    try:
        header = read_header(pretrained.locate(options.name or pretrained.DEFAULT))
    except (BadCheckpoint, KeyError) as error:
        raise UsageError(_message(error)) from error
    print(json.dumps(header, indent=2))
    return 0


def _roots(texts: Sequence[str]) -> dict[str, Path]:
    roots: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():  # a bare folder, whose name may hold a "="
            name, folder = "", text
        if not Path(folder).is_dir():
            raise UsageError(f"--root {text}: {folder} is not a folder")
        if name in roots:
            what = f"the root {name!r}" if name else "a root without a name"
            raise UsageError(f"--root {text}: {what} was given already, as {roots[name]}")
        roots[name] = Path(folder)
    return roots


def _message(error: Exception) -> Any:
    """An error's own words (a KeyError would put them in quotes)."""
    return error.args[0] if isinstance(error, KeyError) else error


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None


def _positive(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return value


def _not_negative(text: str) -> int:
    value = _whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
