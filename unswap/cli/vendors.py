"""`unswap vendors`: descriptions of detectors from outside."""

import argparse
from pathlib import Path

from unswap.cli.options import EXIT_ALL_DONE, UsageError, message


def add_vendors(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap vendors`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser(
        "list", help="the services that a description ships for, none of them tried against it"
    )
    show = actions.add_parser("show", help="print such a description, to be saved and changed")
    show.add_argument("name", metavar="NAME")
    check = actions.add_parser(
        "check",
        help="check a description, and show what would be sent; nothing is",
        description="Checks a description of a detector from outside. For a service it shows each "
        "request that would be sent, without the key. Nothing is sent.",
    )
    check.add_argument("detector", metavar="FILE|MODULE:FUNCTION")
    check.add_argument("--video", type=Path, metavar="FILE", help="as it would be for this video")
    parser.set_defaults(run=_vendors)


def _vendors(options: argparse.Namespace) -> int:
    from unswap.detectors.headers import BadCheckpoint
    from unswap.detectors.vendors import examples
    from unswap.detectors.vendors.binding import BadDescription
    from unswap.detectors.vendors.opening import locate
    from unswap.detectors.vendors.showing import show

    try:
        if options.action == "list":
            for name in examples.names():
                print(name)
        elif options.action == "show":
            print(examples.locate(options.name).read_text(encoding="utf-8"), end="")
        elif options.action == "check":
            for line in show(locate(options.detector), options.video):
                print(line)
        else:
            raise AssertionError(options.action)
    except (BadCheckpoint, BadDescription, KeyError, ValueError) as error:
        raise UsageError(message(error)) from error
    return EXIT_ALL_DONE
