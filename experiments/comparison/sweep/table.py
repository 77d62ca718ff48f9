"""The table of a sweep: a line per figure, with its interval, then slices, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..types import Status, Verdict
from .intervals import quantile, upper_bound, wilson
from .judging import CORNER_PX, GOOD_IOU, Record, no_change

# What is wanted of each figure; shares from 0 to 1.
MATCHED, EXACT, CORNERS, UNCHANGED, NAMED, MEDIAN_IOU = 0.98, 0.98, 0.95, 0.98, 0.95, 0.85
FALSE_FACES, FALSE_MATCHES = 0.05, 0.01
_FEW = 4  # cases; slices with fewer are left out
_FIGURE_WIDTH = 58


@dataclass(frozen=True)
class Row:
    """One line. `value`, `interval`, `wanted`: as text. `good`: whether what is wanted was reached."""

    figure: str
    value: str
    n: int
    interval: str
    wanted: str
    good: bool | None


def summary(records: Sequence[Record]) -> list[Row]:
    """The figures over all cases. Errors count against every share that they belong to."""
    derived = [r for r in records if r["case"]["kind"] == "derived"]
    plain = [r for r in derived if r["case"]["plain"]]
    altered = [r for r in derived if r["case"]["alteration"] is not None]
    unaltered = [r for r in derived if r["case"]["alteration"] is None]
    rows = [
        _share("derived: matched", derived, _matched, MATCHED),
        _share("derived: offset exact", derived, _exact, EXACT),
        _share(f"derived: mean corner error <= {CORNER_PX:g} px", derived, _placed, CORNERS),
        *_quantiles("derived: mean corner error, px", derived, "corner_mean_px", CORNER_PX),
        *_quantiles("derived: largest corner error, px", derived, "corner_max_px", None),
        _share("plain re-encodings: no change, and a supported", plain, _unchanged, UNCHANGED),
        _false("unaltered: a face reported as changed", unaltered, _face, FALSE_FACES),
        _share("altered: c supported", altered, _face_named, NAMED),
    ]
    for blend in ("feathered", "cloned"):
        some = [r for r in altered if r["case"]["alteration"]["blend"] == blend]
        label = f"altered, {blend}"
        rows.append(_share(f"{label}: IoU >= {GOOD_IOU:g}", some, _overlaps, None))
        for against in ("blended", "touched"):
            rows.append(_median_iou(f"{label}: IoU with {against}", some, f"iou_{against}"))
        rows.append(
            _median_iou(f"{label}: all changes with blended", some, "iou_blended_all", None)
        )
    for kind in ("other take", "unrelated"):
        some = [r for r in records if r["case"]["kind"] == kind]
        rows.append(_false(f"{kind}: reported as a match", some, _false_match, FALSE_MATCHES))
        for status in (Status.NO_MATCH, Status.UNDECIDED):
            rows.append(_share(f"{kind}: {status}", some, _has_status(status), None))
    rows.append(_false("errors", records, lambda r: "error" in r, None))
    seconds = [r["seconds"] for r in records if r.get("seconds") is not None]
    for q, name in ((0.5, "median"), (0.95, "95th percentile")):
        rows.append(_quantile(f"seconds a comparison, {name}", seconds, q, None, 1))
    return rows


def slices(records: Sequence[Record]) -> list[tuple[str, list[Row]]]:
    """The main figures by what was done and by source, the worst first."""
    derived = [r for r in records if r["case"]["kind"] == "derived"]
    altered = [r for r in derived if r["case"]["alteration"] is not None]
    unaltered = [r for r in derived if r["case"]["alteration"] is None]
    return [
        ("matched", _sliced(derived, _matched)),
        ("offset exact", _sliced(derived, _exact)),
        (f"mean corner error <= {CORNER_PX:g} px", _sliced(derived, _placed)),
        (f"altered: IoU with blended >= {GOOD_IOU:g}", _sliced(altered, _overlaps)),
        ("altered: c supported", _sliced(altered, _face_named)),
        ("unaltered: no face reported", _sliced(unaltered, lambda r: _fine(r) and not _face(r))),
    ]


def printed(records: Sequence[Record], *, with_slices: bool = True) -> str:
    """The whole table as text."""
    kinds = Counter(r["case"]["kind"] for r in records)
    lines = [f"{len(records)} cases: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items()), ""]
    lines += _laid_out(summary(records))
    if with_slices:
        for title, rows in slices(records):
            lines += ["", f"{title}, by what was done and by source (worst first)"]
            lines += _laid_out(rows)
    return "\n".join(lines)


def _laid_out(rows: Iterable[Row]) -> list[str]:
    out = [f"{'':{_FIGURE_WIDTH}} {'value':>8} {'n':>5}  {'95 % interval':<18} wanted"]
    for row in rows:
        mark = {True: "  reached", False: "  MISSED", None: ""}[row.good]
        out.append(
            f"{row.figure:{_FIGURE_WIDTH}} {row.value:>8} {row.n:>5}  {row.interval:<18} "
            f"{row.wanted}{mark}".rstrip()
        )
    return out


Test = Callable[[Record], bool]


def _share(figure: str, records: Sequence[Record], test: Test, wanted: float | None) -> Row:
    n, hits = len(records), sum(map(test, records))
    low, high = wilson(hits, n)
    return Row(
        figure,
        f"{hits / n:.1%}" if n else "-",
        n,
        f"{low:.1%} to {high:.1%}" if n else "-",
        "" if wanted is None else f">= {wanted:.0%}",
        None if wanted is None or not n else hits / n >= wanted,
    )


def _false(figure: str, records: Sequence[Record], test: Test, wanted: float | None) -> Row:
    """A share that ought to be 0, with the one-sided upper bound."""
    n, hits = len(records), sum(map(test, records))
    bound = upper_bound(hits, n)
    return Row(
        figure,
        str(hits),
        n,
        f"at most {bound:.1%}" if n else "-",
        "" if wanted is None else f"<= {wanted:.0%}",
        None if wanted is None or not n else hits / n <= wanted,
    )


def _quantiles(figure: str, records: Sequence[Record], key: str, wanted: float | None) -> list[Row]:
    values = [v for r in records if (v := _judged(r, key)) is not None]
    median = _quantile(f"{figure}: median", values, 0.5, wanted, 2)
    return [median, _quantile(f"{figure}: 95th percentile", values, 0.95, None, 2)]


def _quantile(
    figure: str, values: Sequence[float], q: float, at_most: float | None, digits: int
) -> Row:
    if not values:
        return Row(figure, "-", 0, "-", "", None)
    value, low, high = quantile(values, q)
    return Row(
        figure,
        f"{value:.{digits}f}",
        len(values),
        f"{low:.{digits}f} to {high:.{digits}f}",
        "" if at_most is None else f"<= {at_most:g}",
        None if at_most is None else value <= at_most,
    )


def _median_iou(
    figure: str, records: Sequence[Record], key: str, wanted: float | None = MEDIAN_IOU
) -> Row:
    """Of all altered cases: one that was not matched, or failed, has an IoU of 0."""
    values = [float(_judged(r, key) or 0.0) for r in records]
    row = _quantile(f"{figure}: median", values, 0.5, None, 3)
    if wanted is None or not values:
        return row
    good = quantile(values, 0.5)[0] >= wanted
    return Row(row.figure, row.value, row.n, row.interval, f">= {wanted:g}", good)


def _sliced(records: Sequence[Record], test: Test) -> list[Row]:
    by_tag: dict[str, list[Record]] = {}
    for record in records:
        for tag in record["tags"]:
            by_tag.setdefault(tag, []).append(record)
    rows = [(sum(map(test, some)) / len(some), tag, some)
            for tag, some in by_tag.items() if len(some) >= _FEW]  # fmt: skip
    rows.sort(key=lambda row: (row[0], row[1]))
    return [_share(f"  {tag}", some, test, None) for _, tag, some in rows]


def _judged(record: Record, key: str) -> float | None:
    judged = record.get("judged")
    return None if judged is None else judged.get(key)


def _fine(record: Record) -> bool:
    return "error" not in record


def _matched(record: Record) -> bool:
    return bool(_judged(record, "matched"))


def _exact(record: Record) -> bool:
    return bool(_judged(record, "offset_exact"))


def _placed(record: Record) -> bool:
    error = _judged(record, "corner_mean_px")
    return error is not None and error <= CORNER_PX


def _unchanged(record: Record) -> bool:
    return _fine(record) and no_change(record["judged"])


def _face(record: Record) -> bool:
    return bool(_judged(record, "face_regions"))


def _face_named(record: Record) -> bool:
    return _fine(record) and record["judged"]["findings"].get("c") == Verdict.SUPPORTED


def _overlaps(record: Record) -> bool:
    return (_judged(record, "iou_blended") or 0.0) >= GOOD_IOU


def _false_match(record: Record) -> bool:
    """An error is no match, and no answer either: it is counted as an error."""
    return _fine(record) and record["judged"]["status"] not in (Status.NO_MATCH, Status.UNDECIDED)


def _has_status(status: Status) -> Test:
    return lambda record: _fine(record) and record["judged"]["status"] == status
