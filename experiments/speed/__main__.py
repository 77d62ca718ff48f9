"""Speed and memory, as ratios of things measured side by side in one run.

    python -m unswap.experiments.speed score [VIDEO] [--only floor usual memory jobs]
    python -m unswap.experiments.speed prepare [VIDEO] [--only dlib mtcnn jobs ray]
    python -m unswap.experiments.speed load [--only random start]
    python -m unswap.experiments.speed compare [--only floor memory]
    python -m unswap.experiments.speed templates
    python -m unswap.experiments.speed metrics [--only loop ranking]
    python -m unswap.experiments.speed train [--only pairs steps]

Machines are shared and noisy: the ratios are what to read. `--help` after a name says what each is.
"""

import argparse

from . import compare, load, metrics, prepare, score, templates, train


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    whats = parser.add_subparsers(required=True, metavar="score|prepare|load|...")
    modules = (
        ("score", score),
        ("prepare", prepare),
        ("load", load),
        ("compare", compare),
        ("templates", templates),
        ("metrics", metrics),
        ("train", train),
    )
    for name, module in modules:
        part = whats.add_parser(
            name,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(part)
        part.set_defaults(measure=module.measure)
    options = parser.parse_args()
    options.measure(options)


if __name__ == "__main__":
    main()
