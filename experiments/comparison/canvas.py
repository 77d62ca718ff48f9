"""The small canvas on which both pictures are compared, and its grid of cells."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.colour import shrunk_size
from ...datasets.types import Float32, Float64, Uint8
from .showing import laid

CANVAS_SIDE = 480  # pixels of the longer side at most
GRID_SIDE = 160  # cells of the longer side at most
LEAST_CELL = 1.5  # canvas pixels
READ_SIDE = 640  # pixels: pictures are read no larger than this


def scale_matrix(full: tuple[int, int], small: tuple[int, int]) -> Float64:
    """(3, 3), from pixels of a full picture to those of a shrunk one; sizes (width, height)."""
    sx, sy = small[0] / full[0], small[1] / full[1]
    return np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]])


@dataclass(frozen=True)
class Canvas:
    """Sizes are (width, height). `read`: of a picture as read, `canvas`: on which it is compared.

    `grid`: (columns, rows) of cells. `matrix`: (2, 3) from the reference's full to the suspect's
    full pixels. `inside`: (rows, columns) bool, cells that show the reference.
    """

    suspect_size: tuple[int, int]
    reference_size: tuple[int, int]
    matrix: Float64
    canvas: tuple[int, int]
    grid: tuple[int, int]
    inside: np.ndarray

    @property
    def onto(self) -> Float64:
        """(2, 3) from the reference's picture as read (at most READ_SIDE) to the canvas."""
        read = shrunk_size(*self.reference_size, READ_SIDE)
        to_read = np.linalg.inv(scale_matrix(self.reference_size, read))
        full = np.vstack([self.matrix, [0, 0, 1]])
        return np.asarray(
            (scale_matrix(self.suspect_size, self.canvas) @ full @ to_read)[:2], dtype=np.float64
        )

    def suspect(self, image: Uint8) -> Uint8:
        """The suspect's picture on the canvas."""
        if image.shape[1::-1] == self.canvas:
            return image
        return np.asarray(cv2.resize(image, self.canvas, interpolation=cv2.INTER_AREA), np.uint8)

    def reference(self, image: Uint8) -> Uint8:
        """The reference's picture, as read, on the canvas."""
        return laid(image, self.onto, self.canvas)

    def local(self, values: Float32) -> Float32:
        """(rows, columns): means over each cell and its eight neighbours; (h, w) on the canvas."""
        cells = cv2.resize(values, self.grid, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(cells, (3, 3), borderType=cv2.BORDER_REFLECT), dtype=np.float32)

    def to_cells(self, box_xyxy: np.ndarray) -> np.ndarray:
        """A box in suspect pixels, in cells."""
        sx, sy = self.grid[0] / self.suspect_size[0], self.grid[1] / self.suspect_size[1]
        return np.asarray(box_xyxy * np.array([sx, sy, sx, sy]), dtype=np.float64)


def make_canvas(
    suspect_size: tuple[int, int], reference_size: tuple[int, int], matrix: Float64
) -> Canvas:
    """The canvas for two videos of these sizes, the reference laid by `matrix`."""
    canvas = shrunk_size(*suspect_size, min(CANVAS_SIDE, max(suspect_size)))
    side = max(8, min(GRID_SIDE, int(max(canvas) / LEAST_CELL)))
    grid = shrunk_size(*canvas, side)
    blank = Canvas(suspect_size, reference_size, matrix, canvas, grid, np.ones(grid[::-1], bool))
    read = shrunk_size(*reference_size, READ_SIDE)
    full = np.full((read[1], read[0]), 255, dtype=np.uint8)
    shown = cv2.warpAffine(full, blank.onto, canvas, flags=cv2.INTER_LINEAR).astype(np.float32)
    inside = cv2.resize(shown, grid, interpolation=cv2.INTER_AREA) > 250
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    return Canvas(suspect_size, reference_size, matrix, canvas, grid, np.asarray(inside))


def apart(first: Uint8, second: Uint8) -> Float32:
    """(h, w) absolute difference in levels: of luma, and half of each of the two chroma."""
    a = cv2.cvtColor(first, cv2.COLOR_RGB2YCrCb)
    b = cv2.cvtColor(second, cv2.COLOR_RGB2YCrCb)
    gap = cv2.absdiff(a, b).astype(np.float32)
    return np.asarray(gap[..., 0] + 0.5 * (gap[..., 1] + gap[..., 2]), dtype=np.float32)


def texture(image: Uint8, canvas: Canvas) -> Float32:
    """(rows, columns) local standard deviation of luma, levels."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    mean = canvas.local(grey)
    square = canvas.local(grey * grey)
    return np.sqrt(np.maximum(square - mean * mean, 0))
