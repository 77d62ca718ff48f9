"""`unswap detectors`, `unswap convert`."""

import argparse
import json
from pathlib import Path

from unswap.cli.options import EXIT_ALL_DONE, UsageError, message


def add_detectors(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap detectors`."""
    parser.add_argument("action", choices=["list", "show"])
    parser.add_argument("name", nargs="?", metavar="NAME|FILE")
    parser.set_defaults(run=_detectors)


def add_convert(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap convert`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="whose weights; none lists them")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="as published")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.safetensors",
        help="the checkpoint to write (default: NAME.safetensors)",
    )
    parser.set_defaults(run=_convert)


def _detectors(options: argparse.Namespace) -> int:
    from unswap.detectors import pretrained
    from unswap.detectors.headers import BadCheckpoint, read_header

    if options.action == "list":
        for name in pretrained.names():
            card = read_header(pretrained.locate(name))["card"]
            print(f"{name}  version {card['version']}  {card['summary']}")
        from unswap.detectors.describing import summaries

        print("\nArchitectures, to be trained (they have no weights of their own):")
        for name, summary in summaries().items():
            print(f"  {name:17} {summary}")
        return EXIT_ALL_DONE
    name = options.name or pretrained.DEFAULT
    if not name.endswith(".safetensors") and name not in pretrained.names():
        from unswap.detectors.describing import describe

        try:
            print(describe(name))
        except KeyError as error:
            raise UsageError(message(error)) from error
        return EXIT_ALL_DONE
    try:
        header = read_header(pretrained.locate(name))
    except (BadCheckpoint, KeyError) as error:
        raise UsageError(message(error)) from error
    print(json.dumps(header, indent=2))
    return EXIT_ALL_DONE


def _convert(options: argparse.Namespace) -> int:
    from unswap.detectors.converting.convert import convert
    from unswap.detectors.converting.sources import sources
    from unswap.detectors.converting.weights import BadWeights

    if options.name is None:
        for name in sources.names():
            print(f"{name:30} {sources.get(name).summary}")
        return EXIT_ALL_DONE
    try:
        sources.get(options.name)
        if options.file is None:
            raise UsageError("give the file too: unswap convert NAME FILE")
        out = options.out or Path(f"{options.name}.safetensors")
        if out.exists():
            raise UsageError(f"{out} is there already; give another --out, or remove it")
        convert(options.name, options.file, out)
    except (BadWeights, KeyError, ValueError, OSError) as error:
        raise UsageError(message(error)) from error
    print(f"wrote {out}; score with it: unswap score --detector {out} VIDEO")
    return EXIT_ALL_DONE
