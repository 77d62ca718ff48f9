"""A video file's packets: opened safely, counted, and put in the order they are shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .types import Float64, Int64, TimeLimitExceeded, UnreadableVideo

MAX_PIXELS = 40_000_000  # of one picture; 8K is 33 million
# Only formats that hold pictures themselves: a playlist could make FFmpeg open other files.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,mxf,nut,ivf,"
    "h264,hevc,av1,obu,vc1,mjpeg,rm,swf,gif,yuv4mpegpipe,dv,gxf,wtv,h263"
)
# What PyAV lets through on damaged input. FFmpeg's own errors come first.
AV_FAILURES = (
    av.FFmpegError, OSError, ValueError, ArithmeticError, LookupError, MemoryError, RuntimeError,
)  # fmt: skip
NO_TIME = np.iinfo(np.int64).min
_ERRORS_IN_A_ROW = 3
REENCODE = (
    "re-encode it, at a smaller size if it is very large, for example with "
    "`ffmpeg -i IN -c:v libx264 -crf 12 OUT.mp4`"
)

Bools = NDArray[np.bool_]


def unreadable(path: str | Path, reason: str, remedy: str) -> UnreadableVideo:
    """The exception for a file that gives no picture: names it, why, and what to do."""
    return UnreadableVideo(f"{path}: {reason}. What to do: {remedy}.")


def check_deadline(deadline: float | None, path: str | Path) -> None:
    """Raises TimeLimitExceeded once `time.monotonic()` is past `deadline` (None: never)."""
    if deadline is not None and time.monotonic() > deadline:
        raise TimeLimitExceeded(f"{path}: reading it took longer than the time limit")


def open_container(path: str | Path) -> InputContainer:
    """The file, opened by FFmpeg. Nothing but the file itself is read, whatever it refers to.

    Raises:
        UnreadableVideo: no such file, not a file, empty, or no video container.
    """
    file = Path(path)
    if not file.exists():
        raise unreadable(path, "there is no such file", "check the path")
    if not file.is_file():
        raise unreadable(path, "it is not a file", "give the path of one video file")
    try:
        if file.stat().st_size == 0:
            raise unreadable(path, "the file is empty (0 bytes)", "copy or download it again")
        return av.open(
            f"file:{file}",
            mode="r",
            container_options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
            options={"max_pixels": str(MAX_PIXELS)},
            metadata_errors="replace",
        )
    except PermissionError as error:
        raise unreadable(path, "it may not be read", "change the file's permissions") from error
    except AV_FAILURES as error:
        reason = f"it can't be opened as a video ({short(error)})"
        remedy = "check that it is a whole video file; copy or download it again"
        raise unreadable(path, reason, remedy) from error


def short(error: BaseException) -> str:
    """An error's text in one line, without the path that it may repeat."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def choose_stream(container: InputContainer, path: str | Path) -> VideoStream:
    """The first video stream that is a film: no cover picture, no thumbnails.

    Raises:
        UnreadableVideo: there is none, it has no decoder, or its pictures are too large.
    """
    aside = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    films = [s for s in container.streams.video if not s.disposition & aside]
    if not films:
        reason = "it holds no video stream"
        raise unreadable(path, reason, "give a file with moving pictures, not sound or a still")
    known = [s for s in films if s.codec_context is not None]
    if not known:
        raise unreadable(path, "no decoder knows its video codec", REENCODE)
    stream = known[0]
    check_size(stream.codec_context.width, stream.codec_context.height, path)
    return stream


def check_size(width: int, height: int, path: str | Path) -> None:
    """Raises UnreadableVideo for pictures of more than MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        reason = f"its pictures are {width} x {height}, above the limit of {MAX_PIXELS:,} pixels"
        raise unreadable(path, reason, "scale it down, for example to 3840 pixels wide")


def packets(
    container: InputContainer, stream: VideoStream, errors: list[str], max_errors: int = 20
) -> Iterator[Packet[VideoStream]]:
    """The stream's packets with data in them, in decoding order, over places that can't be read.

    `errors` is given a line for each such place, up to `max_errors` in all.
    """
    failed = 0
    while failed < _ERRORS_IN_A_ROW:
        try:
            for packet in container.demux(stream):
                failed = 0
                if packet.size:
                    yield packet
            return
        except AV_FAILURES as error:
            failed += 1
            note(errors, f"a part can't be read ({short(error)})", max_errors)


def note(errors: list[str], text: str, limit: int = 20) -> None:
    """Adds a line to a list of errors that is kept short."""
    if len(errors) < limit:
        errors.append(text)


def is_shown(packet: Packet[VideoStream], codec: str) -> bool:
    """Whether the packet gives a picture: edit lists drop some, VP8 and VP9 have hidden ones."""
    if packet.is_discard:
        return False
    if codec not in ("vp8", "vp9"):
        return True
    data = memoryview(packet)
    if codec == "vp8":
        return bool(data[0] & 0x10)
    if data[-1] & 0xE0 == 0xC0:  # a superframe: hidden pictures, then the one that is shown
        return True
    reserved = 1 if data[0] & 0x30 == 0x30 else 0  # profile 3 has one bit more
    shows_existing = data[0] >> (3 - reserved) & 1
    shown = data[0] >> (1 - reserved) & 1
    return bool(shows_existing or shown)


@dataclass(frozen=True)
class PacketIndex:
    """Every packet of a stream, in decoding order.

    `pts`, `dts`: (P,) int64 in units of `time_base`, NO_TIME where missing. `sizes`: (P,) int64
    bytes. `keys`: (P,) bool, decoding can begin here. `shown`: (P,) bool, gives a picture.
    `time_base`: seconds. `rate`: the header's pictures per second, for streams without times.
    `last_duration`: of the last packet in units of `time_base`, 0 if unknown. `trusted`: whether
    `pts` are the file's own.
    """

    pts: Int64
    dts: Int64
    sizes: Int64
    keys: Bools
    shown: Bools
    time_base: Fraction
    rate: Fraction
    last_duration: int = 0
    trusted: bool = True

    def __post_init__(self) -> None:
        for name in ("dts", "sizes", "keys", "shown"):
            got = len(getattr(self, name))
            if got != len(self.pts):
                raise ValueError(f"expected {len(self.pts)} {name}, got {got}")

    def without_unseen(self) -> PacketIndex:
        """Without packets whose pictures are never seen.

        A stream that was cut out of a longer one may begin with pictures that need earlier ones:
        those before the first keyframe, or behind it but shown before it (open GOP). And of
        pictures with the same time only the first in decoding order counts.
        """
        shown = self.shown.copy()
        if self.keys.any():
            first = int(np.argmax(self.keys))
            shown[:first] = False
            if self.timed:
                shown &= self.pts >= self.pts[first]
        if self.timed:
            places = np.flatnonzero(shown)
            shown[:] = False
            shown[places[np.unique(self.pts[places], return_index=True)[1]]] = True
        return replace(self, shown=shown)

    @cached_property
    def timed(self) -> bool:
        """Whether every shown packet says when. If not, pictures are known by counting only."""
        return self.trusted and bool((self.pts[self.shown] != NO_TIME).all())

    def positions(self) -> Int64:
        """(num_frames,) int64: in the order shown, each picture's place in decoding order.

        Without times only their number is right.
        """
        places = np.flatnonzero(self.shown)
        if not self.timed:
            return places
        return places[np.argsort(self.pts[places], kind="stable")]

    def _ticks(self) -> Int64 | None:
        for times in (self.pts[self.shown], self.dts[self.shown]):
            if len(times) and (times != NO_TIME).all():
                return np.sort(times)
        return None

    def pts_seconds(self) -> Float64:
        """(num_frames,) float64 seconds, rising from 0; counted at `rate` if no times are known."""
        ticks = self._ticks()
        if ticks is None:
            return np.arange(int(self.shown.sum()), dtype=np.float64) / float(self.rate)
        # Through exact fractions of a second: time bases like 1001/30000 don't round twice.
        base = self.time_base
        times: Float64 = (ticks - ticks[0]).astype(np.float64) * base.numerator / base.denominator
        return times

    def duration_seconds(self) -> float:
        """From the first picture to the end of the last one, in seconds."""
        times = self.pts_seconds()
        last = self.last_duration * float(self.time_base)
        if last <= 0 or self._ticks() is None:
            last = 1 / float(self.rate)
        return float(times[-1]) + last

    def keyframe_before(self, position: int, steps_back: int = 0) -> int:
        """Where decoding has to begin to get the picture at `position` (both in decoding order).

        That is the last keyframe at or before it that isn't shown after it: a picture that follows
        a keyframe but is shown before it may need the pictures before that keyframe.
        `steps_back`: how many keyframes earlier to begin. 0 is the file's beginning.
        """
        places = np.flatnonzero(self.keys[: position + 1])
        if self.timed:
            times = self.pts[places]
            places = places[(times != NO_TIME) & (times <= self.pts[position])]
        return int(places[-1 - steps_back]) if len(places) > steps_back else 0
