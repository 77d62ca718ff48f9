"""Frames through a video encoder, and through its decoder straight after, one by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from typing import TypeAlias

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from ..colour import RgbConverter
from ..types import Frame, Uint8
from ..x264 import steady

TICKS = 90_000  # per second, of an encoded frame's time
_USUAL_RATE = Fraction(25)  # frames per second, of a single frame
_HD_HEIGHT = 720  # from here on BT.709, below BT.601: what players take unlabelled pictures for
# The number of threads is fixed because it changes what an encoder writes.
_THREADS = 2
_QUIET = {
    "libx265": {"x265-params": f"log-level=none:pools={_THREADS}:frame-threads=1"},
    "libsvtav1": {"svtav1-params": f"lp={_THREADS}"},
}
# Pixels. Below its 64, SVT-AV1 refuses; below one coding tree block, x265 writes over memory.
_LEAST_SIDE = {"libx265": 64, "libsvtav1": 64}
_DECODERS = {"av1": "libdav1d"}  # FFmpeg's own av1 needs a graphics card
_FAR_TOO_FAST, _FAR_TOO_SLOW = 1000, 1  # frames per second that no rate control is told

VideoPacket: TypeAlias = "Packet[VideoStream]"


@dataclass(frozen=True)
class Encoding:
    """How a video is encoded: FFmpeg's name of the encoder, its options, and the pixel format."""

    codec: str
    options: dict[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"


LOSSLESS = Encoding("libx264rgb", {"qp": "0", "preset": "veryfast"}, "rgb24")


class SizeChangeError(ValueError):
    """The pictures change their size within the video; an encoder takes one size."""


def frame_rate(opening: list[Frame]) -> Fraction:
    """Frames per second as the first two frames have it; 25 for a single frame."""
    if len(opening) < 2:
        return _USUAL_RATE
    seconds = opening[1].pts_seconds - opening[0].pts_seconds
    rate = 1 / max(seconds, 1 / _FAR_TOO_FAST)
    return Fraction(max(rate, _FAR_TOO_SLOW)).limit_denominator(1001)


class Encoder:
    """One video into packets; remembers each frame until its picture or packet is asked for.

    Attributes:
        width, height: Pixels as encoded: even for 4:2:0, and not below what the encoder takes.
            What is added is the edge, repeated, at the right and below.
    """

    def __init__(
        self,
        encoding: Encoding,
        first: Frame,
        rate: Fraction,
        context: VideoCodecContext | None = None,
    ) -> None:
        """Sets an encoder up for frames of the first one's size.

        Args:
            encoding: How to encode.
            first: The first frame; it is not encoded here.
            rate: Frames per second, for rate control; times are the frames' own.
            context: Of a container's stream; None makes one that belongs to no container.
        """
        if context is None:
            made = av.CodecContext.create(encoding.codec, "w")
            assert isinstance(made, VideoCodecContext)
            context = made
        if encoding.codec == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; it can't be told in another way
        self.size = first.image.shape[:2]
        least = _LEAST_SIDE.get(encoding.codec, 2)
        step = 2 if encoding.pixel_format == "yuv420p" else 1
        self.height, self.width = (max(least, -(-n // step) * step) for n in self.size)
        self._hd = self.height >= _HD_HEIGHT
        self._encoding = encoding
        self._last = -1
        self._reformatter = VideoReformatter()
        self.pending: dict[int, Frame] = {}  # by time in ticks; without its picture
        self.context = context
        context.width, context.height = self.width, self.height
        context.pix_fmt = encoding.pixel_format
        context.time_base = Fraction(1, TICKS)
        context.framerate = rate
        context.thread_count = _THREADS
        # Outside the stream as in a file, for headers inside count against a bit rate.
        context.flags |= Flags.global_header
        options = {**_QUIET.get(encoding.codec, {}), **encoding.options}
        context.options = steady(encoding.codec, options)
        if encoding.pixel_format == "yuv420p":
            context.colorspace = 1 if self._hd else 6  # ITU-T H.273: BT.709, BT.601
            context.color_range = int(ColorRange.MPEG)

    @property
    def padded(self) -> bool:
        """Whether what is encoded is larger than the pictures."""
        return (self.height, self.width) != self.size

    def encode(self, frame: Frame) -> list[VideoPacket]:
        """The packets that are ready after this frame.

        Raises:
            SizeChangeError: the frame's size is not the first one's.
        """
        if frame.image.shape[:2] != self.size:
            height, width = frame.image.shape[:2]
            raise SizeChangeError(
                f"frame {frame.index} is {width}x{height}, those before it are "
                f"{self.size[1]}x{self.size[0]}; re-encode the video at one size first"
            )
        ticks = max(self._last + 1, round(frame.pts_seconds * TICKS))
        self._last = ticks
        self.pending[ticks] = Frame(frame.index, frame.pts_seconds, _NO_PICTURE)
        coded = self._coded(frame.image)
        coded.pts, coded.time_base = ticks, Fraction(1, TICKS)
        return self.context.encode(coded)

    def finish(self) -> list[VideoPacket]:
        """The packets that were still to come."""
        return self.context.encode(None)

    def _coded(self, image: Uint8) -> VideoFrame:
        below, right = (self.height - image.shape[0], self.width - image.shape[1])
        if below or right:
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE), dtype=np.uint8
            )
        rgb = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        if self._encoding.pixel_format == "rgb24":
            return rgb
        coded = self._reformatter.reformat(
            rgb,
            format=self._encoding.pixel_format,
            dst_colorspace=Colorspace.ITU709 if self._hd else Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC,
            threads=1,
        )
        coded.colorspace, coded.color_range = 1 if self._hd else 6, int(ColorRange.MPEG)
        return coded


_NO_PICTURE: Uint8 = np.zeros((0, 0, 3), dtype=np.uint8)


def transcode(
    frames: Iterator[Frame],
    encoding: Encoding,
    on_packet: Callable[[int, int, bool], None] | None = None,
) -> Iterator[Frame]:
    """The frames as a player shows them after they were encoded.

    Encodes and decodes as it goes: what is held is what the encoder looks ahead, whatever the
    video's length. Numbers, times and sizes stay exactly the same.

    Args:
        frames: In the order shown, all of one size.
        encoding: How to encode.
        on_packet: Told of every packet: its frame's number, its bytes, whether it is a keyframe.

    Raises:
        SizeChangeError: while iterating, the frames' size changes.
        RuntimeError: while iterating, the codec lost a frame.
    """
    frames = iter(frames)
    opening = list(islice(frames, 2))
    if not opening:
        return
    encoder = Encoder(encoding, opening[0], frame_rate(opening))
    name = encoder.context.codec.canonical_name
    decoder = av.CodecContext.create(_DECODERS.get(name, name), "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    encoder.context.open(strict=False)
    decoder.extradata = encoder.context.extradata
    convert = RgbConverter()
    height, width = encoder.size

    def shown(pictures: Iterable[VideoFrame]) -> Iterator[Frame]:
        for picture in pictures:
            source = encoder.pending.pop(picture.pts if picture.pts is not None else -1, None)
            if source is None:
                raise RuntimeError(f"{encoding.codec}: a picture came back at a time it never had")
            image = np.ascontiguousarray(convert(picture)[:height, :width])
            yield Frame(source.index, source.pts_seconds, image)

    def seen(packets: list[VideoPacket]) -> Iterator[VideoPacket]:
        for packet in packets:
            source = encoder.pending.get(packet.pts if packet.pts is not None else -1)
            if on_packet and source:
                on_packet(source.index, packet.size, packet.is_keyframe)
            yield packet

    for frame in chain(opening, frames):
        for packet in seen(encoder.encode(frame)):
            yield from shown(decoder.decode(packet))
    for packet in seen(encoder.finish()):
        yield from shown(decoder.decode(packet))
    yield from shown(decoder.decode(None))
    if encoder.pending:
        lost = sorted(frame.index for frame in encoder.pending.values())
        raise RuntimeError(f"{encoding.codec} did not give back the frames {lost}")
