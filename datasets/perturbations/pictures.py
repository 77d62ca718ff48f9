"""What apps do to single pictures: JPEG, and the beauty filter. The levels are our own choice."""

import cv2
import numpy as np

from ..types import Float32, Uint8
from .catalogue import picture
from .published import rounded

# Skin in YCrCb, full range, after Chai & Ngan, "Face segmentation using skin-color map", 1999.
_SKIN = ((0, 133, 77), (255, 173, 127))
_LIGHTER = 0.08  # of the way to white, at full strength


@picture(
    "JQ",
    "real JPEG, each frame by itself (not the JPEG of DeeperForensics-1.0, which is DS)",
    setting="libjpeg's quality, 4:2:0",
    levels=(80, 60, 40, 25, 10),
)
def jpeg(image: Uint8, quality: int, seed: int, index: int) -> Uint8:
    """Encoded and decoded as JPEG.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.

    Raises:
        RuntimeError: OpenCV could not encode it: a side is above JPEG's 65,535 pixels.
    """
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError(f"OpenCV could not encode a picture {image.shape} as JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


@picture(
    "BF",
    "beauty filter: skin smoothed between its edges, and slightly lighter",
    setting="strength: share of the smoothed skin in the result",
    levels=(0.2, 0.4, 0.6, 0.8, 1.0),
)
def beautify(image: Uint8, strength: float, seed: int, index: int) -> Uint8:
    """Skin-coloured parts blended with a bilaterally filtered and lighter copy of themselves.

    The filter's reach grows with the picture, so a face keeps its look at any resolution. Skin is
    told by colour alone; the mask has soft edges, and what lies far from it is untouched.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    reach = min(image.shape[:2]) / 100
    mask = _skin(image, reach) * np.float32(strength)
    if not mask.any():
        return image.copy()
    # only where there is skin: the filter is slow
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    part = (slice(y, y + height), slice(x, x + width))
    skin = np.ascontiguousarray(image[part])
    diameter = int(np.clip(round(2 * reach), 2, 7)) * 2 + 1
    smooth: Float32 = np.asarray(
        cv2.bilateralFilter(skin, diameter, 45, max(2.0, reach)), dtype=np.float32
    )
    smooth += (255 - smooth) * np.float32(_LIGHTER)
    out = image.copy()
    out[part] = rounded(skin + mask[part][:, :, None] * (smooth - skin))
    return out


def _skin(image: Uint8, reach: float) -> Float32:
    """(H, W) float32, 1 on skin, falling to 0 around it."""
    mask = cv2.inRange(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb), *_SKIN)
    soft = cv2.GaussianBlur(np.asarray(mask, dtype=np.float32) / 255, (0, 0), max(1.0, reach))
    return np.asarray(soft, dtype=np.float32)
