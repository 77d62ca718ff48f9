"""Both pictures of aligned pairs, whatever the order in which the reference's frames are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...datasets.decoding import VideoReader
from ...datasets.types import Frame

HELD = 64 << 20  # bytes of pictures that may be held to turn their order round
LONG_RUN = 12  # pairs; a shorter run of rising frames is not read by itself


def paired_frames(
    suspect: str | Path,
    reference: str | Path,
    pairs: Sequence[tuple[int, int]],
    max_side: int | None = None,
) -> Iterator[tuple[int, Frame, Frame]]:
    """For each (suspect frame, reference frame): its place in `pairs`, and both pictures.

    Pairs with a picture that can't be decoded are left out.

    Args:
        suspect, reference: the files.
        pairs: (n,) rising strictly by suspect frame; the reference's frames in any order.
        max_side: pixels; larger pictures are given shrunk.

    Raises:
        UnreadableVideo: a file is gone or can't be read any more.
    """
    with VideoReader(suspect) as own, VideoReader(reference) as theirs:
        pictures = own.read([s for s, _ in pairs], max_side=max_side)
        picture = next(pictures, None)
        side = min(max_side or 1 << 30, max(theirs.info.width, theirs.info.height))
        chunk = max(4, HELD // (3 * side * side))
        for run, rising in _runs([r for _, r in pairs], chunk):
            wanted = sorted({pairs[i][1] for i in run})
            source = theirs.read(wanted, max_side=max_side)
            held = {} if rising else {f.index: f for f in source}
            for i in run:
                frame, number = pairs[i]
                while rising and number not in held:
                    following = next(source, None)
                    if following is None:
                        break
                    if following.index <= number:
                        held = {following.index: following}
                    else:  # the one wanted is lost: keep this one for the next pair
                        held = {following.index: following}
                        break
                while picture is not None and picture.index < frame:
                    picture = next(pictures, None)
                original = held.get(number)
                if original is not None and picture is not None and picture.index == frame:
                    yield i, picture, original


def _runs(numbers: Sequence[int], chunk: int) -> list[tuple[range, bool]]:
    """Runs of places: long ones in which numbers never fall, and the others in chunks."""
    runs: list[tuple[range, bool]] = []
    start = 0
    loose: int | None = None
    for i in range(1, len(numbers) + 1):
        if i < len(numbers) and numbers[i] >= numbers[i - 1]:
            continue
        if i - start >= LONG_RUN:
            if loose is not None:
                runs += _chunks(loose, start, chunk)
                loose = None
            runs.append((range(start, i), True))
        elif loose is None:
            loose = start
        start = i
    if loose is not None:
        runs += _chunks(loose, len(numbers), chunk)
    return runs


def _chunks(start: int, end: int, chunk: int) -> list[tuple[range, bool]]:
    return [(range(k, min(k + chunk, end)), False) for k in range(start, end, chunk)]
