"""What a video file is, told from its packets and its first picture."""

import hashlib
import os
from array import array
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Event

import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .colour import UnsupportedColourError, colour_matrix, shown_size, turn_of
from .packets import (
    AV_FAILURES,
    MAX_PIXELS,
    NO_TIME,
    REENCODE,
    PacketIndex,
    check_deadline,
    check_size,
    choose_stream,
    is_shown,
    note,
    open_container,
    packets,
    short,
    unreadable,
)
from .types import Float64, VideoInfo

_CHUNK = 1 << 20
_LARGE_PICTURE = 2560 * 1440  # pixels; above, each decoding thread holds tens of megabytes
_LARGE_PICTURE_THREADS = 4
_USUAL_RATE = Fraction(25)  # for a stream that tells neither times nor a rate


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits; reads it in pieces.

    Raises:
        UnreadableVideo: the file can't be read.
    """
    return _hash(path, deadline=None, stop=None)


def _hash(path: str | Path, deadline: float | None, stop: Event | None) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                check_deadline(deadline, path)
                if stop is not None and stop.is_set():
                    break
    except OSError as error:
        raise unreadable(path, f"it can't be read ({short(error)})", "check the path") from error
    return digest.hexdigest()


@dataclass(frozen=True)
class OpenVideo:
    """A file that was opened and indexed; whoever holds it closes `container`.

    `pts_seconds`: (num_frames,) float64. `errors`: what could not be read on the way. `cut`: how
    many frames' bytes would lie behind the file's end, and of how many, where the container tells.
    """

    container: InputContainer
    stream: VideoStream
    index: PacketIndex
    info: VideoInfo
    pts_seconds: Float64
    errors: list[str]
    cut: tuple[int, int] | None = None


def probe(path: str | Path) -> VideoInfo:
    """What the file is: size, times, codec, number of frames, counted rather than believed.

    Raises:
        UnreadableVideo: nothing in the file can be shown. Names the file, why, and what to do.
    """
    opened = open_video(path)
    opened.container.close()
    return opened.info


def open_video(path: str | Path, *, threads: int = 0, deadline: float | None = None) -> OpenVideo:
    """Opens a file, reads all its packets once, and decodes its first picture.

    Args:
        path: One video file.
        threads: For decoding; 0 leaves it to FFmpeg, with at most 4 for pictures above 1440p.
        deadline: On `time.monotonic()`.

    Raises:
        UnreadableVideo: nothing in the file can be shown.
        TimeLimitExceeded: the deadline has passed.
    """
    check_deadline(deadline, path)
    container = open_container(path)
    stop = Event()
    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            try:
                sha256 = pool.submit(_hash, path, deadline, stop)
                stream = choose_stream(container, path)
                prepare(stream, threads)
                errors: list[str] = []
                index, first = _read_index(container, stream, path, deadline, errors)
                pts_seconds = index.pts_seconds()
                info = _describe(path, container, stream, index, first, sha256.result())
            finally:
                stop.set()
    except BaseException:
        container.close()
        raise
    cut = _cut_off(container, stream, info.bytes)
    return OpenVideo(container, stream, index, info, pts_seconds, errors, cut)


def _cut_off(
    container: InputContainer, stream: VideoStream, file_bytes: int
) -> tuple[int, int] | None:
    """How many frames were cut off with the file's end, and of how many; None if it is whole.

    Told by MP4's and MOV's sample table. The header's duration would not do: it lies in many files
    that are whole.
    """
    if "mp4" not in container.format.name:
        return None
    ends = [e.pos + e.size for e in stream.index_entries if not e.is_discard]
    behind = sum(end > file_bytes for end in ends)
    return (behind, len(ends)) if behind else None


def prepare(stream: VideoStream, threads: int, *, ahead: bool = True) -> None:
    """Sets a stream's decoder up: its threads and its limits.

    `ahead`: decode in several threads. Without, errors come with the packet that causes them, and
    H.264's decoder marks every picture that it patched up.
    """
    context = stream.codec_context
    large = context.width * context.height > _LARGE_PICTURE
    if threads == 0 and large:
        threads = min(_LARGE_PICTURE_THREADS, os.cpu_count() or 1)
    context.thread_type = ThreadType.AUTO if ahead else ThreadType.NONE
    context.thread_count = threads if ahead else 1
    context.options = {"max_pixels": str(MAX_PIXELS)}


def _read_index(
    container: InputContainer,
    stream: VideoStream,
    path: str | Path,
    deadline: float | None,
    errors: list[str],
) -> tuple[PacketIndex, VideoFrame]:
    """All packets' times, and the first picture that decodes."""
    pts, dts, sizes = array("q"), array("q"), array("q")
    keys, shown = array("b"), array("b")
    context, codec = stream.codec_context, stream.codec_context.codec.name
    first: VideoFrame | None = None
    duration = 0
    for packet in packets(container, stream, errors):
        check_deadline(deadline, path)
        pts.append(NO_TIME if packet.pts is None else packet.pts)
        dts.append(NO_TIME if packet.dts is None else packet.dts)
        sizes.append(packet.size)
        keys.append(packet.is_keyframe)
        shown.append(is_shown(packet, codec))
        duration = packet.duration or 0
        if first is None:
            try:
                first = next(iter(context.decode(packet)), None)
            except AV_FAILURES as error:
                note(errors, f"a picture can't be decoded ({short(error)})")
    if first is None and pts:
        try:
            first = next(iter(context.decode(None)), None)
        except AV_FAILURES as error:
            note(errors, f"a picture can't be decoded ({short(error)})")
    if first is None:
        reason = "its video stream has no packets" if not pts else "none of its pictures decode"
        if pts and not context.width:  # FFmpeg refuses such sizes before it tells them
            reason += f"; their size can't be told, or is above the limit of {MAX_PIXELS:,} pixels"
        detail = f" ({errors[0]})" if errors else ""
        raise unreadable(path, reason + detail, "copy or download it again, or " + REENCODE)
    index = PacketIndex(
        pts=np.array(pts, dtype=np.int64),
        dts=np.array(dts, dtype=np.int64),
        sizes=np.array(sizes, dtype=np.int64),
        keys=np.array(keys, dtype=np.bool_),
        shown=np.array(shown, dtype=np.bool_),
        time_base=stream.time_base or Fraction(1, 1),
        rate=stream.average_rate or stream.guessed_rate or _USUAL_RATE,
        last_duration=duration,
        # AVI has no presentation times: FFmpeg's are guesses once pictures are reordered.
        trusted="avi" not in container.format.name or not context.has_b_frames,
    )
    return index.without_unseen(), first


def _describe(
    path: str | Path,
    container: InputContainer,
    stream: VideoStream,
    index: PacketIndex,
    first: VideoFrame,
    sha256: str,
) -> VideoInfo:
    try:
        colour_matrix(first)
    except UnsupportedColourError as error:
        raise unreadable(path, str(error), REENCODE) from error
    turn, mirrored = turn_of(first)
    width, height = shown_size(first.width, first.height, stream.sample_aspect_ratio, turn)
    check_size(width, height, path)
    duration = index.duration_seconds()
    num_frames = len(index.positions())
    return VideoInfo(
        path=str(path),
        sha256=sha256,
        bytes=Path(path).stat().st_size,
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        fps=num_frames / duration,
        duration_seconds=duration,
        num_frames=num_frames,
        rotation=turn,
        mirrored=mirrored,
        pixel_format=first.format.name,
    )
