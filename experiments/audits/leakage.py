"""What stands in two splits: people, originals, YouTube sources, groups, and equal files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...datasets.manifests import SPLITS, Manifest
from .duplicates import identical
from .files import FileFacts
from .findings import Finding, finding

WORDS = {
    "person": "people stand in two splits",
    "original": "real videos, or what was made from them, stand in two splits",
    "youtube": "YouTube videos were the source of videos in two splits",
    "group": "groups stand in two splits",
    "bytes": "files are the same byte for byte, and stand in two splits",
}
Row = Mapping[str, Any]


def leak_findings(
    manifest: Manifest,
    youtube: Mapping[str, str],
    known: Mapping[str, str],
    facts: Sequence[FileFacts] = (),
    known_people: Mapping[str, Sequence[Sequence[str]]] | None = None,
) -> list[Finding]:
    """A finding for each kind of thing that stands in two splits.

    Args:
        manifest: rows without a split take no part.
        youtube: by person or video id, the YouTube video that it was taken from.
        known: by kind, what is published about such leaks in the official split (`known_leaks`
            of a benchmark's card): these are `known`, and not `wrong`.
        facts: probed files, for equal ones.
        known_people: by kind, the people whom that which is published is about; a leak of this
            kind among others is `wrong` all the same. Without an entry all of a kind are known.
    """
    rows = [row for row in manifest.rows() if row["split"]]
    people = _crossing((person, row) for row in rows for person in _people(row))
    originals = _crossing((row["original"] or row["video_id"], row) for row in rows)
    sources = _crossing(
        (youtube[name], row)
        for row in rows
        for name in (*_people(row), row["video_id"], row["original"])
        if name in youtube
    )
    found = {"person": people, "original": originals, "youtube": sources}
    # Groups are made of people, originals and sources: one that crosses only because these do
    # would be the same finding again.
    told = {row["group"] for row in rows if _is_told(row, found, youtube)}
    found["group"] = _crossing(
        (row["group"], row) for row in rows if row["group"] and row["group"] not in told
    )
    by_id = {row["video_id"]: row for row in rows}
    found["bytes"] = _crossing(
        (ids[0], by_id[name]) for ids in identical(facts) for name in ids if name in by_id
    )
    out: list[Finding] = []
    for kind, crossing in found.items():
        published: list[str] = []
        other: list[str] = []
        for key in sorted(crossing):
            names = {name for name, source in youtube.items() if source == key} | {key}
            sets = (known_people or {}).get(kind)
            is_known = kind in known and (
                sets is None or any(names.issuperset(one) for one in sets)
            )
            (published if is_known else other).append(_told(kind, key, crossing[key]))
        if published:
            what = f"{WORDS[kind]}, as is known: {known[kind]}"
            out += finding(f"leak-{kind}", "known", what, published)
        but = ", beside those that are known" if kind in known else ""
        out += finding(f"leak-{kind}", "wrong", WORDS[kind] + but, other)
    return out


def _people(row: Row) -> list[str]:
    return sorted({str(p) for p in (row["source_id"], row["target_id"]) if p})


def _crossing(pairs: Iterable[tuple[Any, Row]]) -> dict[str, dict[str, str]]:
    """By key, for those in two splits or more: by split, the first video that has it there."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for key, row in pairs:
        ids = found[str(key)]
        ids[row["split"]] = min(row["video_id"], ids.get(row["split"], row["video_id"]))
    return {key: ids for key, ids in found.items() if len(ids) > 1}


def _is_told(
    row: Row, found: Mapping[str, Mapping[str, object]], youtube: Mapping[str, str]
) -> bool:
    names = [*_people(row), row["video_id"], row["original"]]
    return (
        any(name in found["person"] for name in names)
        or any(name in found["original"] for name in names[-2:])
        or any(youtube.get(name) in found["youtube"] for name in names if name)
    )


def _told(kind: str, key: str, ids: Mapping[str, str]) -> str:
    where = ", ".join(f"{split}: {ids[split]}" for split in SPLITS if split in ids)
    return where if kind == "bytes" else f"{key} ({where})"
