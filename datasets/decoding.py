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

from .colour import RgbConverter
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
from .types import Float64, Frame, Int64, TimeLimitExceeded, UnreadableVideo, VideoInfo

__all__ = ["VideoReader"]

# Codecs whose decoder, asked to, leaves out pictures that no other picture needs.
_CAN_SKIP = frozenset({"h264", "hevc"})
_READ_ON = 250  # packets; a gap up to here is read through, a longer one is sought over
_WORTH_A_JUMP = 8  # packets; fewer than this are decoded rather than jumped over
_STEPS_BACK = 2  # keyframes; how much earlier a second try begins


@dataclass(frozen=True)
class _Stretch:
    """Packets to decode in a row: from `start` up to and with `end`, in decoding order.

    `ranks`: for each wanted packet, the index of its frame in the order shown.
    """

    start: int
    end: int
    ranks: dict[int, int]


class VideoReader:
    """Gives a video's frames by their number in the order shown.

    The packets are indexed once when it is opened, without decoding them, so frames are counted
    and timed exactly, whatever the header says. Reading decodes only from the keyframe before a
    wanted frame up to it, leaves out frames that no other needs, and turns only wanted frames into
    RGB. Memory doesn't grow with the length of the video.

    Frames come out upright and with square pixels (see `colour`), interlaced ones with both fields
    woven, each at its own size if the size changes within the stream. A frame that FFmpeg can't
    decode, or that it marks as corrupt, is not given but listed in `shortfall`.

    A stream without presentation times (a bare elementary stream, AVI with B-frames) is decoded
    from its beginning and its frames are counted.

    Attributes:
        info: What the file is.
        pts_seconds: (num_frames,) float64, when each frame is shown; the first at 0, rising.
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
        self.shortfall: list[int] = []
        self.errors: list[str] = list(opened.errors)
        self._path = path
        self._threads = threads
        self._deadline = deadline
        self._container = opened.container
        self._stream: VideoStream = opened.stream
        self._index = opened.index
        self._positions: Int64 = opened.index.positions()
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
        """Closes the file. Reading afterwards raises."""
        self._source = iter(())
        self._container.close()

    def read(self, indices: Sequence[int] | Int64) -> Iterator[Frame]:
        """The frames with these numbers, one by one; what can't be decoded goes to `shortfall`.

        Args:
            indices: (n,) strictly rising, from 0 up to `info.num_frames` - 1.

        Raises:
            ValueError: the indices don't rise or lie outside the video.
            TimeLimitExceeded: while iterating, when the deadline has passed.
        """
        wanted = np.asarray(indices, dtype=np.int64)
        if wanted.ndim != 1:
            raise ValueError(f"expected indices (n,), got shape {wanted.shape}")
        if (np.diff(wanted) <= 0).any():
            raise ValueError(f"expected strictly rising indices, got {wanted.tolist()}")
        if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < len(self._positions):
            raise ValueError(
                f"expected indices from 0 to {len(self._positions) - 1}, "
                f"got {wanted[0]} to {wanted[-1]}"
            )
        self.shortfall = []
        self.errors = list(self._opening_errors)
        return self._read(wanted.tolist())

    def _read(self, pending: list[int]) -> Iterator[Frame]:
        """Stretch by stretch. When the quick way loses a frame, goes on the careful way."""
        careful = not self._index.timed
        while pending:
            stretch = self._first_stretch(pending, careful)
            wanted = set(stretch.ranks.values())
            lost = False
            for rank, picture in self._decode(stretch, quick=not careful):
                if rank not in wanted or rank < pending[0]:
                    continue
                if not careful and (rank != pending[0] or picture.is_corrupt):
                    lost = True
                    break
                while pending[0] < rank:
                    self.shortfall.append(pending.pop(0))
                pending.pop(0)
                frame = self._frame(rank, picture)
                if frame is None:
                    self.shortfall.append(rank)
                else:
                    yield frame
                if not pending:
                    return
            if careful:
                while pending and pending[0] in wanted:
                    self.shortfall.append(pending.pop(0))
            elif lost or (pending and pending[0] in wanted):
                careful = True

    def _frame(self, rank: int, picture: VideoFrame) -> Frame | None:
        if picture.is_corrupt:
            note(self.errors, f"frame {rank} is damaged")
            return None
        try:
            image = self._convert(picture)
        except AV_FAILURES as error:
            note(self.errors, f"frame {rank} can't be turned into RGB ({short(error)})")
            return None
        return Frame(index=rank, pts_seconds=float(self.pts_seconds[rank]), image=image)

    def _first_stretch(self, pending: list[int], careful: bool) -> _Stretch:
        """The packets for the first wanted frames, up to where a jump is worth it."""
        last = len(self._index.pts) - 1
        if not self._index.timed:
            return _Stretch(0, last, {rank: rank for rank in pending})
        back = _STEPS_BACK if careful else 0
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

    def _decode(self, stretch: _Stretch, quick: bool) -> Iterator[tuple[int, VideoFrame]]:
        """Numbered pictures of a stretch as they leave the decoder; the caller sorts out others."""
        self._go_to(stretch.start)
        context = self._stream.codec_context
        skipping = quick and context.codec.canonical_name in _CAN_SKIP
        ranks = {int(self._index.pts[p]): rank for p, rank in stretch.ranks.items()}
        counted = 0
        for position in range(stretch.start, stretch.end + 2):
            check_deadline(self._deadline, self._path)
            packet = self._next_packet() if position <= stretch.end else None
            if skipping:
                needed = packet is None or position in stretch.ranks
                context.skip_frame = "DEFAULT" if needed else "NONREF"
            for picture in self._send(packet):
                check_deadline(self._deadline, self._path)
                if not self._index.timed:
                    yield counted, picture
                    counted += 1
                elif picture.pts in ranks:
                    yield ranks[picture.pts], picture
            if packet is None:
                break

    def _send(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except AV_FAILURES as error:
            note(self.errors, f"a picture can't be decoded ({short(error)})")
            return []

    def _next_packet(self) -> Packet[VideoStream] | None:
        packet = next(self._source, None)
        self._next += 1
        return packet

    def _go_to(self, position: int) -> None:
        """The next packet will be the one at `position`, and the decoder knows nothing before it."""
        if not 0 <= position - self._next <= _READ_ON and not self._seek(position):
            self._rewind()
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

    def _rewind(self) -> None:
        """Opens the file afresh: the one way back that works for every container."""
        self._container.close()
        self._container = open_container(self._path)
        self._stream = choose_stream(self._container, self._path)
        prepare(self._stream, self._threads)
        self._source = packets(self._container, self._stream, self.errors)
        self._next = 0


def _chained(
    first: Packet[VideoStream], rest: Iterator[Packet[VideoStream]]
) -> Iterator[Packet[VideoStream]]:
    yield first
    yield from rest
