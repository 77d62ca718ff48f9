"""What changes where things are in the picture, and when they are shown.

The levels are this project's choice.
"""

from collections.abc import Iterator

import numpy as np

from ..types import Frame, Uint8
from .catalogue import PERTURBATIONS, StreamPerturbation, picture, video_rng

_MIDDLE = 0.5  # of the free room: how far a crop may lie from the centre
_A_TICK = 1e-6  # seconds; times closer than this are the same


@picture(
    "CROP",
    "cut to a part near the middle, at its own resolution",
    kind="geometry",
    setting="share of width and height that is left",
    levels=(0.9, 0.8, 0.7, 0.6, 0.5),
    keeps_size=False,
)
def crop(image: Uint8, share: float, seed: int, index: int) -> Uint8:
    """A part of the picture; for a whole video the same one, its place drawn by `seed`.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H', W', 3) uint8: `share` of H and W, even, at least 2 pixels if there are so many.
    """
    places = video_rng(seed, "CROP").uniform(-_MIDDLE, _MIDDLE, 2)
    cuts = []
    for length, place in zip(image.shape[:2], places, strict=True):
        left = min(length, max(2, round(length * share / 2) * 2))
        start = round((length - left) * (0.5 + place / 2))
        cuts.append(slice(start, start + left))
    return np.ascontiguousarray(image[cuts[0], cuts[1]])


@picture(
    "LB",
    "letterbox: black bars along the longer sides, the picture itself untouched",
    kind="geometry",
    setting="each of the two bars, over the picture's shorter side",
    levels=(0.0625, 0.125, 0.25, 0.5, 1.0),
    keeps_size=False,
)
def letterbox(image: Uint8, share: float, seed: int, index: int) -> Uint8:
    """Bars above and below; for a portrait picture left and right.

    The canvas grows and no pixel of the picture changes. Level 3 makes 16:9 about 6:5, level 5
    makes it about the 9:16 of a story.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H', W', 3) uint8.
    """
    height, width = image.shape[:2]
    bar = max(1, round(share * min(height, width)))
    edges = ((0, 0), (bar, bar), (0, 0)) if height > width else ((bar, bar), (0, 0), (0, 0))
    return np.asarray(np.pad(image, edges), dtype=np.uint8)


@picture(
    "MI",
    "mirrored left to right",
    kind="geometry",
    setting="nothing: there is one level",
    levels=(None,),
)
def mirror(image: Uint8, nothing: None, seed: int, index: int) -> Uint8:
    """Left becomes right. Twice is the picture itself.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    return np.ascontiguousarray(image[:, ::-1])


def change_rate(frames: Iterator[Frame], fps: float, seed: int) -> Iterator[Frame]:
    """Pictures at k / `fps` seconds: each time the one that a player would show then.

    Frames are dropped where there were more and repeated where there were fewer; nothing is
    blended. The duration stays, with the last frame taken to last as long as the one before it.

    Args:
        frames: In the order shown.
        fps: Frames per second.

    Yields:
        Frames numbered anew from 0.
    """
    shown: Frame | None = None
    step = 1 / fps  # the last frame's own time, for a video of a single frame
    count = 0
    for frame in frames:
        if shown is not None:
            while count / fps < frame.pts_seconds - _A_TICK:
                yield Frame(count, count / fps, shown.image)
                count += 1
            step = frame.pts_seconds - shown.pts_seconds
        shown = frame
    while shown is not None and count / fps < shown.pts_seconds + step - _A_TICK:
        yield Frame(count, count / fps, shown.image)
        count += 1


PERTURBATIONS.register("FR")(
    StreamPerturbation(
        "FR",
        "frame rate changed by dropping and repeating frames",
        "geometry",
        "frames per second",
        (24, 20, 15, 12, 8),
        keeps_times=False,
        function=change_rate,
    )
)
