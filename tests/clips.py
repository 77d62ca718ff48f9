"""Real little video files for the tests, made with FFmpeg's encoders; some are bent afterwards."""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_BITS = 10
_FINE_TICKS = 90_000  # per second, for frames at chosen times
_QUIET = {
    "libx264": {},
    "libx265": {"x265-params": "log-level=none"},
    "libsvtav1": {"preset": "10"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "0"},
    "libvpx": {"deadline": "good", "cpu-used": "4", "b": "1M"},
}


def numbered_frames(count: int, width: int = 160, height: int = 128) -> Iterator[Image]:
    """Frames that carry their number: (height, width, 3) uint8 RGB, up to 1024 of them.

    The upper half shows the number as ten black or white blocks and, below them, their opposites;
    the lower half moves, so that the encoder has something to predict.
    """
    rows, columns = np.mgrid[0 : height - height // 2, 0:width]
    for number in range(count):
        image = np.zeros((height, width, 3), dtype=np.uint8)
        for bit in range(_BITS):
            value = 235 if number >> bit & 1 else 20
            left, right = bit * width // _BITS, (bit + 1) * width // _BITS
            image[: height // 4, left:right] = value
            image[height // 4 : height // 2, left:right] = 255 - value
        wave = 127 + 90 * np.sin((columns + 3 * number) / 11) * np.cos((rows - number) / 7)
        image[height // 2 :] = wave[:, :, None].astype(np.uint8)
        image[height // 2 :, : width // 4, 0] = 200
        yield image


def read_number(image: Image) -> int:
    """The number that a frame of `numbered_frames` carries.

    Raises:
        ValueError: the blocks are unclear or contradict each other: the frame is damaged, mixed of
            two, or not upright.
    """
    height, width = image.shape[:2]
    number = 0
    for bit in range(_BITS):
        left, right = bit * width // _BITS, (bit + 1) * width // _BITS
        inset = max(1, (right - left) // 4)
        quarter = height // 4
        above = image[quarter // 4 : quarter - quarter // 4, left + inset : right - inset].mean()
        below = image[
            quarter + quarter // 4 : 2 * quarter - quarter // 4, left + inset : right - inset
        ]
        if not abs(above - below.mean()) > 100:
            raise ValueError(f"bit {bit} is unclear: {above:.0f} over {below.mean():.0f}")
        number |= int(above > below.mean()) << bit
    return number


def write_video(
    path: Path | str,
    frames: Iterable[Image | av.VideoFrame],
    *,
    fps: float | Fraction = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    crf: int | None = 18,
    options: dict[str, str] | None = None,
    container_format: str | None = None,
    container_options: dict[str, str] | None = None,
    times: Sequence[float] | None = None,
    sample_aspect: Fraction | None = None,
    colorspace: int | None = None,
    color_range: int | None = None,
    rotation: float | None = None,
) -> Path:
    """Encodes frames into a file and returns its path.

    Args:
        path: The file to write; its ending says the container, unless `container_format` does.
        frames: (H, W, 3) uint8 RGB arrays, or ready `av.VideoFrame`s in `pix_fmt`.
        fps: Frames per second, of a file with a constant rate.
        codec: FFmpeg's name of the encoder.
        pix_fmt: FFmpeg's name of the pixel format to encode.
        crf: Constant quality where the encoder knows it; None leaves it out.
        options: More of the encoder's options.
        container_format: FFmpeg's name of the container.
        container_options: The container's options, such as `movflags`.
        times: Seconds of each frame, rising, for a variable frame rate.
        sample_aspect: A pixel's width over its height.
        colorspace: The colour matrix to write into the stream (ITU-T H.273 number).
        color_range: 1 limited, 2 full.
        rotation: Degrees counterclockwise to write as the display matrix.
    """
    rate = Fraction(fps).limit_denominator(1001)
    tick = Fraction(1, _FINE_TICKS) if times is not None else 1 / rate
    settings = {**_QUIET.get(codec, {}), **(options or {})}
    if crf is not None and codec in _QUIET:
        settings.setdefault("crf", str(crf))
    with av.open(
        str(path), "w", format=container_format, container_options=container_options or {}
    ) as container:
        stream = container.add_stream(codec, rate=rate, options=settings)
        context = stream.codec_context
        context.pix_fmt, context.time_base = pix_fmt, tick
        if codec not in _QUIET:
            context.bit_rate = 8_000_000
        if sample_aspect is not None:
            context.sample_aspect_ratio = sample_aspect
        if colorspace is not None:
            context.colorspace = colorspace
        if color_range is not None:
            context.color_range = color_range
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, image in enumerate(frames):
            if isinstance(image, av.VideoFrame):
                frame = image
            else:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pix_fmt)
            if number == 0:
                context.width, context.height = frame.width, frame.height
            if colorspace is not None:
                frame.colorspace = colorspace
            if color_range is not None:
                frame.color_range = color_range
            frame.pts = number if times is None else round(times[number] * _FINE_TICKS)
            frame.time_base = tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Path(path)


def add_sound(container: av.container.OutputContainer, seconds: float) -> None:
    """Adds a stream of silence to an open output, before or after its pictures."""
    stream = container.add_stream("aac", rate=44_100)
    for start in range(0, int(seconds * 44_100), 1024):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = 44_100, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_sound(path: Path | str, seconds: float = 1.0) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as container:
        add_sound(container, seconds)
    return Path(path)


def display_matrix(degrees: int, mirror: bool = False) -> bytes:
    """MP4's display matrix that turns a picture clockwise, and then mirrors it left to right."""
    cos, sin = round(math.cos(math.radians(degrees))), round(math.sin(math.radians(degrees)))
    side = -1 if mirror else 1
    one = 1 << 16
    numbers = (side * cos * one, sin * one, 0, -side * sin * one, cos * one, 0, 0, 0, 1 << 30)
    return struct.pack(">9i", *numbers)


def patch_rotation(path: Path | str, degrees: int, mirror: bool = False) -> Path:
    """Makes players turn an MP4's picture clockwise, and then mirror it left to right."""
    data = bytearray(Path(path).read_bytes())
    start = data.index(b"tkhd") + 4
    offset = start + (52 if data[start] == 1 else 40)
    data[offset : offset + 36] = display_matrix(degrees, mirror)
    Path(path).write_bytes(data)
    return Path(path)


def patch_durations(path: Path | str, factor: float) -> Path:
    """Makes an MP4's film, track and media headers lie about their duration."""
    data = bytearray(Path(path).read_bytes())
    for name, field in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        start = data.index(name) + 4
        if data[start] != 0:
            raise ValueError(f"expected version 0 of {name!r}, got {data[start]}")
        (old,) = struct.unpack_from(">I", data, start + field)
        struct.pack_into(">I", data, start + field, max(1, int(old * factor)))
    Path(path).write_bytes(data)
    return Path(path)


def patch_edit_start(path: Path | str, frames: int, fps: float) -> Path:
    """Moves the beginning of an MP4's one edit: players don't show what lies before it."""
    data = bytearray(Path(path).read_bytes())
    start = data.index(b"elst") + 4
    (entries,) = struct.unpack_from(">I", data, start + 4)
    if data[start] != 0 or entries != 1:
        raise ValueError(f"expected one edit of version 0, got {entries} of {data[start]}")
    clock = data.index(b"mdhd") + 4
    (ticks,) = struct.unpack_from(">I", data, clock + 12)
    (begin,) = struct.unpack_from(">i", data, start + 12)
    struct.pack_into(">i", data, start + 12, begin + round(frames * ticks / fps))
    Path(path).write_bytes(data)
    return Path(path)
