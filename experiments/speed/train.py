"""Speed of training, as ratios of things measured side by side in one run.

`pairs`  a self-blended pair at 256 px, from shard to tensor, on one thread: over the OpenCV calls that
         making it comes down to, called again bare; and beside the usual way, picture by picture
         with an augmentation library. Processor time, not the clock's: machines are shared.
"""

import argparse
import tempfile
from pathlib import Path

from . import pairs

MEASURES = ("pairs",)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed train`."""
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--pairs", type=int, default=24, help="for `pairs`, of each round")
    parser.add_argument("--rounds", type=int, default=9, help="for `pairs`")


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    for what in options.only:
        with tempfile.TemporaryDirectory() as name:
            if what == "pairs":
                pairs.measure(Path(name) / "crops", options.pairs, options.rounds)
            else:
                raise ValueError(f"expected one of {MEASURES}, got {what!r}")
