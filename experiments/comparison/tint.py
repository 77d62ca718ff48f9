"""How changed pixels are marked in pictures: one colour, and a line around them."""

from typing import Any

import cv2
import numpy as np

from ...datasets.types import Uint8

TINT_RGB = (233, 30, 180)  # rare in skin, cloth and scenery, and told apart without red-green sight
TINT_OPACITY = 0.38

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def scaled(mask: Mask, size: tuple[int, int]) -> Mask:
    """(H, W) bool at another size of (width, height): where half of a pixel's ground is marked."""
    if (mask.shape[1], mask.shape[0]) == size:
        return mask
    shrunk = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk >= 0.5)


def outline(mask: Mask, width: int) -> Mask:
    """(H, W) bool: the marked pixels within `width` pixels of unmarked ones or the edge."""
    padded = np.pad(mask.astype(np.uint8), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inner = cv2.erode(padded, kernel)[1:-1, 1:-1]
    return np.asarray(mask & (inner == 0))


def tinted(image: Uint8, mask: Mask, width: int) -> Uint8:
    """(H, W, 3) uint8 RGB with the marked pixels tinted and a line of `width` pixels at their edge."""
    out = image.copy()
    colour = np.array(TINT_RGB, np.float32)
    out[mask] = np.round((1 - TINT_OPACITY) * image[mask] + TINT_OPACITY * colour)
    out[outline(mask, width)] = TINT_RGB
    return out
