"""How many videos there are, against how many there should be."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ...datasets.benchmarks import Card
from ...datasets.manifests import Manifest
from .findings import Finding, finding

Status = Literal["as stated", "short", "more", "absent", "not stated"]


@dataclass(frozen=True)
class CountRow:
    """Videos of one method (None: real), split (None: all) and compression.

    `expected`: None where the authors state nothing. `status`: `absent` where nothing of the
    method is there in this compression (not downloaded), else how the two compare.
    """

    method: str | None
    split: str | None
    compression: str | None
    expected: int | None
    found: int
    status: Status

    @property
    def words(self) -> str:
        """Which videos these are."""
        parts = (self.method or "real", self.split, self.compression)
        return ", ".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


def count_rows(manifest: Manifest, card: Card) -> list[CountRow]:
    """What the card's authors state, and what else is there.

    A benchmark in several compressions is counted in each one that is there.
    """
    several = len(card.compressions) > 1
    found: Counter[tuple[str | None, str | None, str | None]] = Counter()
    for row in manifest.rows():
        method = None if row["label"] == 0 else row["method"] or "(no method named)"
        compression = row["compression"] if several else None
        found[method, None, compression] += 1
        if row["split"]:
            found[method, row["split"], compression] += 1
    out = []
    stated = {(e.method, e.split): e.count for e in card.expected}
    for compression in sorted({key[2] for key in found}, key=lambda c: (c is None, c or "")):
        for (method, split), expected in stated.items():
            there = found[method, split, compression]
            whole = found[method, None, compression]
            out.append(
                CountRow(
                    method, split, compression, expected, there, _status(there, expected, whole)
                )
            )
        others = {key[0] for key in found if key[2] == compression} - {m for m, _ in stated}
        for method in sorted(others, key=lambda m: (m is not None, m or "")):
            there = found[method, None, compression]
            out.append(CountRow(method, None, compression, None, there, "not stated"))
    return out


def _status(found: int, expected: int, of_method: int) -> Status:
    if found == expected:
        return "as stated"
    if not of_method:
        return "absent"
    return "short" if found < expected else "more"


def count_findings(rows: Sequence[CountRow]) -> list[Finding]:
    """Too few and too many are wrong; a method that is absent is a note, unless all are.

    Each case is one method in one compression, with all of its splits.
    """
    stated = [row for row in rows if row.expected is not None]
    if not stated:
        return []
    nothing = all(row.status == "absent" for row in stated)
    return [
        *finding("count-short", "wrong", "fewer videos than the authors state", _of(rows, "short")),
        *finding("count-more", "wrong", "more videos than the authors state", _of(rows, "more")),
        *finding(
            "count-absent",
            "wrong" if nothing else "note",
            "nothing is there of all that the authors state"
            if nothing
            else "not there at all (not downloaded?)",
            absent(rows),
        ),
        *finding(
            "count-not-stated",
            "note",
            "methods whose number the authors do not state",
            _of(rows, "not stated"),
        ),
    ]


def _of(rows: Sequence[CountRow], status: Status) -> list[str]:
    """`Swap, c40: 19 of 20 (val 3 of 4)`, for each method and compression with this status."""
    grouped: dict[tuple[str | None, str | None], list[CountRow]] = {}
    for row in rows:
        if row.status == status:
            grouped.setdefault((row.method, row.compression), []).append(row)
    out = []
    for (method, compression), members in grouped.items():
        name = ", ".join(part for part in (method or "real", compression) if part)
        whole = [_numbers(row) for row in members if row.split is None]
        parts = ", ".join(f"{row.split} {_numbers(row)}" for row in members if row.split)
        out.append(f"{name}: {f'{whole[0]} ({parts})' if whole and parts else parts or whole[0]}")
    return out


def _numbers(row: CountRow) -> str:
    return f"{row.found:,}" if row.expected is None else f"{row.found:,} of {row.expected:,}"


def absent(rows: Sequence[CountRow]) -> list[str]:
    """What is not there, in as few lines as can be: first what is in no compression.

    `Face2Face, NeuralTextures`, then `in c40: FaceSwap`.
    """
    levels = list(dict.fromkeys(row.compression for row in rows))
    missing: dict[str, list[str | None]] = {}
    for row in rows:
        if row.status == "absent":
            of_method = missing.setdefault(row.method or "real", [])
            if row.compression not in of_method:
                of_method.append(row.compression)
    nowhere = [method for method, found in missing.items() if len(found) == len(levels)]
    out = [", ".join(nowhere)] if nowhere else []
    for level in levels:
        some = [m for m, found in missing.items() if m not in nowhere and level in found]
        if some:
            out.append(f"in {level}: {', '.join(some)}")
    return out


def count_table(rows: Sequence[CountRow]) -> list[str]:
    """One line a method and compression, a column a split; what is absent altogether in no line.

    `8 of 1,000` where found and expected differ, else the number that both say.
    """
    there = [row for row in rows if row.status != "absent"]
    splits = list(dict.fromkeys(row.split for row in there))
    grouped: dict[tuple[str | None, str | None], dict[str | None, CountRow]] = {}
    for row in there:
        grouped.setdefault((row.method, row.compression), {})[row.split] = row
    cells = [["method", "compression", *(split or "all" for split in splits), ""]]
    for (method, compression), members in grouped.items():
        found = {row.status for row in members.values()}
        said = [s for s in get_args(Status) if s in found and (s != "as stated" or len(found) == 1)]
        numbers = [_cell(members.get(split)) for split in splits]
        cells.append([method or "real", compression or "-", *numbers, " and ".join(said)])
    if not any(row.compression for row in there):
        cells = [[line[0], *line[2:]] for line in cells]
    first = 2 if any(row.compression for row in there) else 1
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if first <= i < len(line) - 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return (lines if there else []) + [f"not there: {one}" for one in absent(rows)]


def _cell(row: CountRow | None) -> str:
    if row is None:
        return "-"
    return f"{row.found:,}" if row.found == row.expected else _numbers(row)
