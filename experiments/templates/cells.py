"""Cells of the inverted lists: which a code belongs to, and which to look into for a query.

A code's two halves are quantised apart, and a cell is a pair of centroids (the inverted multi-index
of Babenko & Lempitsky, CVPR 2012). A code is assigned by 2 x 128 comparisons of 64 bits instead of
16 384 of 128. The centroids are constants, so what an index answers doesn't depend on the order in
which videos were added.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...datasets.types import Int64, Uint8
from .constants import HALF_CENTROIDS

PER_HALF = HALF_CENTROIDS.shape[1]
NUM_CELLS = PER_HALF * PER_HALF
_NEAREST = 8  # centroids of a half that are paired with the other half's, for a query


def assign(codes: Uint8) -> Int64:
    """The cell of each of (n, 16) codes, (n,) int64 from 0 up to NUM_CELLS - 1."""
    first, second = (
        quantiser.search(np.ascontiguousarray(half), 1)[1][:, 0]
        for quantiser, half in zip(_quantisers(), (codes[:, :8], codes[:, 8:]), strict=True)
    )
    return np.asarray(first * PER_HALF + second, dtype=np.int64)


def probes(codes: Uint8, num: int) -> Int64:
    """The `num` nearest cells of each of (n, 16) codes, (n, num) int64, nearest first."""
    if not 1 <= num <= _NEAREST * _NEAREST:
        raise ValueError(f"expected from 1 to {_NEAREST * _NEAREST} cells, got {num}")
    (d1, c1), (d2, c2) = (
        quantiser.search(np.ascontiguousarray(half), _NEAREST)
        for quantiser, half in zip(_quantisers(), (codes[:, :8], codes[:, 8:]), strict=True)
    )
    distance = (d1[:, :, None] + d2[:, None, :]).reshape(len(codes), -1)
    cell = (c1[:, :, None] * PER_HALF + c2[:, None, :]).reshape(len(codes), -1)
    order = np.argsort(distance, axis=1, kind="stable")[:, :num]
    return np.asarray(np.take_along_axis(cell, order, axis=1), dtype=np.int64)


@lru_cache(maxsize=1)
def _quantisers() -> tuple[Any, Any]:
    import faiss

    faiss.omp_set_num_threads(1)  # see `lists`
    made = []
    for half in HALF_CENTROIDS:
        quantiser = faiss.IndexBinaryFlat(64)
        quantiser.add(np.ascontiguousarray(half))
        made.append(quantiser)
    return made[0], made[1]
