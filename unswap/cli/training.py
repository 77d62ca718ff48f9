"""`unswap train` and `unswap recipes`."""

import argparse
import os
import sys
from pathlib import Path

from unswap.cli.options import EXIT_STOPPED, UsageError, message


def add_train(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap train`."""
    parser.add_argument(
        "recipe",
        type=Path,
        metavar="RECIPE",
        help="a YAML file, or a name of `unswap recipes list`",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one value of the recipe: data.crops=CROPS, optimiser.lr=1e-4; repeat for more",
    )
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="where sbi-lite0 and clips-lite0 keep what they download (default: RUN/cache)",
    )
    parser.set_defaults(run=_train)


def add_recipes(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap recipes`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="the recipes that ship, a line each")
    show = actions.add_parser("show", help="one recipe with all its numbers, as YAML")
    show.add_argument("recipe", type=Path, metavar="NAME|FILE")
    show.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
        help="as in `unswap train`",
    )  # fmt: skip
    parser.set_defaults(run=_recipes)


def _train(options: argparse.Namespace) -> int:
    from unswap.datasets.shards.layout import BadShards
    from unswap.detectors.headers import BadCheckpoint
    from unswap.experiments.training.errors import BadRecipe, TrainingFailed
    from unswap.experiments.training.portraits import BadWeights
    from unswap.experiments.training.start import start

    try:
        path = start(
            options.recipe,
            options.out,
            settings=options.settings,
            resume=options.resume,
            cache=options.cache,
        )
    except (BadRecipe, BadShards, BadCheckpoint, BadWeights, FileExistsError) as error:
        raise UsageError(message(error)) from error
    except (TrainingFailed, OSError, RuntimeError) as error:
        print(f"unswap train: stopped: {error}", file=sys.stderr)
        return EXIT_STOPPED
    except KeyboardInterrupt:
        print("unswap train: stopped; go on with --resume", file=sys.stderr)
        return EXIT_STOPPED
    if os.environ.get("RANK", "0") == "0":  # of several processes, one tells
        print(f"wrote {path}")
    return 0


def _recipes(options: argparse.Namespace) -> int:
    from unswap.experiments.training.errors import BadRecipe
    from unswap.experiments.training.start import describe_recipe, list_recipes

    try:
        if options.action == "list":
            print(list_recipes())
        else:
            print(describe_recipe(options.recipe, options.settings), end="")
    except BadRecipe as error:
        raise UsageError(message(error)) from error
    return 0
