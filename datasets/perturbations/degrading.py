"""A video file under conditions, written as another video file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from ..decoding import VideoReader
from ..packets import REENCODE, short, unreadable
from ..types import Frame
from .catalogue import CodecPerturbation, Condition, check_seed, get, parse, step_seed
from .chains import perturb
from .encoding import LOSSLESS, TICKS, Encoder, Encoding, SizeChangeError, VideoPacket, frame_rate
from .sound import SoundCopy
from .writing import FORMATS, OutputFile, cannot_write, check_target, new_file


@dataclass(frozen=True)
class Degraded:
    """What `degrade` wrote.

    `frames`: pictures in the output. `lost`: pictures of the input that can't be decoded and are
    missing before the first step. `audio`: `copied`, `none` (the input has none), or `left out`
    (the container does not take it, or not all of it). `bytes`: of the output. `steps`: the
    conditions in order, such as `VC:3`. `width`, `height`: pixels of the output. `notes`: what one
    would not expect, in sentences.
    """

    path: str
    frames: int
    lost: int
    audio: str
    bytes: int
    steps: tuple[str, ...]
    width: int
    height: int
    notes: tuple[str, ...] = ()


def degrade(
    video_path: str | Path,
    out_path: str | Path,
    conditions: Sequence[str | Condition],
    *,
    seed: int = 0,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Degraded:
    """Writes a video as it is under conditions, one after the other.

    If the last condition goes through an encoder, the output holds that encoder's own stream; else
    it is written losslessly (H.264 in RGB), so that nothing else changes. Pictures are upright,
    whatever turn the input tells players to make. Times are kept, to 1/90,000 s in MP4 and to 1 ms
    in Matroska, and begin at 0. Sound is copied as it is. All frames pass one by one: memory
    doesn't grow with the video's length.

    Args:
        video_path: One video file.
        out_path: Ends in `.mp4` or `.mkv`. It appears at the end, whole.
        conditions: Such as `["GB:2", "VC:3"]`, at least one.
        seed: At least 0. The same seed gives the same bytes.
        overwrite: Whether a file at `out_path` may be replaced.
        on_progress: Called with (frames read, frames in all) after each frame of the input.

    Raises:
        UnreadableVideo: the input gives no usable picture.
        CannotWrite: the output can't be written; names the file, why, and what to do.
        KeyError: unknown code.
        ValueError: no condition, no such level, or a negative seed.
    """
    steps = [parse(condition) for condition in conditions]
    if not steps:
        raise ValueError("expected at least one condition such as VC:3, got none")
    check_seed(seed)
    target = check_target(video_path, out_path, overwrite)
    container = FORMATS[target.suffix.lower()]
    with VideoReader(video_path) as reader, SoundCopy(video_path, container) as sound:
        total = reader.info.num_frames
        source = _told(reader.read(np.arange(total)), total, on_progress)
        frames, encoding = _planned(source, steps, seed)
        opening = list(islice(frames, 2))
        if not opening:
            raise unreadable(video_path, "none of its pictures decode", REENCODE)
        with new_file(target, overwrite) as file:
            try:
                encoder, count = _write(file, container, opening, frames, encoding, sound)
            except SizeChangeError as error:
                reason = f"the pictures of {video_path} change their size ({error})"
                raise cannot_write(target, reason, REENCODE) from error
            except av.FFmpegError as error:
                reason = f"{encoding.codec} or {container} refused the pictures ({short(error)})"
                raise cannot_write(target, reason, "use another condition or size") from error
        lost = len(reader.shortfall)
        notes = [*sound.left_out, *sound.errors]
        if lost:
            notes.append(f"{lost} of {reader.info.num_frames} frames can't be decoded")
        if encoder.padded:
            height, width = encoder.size
            notes.append(
                f"the pictures are {width}x{height}; for {encoding.codec} their right and lower "
                f"edges are repeated up to {encoder.width}x{encoder.height}"
            )
        heard = "copied" if sound.copied else "none"
        return Degraded(
            path=str(target),
            frames=count,
            lost=lost,
            audio="left out" if sound.left_out else heard,
            bytes=target.stat().st_size,
            steps=tuple(str(step) for step in steps),
            width=encoder.width,
            height=encoder.height,
            notes=tuple(notes),
        )


def _told(
    frames: Iterator[Frame], total: int, on_progress: Callable[[int, int], None] | None
) -> Iterator[Frame]:
    for number, frame in enumerate(frames, 1):
        yield frame
        if on_progress:
            on_progress(number, total)


def _planned(
    frames: Iterator[Frame], steps: list[Condition], seed: int
) -> tuple[Iterator[Frame], Encoding]:
    """The frames that go into the output's own encoder, and that encoder."""
    last = get(steps[-1].code)
    if not isinstance(last, CodecPerturbation):
        return perturb(frames, steps, seed), LOSSLESS
    before = perturb(frames, steps[:-1], seed)
    level = steps[-1].level
    return last.prepared(before, level, step_seed(seed, len(steps) - 1)), last.encoding(level)


def _write(
    file: OutputFile,
    container: str,
    opening: list[Frame],
    rest: Iterator[Frame],
    encoding: Encoding,
    sound: SoundCopy,
) -> tuple[Encoder, int]:
    """Encodes frames and copies the sound between them; gives the encoder and how many frames."""
    rate = frame_rate(opening)
    count = 0
    # bitexact: Matroska would write a random number into every file
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream(encoding.codec, rate=rate)
        assert isinstance(stream, VideoStream)
        encoder = Encoder(encoding, opening[0], rate, stream.codec_context)
        stream.time_base = Fraction(1, TICKS)
        sound.add_to(output)

        def mux(packets: list[VideoPacket]) -> None:
            for packet in packets:
                assert packet.dts is not None
                for heard in sound.until(packet.dts * packet.time_base):
                    output.mux_one(heard)
                encoder.pending.pop(packet.pts if packet.pts is not None else -1, None)
                packet.stream = stream
                output.mux_one(packet)

        for frame in chain(opening, rest):
            mux(encoder.encode(frame))
            count += 1
        mux(encoder.finish())
        for heard in sound.until(float("inf")):
            output.mux_one(heard)
    return encoder, count
