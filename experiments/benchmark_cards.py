"""The benchmarks' cards: as a table, in full, and as JSON."""

import dataclasses
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from ..datasets.benchmarks import Card
from ..datasets.benchmarks.base import Expected

WIDE = 110  # columns; below it there is no room for how the split is given
VERY_WIDE = 150  # columns; below it the numbers of two splits take two lines
MOST_LINES = 2  # of a cell in words


def counts(card: Card, *, real: bool) -> str:
    """How many real or manipulated videos the authors state, over all methods.

    `1000`; `2500 test` where they state a split only; `5639 + 2200 test` where they state the whole
    of some methods and a split of others; `-` where they state nothing.
    """
    of_side = [e for e in card.expected if (e.method is None) is real]
    whole = {e.method for e in of_side if e.split is None}
    by_split: dict[str, int] = {}
    for e in of_side:
        if e.split is None or e.method not in whole:
            by_split[e.split or ""] = by_split.get(e.split or "", 0) + e.count
    total = by_split.pop("", None)
    parts = ", ".join(f"{count} {split}" for split, count in by_split.items())
    return " + ".join(([str(total)] if total is not None else []) + ([parts] if parts else [])) or (
        "-"
    )


def table(cards: Iterable[Card], columns: int) -> list[str]:
    """One row a benchmark, no line longer than `columns` (at least 72) or cut within a word.

    From `WIDE` columns on it also says how the split is given.
    """
    wide = columns >= WIDE
    rows = [["name", "real", "manipulated", *(["split"] if wide else []), "licence"]]
    for card in cards:
        words = [card.split, card.licence] if wide else [card.licence]
        numbers = [counts(card, real=side) for side in (True, False)]
        rows.append([card.name, *numbers, *(_first_sentence(w) for w in words)])
    narrow = 13  # a column of numbers, where "19154 train, 2500 test" takes two lines
    widths = [max(len(row[0]) for row in rows)]
    for i in (1, 2):
        longest = max(len(row[i]) for row in rows)
        widths.append(longest if columns >= VERY_WIDE else min(longest, narrow))
    room = max(columns, 72) - sum(widths) - 2 * (len(rows[0]) - 1)
    of_split = max(room // 2, 35)  # for the longest name of a list
    widths += [of_split, room - of_split] if wide else [room]
    return [line for row in rows for line in _row(row, widths)]


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    wrapped = [
        textwrap.wrap(
            cell,
            width,
            max_lines=MOST_LINES,
            placeholder=" …",
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [""]
        for cell, width in zip(cells, widths, strict=True)
    ]
    height = max(len(lines) for lines in wrapped)
    return [
        "  ".join(
            (lines[k] if k < len(lines) else "").ljust(width)
            for lines, width in zip(wrapped, widths, strict=True)
        ).rstrip()
        for k in range(height)
    ]


def card_lines(card: Card, columns: int) -> list[str]:
    """A card in full; its layout and its citation are left as they are."""

    def said(text: str, start: str = "") -> list[str]:
        after = " " * len(start)
        return textwrap.wrap(
            text,
            max(columns, 60),
            initial_indent=start,
            subsequent_indent=after,
            break_long_words=False,
            break_on_hyphens=False,
        )

    out = [f"{card.title} ({card.name})", *said(card.paper), *([card.url] if card.url else []), ""]
    out += said(card.licence, "licence   ") + said(card.access, "access    ")
    out += said(card.split, "split     ")
    if card.compressions:
        out += said(", ".join(card.compressions), "comes in  ")
    for tree, what in card.trees.items():
        out += said(f"--root {tree}=FOLDER: {what}")
    out += ["", "layout", *(f"  {line}" for line in card.layout.strip("\n").splitlines())]
    if card.expected:
        out += ["", f"videos{' in each compression' if len(card.compressions) > 1 else ''}"]
        out += [_expected(e) for e in card.expected]
    for note in card.notes:
        out += ["", *said(note, "note: ")]
    for kind, text in card.known_leaks.items():
        out += ["", *said(text, f"known leak ({kind}): ")]
    return [*out, "", *card.bibtex.splitlines()] if card.bibtex else out


def _expected(e: Expected) -> str:
    return f"  {e.count:7} {e.method or 'real'}{f', {e.split}' if e.split else ''}"


def card_dict(card: Card) -> dict[str, Any]:
    """A card's fields, for JSON."""
    return dataclasses.asdict(card)


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".")
