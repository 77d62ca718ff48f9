"""Chosen frames of a video, decoded exactly and one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .colour import RgbConverter
from .frame_indices import checked_indices
from .packets import (
    AV_FAILURES,
    NO_TIME,
    check_deadline,
    choose_stream,
    note,
    open_container,
    packets,
    short,
)
from .probing import open_video, prepare
from .types import Float64, Frame, Int64, VideoInfo

__all__ = ["VideoReader"]

# Codecs whose decoder, asked to, leaves out pictures that no other picture needs.
_CAN_SKIP = frozenset({"h264", "hevc"})
_READ_ON = 250  # packets; a gap up to here is read through, a longer one is sought over
_WORTH_A_JUMP = 8  # packets; fewer than this are decoded rather than jumped over
_STEPS_BACK = 2  # keyframes; how much earlier a second try begins

_DAMAGED = "it, or what it is predicted from, can't be decoded"


@dataclass(frozen=True)
class _Stretch:
    """Packets to decode in a row: from `start` up to and with `end`, in decoding order.

    `ranks`: for each wanted packet, the index of its frame in the order shown.
    """

    start: int
    end: int
    ranks: dict[int, int]


class _DamageError(Exception):
    """The quick way, that skips frames and runs ahead in threads, met something undecodable."""


class VideoReader:
    """Gives a video's frames by their number in the order shown.

    The packets are indexed once when it is opened, without decoding them, so frames are counted
    and timed exactly, whatever the header says. Reading decodes only from the keyframe before a
    wanted frame up to it, leaves out frames that no other needs, and turns only wanted frames into
    RGB. Memory doesn't grow with the length of the video.

    Frames come out upright and with square pixels (see `colour`), interlaced ones with both fields
    woven, each at its own size if the size changes within the stream.

    A frame that FFmpeg can't decode, or marks as corrupt, is not given but listed in `shortfall`;
    so are those that come after it up to the next keyframe, because they were predicted from it and
    FFmpeg patches them up without a word.

    A stream without presentation times (a bare elementary stream, AVI with B-frames) is decoded
    from its beginning and its frames are counted.

    Attributes:
        info: What the file is.
        pts_seconds: (num_frames,) float64, when each frame is shown; the first at 0, rising.
        cut: How many frames were cut off with the file's end, and of how many it should have;
            None where it is whole, or the container does not tell (MP4 and MOV do).
        shortfall: Indices that the last `read` could not give.
        errors: What went wrong while opening and in the last `read`, at most 20 lines.
    """

    def __init__(
        self, path: str | Path, *, threads: int = 0, deadline: float | None = None
    ) -> None:
        """Opens and indexes a file.

        Args:
            path: One video file.
            threads: For decoding; 0 leaves it to FFmpeg, with at most 4 for pictures above 1440p.
            deadline: On `time.monotonic()`; checked between packets and between frames.

        Raises:
            UnreadableVideo: nothing in the file can be shown.
            TimeLimitExceeded: the deadline has passed.
        """
        opened = open_video(path, threads=threads, deadline=deadline)
        self.info: VideoInfo = opened.info
        self.pts_seconds: Float64 = opened.pts_seconds
        self.cut: tuple[int, int] | None = opened.cut
        self.shortfall: list[int] = []
        self.errors: list[str] = list(opened.errors)
        self._path = path
        self._threads = threads
        self._closed = False
        self._deadline = deadline
        self._container = opened.container
        self._stream: VideoStream = opened.stream
        self._index = opened.index
        self._positions: Int64 = opened.index.positions()
        self._times: Int64 = opened.index.pts[self._positions]
        # Whether damage was met: no skipping, no running ahead, and where it lies is known exactly.
        self._careful = not opened.index.timed
        self._opening_errors = opened.errors
        self._convert = RgbConverter(opened.stream.sample_aspect_ratio)
        self._source: Iterator[Packet[VideoStream]] = iter(())
        self._next = len(opened.index.pts)  # the position of the packet that comes next

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file. Reading afterwards raises ValueError."""
        self._closed = True
        self._source = iter(())
        self._container.close()

    @property
    def packet_bytes(self) -> Int64:
        """(num_frames,) int64, the bytes that each frame takes in the file."""
        return self._index.sizes[self._positions]

    @property
    def is_keyframe(self) -> NDArray[np.bool_]:
        """(num_frames,) bool, which frames can be decoded without any other."""
        return self._index.keys[self._positions]

    def read(
        self, indices: Sequence[int] | Int64, *, max_side: int | None = None
    ) -> Iterator[Frame]:
        """The frames with these numbers, one by one; what can't be decoded goes to `shortfall`.

        One reading at a time: beginning another ends the one before.

        Args:
            indices: (n,) strictly rising, from 0 up to `info.num_frames` - 1.
            max_side: pixels; larger pictures are given shrunk, see `RgbConverter`.

        Raises:
            ValueError: the indices don't rise or lie outside the video, or the reader is closed.
            UnreadableVideo: while iterating, when the file has to be opened again and is gone.
            TimeLimitExceeded: while iterating, when the deadline has passed.
        """
        if self._closed:
            raise ValueError(f"{self._path}: reading from a closed VideoReader")
        wanted = checked_indices(indices, len(self._positions))
        self.shortfall = []
        self.errors = list(self._opening_errors)
        return self._read(wanted, max_side)

    def _read(self, pending: list[int], max_side: int | None) -> Iterator[Frame]:
        """Stretch by stretch. Once the quick way meets damage, goes on the careful way."""
        while pending:
            stretch = self._first_stretch(pending)
            wanted = set(stretch.ranks.values())
            try:
                for rank, picture in self._decode(stretch):
                    if rank != pending[0] and not self._careful:
                        break
                    while pending[0] < rank:
                        self._lose(pending.pop(0), _DAMAGED)
                    pending.pop(0)
                    try:
                        image = self._convert(picture, max_side)
                    except AV_FAILURES as error:
                        self._lose(rank, f"it can't be turned into RGB ({short(error)})")
                        continue
                    yield Frame(rank, float(self.pts_seconds[rank]), image)
            except _DamageError as damage:
                note(self.errors, str(damage))
            if pending and pending[0] in wanted:
                if self._careful:
                    self._lose(pending.pop(0), _DAMAGED)
                else:
                    self._careful = True
                    self._reopen()

    def _lose(self, rank: int, reason: str) -> None:
        self.shortfall.append(rank)
        note(self.errors, f"frame {rank} is not given: {reason}")

    def _first_stretch(self, pending: list[int]) -> _Stretch:
        """The packets for the first wanted frames, up to where a jump is worth it."""
        last = len(self._index.pts) - 1
        if not self._index.timed:
            return _Stretch(0, last, {rank: rank for rank in pending})
        back = _STEPS_BACK if self._careful else 0
        start, end = last + 1, -1
        ranks: dict[int, int] = {}
        for rank in pending:
            position = int(self._positions[rank])
            begin = self._index.keyframe_before(position, back)
            if ranks and begin > end + _WORTH_A_JUMP:
                break
            start, end = min(start, begin), max(end, position)
            ranks[position] = rank
        return _Stretch(start, end, ranks)

    def _decode(self, stretch: _Stretch) -> Iterator[tuple[int, VideoFrame]]:
        """A stretch's wanted pictures and their numbers, rising, without damaged ones.

        Raises:
            _DamageError: on the quick way, something in the stretch could not be decoded.
        """
        self._go_to(stretch.start)
        context = self._stream.codec_context
        skipping = not self._careful and context.codec.canonical_name in _CAN_SKIP
        damage: list[int] = []  # positions, in decoding order
        given = -1
        counted = 0
        for position in range(stretch.start, stretch.end + 2):
            check_deadline(self._deadline, self._path)
            packet = self._next_packet() if position <= stretch.end else None
            if packet is not None and packet.is_corrupt:
                self._meet_damage(damage, position, "the container marks a packet as damaged")
            if skipping:
                needed = packet is None or position in stretch.ranks
                context.skip_frame = "DEFAULT" if needed else "NONREF"
            try:
                pictures = context.decode(packet)
            except AV_FAILURES as error:
                self._meet_damage(damage, position, f"a picture can't be decoded ({short(error)})")
                pictures = []
                counted += not self._index.timed  # it would have been a picture
            for picture in pictures:
                check_deadline(self._deadline, self._path)
                place = self._place_of(picture, counted)
                counted += 1
                if place is None or self._leads(place, stretch.start):
                    continue
                if picture.is_corrupt:
                    self._meet_damage(damage, place, "a picture is marked as corrupt")
                rank = stretch.ranks.get(place)
                if rank is None or rank <= given:
                    continue
                begin = self._index.keyframe_before(place)
                if not any(begin <= hurt <= place for hurt in damage):
                    given = rank
                    yield rank, picture
            if packet is None:
                break

    def _meet_damage(self, damage: list[int], position: int, text: str) -> None:
        if not self._careful:
            raise _DamageError(text)
        damage.append(position)
        note(self.errors, text)

    def _place_of(self, picture: VideoFrame, counted: int) -> int | None:
        """The picture's place in decoding order; without times, simply how many came before it."""
        if not self._index.timed:
            return counted
        if picture.pts is None:
            return None
        rank = int(np.searchsorted(self._times, picture.pts))
        if rank == len(self._times) or self._times[rank] != picture.pts:
            return None
        return int(self._positions[rank])

    def _leads(self, place: int, start: int) -> bool:
        """Whether a picture can't be right because it needs what lies before the stretch."""
        return self._index.timed and bool(self._index.pts[place] < self._index.pts[start])

    def _next_packet(self) -> Packet[VideoStream] | None:
        packet = next(self._source, None)
        self._next += 1
        return packet

    def _go_to(self, position: int) -> None:
        """The next packet is the one at `position`; the decoder knows nothing before it."""
        if not 0 <= position - self._next <= _READ_ON and not self._seek(position):
            self._reopen()
        while self._next < position:
            check_deadline(self._deadline, self._path)
            self._next_packet()
        self._stream.codec_context.flush_buffers()
        self._stream.codec_context.skip_frame = "DEFAULT"

    def _seek(self, position: int) -> bool:
        """Goes to the packet at `position` through the container's own index, if that works.

        Containers land where they like: the packet is recognised by its times and size, and what
        comes before it is passed over.
        """
        index = self._index
        dts, pts = int(index.dts[position]), int(index.pts[position])
        if dts == NO_TIME or pts == NO_TIME:
            return False
        aim = (pts, dts, int(index.sizes[position]))
        for moment in (pts, dts):
            try:
                self._container.seek(moment, stream=self._stream, backward=True)
            except AV_FAILURES:
                continue
            self._source = packets(self._container, self._stream, [])
            for packet in self._source:
                check_deadline(self._deadline, self._path)
                if (packet.pts, packet.dts, packet.size) == aim:
                    self._source = _chained(packet, self._source)
                    self._next = position
                    return True
                if packet.dts is None or packet.dts >= dts:
                    break
        return False

    def _reopen(self) -> None:
        """Opens the file afresh: the one way back to the beginning that works for every container.

        The careful way uses a single thread, so that damage is marked and belongs to its packet.
        """
        self._container.close()
        self._container = open_container(self._path)
        self._stream = choose_stream(self._container, self._path)
        prepare(self._stream, self._threads, ahead=not self._careful or not self._index.timed)
        self._source = packets(self._container, self._stream, self.errors)
        self._next = 0


def _chained(
    first: Packet[VideoStream], rest: Iterator[Packet[VideoStream]]
) -> Iterator[Packet[VideoStream]]:
    yield first
    yield from rest
