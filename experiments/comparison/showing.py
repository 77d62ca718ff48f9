"""Aligned pairs of frames as pictures, for the report and the overlay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from ...datasets.types import Float64, Uint8
from .reading import paired_frames
from .types import Comparison, PairRow


@dataclass(frozen=True)
class ShownPair:
    """One aligned pair.

    `place`: index into the comparison's pairs. `suspect`: (H, W, 3) uint8 RGB as it is.
    `reference`: (H, W, 3) uint8 RGB, laid onto the suspect's canvas (geometry only; its colours are
    its own); black where it shows nothing. `changed`: (H, W) bool.
    """

    place: int
    row: PairRow
    suspect: Uint8
    reference: Uint8
    changed: np.ndarray[Any, np.dtype[np.bool_]]


def shown_pairs(comparison: Comparison, places: Sequence[int]) -> Iterator[ShownPair]:
    """The aligned pairs at these places, one by one.

    Memory holds few pictures at a time. Pairs that can't be decoded are left out.

    Args:
        comparison: with pairs, masks and a geometry.
        places: (n,) strictly rising indices into `comparison.pairs`.

    Raises:
        ValueError: there is nothing to show, or the places don't rise.
        UnreadableVideo: one of the files is gone or has changed since.
    """
    if comparison.masks is None or comparison.geometry is None:
        raise ValueError(f"nothing was compared ({comparison.status}): there are no pairs to show")
    if any(b <= a for a, b in pairwise(places)):
        raise ValueError("expected places that rise strictly")
    matrix = np.array(comparison.geometry.matrix)
    size = (comparison.suspect.width, comparison.suspect.height)
    rows = [comparison.pairs[p] for p in places]
    numbers = [(r.suspect_frame, r.reference_frame) for r in rows]
    files = comparison.suspect.path, comparison.reference.path
    for i, suspect, reference in paired_frames(*files, numbers):
        yield ShownPair(
            place=places[i],
            row=rows[i],
            suspect=suspect.image,
            reference=laid(reference.image, matrix, size),
            changed=comparison.masks.at(places[i], *size),
        )


def laid(image: Uint8, matrix: Float64, size: tuple[int, int]) -> Uint8:
    """A picture of the reference on the suspect's canvas of (width, height); area-true when shrunk."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    flags = cv2.INTER_CUBIC
    if scale < 0.7:  # blur first what would alias
        sigma = 0.45 * np.sqrt(1 / scale**2 - 1)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)
        flags = cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=flags), dtype=np.uint8)
