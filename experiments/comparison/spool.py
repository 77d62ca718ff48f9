"""Rows of numbers on disk, so that memory does not grow with a video's length."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Spool:
    """Equal arrays appended one by one to a temporary file, then read as one array.

    >>> spool = Spool((2,), np.uint8)
    >>> spool.append(np.array([1, 2], dtype=np.uint8))
    >>> spool.array().tolist()
    [[1, 2]]
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the spool
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, row: NDArray[Any]) -> None:
        """Adds one array; ValueError where its shape is another one."""
        if row.shape != self._shape:
            raise ValueError(f"expected a row of shape {self._shape}, got {row.shape}")
        self._file.write(np.ascontiguousarray(row, dtype=self._dtype).data)
        self._count += 1

    def array(self) -> NDArray[Any]:
        """(n, *shape), mapped from the file and not held in memory."""
        self._file.flush()
        if not self._count:
            return np.zeros((0, *self._shape), dtype=self._dtype)
        return np.memmap(self._file, dtype=self._dtype, mode="r", shape=(self._count, *self._shape))
