"""Cutting a face out of a frame, as a CropSpec says. The one definition, for training and scoring."""

import math

import cv2
import numpy as np

from .types import CropSpec, Face, Float32, Float64, Uint8

# Five points of an upright face in a square of side 1 whose side is the face box's longer side:
# where MTCNN's own points lie in its own boxes, mean of 300 official portraits, made symmetric.
CANONICAL_POINTS = np.array(
    [[0.330, 0.400], [0.670, 0.400], [0.500, 0.589], [0.346, 0.756], [0.654, 0.756]],
    dtype=np.float64,
)


def crop_face(image: Uint8, face: Face, spec: CropSpec) -> Uint8:
    """One face's crop.

    Args:
        image: (H, W, 3) uint8 RGB, the full frame.
        face: where it is, in pixels of `image`.
        spec: size, margin and alignment.

    Returns:
        (size, size, 3) uint8 RGB; black where the crop runs out of the picture.
    """
    if spec.align == "box":
        return _crop_square(image, square_around(face.box_xyxy, spec.margin), spec.size)
    return _warp(image, alignment(face.landmarks_xy, spec), spec.size)


def square_around(box_xyxy: Float32, margin: float) -> Float64:
    """The square that `crop_face` cuts for a box: (4,) float64 xyxy in pixels of the full frame."""
    x1, y1, x2, y2 = (float(v) for v in box_xyxy)
    centre_x, centre_y, half = (x1 + x2) / 2, (y1 + y2) / 2, margin * max(x2 - x1, y2 - y1) / 2
    return np.array([centre_x - half, centre_y - half, centre_x + half, centre_y + half])


def cut_wide(
    image: Uint8, box_xyxy: Float32, margin: float, max_size: int
) -> tuple[Uint8, tuple[int, int], float]:
    """A square around a face, to be stored and cropped from later: native pixels, unless too large.

    Args:
        image: (H, W, 3) uint8 RGB, the full frame.
        box_xyxy: (4,) float32, pixels of `image`.
        margin: the square's side over the box's longer side.
        max_size: a square of more pixels is shrunk to this side, by area averaging.

    Returns:
        (side, side, 3) uint8 RGB, black where it runs out of the picture; its top left corner (x, y)
        in pixels of `image`; its pixels per pixel of `image` (1.0 where it was not shrunk).
    """
    square = square_around(box_xyxy, margin)
    side = max(1, _nearest(square[2] - square[0]))
    size = min(side, max_size)
    return (
        _crop_square(image, square, size),
        (_nearest(square[0]), _nearest(square[1])),
        size / side,
    )


def alignment(landmarks_xy: Float32, spec: CropSpec) -> Float64:
    """The similarity that takes full-frame pixels to crop pixels, (2, 3) float64.

    Least squares over the five points (Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns", IEEE TPAMI 1991), without reflection. Raises
    ValueError when the points coincide.
    """
    target = ((CANONICAL_POINTS - 0.5) / spec.margin + 0.5) * spec.size
    source = np.asarray(landmarks_xy, dtype=np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a = (source - source_mean) @ np.array([1, 1j])  # as complex numbers the best turn is one ratio
    b = (target - target_mean) @ np.array([1, 1j])
    spread = float(np.vdot(a, a).real)
    if spread < 1e-6:
        raise ValueError("the five landmarks coincide: there is nothing to align by")
    turn = complex(np.vdot(a, b)) / spread
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.concatenate([linear, (target_mean - linear @ source_mean)[:, None]], axis=1)


def as_input(crops: Uint8, spec: CropSpec) -> Float32:
    """Crops as a network's input.

    Args:
        crops: (N, size, size, 3) uint8 RGB.
        spec: its mean and std are applied.

    Returns:
        (N, 3, size, size) float32; in memory the channels lie last, which is what CPUs like.
    """
    scale = 1 / (255 * np.array(spec.std, dtype=np.float32))
    shift = np.array(spec.mean, dtype=np.float32) / np.array(spec.std, dtype=np.float32)
    levels = np.arange(256, dtype=np.uint8)[:, None] * scale - shift
    if not crops.size:
        return np.zeros((len(crops), 3, *crops.shape[1:3]), dtype=np.float32)
    # looked up, which gives the same in a tenth of the time
    flat = cv2.LUT(crops.reshape(-1, crops.shape[2], 3), levels.astype(np.float32)[None])
    return np.asarray(flat, dtype=np.float32).reshape(crops.shape).transpose(0, 3, 1, 2)


def _nearest(value: float) -> int:
    """The nearest whole number, halves upwards: moving all by whole pixels moves this as much."""
    return math.floor(value + 0.5)


def _crop_square(image: Uint8, square: Float64, size: int) -> Uint8:
    """Cuts to whole pixels and scales; by area averaging where that shrinks."""
    height, width = image.shape[:2]
    left, top = (_nearest(v) for v in square[:2])
    side = max(1, _nearest(square[2] - square[0]))
    x1, y1, x2, y2 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if x2 <= x1 or y2 <= y1:
        return np.zeros((size, size, 3), dtype=np.uint8)
    part = image[y1:y2, x1:x2]
    if part.shape[:2] != (side, side):
        edges = (y1 - top, top + side - y2, x1 - left, left + side - x2)
        part = cv2.copyMakeBorder(part, *edges, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    if side == size:
        return np.ascontiguousarray(part)
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (size, size), interpolation=how), dtype=np.uint8)


def _warp(image: Uint8, matrix: Float64, size: int) -> Uint8:
    """Warps in two steps where that shrinks: area averaging first, so that nothing aliases."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        step = 2 * scale
        image = np.asarray(cv2.resize(image, None, fx=step, fy=step, interpolation=cv2.INTER_AREA))
        matrix = np.concatenate([matrix[:, :2] / step, matrix[:, 2:]], axis=1)
    warped = cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
    return np.asarray(warped, dtype=np.uint8)
