"""What is done to each picture of a suspect: its geometry, with the matrix that tells it, and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ....datasets.types import Float32, Float64, Uint8

STEPS = ("crop", "mirror", "rotation", "aspect", "resize", "bars")
INTERPOLATIONS = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}


@dataclass(frozen=True)
class _Move:
    """One step in whole pixels: `size`, (width, height) that come out; `matrix` (3, 3) float64."""

    name: str
    size: tuple[int, int]
    matrix: Float64
    edges: tuple[int, int, int, int] = (0, 0, 0, 0)  # left, top, right, bottom
    interpolation: str = "linear"


@dataclass(frozen=True)
class Moves:
    """All that happens to where things are in the picture.

    `matrix`: (2, 3) float64, pixels of the reference to pixels of the suspect, the centre of the
    upper left pixel at (0, 0). `size`: (width, height) of the suspect. `picture_xyxy`: the part of
    it that is no border. `corners_xy`: (4, 2) float64, the corners of what it shows of the
    reference, in the reference's pixels.
    """

    steps: tuple[_Move, ...]
    matrix: Float64
    size: tuple[int, int]
    picture_xyxy: tuple[int, int, int, int]
    corners_xy: Float64
    mirrored: bool

    def picture(self, image: Uint8) -> Uint8:
        """(H, W, 3) uint8 of the reference -> (H', W', 3) uint8; borders are black."""
        for move in self.steps:
            image = np.asarray(_moved(image, move, INTERPOLATIONS[move.interpolation]))
        return np.ascontiguousarray(image)

    def mask(self, mask: Float32) -> Float32:
        """(H, W) float32 of the reference -> (H', W') float32; 0 in borders."""
        for move in self.steps:
            shrinks = move.name in ("resize", "aspect") and move.size[0] < mask.shape[1]
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            mask = np.asarray(_moved(mask, move, how), dtype=np.float32)
        return mask


def moves(width: int, height: int, steps: Sequence[tuple[str, dict[str, Any]]]) -> Moves:
    """The moves of a picture of this size, in the order of `STEPS`, whatever order they come in."""
    size = (width, height)
    done: list[_Move] = []
    total = np.eye(3)
    settings = dict(steps)
    left = top = right = bottom = 0
    for name in STEPS:
        if name in settings:
            move = _move(name, settings[name], size)
            done.append(move)
            total = move.matrix @ total
            size = move.size
            if name == "bars":
                left, top, right, bottom = move.edges
    shown = (left, top, size[0] - right, size[1] - bottom)
    x1, y1, x2, y2 = (v - 0.5 for v in shown)  # the outer edges of the outermost pixels
    corners = np.array([[x1, y1, 1], [x2, y1, 1], [x2, y2, 1], [x1, y2, 1]])
    seen = corners @ np.linalg.inv(total).T
    return Moves(tuple(done), total[:2], size, shown, seen[:, :2], "mirror" in settings)


def recoloured(image: Uint8, how: dict[str, Any]) -> Uint8:
    """matrix @ (255 (rgb / 255) ** gamma) + offset, (H, W, 3) uint8.

    Args:
        image: (H, W, 3) uint8 RGB.
        how: `gamma`, `saturation`, `gains` (three), `offset` (levels).
    """
    grey = np.array([0.299, 0.587, 0.114])
    mix = how["saturation"] * np.eye(3) + (1 - how["saturation"]) * np.tile(grey, (3, 1))
    matrix = np.diag(how["gains"]) @ mix
    bent = (255 * (np.arange(256) / 255) ** how["gamma"]).astype(np.float32)[image]
    with_offset = np.column_stack([matrix, np.full(3, how["offset"])])
    mixed = cv2.transform(bent, with_offset.astype(np.float32))
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def _move(name: str, how: dict[str, Any], size: tuple[int, int]) -> _Move:
    width, height = size
    matrix = np.eye(3)
    if name == "crop":
        left, top = round(how["left"] * width), round(how["top"] * height)
        out = (
            int(width * (1 - how["right"]) - left) // 2 * 2,
            int(height * (1 - how["bottom"]) - top) // 2 * 2,
        )
        matrix[:2, 2] = -left, -top
        return _Move(name, out, matrix, (left, top, width - left - out[0], height - top - out[1]))
    if name == "mirror":
        matrix[0] = -1, 0, width - 1
        return _Move(name, size, matrix)
    if name == "rotation":
        angle = np.radians(how["degrees"])
        cos, sin = np.cos(angle), abs(np.sin(angle))
        # enlarged until no corner is empty
        scale = max(cos + sin * height / width, cos + sin * width / height)
        centre = ((width - 1) / 2, (height - 1) / 2)
        matrix[:2] = cv2.getRotationMatrix2D(centre, how["degrees"], scale)
        return _Move(name, size, matrix, interpolation="cubic")
    if name in ("aspect", "resize"):
        out = (_even(width * how["x"]), _even(height * how["y"]))
        for axis in range(2):
            factor = out[axis] / size[axis]
            matrix[axis, axis], matrix[axis, 2] = factor, (factor - 1) / 2
        return _Move(name, out, matrix, interpolation=how["interpolation"])
    if name == "bars":
        beside = _even(how["share"] * width) if how["where"] == "beside" else 0
        above = _even(how["share"] * height) if how["where"] == "above" else 0
        matrix[:2, 2] = beside, above
        out = (width + 2 * beside, height + 2 * above)
        return _Move(name, out, matrix, (beside, above, beside, above))
    raise ValueError(f"unknown step {name!r} of geometry; known: {', '.join(STEPS)}")


def _moved(image: Any, move: _Move, interpolation: int) -> Any:
    left, top, right, bottom = move.edges
    if move.name == "crop":
        return image[top : top + move.size[1], left : left + move.size[0]]
    if move.name == "mirror":
        return image[:, ::-1]
    if move.name == "rotation":
        matrix = move.matrix[:2]
        border = cv2.BORDER_REPLICATE
        source = np.ascontiguousarray(image)
        return cv2.warpAffine(source, matrix, move.size, flags=interpolation, borderMode=border)
    if move.name == "bars":
        edges = [(top, bottom), (left, right), (0, 0)][: image.ndim]
        return np.pad(image, edges)
    return cv2.resize(np.ascontiguousarray(image), move.size, interpolation=interpolation)
