"""How many videos there are, against how many there should be."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    """Too few and too many are wrong; a method that is absent is a note, unless all are."""
    stated = [row for row in rows if row.expected is not None]
    if not stated:
        return []
    absent = [row for row in stated if row.status == "absent"]
    nothing = len(absent) == len(stated)

    def cases(status: Status) -> list[str]:
        return [
            f"{row.words}: {row.found:,} of {row.expected:,}"
            if row.expected is not None
            # what the authors do not state
            else f"{row.words}: {row.found:,}"
            for row in rows
            if row.status == status
        ]

    return [
        *finding("count-short", "wrong", "fewer videos than the authors state", cases("short")),
        *finding("count-more", "wrong", "more videos than the authors state", cases("more")),
        *finding(
            "count-absent",
            "wrong" if nothing else "note",
            "nothing is there of all that the authors state"
            if nothing
            else "not there at all (not downloaded?)",
            cases("absent"),
        ),
        *finding(
            "count-not-stated",
            "note",
            "methods whose number the authors do not state",
            cases("not stated"),
        ),
    ]
