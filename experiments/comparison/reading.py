"""Both pictures of aligned pairs, whatever the order in which the reference's frames are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...datasets.decoding import VideoReader
from ...datasets.types import Frame

HELD = 64 << 20  # bytes of pictures that may be held to turn their order round
LONG_RUN = 12  # pairs; a shorter run of rising frames is not read by itself


def frames_in_order(
    path: str | Path, numbers: Sequence[int], max_side: int | None = None
) -> Iterator[tuple[int, Frame]]:
    """For each number its place in `numbers` and the frame, in any order, some perhaps repeated.

    Frames that can't be decoded are left out.

    Raises:
        UnreadableVideo: the file is gone or can't be read any more.
    """
    with VideoReader(path) as reader:
        side = min(max_side or 1 << 30, max(reader.info.width, reader.info.height))
        chunk = max(4, HELD // (3 * side * side))
        for run, rising in _runs(numbers, chunk):
            source = reader.read(sorted({numbers[i] for i in run}), max_side=max_side)
            held = {} if rising else {f.index: f for f in source}
            last = -1  # the number of the frame that was read last
            for i in run:
                while rising and last < numbers[i]:
                    following = next(source, None)
                    if following is None:
                        break
                    last, held = following.index, {following.index: following}
                if numbers[i] in held:
                    yield i, held[numbers[i]]


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
    with VideoReader(suspect) as own:
        pictures = own.read([s for s, _ in pairs], max_side=max_side)
        picture = next(pictures, None)
        for i, original in frames_in_order(reference, [r for _, r in pairs], max_side):
            frame = pairs[i][0]
            while picture is not None and picture.index < frame:
                picture = next(pictures, None)
            if picture is not None and picture.index == frame:
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
