"""`unswap train`."""

import argparse
import sys
from pathlib import Path

from unswap.cli.options import EXIT_STOPPED, UsageError, message


def add_train(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap train`."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="downloads and prepared faces (default: RUN/cache)",
    )
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    from unswap.experiments.training.loop import TrainingFailed
    from unswap.experiments.training.portraits import BadWeights
    from unswap.experiments.training.recipe import BadRecipe
    from unswap.experiments.training.run import train

    try:
        path = train(options.recipe, options.out, resume=options.resume, cache=options.cache)
    except (BadRecipe, BadWeights, FileExistsError) as error:
        raise UsageError(message(error)) from error
    except (TrainingFailed, OSError, RuntimeError) as error:
        print(f"unswap train: stopped: {error}", file=sys.stderr)
        return EXIT_STOPPED
    print(f"wrote {path}")
    return 0
