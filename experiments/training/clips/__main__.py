"""python -m unswap.experiments.training.clips --out DIR [--cache DIR] [--set rounds=4 ...] [--jobs N]"""

import argparse
import os
from pathlib import Path

from ..errors import BadRecipe
from ..overrides import override
from .build import ClipSettings, build


def main() -> None:
    """Makes the clips and prepares them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--set", nargs="*", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    try:
        settings = ClipSettings.of(override({}, given.settings))
    except BadRecipe as error:
        parser.error(str(error))
    build(given.cache or given.out / "cache", given.out, settings, jobs=given.jobs)


if __name__ == "__main__":
    main()
