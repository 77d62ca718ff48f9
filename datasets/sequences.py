"""Image sequences as videos: a folder of pictures, or one inside a tar archive."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .decoding import VideoReader
from .frame_indices import checked_indices
from .image_sources import FolderSource, ImageSource, TarSource, split_archive_path
from .packets import MAX_PIXELS, check_deadline, note, short, unreadable
from .types import Float64, Frame, Int64, Uint8, VideoInfo

__all__ = ["NOMINAL_FPS", "ImageSequence", "open_frames"]

NOMINAL_FPS = 25.0  # pictures don't say when they were taken
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
_ORIENTATION = 0x0112  # EXIF
# EXIF orientation as degrees clockwise, and then mirrored left to right.
_TURNS = {
    1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True),
    5: (90, True), 6: (90, False), 7: (270, True), 8: (270, False),
}  # fmt: skip
# What Pillow lets through on damaged pictures.
_FAILURES = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, ArithmeticError, LookupError,
    MemoryError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


class ImageSequence:
    """Gives the pictures of a folder, or of a folder in a tar archive, like a video's frames.

    They come in the natural order of their names (`2.png` before `10.png`); sub-folders' are left
    out. Each is turned upright by its EXIF orientation and made RGB of 8 bits: grey is repeated, of
    16 bits the upper 8 are kept, transparency is dropped. Each keeps its own size. Memory holds one
    picture at a time (and a compressed archive's folder still packed as PNG or JPEG).

    Pictures don't say when they were taken: their times are at a nominal 25 frames per second.

    A picture that can't be decoded, or has more pixels than `MAX_PIXELS`, is not given but listed
    in `shortfall`, with a line in `errors`.

    Attributes:
        info: What it is. `sha256` and `bytes` are over the pictures' files, one after the other in
            order (so they don't depend on where or how they are packed); `container` is "images" or
            "tar"; `codec`, size, rotation and pixel format (Pillow's mode) are the first readable
            picture's.
        pts_seconds: (num_frames,) float64, at `NOMINAL_FPS`.
        cut: None; a sequence doesn't tell whether it is whole.
        shortfall: Indices that the last `read` could not give.
        errors: What went wrong while opening and in the last `read`, at most 20 lines.
    """

    def __init__(
        self, path: str | Path, *, threads: int = 0, deadline: float | None = None
    ) -> None:
        """Reads all files once, for their hash, and decodes the first picture that can be.

        Args:
            path: A folder, or `ARCHIVE!/FOLDER`.
            threads: Not needed; here because a VideoReader has it.
            deadline: On `time.monotonic()`; checked between pictures.

        Raises:
            UnreadableVideo: no such folder or archive, a damaged one, no pictures, none that can be
                decoded, or the first is above `MAX_PIXELS`.
            TimeLimitExceeded: the deadline has passed.
        """
        check_deadline(deadline, path)
        self._path = path
        self._deadline = deadline
        self._closed = False
        self.cut: tuple[int, int] | None = None
        self.shortfall: list[int] = []
        self._source = _source(path, deadline)
        try:
            self.info, self._opening_errors = self._describe()
        except BaseException:
            self._source.close()
            raise
        self.errors: list[str] = list(self._opening_errors)
        self.pts_seconds: Float64 = np.arange(self.info.num_frames, dtype=np.float64) / NOMINAL_FPS

    def __enter__(self) -> ImageSequence:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes it. Reading afterwards raises ValueError."""
        self._closed = True
        self._source.close()

    def read(self, indices: Sequence[int] | Int64) -> Iterator[Frame]:
        """The pictures with these numbers, one by one; what can't be decoded goes to `shortfall`.

        Args:
            indices: (n,) strictly rising, from 0 up to `info.num_frames` - 1.

        Raises:
            ValueError: the indices don't rise or lie outside the sequence, or it is closed.
            TimeLimitExceeded: while iterating, when the deadline has passed.
        """
        if self._closed:
            raise ValueError(f"{self._path}: reading from a closed ImageSequence")
        wanted = checked_indices(indices, self.info.num_frames)
        self.shortfall = []
        self.errors = list(self._opening_errors)
        return self._read(wanted)

    def _read(self, wanted: list[int]) -> Iterator[Frame]:
        for index in wanted:
            check_deadline(self._deadline, self._path)
            try:
                picture = _decode(self._source.read(index))
            except _FAILURES as error:
                self.shortfall.append(index)
                name = self._source.names[index]
                note(self.errors, f"frame {index} is not given: {name}: {_reason(error)}")
                continue
            yield Frame(index, float(self.pts_seconds[index]), picture.image)

    def _describe(self) -> tuple[VideoInfo, list[str]]:
        digest, total, errors = hashlib.sha256(), 0, list[str]()
        first: _Picture | None = None
        for place, name in enumerate(self._source.names):
            check_deadline(self._deadline, self._path)
            try:
                data = self._source.read(place)
            except OSError as error:
                reason = f"{name} can't be read ({short(error)})"
                raise unreadable(self._path, reason, "copy or download it again") from error
            digest.update(data)
            total += len(data)
            if first is None:
                try:
                    first = _decode(data)
                except _TooLargeError as error:
                    remedy = "scale the pictures down, for example to 3840 pixels wide"
                    raise unreadable(self._path, f"{name}: {error}", remedy) from None
                except _FAILURES as error:
                    note(errors, f"{name}: {_reason(error)}")
        if first is None:
            reason = f"none of its {len(self._source.names)} pictures decode ({errors[0]})"
            raise unreadable(self._path, reason, "copy or download them again")
        num_frames = len(self._source.names)
        info = VideoInfo(
            path=str(self._path),
            sha256=digest.hexdigest(),
            bytes=total,
            container=self._source.container,
            codec=first.codec,
            width=first.image.shape[1],
            height=first.image.shape[0],
            fps=NOMINAL_FPS,
            duration_seconds=num_frames / NOMINAL_FPS,
            num_frames=num_frames,
            rotation=first.rotation,
            mirrored=first.mirrored,
            pixel_format=first.mode,
        )
        return info, errors


def open_frames(
    path: str | Path, threads: int = 0, deadline: float | None = None
) -> VideoReader | ImageSequence:
    """A reader for what lies at the path.

    Args:
        path: A folder of pictures, `ARCHIVE!/FOLDER`, or else a video file.
        threads: For decoding videos; 0 leaves it to FFmpeg.
        deadline: On `time.monotonic()`.

    Raises:
        UnreadableVideo, TimeLimitExceeded: see `VideoReader` and `ImageSequence`.
    """
    if os.path.isdir(path) or (not os.path.lexists(path) and split_archive_path(path)):
        return ImageSequence(path, threads=threads, deadline=deadline)
    return VideoReader(path, threads=threads, deadline=deadline)


def _source(path: str | Path, deadline: float | None) -> ImageSource:
    parts = None if os.path.isdir(path) else split_archive_path(path)
    return FolderSource(path) if parts is None else TarSource(*parts, deadline=deadline)


class _TooLargeError(ValueError):
    """A picture above MAX_PIXELS."""


@dataclass(frozen=True)
class _Picture:
    """`image`: (H, W, 3) uint8 RGB, upright. `codec`, `mode`: as stored."""

    image: Uint8
    codec: str
    mode: str
    rotation: int
    mirrored: bool


def _decode(data: bytes) -> _Picture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    with picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise _TooLargeError(
                f"it is {width} x {height}, above the limit of {MAX_PIXELS:,} pixels"
            )
        codec, mode = (picture.format or "").lower(), picture.mode
        rotation, mirrored = _TURNS.get(picture.getexif().get(_ORIENTATION, 1), (0, False))
        upright = ImageOps.exif_transpose(picture)
        return _Picture(_rgb(upright), codec, mode, rotation, mirrored)


def _rgb(picture: Image.Image) -> Uint8:
    if picture.mode.startswith("I"):
        grey = np.asarray(picture)
        if grey.min(initial=0) < 0 or grey.max(initial=0) > 0xFFFF:
            raise ValueError(f"expected grey values of 16 bits, got {grey.min()} to {grey.max()}")
        return np.repeat((grey.astype(np.uint16) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode == "F":
        raise ValueError("its grey values are fractions; expected 8 or 16 bits")
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _reason(error: BaseException) -> str:
    if isinstance(error, _TooLargeError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "it can't be decoded (it is no picture in a known format)"
    return f"it can't be decoded ({short(error)})"
