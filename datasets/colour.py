"""A decoded picture becomes upright full-range RGB.

Three things that decoders leave to whoever shows the picture are settled here: the colour matrix
and range, the shape of a pixel, and the turn and mirroring that phones write instead of turning
pixels.
Transfer curves are left alone: HDR video (PQ, HLG) is not tone-mapped, so it looks flat.
Interlaced pictures are given as they are coded, both fields woven together; nothing deinterlaces.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from .types import Uint8

# ITU-T H.273 matrix coefficients, as FFmpeg's AVColorSpace numbers them.
_RGB, _UNSPECIFIED, _RESERVED = 0, 2, 3
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
_HD_HEIGHT = 720  # an unlabelled picture at least this high is BT.709, a smaller one BT.601
_SQUARE_ENOUGH = 0.01  # a pixel whose sides differ by less is shown as square
_ODDEST_PIXEL = 4  # a claimed ratio beyond 4:1 or 1:4 is a wrong header, and left unused
_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class UnsupportedColourError(ValueError):
    """A colour matrix that can't be turned into RGB here."""


def colour_matrix(frame: VideoFrame) -> Colorspace | None:
    """The matrix that turns this picture's YUV into RGB; None if the picture is RGB already.

    A picture that doesn't say gets what players give it: BT.709 from 720 lines on, else BT.601.

    Raises:
        UnsupportedColourError: for YCgCo, ICtCp, constant luminance and others that swscale lacks.
    """
    if frame.format.is_rgb:
        return None
    said = int(frame.colorspace)
    if said in _MATRICES:
        return _MATRICES[said]
    if said in (_RGB, _UNSPECIFIED, _RESERVED):
        return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
    raise UnsupportedColourError(
        f"its colour matrix (number {said} in ITU-T H.273) is not supported"
    )


def colour_range(frame: VideoFrame) -> ColorRange:
    """Full (JPEG) or limited (MPEG) range; a YUV picture that doesn't say is limited."""
    said = int(frame.color_range)
    if said in (ColorRange.MPEG, ColorRange.JPEG):
        return ColorRange(said)
    full = frame.format.is_rgb or frame.format.name.startswith("yuvj")
    return ColorRange.JPEG if full else ColorRange.MPEG


def turn_of(frame: VideoFrame) -> tuple[int, bool]:
    """How the picture has to be turned to stand upright, from its display matrix.

    Returns:
        Degrees clockwise (0, 90, 180, 270; other angles go to the nearest of these), and whether it
        is mirrored left to right after that.
    """
    entries: Iterable[Any] = frame.side_data  # a sequence, whatever PyAV's stub says
    for side_data in entries:
        if side_data.type.name == "DISPLAYMATRIX":
            return turn_of_matrix(np.frombuffer(bytes(side_data), dtype=np.int32))
    return 0, False


def turn_of_matrix(matrix: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> tuple[int, bool]:
    """Degrees clockwise and mirroring of a display matrix, (9,) int32 as in ISO/IEC 14496-12."""
    if matrix.shape != (9,):
        raise ValueError(f"expected a display matrix of 9 numbers, got {matrix.shape}")
    a, b, c, d = (float(matrix[i]) for i in (0, 1, 3, 4))
    determinant = a * d - b * c
    if determinant == 0:  # it would squash the picture to a line: no player obeys
        return 0, False
    mirrored = determinant < 0
    degrees = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(degrees / 90) % 4 * 90, mirrored


def pixel_shape(ratio: Fraction | None) -> float:
    """Width over height of a pixel; 1 if unknown, within 1 % of square, or beyond 4:1."""
    if ratio is None or ratio <= 0:
        return 1.0
    value = float(ratio)
    if abs(value - 1) <= _SQUARE_ENOUGH or not 1 / _ODDEST_PIXEL <= value <= _ODDEST_PIXEL:
        return 1.0
    return value


def shown_size(width: int, height: int, ratio: Fraction | None, turn: int) -> tuple[int, int]:
    """Width and height in pixels as shown: the width stretched to square pixels, then turned."""
    width = max(1, round(width * pixel_shape(ratio)))
    return (height, width) if turn in (90, 270) else (width, height)


def shrunk_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Width and height, the longer one at most `max_side`, at least 1 pixel each.

    >>> shrunk_size(1920, 1080, 640)
    (640, 360)
    """
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class RgbConverter:
    """Turns one video's decoded pictures into upright RGB; keeps swscale's tables between them.

    `ratio`: a pixel's width over its height.
    """

    def __init__(self, ratio: Fraction | None = None) -> None:
        self._ratio = ratio
        self._reformatter = VideoReformatter()
        # By FFmpeg's angle, so that side data is rarely looked at: a frame whose side data was
        # looked at holds itself, and its picture, until the garbage collector runs.
        self._turns: dict[int, tuple[int, bool]] = {}

    def __call__(self, frame: VideoFrame, max_side: int | None = None) -> Uint8:
        """(height, width, 3) uint8 RGB, full range, upright, square pixels.

        Args:
            frame: as decoded.
            max_side: pixels; a larger picture is shrunk so that its longer side has as many, each
                pixel the mean of those that it covers.

        Raises:
            UnsupportedColourError: see `colour_matrix`.
        """
        width, height = shown_size(frame.width, frame.height, self._ratio, turn=0)
        interpolation = Interpolation.BICUBIC
        if max_side is not None and max(width, height) > max_side:
            width, height = shrunk_size(width, height, max_side)
            interpolation = Interpolation.AREA
        rgb = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=colour_matrix(frame),
            src_color_range=colour_range(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
            threads=1,
        )
        image = np.asarray(rgb.to_ndarray(), dtype=np.uint8)
        if frame.rotation not in self._turns:
            self._turns[frame.rotation] = turn_of(frame)
        turn, mirrored = self._turns[frame.rotation]
        if turn:
            image = np.asarray(cv2.rotate(image, _TURNS[turn]), dtype=np.uint8)
        if mirrored:
            image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
        return image
