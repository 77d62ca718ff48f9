"""Reading the benchmarks' CSV lists."""

import csv
from collections.abc import Sequence
from pathlib import Path

from .base import BadBenchmark, require_file


def read_csv(
    path: Path, what: str, needed: Sequence[str], where_from: str
) -> list[tuple[int, dict[str, str]]]:
    """A list's rows with their line numbers; values without spaces around.

    A byte-order mark, Windows line ends and empty lines don't matter. A column without a name is
    called "". A line that is shorter than the header has empty values at its end.

    Args:
        path: UTF-8.
        what: what the list is, for messages.
        needed: columns that have to be there.
        where_from: what to do if it is missing.

    Raises:
        BadBenchmark: it is missing, no UTF-8, has no rows, another header (both are shown), or a
            line with more values than columns.
    """
    require_file(path, what, where_from)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, line) for line in reader if any(v.strip() for v in line)]
    except UnicodeDecodeError:
        raise BadBenchmark(f"{path}: the {what} is not UTF-8; save it as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise BadBenchmark(f"{path}: the {what} can't be read ({error}); get it again") from None
    header = [name.strip() for name in lines[0][1]] if lines else []
    if not set(needed) <= set(header):
        raise BadBenchmark(
            f"{path}: the {what} has another header: expected the columns {', '.join(needed)}, "
            f"got {', '.join(header) or 'none'}; get it again, with commas between the columns"
        )
    if len(lines) == 1:
        raise BadBenchmark(f"{path}: the {what} is empty; get it again")
    rows: list[tuple[int, dict[str, str]]] = []
    for number, line in lines[1:]:
        if any(v.strip() for v in line[len(header) :]):
            raise BadBenchmark(
                f"{path}: line {number} of the {what} has {len(line)} values for "
                f"{len(header)} columns; get it again"
            )
        values = [v.strip() for v in line] + [""] * (len(header) - len(line))
        rows.append((number, dict(zip(header, values, strict=False))))
    return rows
