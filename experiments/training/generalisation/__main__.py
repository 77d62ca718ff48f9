"""python -m unswap.experiments.training.generalisation --clips CLIPS --out OUT [--cache DIR]"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .arms import Settings
from .run import experiment
from .table import read_results, tables

DEFAULT = Settings()


def main(arguments: Sequence[str] | None = None, base: Settings = DEFAULT) -> None:
    """Trains, measures, prints the tables as Markdown; runs that are finished are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--clips", type=Path, required=True, help="of unswap.experiments.training.clips"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="where packages are unpacked; CLIPS/cache")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(base.seeds))
    parser.add_argument("--steps", type=int, default=base.steps)
    given = parser.parse_args(arguments)
    settings = replace(base, seeds=tuple(given.seeds), steps=given.steps)
    results = experiment(given.clips, given.out, settings, given.cache or given.clips / "cache")
    print(tables(*read_results(results)))


if __name__ == "__main__":
    main()
