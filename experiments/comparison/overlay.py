"""The aligned pairs as a video: the reference on the left, the suspect with its changes on the right."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from ...datasets.packets import REENCODE, short, unreadable
from ...datasets.perturbations.encoding import TICKS, Encoder, Encoding, VideoPacket, frame_rate
from ...datasets.perturbations.writing import (
    FORMATS,
    OutputFile,
    cannot_write,
    check_target,
    new_file,
)
from ...datasets.types import Frame, Uint8
from .showing import ShownPair, shown_pairs
from .tint import scaled, tinted
from .types import Comparison, PairRow

MOST_WIDTH, MOST_HEIGHT = 960, 1080  # pixels of one of the two pictures
LEAST_WIDTH = 200  # so that the captions can be read
ENCODING = Encoding("libx264", {"crf": "20", "preset": "veryfast"})
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK, _GROUND = (235, 235, 235), (24, 24, 24)


def write_overlay(comparison: Comparison, path: str | Path, *, overwrite: bool = False) -> None:
    """Writes all aligned pairs, in order, as an H.264 video that appears whole or not at all.

    Each picture holds the reference, laid on the suspect's canvas, the suspect with changed pixels
    tinted, and below them the frames' numbers and times. Each is shown at the suspect's time, less
    that of the first pair; where the suspect is not aligned, the last pair stays. Pairs that can't
    be decoded are left out. One pair at a time is held, whatever the length.

    Args:
        comparison: With pairs, masks and a geometry.
        path: Ends in `.mp4` or `.mkv`.
        overwrite: Whether a file at `path` may be replaced.

    Raises:
        ValueError: nothing was compared, so there is nothing to show.
        UnreadableVideo: one of the two videos is gone, or none of the pairs decode.
        CannotWrite: the output can't be written; names the file, why, and what to do.
    """
    if comparison.status != "compared" or not comparison.pairs:
        raise ValueError(
            f"expected a comparison with aligned pairs, got one that ended as "
            f"'{comparison.status}' with {len(comparison.pairs)} pairs: there is nothing to show"
        )
    target = check_target(comparison.suspect.path, path, overwrite)
    check_target(comparison.reference.path, path, overwrite)
    frames = _frames(comparison)
    opening = list(islice(frames, 2))
    if not opening:
        raise unreadable(comparison.suspect.path, "none of the aligned pairs decode", REENCODE)
    with new_file(target, overwrite) as file:
        try:
            _write(file, FORMATS[target.suffix.lower()], opening, frames)
        except av.FFmpegError as error:
            reason = f"the encoder refused the pictures ({short(error)})"
            raise cannot_write(target, reason, "write to another file or folder") from error


def panel_size(width: int, height: int) -> tuple[int, int]:
    """Even (width, height) of each of the two pictures, for a suspect of this size.

    >>> panel_size(3840, 2160), panel_size(320, 240), panel_size(64, 48)
    ((960, 540), (320, 240), (200, 150))
    """
    scale = max(min(1.0, MOST_WIDTH / width, MOST_HEIGHT / height), LEAST_WIDTH / width)
    scale = min(scale, MOST_HEIGHT / height)
    return max(2, round(scale * width / 2) * 2), max(2, round(scale * height / 2) * 2)


def _frames(comparison: Comparison) -> Iterator[Frame]:
    size = panel_size(comparison.suspect.width, comparison.suspect.height)
    first: float | None = None
    for pair in shown_pairs(comparison, range(len(comparison.pairs))):
        seconds = pair.row.suspect_seconds
        first = seconds if first is None else first
        yield Frame(pair.place, seconds - first, _picture(pair, size))


def _picture(pair: ShownPair, size: tuple[int, int]) -> Uint8:
    """Both pictures beside each other, and a strip with a caption under each."""
    line = max(2, round(size[0] / 320))
    changed = scaled(pair.changed, size)
    pictures = [_sized(pair.reference, size), tinted(_sized(pair.suspect, size), changed, line)]
    row: PairRow = pair.row
    captions = [
        _caption("Reference", row.reference_frame, row.reference_seconds, size[0]),
        _caption("Suspect", row.suspect_frame, row.suspect_seconds, size[0]),
    ]
    halves = [np.vstack(both) for both in zip(pictures, captions, strict=True)]
    return np.ascontiguousarray(np.hstack(halves), dtype=np.uint8)


def _sized(image: Uint8, size: tuple[int, int]) -> Uint8:
    if (image.shape[1], image.shape[0]) == size:
        return image
    flags = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=flags), dtype=np.uint8)


def _caption(who: str, frame: int, seconds: float, width: int) -> Uint8:
    """(height, width, 3) two lines, each as large as fits: who it is; the frame and its time."""
    scale = min(max(width / 640, 0.4), 0.8)
    lines = [who, f"frame {frame}, {seconds:.3f} s"]
    longest = max(cv2.getTextSize(line, _FONT, scale, 1)[0][0] for line in lines)
    scale *= min(1.0, (width - 12) / longest)
    step = round(34 * scale)
    strip: Uint8 = np.full((2 * step + 2 * (step // 4), width, 3), _GROUND, np.uint8)
    for number, line in enumerate(lines, 1):
        at = (6, number * step - step // 8)
        cv2.putText(strip, line, at, _FONT, scale, _INK, 1, cv2.LINE_AA)
    return strip


def _write(file: OutputFile, container: str, opening: list[Frame], rest: Iterator[Frame]) -> None:
    rate = frame_rate(opening)
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream(ENCODING.codec, rate=rate)
        assert isinstance(stream, VideoStream)
        encoder = Encoder(ENCODING, opening[0], rate, stream.codec_context)
        stream.time_base = Fraction(1, TICKS)

        def mux(packets: list[VideoPacket]) -> None:
            for packet in packets:
                encoder.pending.pop(packet.pts if packet.pts is not None else -1, None)
                packet.stream = stream
                output.mux_one(packet)

        for frame in chain(opening, rest):
            mux(encoder.encode(frame))
        mux(encoder.finish())
