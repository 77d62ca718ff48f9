"""Conditions applied: to one picture, or to a stream of frames one after the other."""

from collections.abc import Iterable, Iterator, Sequence

from ..types import Frame, Uint8
from .catalogue import Condition, check_seed, get, parse, step_seed


def apply(image: Uint8, condition: str | Condition, seed: int, index: int) -> Uint8:
    """One picture under a condition, just as `perturb` gives it within a video.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        condition: Such as `GNC:2`. Kinds `pixels` and `geometry`, without FR.
        seed: At least 0; the whole video's.
        index: The frame's number in the video, from 0.

    Returns:
        (H', W', 3) uint8; H' and W' are H and W unless it is CROP or LB.

    Raises:
        ValueError: a condition that needs a whole video, or no such level.
        KeyError: unknown code.
    """
    parsed = parse(condition)
    return get(parsed.code).apply(image, parsed.level, check_seed(seed), index)


def perturb(
    frames: Iterable[Frame], conditions: Sequence[str | Condition], seed: int = 0
) -> Iterator[Frame]:
    """Frames under conditions, one after the other in this order.

    A stream: memory doesn't grow with the video's length. Numbers and times stay exactly the same,
    unless the frame rate changes (FR).

    Args:
        frames: In the order shown. For codecs all of one size.
        conditions: Such as `["VC:3", "GB:2"]`; none of them gives the frames as they are.
        seed: At least 0. The same seed gives the same bytes. Whatever is drawn (places, stickers,
            angles) is drawn once for the whole video; GNC's noise depends on seed and frame index.

    Raises:
        KeyError: unknown code. At once, like ValueError.
        ValueError: no such level, or a negative seed.
        SizeChangeError: while iterating, the frames' size changes before an encoder.
    """
    steps = [parse(condition) for condition in conditions]
    stream = iter(frames)
    check_seed(seed)
    for position, step in enumerate(steps):
        stream = get(step.code).stream(stream, step.level, step_seed(seed, position))
    return stream
