"""Which videos a resample holds, and how often: whole groups, or persons in both of their roles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...datasets.types import Int64
from .checks import checked_labels
from .intervals import MIN_EFFECTIVE, MIN_GROUPS, effective_groups, too_few

Int32 = NDArray[np.int32]
CELLS = 1 << 18  # weights that are held at a time
TRIES = 1000  # draws of a resample with both classes, before it is given up


@dataclass(frozen=True)
class Plan:
    """How resamples are drawn.

    A unit is what always has one weight: a group, or all videos of one source and target.

    `unit`: (n,) each video's. `first`, `second`: (units,) the drawn things (groups, persons) whose
    counts are multiplied for its weight, once where they are the same; one array for groups.
    `drawn`: how many things there are. `strata`: those that are drawn with each other; one that is
    in none always counts once. `real`, `forged`: (units,) videos of each class. `reason`: why there
    can be no interval, or "". `effective`: see `effective_groups`. `words`: what is drawn, for an
    interval's method. `noise`: for persons, the plan that draws manipulated videos' units alone.
    """

    unit: Int64
    first: Int64
    second: Int64
    drawn: int
    strata: tuple[Int64, ...]
    real: Int64
    forged: Int64
    reason: str
    effective: float
    words: str
    noise: "Plan | None" = None

    @property
    def n(self) -> int:
        """Videos."""
        return len(self.unit)

    def weights(self, seed: int, resamples: int) -> Iterator[Int32]:
        """Counts of each unit, some resamples at a time: (rows, units) int32.

        One that lacks a class is drawn again. How many come at a time does not change them.

        Raises:
            ValueError: no resample with both classes came in many tries.
        """
        rng, again = (np.random.default_rng([seed, k]) for k in (0, 1))
        rows = max(1, CELLS // max(len(self.first), self.drawn))
        for start in range(0, resamples, rows):
            out = self._draw(rng, min(rows, resamples - start))
            for row in np.flatnonzero(~self._holds_both(out)):
                for _ in range(TRIES):
                    out[row] = self._draw(again, 1)[0]
                    if self._holds_both(out[row : row + 1]).all():
                        break
                else:
                    raise ValueError(
                        f"none of {TRIES} resamples of {self.words} holds both classes: too few "
                        "groups hold the rarer one"
                    )
            yield out

    def _draw(self, rng: np.random.Generator, rows: int) -> Int32:
        counts = np.ones((rows, self.drawn), np.int32)
        for members in self.strata:
            size = len(members)
            taken = rng.integers(0, size, (rows, size)) + size * np.arange(rows)[:, None]
            times = np.bincount(taken.ravel(), minlength=rows * size).reshape(rows, size)
            if size == self.drawn:
                counts[:] = times
            else:
                counts[:, members] = times
        if self.first is self.second:
            return counts
        second = counts[:, self.second]
        second[:, self.first == self.second] = 1
        return np.asarray(counts[:, self.first] * second, dtype=np.int32)

    def _holds_both(self, weights: Int32) -> NDArray[np.bool_]:
        """(rows,) whether both classes were drawn; of many units, the first nearly always tell."""
        out = np.ones(len(weights), np.bool_)
        for held in (self.real, self.forged):
            units = np.flatnonzero(held)
            some = np.asarray(weights[:, units[:64]].any(axis=1))
            some[~some] = weights[np.ix_(~some, units)].any(axis=1)
            out &= some
        return out


def make_plan(
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    two_way: tuple[ArrayLike, ArrayLike] | None = None,
    strata: ArrayLike | None = None,
) -> Plan:
    """A plan for resampling videos; see `cluster_bootstrap` for the arguments.

    Raises:
        ValueError: both kinds of grouping, lengths that differ, a person that isn't known, a group
            (or person) that lies in several strata.
    """
    y = checked_labels(labels)
    if groups is not None and two_way is not None:
        raise ValueError("expected groups or two_way, got both")
    layers = None if strata is None else _numbered(strata, len(y), "strata")
    if two_way is not None:
        return _two_way(y, two_way, layers)
    if groups is None:
        unit, count, words = np.arange(len(y)), len(y), "videos"
        names: Sequence[object] = range(len(y))
    else:
        names, unit = _numbered(groups, len(y), "groups")
        count, words = len(names), "groups"
    if layers is not None:
        words += " within strata"
    drawn = _by_stratum(count, [unit], layers, names, words)
    fewest = [len(np.unique(unit[y == label])) for label in (0, 1)]
    effective = effective_groups(y, unit) if min(fewest) else 0.0
    reason = too_few(count, effective, fewest) or _lone(drawn, layers)
    real, forged = (np.bincount(unit[y == label], minlength=count) for label in (0, 1))
    every = np.arange(count)
    left = _less(effective, drawn)
    return Plan(unit, every, every, count, drawn, real, forged, reason, left, words)


def _two_way(
    y: Int64, two_way: tuple[ArrayLike, ArrayLike], layers: tuple[Sequence[object], Int64] | None
) -> Plan:
    """Persons are drawn once, and count in both roles: who is drawn twice is there twice as a
    source and twice as a target. A video whose source is its target counts as that person does."""
    given = [np.asarray(role) for role in two_way]
    for role, what in zip(given, ("source", "target"), strict=True):
        if role.shape != y.shape:
            raise ValueError(f"expected {len(y)} {what}s for {len(y)} videos, got {role.shape}")
        missing = [i for i, name in enumerate(role.tolist()) if name is None or name != name]
        if missing:
            raise ValueError(
                f"the {what} of {len(missing)} videos is not known, the first in place "
                f"{missing[0]}: resample groups instead"
            )
    people, number = np.unique(np.concatenate(given).astype(np.str_), return_inverse=True)
    source, target = number[: len(y)], number[len(y) :]
    cells, unit = np.unique(source * len(people) + target, return_inverse=True)
    first, second = cells // len(people), cells % len(people)
    words = "persons, as source and as target" + (" within strata" if layers else "")
    drawn = _by_stratum(len(people), [source, target], layers, people.tolist(), words)
    roles = {
        (label, what): len(np.unique(role[y == label]))
        for label in (0, 1)
        for role, what in ((source, "source"), (target, "target"))
    }
    reason = _lone(drawn, layers)
    for (label, what), found in roles.items():
        if found < MIN_GROUPS:
            kind = "manipulated" if label else "real"
            reason = (
                f"a two-way interval needs at least {MIN_GROUPS} {what} persons of each class, "
                f"there are {found} of {kind} videos"
            )
    real, forged = (np.bincount(unit[y == label], minlength=len(cells)) for label in (0, 1))
    effective = min(effective_groups(y, role) for role in (source, target)) if y.any() else 0.0
    effective = _less(effective, drawn)
    every, swapped = np.arange(len(cells)), first != second
    noise = Plan(
        unit,
        every,
        every,
        len(cells),
        tuple(np.flatnonzero(swapped & np.isin(first, members)) for members in drawn),
        real,
        forged,
        reason,
        effective,
        words,
    )
    return Plan(
        unit, first, second, len(people), drawn, real, forged, reason, effective, words, noise
    )


def _less(effective: float, drawn: Sequence[Int64]) -> float:
    """Less one for each stratum after the first: each has a mean of its own."""
    return max(MIN_EFFECTIVE, effective - len(drawn) + 1)


def _numbered(values: ArrayLike, n: int, what: str) -> tuple[Sequence[object], Int64]:
    """The sorted distinct values, and each one's number."""
    given = np.asarray(values)
    if given.shape != (n,):
        raise ValueError(f"expected {n} {what} for {n} videos, got {given.shape}")
    if given.dtype.kind == "O":
        missing = [i for i, value in enumerate(given.tolist()) if value is None or value != value]
        if missing:
            raise ValueError(f"{len(missing)} {what} are missing, the first in place {missing[0]}")
        given = given.astype(np.str_)
    names, number = np.unique(given, return_inverse=True)
    return names.tolist(), number.astype(np.int64)


def _by_stratum(
    count: int,
    roles: Sequence[Int64],
    layers: tuple[Sequence[object], Int64] | None,
    names: Sequence[object],
    words: str,
) -> tuple[Int64, ...]:
    """The drawn things of each stratum."""
    if layers is None:
        return (np.arange(count),)
    strata, layer = layers
    of = np.full(count, -1)
    for role in roles:
        for thing, stratum in np.unique(np.stack([role, layer], axis=1), axis=0).tolist():
            if of[thing] not in (-1, stratum):
                raise ValueError(
                    f"{words} need each group in one stratum, but {names[thing]!r} is in "
                    f"{strata[of[thing]]!r} and {strata[stratum]!r}"
                )
            of[thing] = stratum
    return tuple(np.flatnonzero(of == number) for number in range(len(strata)))


def _lone(drawn: Sequence[Int64], layers: tuple[Sequence[object], Int64] | None) -> str:
    if layers is None:
        return ""
    lone = [str(name) for name, members in zip(layers[0], drawn, strict=True) if len(members) < 2]
    if not lone:
        return ""
    return f"a single group lies in stratum {', '.join(lone)}: nothing to resample it from"
