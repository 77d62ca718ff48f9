"""A segment's inverted lists: a binary IVF file of faiss, looked into where it lies on disk.

faiss is kept to one thread: with two on a busy machine its threads wait for each other, and its
OpenMP and torch's may lock each other out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.types import Int64, Uint8
from .cells import NUM_CELLS, assign
from .fingerprint import CODE_BYTES

_CHUNK = 1 << 20  # codes assigned at a time


def load_faiss() -> Any:
    """The library (its type stubs are incomplete), kept to one thread."""
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss


def write_lists(path: Path, codes: Uint8, ids: Int64) -> None:
    """Writes (n, CODE_BYTES) codes with their (n,) ids.

    Raises:
        OSError: the file can't be written.
    """
    faiss = load_faiss()

    index = _empty()
    for start in range(0, len(codes), _CHUNK):
        part = np.ascontiguousarray(codes[start : start + _CHUNK])
        numbers = np.ascontiguousarray(ids[start : start + _CHUNK])
        cells = assign(part)
        index.add_core(
            len(part), faiss.swig_ptr(part), faiss.swig_ptr(numbers), faiss.swig_ptr(cells)
        )
    try:
        faiss.write_index_binary(index, str(path))
    except RuntimeError as error:
        raise OSError(f"{path}: {str(error).splitlines()[-1]}") from error


class Lists:
    """Inverted lists on disk, mapped into memory."""

    def __init__(self, path: Path) -> None:
        """Opens a file of `write_lists`. Raises RuntimeError for another file."""
        faiss = load_faiss()
        self._index: Any = faiss.read_index_binary(str(path), faiss.IO_FLAG_MMAP)
        self._index.use_heap = True

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def nearest(self, codes: Uint8, cells: Int64, k: int) -> tuple[Int64, Int64]:
        """The k nearest of each of (n, CODE_BYTES) codes, among those in its (n, m) cells.

        Returns:
            distances (n, k) in bits and ids (n, k), both int64; id -1 where there are fewer.
        """
        self._index.nprobe = cells.shape[1]
        distances, ids = self._index.search_preassigned(
            np.ascontiguousarray(codes), k, np.ascontiguousarray(cells), None
        )
        return distances.astype(np.int64), ids


def _empty() -> Any:
    faiss = load_faiss()
    quantiser = faiss.IndexBinaryFlat(CODE_BYTES * 8)
    index = faiss.IndexBinaryIVF(quantiser, CODE_BYTES * 8, NUM_CELLS)
    index.is_trained = True
    index.own_fields = False
    index.referenced_objects = [quantiser]
    return index


def hamming(one: Uint8, other: Uint8) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Distances in bits between (n, CODE_BYTES) and (m, CODE_BYTES) codes, (n, m) int32."""
    faiss = load_faiss()

    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    distances = np.empty((len(one), len(other)), dtype=np.int32)
    if distances.size:
        faiss.hammings(
            faiss.swig_ptr(one), faiss.swig_ptr(other), len(one), len(other), CODE_BYTES,
            faiss.swig_ptr(distances),
        )  # fmt: skip
    return distances
