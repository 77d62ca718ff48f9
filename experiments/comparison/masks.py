"""Cells whose difference is unlikely under compression become clean masks, pair by pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.types import Float32, Int64
from .canvas import Canvas
from .faces import Person
from .measuring import Measured
from .null_model import NullTable, z_counts, z_threshold
from .spool import Spool
from .types import Masks

AGREES_Z = 3.09  # one cell in a thousand exceeds it by chance: below, a cell agrees
SPECK_SHARE = 0.0008  # of the grid: a patch with fewer cells is a speck
WEAK_Z = 2.3  # one cell in a hundred exceeds it by chance
FACE_SHARE = 0.04  # of a face's surroundings must be flagged before its patches grow
CLOSING = 0.24  # of a face's size: gaps inside a face up to this are closed
DIRECT = 2  # cells: gaps up to twice this are closed anywhere


@dataclass(frozen=True)
class Marked:
    """`masks`: changed cells after cleaning. `flagged_outside`: (pairs,) how many cells outside of
    them differ more than AGREES_Z allows. `threshold`, `p_value`: see `z_threshold`."""

    masks: Masks
    flagged_outside: Int64
    threshold: float
    p_value: float


def mark(
    measured: Measured, canvas: Canvas, table: NullTable, people: tuple[Person, ...], fdr: float
) -> Marked:
    """Which cells changed.

    The threshold is one for all pairs. Single cells that exceed it may be chance; patches that two
    of three neighbouring pairs show are kept, small gaps in them filled.
    """
    count = len(measured.places)
    total = z_counts(np.zeros(0, dtype=np.float32))
    for k in range(count):
        total += z_counts(_scores(measured, table, k)[canvas.inside])
    threshold, p_value = z_threshold(total, fdr)
    rows, columns = canvas.grid[1], canvas.grid[0]
    bits = Spool(((rows * columns + 7) // 8,), np.uint8)
    outside = np.zeros(count, dtype=np.int64)
    for k, steady in enumerate(_steady(measured, canvas, table, threshold)):
        scores = _scores(measured, table, k)
        weak = (scores >= WEAK_Z) & canvas.inside
        mask = cleaned(steady, weak, canvas, people, int(measured.places[k]))
        apart = (scores >= AGREES_Z) & canvas.inside
        outside[k] = int(np.count_nonzero(apart & ~mask))
        bits.append(np.packbits(mask.ravel()))
    return Marked(Masks(np.array(bits.array()), rows, columns), outside, threshold, p_value)


def _scores(measured: Measured, table: NullTable, k: int) -> Float32:
    return table.z(measured.pooled(k), measured.classes[k].astype(np.int64))


def _steady(
    measured: Measured, canvas: Canvas, table: NullTable, threshold: float
) -> Iterator[np.ndarray]:
    """For each pair: cells above the threshold in two of three neighbouring pairs."""
    count = len(measured.places)

    def raw(k: int) -> np.ndarray:
        return np.asarray((_scores(measured, table, k) >= threshold) & canvas.inside)

    before = here = raw(0) if count else np.zeros(canvas.grid[::-1], bool)
    for k in range(count):
        after = raw(k + 1) if k + 1 < count else here
        votes = before.astype(np.uint8) + here + after
        yield votes >= 2
        before, here = here, after


def cleaned(
    flagged: np.ndarray,
    weak: np.ndarray,
    canvas: Canvas,
    people: tuple[Person, ...],
    place: int,
) -> np.ndarray:
    """(rows, columns) bool: patches without specks, holes and gaps.

    In a face of which enough is flagged, patches grow over the weak cells that touch them (Canny's
    hysteresis, 1986), and gaps are closed: a blended face differs much in some of its cells and
    little in others.
    """
    least = max(4, round(SPECK_SHARE * flagged.size))
    mask = without_small(flagged, least)
    if not mask.any():
        return mask
    mask = _closed(mask, DIRECT)
    for person in people:
        box = person.box(place)
        if box is None:
            continue
        x1, y1, x2, y2 = canvas.to_cells(box)
        pad = 0.25 * max(x2 - x1, y2 - y1)
        area = np.zeros_like(mask)
        rows = slice(max(0, int(y1 - pad)), max(0, int(np.ceil(y2 + pad))))
        columns = slice(max(0, int(x1 - pad)), max(0, int(np.ceil(x2 + pad))))
        area[rows, columns] = True
        radius = round(CLOSING * max(x2 - x1, y2 - y1) / 2)
        if np.count_nonzero(mask & area) >= FACE_SHARE * np.count_nonzero(area):
            whole = grown(mask & area, (weak | mask) & area)
            mask |= (_closed(whole, radius) if radius > DIRECT else whole) & area
    return without_small(filled(mask) & canvas.inside, least)


def grown(seeds: np.ndarray, over: np.ndarray) -> np.ndarray:
    """The patches of `over` that hold a seed."""
    _, labels = cv2.connectedComponents(over.astype(np.uint8), None, 8)
    held = np.unique(labels[seeds & over])
    return np.asarray(np.isin(labels, held[held > 0]))


def without_small(mask: np.ndarray, least: int) -> np.ndarray:
    """A mask's patches of at least so many cells."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), None, 8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[labels]) if count > 1 else np.zeros_like(mask)


def filled(mask: np.ndarray) -> np.ndarray:
    """With holes that the mask encloses filled."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(outside, None, (0, 0), 2)
    return np.asarray(outside[1:-1, 1:-1] != 2)


def _closed(mask: np.ndarray, radius: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(mask.astype(np.uint8), radius)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)
    return np.asarray(closed[radius : -radius or None, radius : -radius or None] > 0)
