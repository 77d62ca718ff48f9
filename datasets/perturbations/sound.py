"""A video's sound, copied packet by packet into another file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from ..packets import AV_FAILURES, choose_stream, note, open_container, short


class SoundCopy:
    """The sound of one file, given out in step with the pictures of another.

    Times are moved by the time of the first picture, which is 0 in the file that is written.

    Attributes:
        copied: How many streams of sound are copied.
        left_out: What the container does not take, one line for each stream.
        errors: What could not be read.
    """

    def __init__(self, source: str | Path, format_name: str) -> None:
        """Opens the file again, for its sound alone.

        Raises:
            UnreadableVideo: it can't be opened any more.
        """
        self.left_out: list[str] = []
        self.errors: list[str] = []
        self._container = open_container(source)
        self._streams: list[AudioStream] = []
        for stream in self._container.streams.audio:
            reason = _refused(stream, format_name)
            if reason is None:
                self._streams.append(stream)
            else:
                self.left_out.append(reason)
        self.copied = len(self._streams)
        picture = choose_stream(self._container, source)
        start = picture.start_time
        base = picture.time_base or Fraction(1)
        self._start = Fraction(0) if start is None else start * base
        self._written: dict[int, AudioStream] = {}
        self._packets: Iterator[Packet[Any]] = iter(())
        self._waiting: Packet[Any] | None = None

    def __enter__(self) -> SoundCopy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._packets = iter(())
        self._container.close()

    def add_to(self, output: OutputContainer) -> None:
        """Makes the streams in the output; before anything is written to it."""
        for stream in self._streams:
            self._written[stream.index] = output.add_stream_from_template(stream)
        if self._streams:
            self._packets = self._read()
            self._waiting = next(self._packets, None)

    def until(self, seconds: float | Fraction) -> Iterator[Packet[Any]]:
        """The packets up to a time of the pictures, ready to be written."""
        while self._waiting is not None:
            packet = self._waiting
            assert packet.dts is not None
            if packet.dts * packet.time_base > seconds:
                return
            packet.stream = self._written[packet.stream.index]
            yield packet
            self._waiting = next(self._packets, None)

    def _read(self) -> Iterator[Packet[Any]]:
        """Packets with times that rise, moved; what is damaged is passed over."""
        last: dict[int, int] = {}
        try:
            for packet in self._container.demux(self._streams):
                if not packet.size or packet.dts is None or packet.pts is None:
                    continue
                index = packet.stream.index
                if packet.dts <= last.get(index, packet.dts - 1):
                    note(
                        self.errors, "a packet of sound is left out: its time lies before the last"
                    )
                    continue
                last[index] = packet.dts
                shift = round(self._start / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                yield packet
        except AV_FAILURES as error:
            note(self.errors, f"the rest of the sound can't be read ({short(error)})")


def _refused(stream: AudioStream, format_name: str) -> str | None:
    """Why the container does not take a stream; None if it does. Tried out, in memory."""
    context: Any = stream.codec_context  # None if no decoder knows it, whatever the stub says
    if context is None:
        return "its sound is left out: no decoder knows its codec"
    name = context.codec.canonical_name
    try:
        with av.open(io.BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except AV_FAILURES as error:
        return f"its sound is left out: {format_name} does not take {name} ({short(error)})"
    return None
