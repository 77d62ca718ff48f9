"""The command line. Heavy imports wait until a command needs them."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from unswap import __version__
from unswap.cli.comparing import add_compare
from unswap.cli.detectors import add_convert, add_detectors
from unswap.cli.evaluating import add_benchmark, add_evaluate, add_rank, add_seal
from unswap.cli.options import EXIT_STOPPED, EXIT_UNREAD, EXIT_USAGE, UsageError
from unswap.cli.preparing import add_datasets, add_degrade, add_prepare
from unswap.cli.scoring import add_score
from unswap.cli.templates import add_templates
from unswap.cli.training import add_recipes, add_train
from unswap.cli.vendors import add_vendors


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
        sys.stdout.flush()
    except UsageError as error:
        print(f"unswap {options.command}: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("stopped; what is finished is kept: go on with --resume", file=sys.stderr)
        return EXIT_STOPPED
    except BrokenPipeError:  # `unswap datasets list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNREAD
    return code


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="unswap",
        description="Says whether a video was face-swapped, and how far that answer can be trusted.",
    )
    parser.add_argument("--version", action="version", version=f"unswap {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    add_score(
        commands.add_parser(
            "score",
            help="score videos, one or many",
            description="Scores videos. Exit code 0: all were scored; 3: some have another status; "
            "2: wrong usage; 4: the run had to stop and can be resumed.",
        )
    )
    add_compare(
        commands.add_parser(
            "compare",
            help="hold a suspect video against the original",
            description="Says which stretches of the suspect show the reference, what changed in them "
            "and what did not. Exit code 0: it was compared, whatever came out; 3: a file can't be "
            "read; 2: wrong usage; 4: an output can't be written.",
        )
    )
    add_templates(
        commands.add_parser("templates", help="which of many originals a suspect was made from")
    )
    add_evaluate(
        commands.add_parser(
            "evaluate",
            help="how good a detector's scores are, and how sure that is",
            description="Holds a table of scores against a manifest: metrics with intervals, failures "
            "counted three ways, thresholds frozen on development scores, slices. Exit code 0: it was "
            "evaluated, whatever came out; 2: wrong usage or tables; 4: an output can't be written.",
        )
    )
    add_rank(
        commands.add_parser(
            "rank",
            help="which of several detectors is better, and whether that is certain",
            description="As evaluate, of several tables of scores of the same videos, with paired "
            "differences, corrected p-values and intervals of the places.",
        )
    )
    add_benchmark(
        commands.add_parser(
            "benchmark",
            help="score, evaluate and rank by a protocol",
            description="Scores, evaluates and ranks detectors on benchmarks as a protocol says. Exit "
            "code 0: all was done; 3: some videos have no score; 2: wrong usage; 4: it had to stop, and "
            "goes on with --resume.",
        )
    )
    add_seal(
        commands.add_parser(
            "seal",
            help="make a hold-out of which every look is written down",
            description="Makes a sealed set of a manifest: hashed ids to score, labels that only a key "
            "opens, a ledger of every evaluation.",
        )
    )
    add_datasets(commands.add_parser("datasets", help="list, check and read public benchmarks"))
    add_prepare(
        commands.add_parser(
            "prepare",
            help="cut the faces out of a manifest's videos, for training",
            description="Cuts the faces out of a manifest's videos, into tar shards with an index. "
            "Exit code 0: all were prepared; 3: some have another status; 2: wrong usage; 4: the run "
            "had to stop and can be resumed.",
        )
    )
    add_degrade(
        commands.add_parser("degrade", help="put a video through what the internet does to it")
    )
    add_train(commands.add_parser("train", help="train a detector from a recipe"))
    add_recipes(commands.add_parser("recipes", help="list the recipes that ship, or show one"))
    add_detectors(
        commands.add_parser(
            "detectors", help="list detectors that ship and architectures to train, or show one"
        )
    )
    add_convert(
        commands.add_parser(
            "convert",
            help="published weights as a detector that scores",
            description="Turns weights that others have published into a checkpoint. Files are read in a "
            "process of their own, as tensors alone. Without NAME it lists what it takes.",
        )
    )
    add_vendors(
        commands.add_parser("vendors", help="descriptions of vendors' services and other detectors")
    )
    return parser
