"""The perturbations of DeeperForensics-1.0 that change single pictures, with its five levels.

Jiang et al., "DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face Forgery Detection",
CVPR 2020, and the code published with it. Its seventh, compression (VC), is in `codecs`.

Where this differs from that code, and why: CS and GNC round to the nearest value instead of
cutting off, which darkened every picture by half a value and grey ones by a whole; BW keeps its
blocks in one place for the whole video instead of throwing them anew for each frame.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Uint8
from .catalogue import picture, video_rng

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, of RGB
_BLOCK = 8  # pixels, the side of BW's blocks
_GREY = 128
_BLOCKS_PER = 256  # pixels of the shorter side that bring the level's number of blocks once
# RGB over Y, Cb, Cr as OpenCV converts them; columns scaled from studio range (219 and 224 steps).
_FROM_YCBCR = np.array(
    [[1.0, 0.0, 1.403], [1.0, -0.344, -0.714], [1.0, 1.773, 0.0]], dtype=np.float32
) * np.array([255 / 219, 255 / 224, 255 / 224], dtype=np.float32)


def rounded(image: NDArray[Any]) -> Uint8:
    """To the nearest of 0..255."""
    return np.asarray(np.clip(np.rint(image), 0, 255), dtype=np.uint8)


@picture(
    "CS",
    "colour saturation lowered, down to grey",
    setting="factor of the chroma",
    levels=(0.4, 0.3, 0.2, 0.1, 0.0),
)
def saturate(image: Uint8, factor: float, seed: int, index: int) -> Uint8:
    """Cb and Cr times `factor` about neutral, luma kept.

    In RGB this moves each pixel along the line to the grey of its own luma.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    if factor == 0:
        grey = rounded(np.asarray(image @ _LUMA, dtype=np.float32))
        return np.repeat(grey[:, :, None], 3, axis=2)
    mix = np.eye(3, dtype=np.float32) * np.float32(factor) + np.float32(1 - factor) * _LUMA
    return rounded(np.asarray(cv2.transform(image.astype(np.float32), mix), dtype=np.float32))


@picture(
    "CC",
    "contrast lowered by multiplying, so it darkens",
    setting="factor of every value",
    levels=(0.85, 0.725, 0.6, 0.475, 0.35),
)
def darken(image: Uint8, factor: float, seed: int, index: int) -> Uint8:
    """Every value times `factor`, cut off to a whole number as published.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    table = (np.arange(256, dtype=np.float32) * np.float32(factor)).astype(np.uint8)
    return np.asarray(table[image], dtype=np.uint8)


@picture(
    "BW",
    "grey blocks of 8x8 pixels; none where the shorter side is below 256 pixels",
    setting="blocks for each whole 256 pixels of the shorter side",
    levels=(16, 32, 48, 64, 80),
)
def block(image: Uint8, count: int, seed: int, index: int) -> Uint8:
    """`count` times (shorter side // 256) grey blocks, in the same places in every frame.

    A worse level has the blocks of the lighter one and more.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    out = image.copy()
    places = video_rng(seed, "BW").random((min(height, width) // _BLOCKS_PER * count, 2))
    for down, along in places:
        y, x = int(down * (height - _BLOCK)), int(along * (width - _BLOCK))
        out[y : y + _BLOCK, x : x + _BLOCK] = _GREY
    return out


@picture(
    "GNC",
    "Gaussian noise in luma and colour, fresh in every frame",
    setting="variance, of values from 0 to 1",
    levels=(0.001, 0.002, 0.005, 0.01, 0.05),
)
def add_noise(image: Uint8, variance: float, seed: int, index: int) -> Uint8:
    """Independent Gaussian noise of this variance on each of Y, Cb and Cr, in studio range.

    Published: to YCbCr (BT.601, luma 16..235, chroma 16..240), noise added to values over 255,
    back, clipped. The way back stretches the noise, so RGB is hit by more: red, green and blue get
    about 3.9, 2.2 and 5.4 times the variance. The conversion is linear: the noise is converted
    alone and added.

    Args:
        image: (H, W, 3) uint8 RGB.
        seed: Of the video.
        index: Of the frame. Each frame's noise depends on these two alone, so it is the same
            whichever other frames are read.

    Returns:
        (H, W, 3) uint8.
    """
    rng = np.random.default_rng([seed, index])
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    mix = _FROM_YCBCR * np.float32(255 * math.sqrt(variance))
    return rounded(image + np.asarray(cv2.transform(noise, mix), dtype=np.float32))


@picture(
    "GB",
    "Gaussian blur",
    setting="side of the kernel in pixels; sigma is a sixth of it",
    levels=(7, 9, 13, 17, 21),
)
def blur(image: Uint8, side: int, seed: int, index: int) -> Uint8:
    """Blurred with a kernel of `side` pixels and a sigma of `side` / 6.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    return np.asarray(cv2.GaussianBlur(image, (side, side), side / 6), dtype=np.uint8)


@picture(
    "DS",
    "down-sampled and up-sampled again (the lists of DeeperForensics-1.0 call it JPEG)",
    setting="divisor of width and height",
    levels=(2, 3, 4, 5, 6),
)
def resample(image: Uint8, divisor: int, seed: int, index: int) -> Uint8:
    """Scaled to H // `divisor`, W // `divisor` and back, both bilinearly and without a low-pass.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    small: Any = cv2.resize(image, (max(1, width // divisor), max(1, height // divisor)))
    return np.asarray(cv2.resize(small, (width, height)), dtype=np.uint8)
