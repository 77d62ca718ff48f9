"""Speed of training, as ratios of things measured side by side in one run.

`pairs`  a self-blended pair at 256 px, from shard to tensor, on one thread: over the OpenCV calls that
         making it comes down to, called again bare; and beside the usual way, picture by picture
         with an augmentation library. Processor time, not the clock's: machines are shared.
`steps`  steps a second of training with the real loader, over those of the same network fed with
         tensors in memory, on two cores; EfficientNet-lite0 and -B4 at 224 px.
"""

import argparse
import tempfile
from pathlib import Path

from . import pairs, steps

MEASURES = ("pairs", "steps")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed train`."""
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--pairs", type=int, default=24, help="for `pairs`, of each round")
    parser.add_argument("--rounds", type=int, default=9, help="for `pairs`")
    parser.add_argument("--steps", type=int, default=12, help="for `steps`, of each of 3 rounds")
    parser.add_argument(
        "--backbones", nargs="+", choices=[*steps.BACKBONES], default=["lite0", "b4"]
    )


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    for what in options.only:
        with tempfile.TemporaryDirectory() as name:
            if what == "pairs":
                pairs.measure(Path(name) / "crops", options.pairs, options.rounds)
            elif what == "steps":
                for backbone in options.backbones:
                    steps.measure(Path(name) / backbone, backbone, options.steps, rounds=3)
            else:
                raise ValueError(f"expected one of {MEASURES}, got {what!r}")
