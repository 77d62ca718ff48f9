"""Splits in which nobody stands on two sides: the people are partitioned, and the videos follow."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from .manifests import SPLITS, BadManifest, Manifest

SHARES = (0.72, 0.14, 0.14)
REAL = "real"  # how a row of the summary calls videos without a method
NO_METHOD = "manipulated"

Unit = tuple[str, str]  # ("person", id), ("group", id) or ("video", id)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SplitSummary:
    """What a split came to.

    `counts`: by split, then `real` or method: videos kept. `dropped`: by method, the manipulated
    videos whose people fell on two sides. `units`: by split, people (or groups, or videos, of whom
    no person is known; what is tied together counts once). `shares`: what was asked for.
    """

    counts: Mapping[str, Mapping[str, int]]
    dropped: Mapping[str, int]
    units: Mapping[str, int]
    shares: tuple[float, float, float]
    seed: int

    @property
    def kept(self) -> int:
        """Videos that stand in a split."""
        return sum(sum(methods.values()) for methods in self.counts.values())

    @property
    def num_dropped(self) -> int:
        """Videos left out because their people stand in two splits."""
        return sum(self.dropped.values())

    def real_shares(self) -> dict[str, float]:
        """By split, its share of the real videos (of the people, where there are no real ones)."""
        weights = {split: self.counts[split].get(REAL, 0) for split in SPLITS}
        if not any(weights.values()):
            weights = dict(self.units)
        return {split: weights[split] / sum(weights.values()) for split in SPLITS}

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "seed": self.seed,
            "shares": dict(zip(SPLITS, self.shares, strict=True)),
            "real_shares": self.real_shares(),
            "units": dict(self.units),
            "counts": {split: dict(methods) for split, methods in self.counts.items()},
            "dropped": dict(self.dropped),
        }

    def lines(self) -> list[str]:
        """A table: a row for real videos and one a method, a column a split and one of the dropped."""
        methods = sorted(
            {m for c in self.counts.values() for m in c} | set(self.dropped),
            key=lambda method: (method != REAL, method),
        )
        rows = [["videos", *SPLITS, "dropped"]]
        for method in methods:
            kept = [str(self.counts[split].get(method, 0)) for split in SPLITS]
            rows.append([method, *kept, str(self.dropped.get(method, 0))])
        totals = [str(sum(self.counts[split].values())) for split in SPLITS]
        rows.append(["all", *totals, str(self.num_dropped)])
        rows.append(["people", *(str(self.units[split]) for split in SPLITS), ""])
        found = self.real_shares()
        rows.append(["share of real", *(f"{found[split]:.1%}" for split in SPLITS), ""])
        rows.append(["asked for", *(f"{share:.1%}" for share in self.shares), ""])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]


def identity_disjoint(
    manifest: Manifest,
    *,
    seed: int,
    shares: Sequence[float] = SHARES,
    ties: Iterable[AbstractSet[str]] = (),
) -> tuple[Manifest, SplitSummary]:
    """A split by people; the `split` column is replaced.

    The people (`source_id`, `target_id`) are dealt to the three parts by `seed`, so that each gets
    about its share of the real videos. A real video goes with its person. A manipulated one goes
    with both of its people, and with its original; where these fall on two sides it is dropped,
    and counted. A video of which no person is known goes with its group (and with the people of
    that group), else with its original, else by itself. The rows' order does not matter.

    Args:
        manifest: with people in it.
        seed: of the deal.
        shares: of train, val and test; positive, of sum 1.
        ties: people who must stay together (one YouTube source, the same file under two names).
            People that the manifest does not have are passed over.

    Returns:
        The videos that are kept, in their order, and what became of all.

    Raises:
        ValueError: bad shares; no person is known; too few people for three parts.
        BadManifest: every video is dropped.
    """
    wanted = _checked(shares)
    rows = list(manifest.rows())
    if not any(row["source_id"] or row["target_id"] for row in rows):
        raise ValueError(
            f"{manifest.source}: not one of its {len(rows)} videos names a person; fill in "
            "source_id and target_id, or keep the official split"
        )
    joined = _Joined()
    units = _units(rows, joined)
    for tie in ties:
        joined.join([("person", name) for name in sorted(tie)])
    weights: Counter[Unit] = Counter()
    for row, named in zip(rows, units, strict=True):
        for unit in {joined.of(name) for name in named}:
            # Those who only lend their face weigh nothing, and are dealt out all the same.
            weights[unit] += int(row["label"] == 0)
    part_of = _deal(weights, wanted, seed, manifest.source)
    splits: list[str | None] = []
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    dropped: Counter[str] = Counter()
    for row, named in zip(rows, units, strict=True):
        parts = {part_of[joined.of(name)] for name in named}
        method = REAL if row["label"] == 0 else row["method"] or NO_METHOD
        if len(parts) == 1:
            splits.append(SPLITS[parts.pop()])
            counts[str(splits[-1])][method] += 1
        else:
            splits.append(None)
            dropped[method] += 1
    if not any(splits):
        raise BadManifest(
            f"{manifest.source}: all {len(rows)} videos have people on two sides of the split; "
            "it has too few real videos, or too few people"
        )
    dealt = Counter(part_of.values())
    summary = SplitSummary(
        counts={split: dict(sorted(counts[split].items())) for split in SPLITS},
        dropped=dict(sorted(dropped.items())),
        units={split: dealt[number] for number, split in enumerate(SPLITS)},
        shares=wanted,
        seed=seed,
    )
    kept = manifest.with_column("split", splits).select([split is not None for split in splits])
    return kept, summary


def _checked(shares: Sequence[float]) -> tuple[float, float, float]:
    if len(shares) != 3:
        raise ValueError(f"expected 3 shares ({', '.join(SPLITS)}), got {len(shares)}")
    train, val, test = (float(share) for share in shares)
    if not all(share > 0 for share in (train, val, test)):
        raise ValueError(f"expected shares above 0, got {list(shares)}")
    if not math.isclose(train + val + test, 1, abs_tol=1e-6):
        raise ValueError(
            f"expected shares of sum 1, got {list(shares)} of sum {train + val + test:g}"
        )
    return train, val, test


class _Joined:
    """Which units must stay together (union-find); a set is called by its first member's name."""

    def __init__(self) -> None:
        self._parent: dict[Unit, Unit] = {}

    def of(self, unit: Unit) -> Unit:
        root = unit
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while unit != root:
            self._parent[unit], unit = root, self._parent.get(unit, root)
        return root

    def join(self, units: Sequence[Unit]) -> None:
        roots = sorted({self.of(unit) for unit in units})
        for root in roots[1:]:
            self._parent[root] = roots[0]


def _units(rows: Sequence[Row], joined: _Joined) -> list[set[Unit]]:
    """Each row's units, by which its part is decided; joins those that can't be parted."""
    found: dict[str, set[Unit]] = {}
    in_group: defaultdict[str, set[Unit]] = defaultdict(set)
    for row in rows:
        people = {("person", str(p)) for p in (row["source_id"], row["target_id"]) if p}
        if people:
            found[row["video_id"]] = people
            if row["label"] == 0:
                joined.join(sorted(people))
            if row["group"]:  # a video lies in the group of the one whom it shows
                shown = row["target_id"] or row["source_id"]
                in_group[row["group"]].add(("person", str(shown)))
        elif row["group"]:
            found[row["video_id"]] = {("group", str(row["group"]))}
        elif row["original"]:
            found[row["video_id"]] = set()  # known once the original's are
        else:
            found[row["video_id"]] = {("video", str(row["video_id"]))}
    for row in rows:
        group = ("group", str(row["group"]))
        if group in found[row["video_id"]]:
            joined.join([group, *sorted(in_group[row["group"]])])
    out = []
    for row in rows:
        original = row["original"]
        # An original that the manifest does not have still ties the videos made from it.
        made_from = found.get(original) or {("video", str(original))} if original else set()
        own = found[row["video_id"]]
        out.append(own | made_from if original in found else own or made_from)
    return out


def _deal(
    weights: Mapping[Unit, int], shares: Sequence[float], seed: int, source: str
) -> dict[Unit, int]:
    """Each unit's part, by Webster's divisor method: the part goes next that is furthest behind.

    Those with many real videos are dealt first, to all parts alike, so that no part gets all of
    them and those with few even it out.
    """
    names = sorted(weights)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    order.sort(key=lambda unit: -weights[unit])
    filmed = sum(weights[unit] > 0 for unit in order) or len(order)
    if filmed < len(SPLITS):
        raise ValueError(
            f"{source}: {filmed} people with real videos (those tied together count once) are too "
            f"few for {len(SPLITS)} parts; keep the official split"
        )
    have, members = [0, 0, 0], [0, 0, 0]
    part_of: dict[Unit, int] = {}
    for place, unit in enumerate(order):
        empty = [part for part in range(3) if not members[part]]
        # The last ones go where nobody is yet.
        choice = empty if 0 < filmed - place <= len(empty) else range(3)

        def behind(part: int, weight: int = weights[unit]) -> tuple[float, float]:
            people = (members[part] + 0.5) / shares[part]
            return ((have[part] + weight / 2) / shares[part] if weight else people), people

        part_of[unit] = part = min(choice, key=behind)
        have[part] += weights[unit]
        members[part] += 1
    return part_of
