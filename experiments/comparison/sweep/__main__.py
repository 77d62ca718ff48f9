"""Makes many pairs of videos with known answers, compares them, and says how often that was right.

    python -m unswap.experiments.comparison.sweep --out sweep --cache data --clips franck cap12

A case is made from the seed and its name alone: `--only derived-0017` makes it again. Running again
with the same --out goes on where it was stopped. Files of cases that failed are kept in OUT/cases.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ....datasets.journal import JournalMismatch
from ...jobs.pool import MustStop, UnusableWorker
from .cases import NoSuchCase
from .drawing import STEPS
from .judging import Record
from .run import COMPARE, Settings, Sweep, finished
from .sources import CLIPS, MissingSource
from .table import printed


def main(arguments: list[str] | None = None) -> int:
    """Runs a sweep and prints its table. Returns the exit code: 0, or 1 where it can't run."""
    options = _parser().parse_args(arguments)
    try:
        done = finished(options.out) if options.table else Sweep(_settings(options)).run(_tell)
    except FileNotFoundError as error:
        print(f"{error.filename}: there is no journal; run without --table first", file=sys.stderr)
        return 1
    except (MissingSource, NoSuchCase, JournalMismatch, UnusableWorker, MustStop) as error:
        print(error, file=sys.stderr)
        return 1
    print(printed(done))
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    names = ("out", "cache", "portraits", "derived", "other_takes", "unrelated", "seed", "jobs")
    return Settings(
        **{name: getattr(options, name) for name in names},
        clips=tuple(options.clips),
        keep_files=options.keep_files,
        again=options.again,
        only=tuple(options.only),
        changes=tuple(options.changes),
        compare=options.compare,
    )


def _tell(record: Record) -> None:
    """A line for a case that failed."""
    if record["failures"]:
        failed = "; ".join(record["failures"])
        print(f"{record['name']} ({record['described']}): {failed}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unswap.experiments.comparison.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the journal and of kept files")
    add("--cache", type=Path, default=Path("."), help="folder of the clips and portraits")
    add("--clips", nargs="*", default=[], choices=list(CLIPS), help="films to make pairs of")
    add("--portraits", type=int, default=60, help="stills to make pairs of (default: 60)")
    add("--derived", type=int, default=120, help="suspects made from the reference")
    add("--other-takes", type=int, default=40, help="another take of the same person")
    add("--unrelated", type=int, default=40, help="suspects that show somebody else")
    add("--jobs", type=int, default=2, help="worker processes (default: 2)")
    add("--seed", type=int, default=0, help="all that is random comes from it")
    add("--keep-files", action="store_true", help="keep the files of cases that passed too")
    add("--only", nargs="+", default=[], metavar="CASE", help="these cases alone")
    add("--changes", nargs="+", default=[], choices=STEPS, help="cases with one of these alone")
    add("--again", action="store_true", help="do again what is done; kept files are used")
    add("--table", action="store_true", help="print the table of what is finished, and end")
    add("--compare", default=COMPARE, help=argparse.SUPPRESS)  # for tests: module:function
    return parser


if __name__ == "__main__":
    sys.exit(main())
