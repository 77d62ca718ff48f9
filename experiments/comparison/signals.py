"""What moves in two videos, on one grid of cells and one clock, ready to be correlated."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .scanning import Scan, grey_details, grey_thumbs

MOST_TICKS = 3000  # of the longer video
FASTEST, SLOWEST = 30.0, 6.0  # ticks per second
SLOW_SECONDS = 0.6  # what changes more slowly than this is taken out
CLIP = 4.0  # root mean squares: no single cell counts for more
SMOOTH = 0.6  # Gaussian sigma, cells
_BATCH = 512


@dataclass(frozen=True)
class Signals:
    """What moves in the suspect and in the reference laid onto it.

    `rate`: ticks per second. `suspect`: (n, c) float32, `reference`: (m, c) float32: each cell's
    brightness less its slow course, weighted by how much it tells. Tick k is the moment k / rate,
    counted from each video's first frame. `cells`: share of the suspect's picture that is compared.
    """

    rate: float
    suspect: Float32
    reference: Float32
    cells: float


def thumb_map(matrix: Float64, suspect: Scan, reference: Scan) -> Float64:
    """The map (2, 3) from the reference's small pictures to the suspect's."""
    shapes = suspect.thumbs.shape[1:], reference.thumbs.shape[1:]
    return picture_map(matrix, suspect, reference, *shapes)


def picture_map(
    matrix: Float64, suspect: Scan, reference: Scan, shape: tuple[int, ...], source: tuple[int, ...]
) -> Float64:
    """As `thumb_map`, for pictures of other sizes: the suspect's `shape`, the reference's `source`."""

    def to_small(scan: Scan, height: int, width: int) -> Float64:
        sx, sy = width / scan.info.width, height / scan.info.height
        return np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]])

    full = np.vstack([matrix, [0, 0, 1]])
    inverse = np.linalg.inv(to_small(reference, *source))
    return np.asarray((to_small(suspect, *shape) @ full @ inverse)[:2], dtype=np.float64)


def laid_thumbs(pictures: Float32, matrix: Float64, shape: tuple[int, int]) -> Float32:
    """(n, h, w) small pictures of the reference laid onto the suspect's grid of `shape` (h, w)."""
    height, width = shape
    out = np.empty((len(pictures), height, width), dtype=np.float32)
    for i, picture in enumerate(pictures):
        cv2.warpAffine(
            picture, matrix, (width, height), dst=out[i],
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return out


def covered(matrix: Float64, source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: the target's cells that lie well inside the source's picture; shapes (h, w)."""
    height, width = source
    inside = np.zeros((height, width), dtype=np.float32)
    inside[1:-1, 1:-1] = 1
    laid = cv2.warpAffine(inside, matrix, target[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(laid > 0.99)


class SharedCells:
    """The larger small pictures of both videos, on the cells that both show; all where none is."""

    def __init__(self, suspect: Scan, reference: Scan, matrix: Float64) -> None:
        self._suspect, self._reference = suspect, reference
        shape, their_shape = suspect.details.shape[1:], reference.details.shape[1:]
        self._to_cells = picture_map(matrix, suspect, reference, shape, their_shape)
        self._mask = covered(self._to_cells, their_shape, shape)
        if not self._mask.any():
            self._mask = np.ones(shape, dtype=bool)

    def own(self, places: Int64) -> Float32:
        """(n, c) float32: the suspect's, in levels."""
        return self._soft(grey_details(self._suspect, places))

    def theirs(self, places: Int64) -> Float32:
        """(n, c) float32: the reference's, laid onto the suspect's."""
        pictures = grey_details(self._reference, places)
        return self._soft(laid_thumbs(pictures, self._to_cells, self._mask.shape))

    def _soft(self, pictures: Float32) -> Float32:
        out = np.empty((len(pictures), int(self._mask.sum())), dtype=np.float32)
        for i, picture in enumerate(pictures):
            out[i] = cv2.GaussianBlur(picture, (0, 0), SMOOTH)[self._mask]
        return out


def shown_at(pts_seconds: Float64, moments: Float64) -> Int64:
    """Which frame is shown at each moment: the last that began."""
    places = np.searchsorted(pts_seconds, moments + 1e-6, side="right") - 1
    return np.asarray(places.clip(0, len(pts_seconds) - 1), dtype=np.int64)


def signals(suspect: Scan, reference: Scan, matrix: Float64) -> Signals | None:
    """What moves in both, where the reference lies by `matrix`; None where they hardly overlap."""
    longest = max(suspect.info.duration_seconds, reference.info.duration_seconds)
    rate = float(np.clip(MOST_TICKS / max(longest, 1e-3), SLOWEST, FASTEST))
    to_cells = thumb_map(matrix, suspect, reference)
    shape = suspect.thumbs.shape[1:]
    mask = covered(to_cells, reference.thumbs.shape[1:], shape)
    if mask.sum() < 0.1 * mask.size:
        return None
    own = _moving(suspect, None, mask, rate)
    theirs = _moving(reference, to_cells, mask, rate)
    weights = _weights(own) * _weights(theirs)
    return Signals(rate, own * weights, theirs * weights, float(mask.mean()))


def _moving(scan: Scan, matrix: Float64 | None, mask: np.ndarray, rate: float) -> Float32:
    """(ticks, cells): brightness less its slow course, clipped."""
    moments = np.arange(max(1, round(scan.info.duration_seconds * rate))) / rate
    places = shown_at(scan.pts_seconds, moments)
    values = np.empty((len(places), int(mask.sum())), dtype=np.float32)
    for start in range(0, len(places), _BATCH):
        batch = places[start : start + _BATCH]
        pictures = grey_thumbs(scan, batch)
        if matrix is not None:
            pictures = laid_thumbs(pictures, matrix, mask.shape)
        for i, picture in enumerate(pictures):
            soft = cv2.GaussianBlur(picture, (0, 0), SMOOTH)
            values[start + i] = soft[mask]
    values -= _slow(values, max(3, round(SLOW_SECONDS * rate) // 2 * 2 + 1))
    limit = CLIP * float(np.sqrt(np.mean(values**2))) + 1e-3
    return np.clip(values, -limit, limit)


def _slow(values: Float32, width: int) -> Float32:
    """The moving mean over `width` ticks, shorter at the ends; (n, c)."""
    out = cv2.blur(values, (1, width), borderType=cv2.BORDER_REFLECT)
    return np.asarray(out, dtype=np.float32).reshape(values.shape)


def _weights(values: Float32) -> Float32:
    """(c,) up to 1: a cell whose course is no more than the quiet cells' noise counts little."""
    power = np.mean(values**2, axis=0)
    noise = np.quantile(power, 0.2) + 1e-4
    return np.asarray(np.sqrt(power / (power + 2 * noise)), dtype=np.float32)
