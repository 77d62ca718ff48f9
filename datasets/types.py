"""What flows through the pipeline: videos, frames, faces, tracks, crops. Values are checked here."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


class UnreadableVideo(Exception):
    """A file that gives no usable picture. The message names the file, the reason, and what to do."""


class TimeLimitExceeded(Exception):
    """Work on one video took longer than the limit that was set for it."""


@dataclass(frozen=True)
class VideoInfo:
    """What a probe of a file tells about its video stream.

    `width`, `height`: pixels as shown, after `rotation` is applied. `rotation`: degrees clockwise
    that a player turns the coded picture by (0, 90, 180, 270); `mirrored`: and then mirrors it
    left to right. `num_frames`: frames that are shown, counted from the packets, not believed from
    the header. `fps`: average over the duration. `duration_seconds`: first to last frame, and the
    last frame's own time.
    """

    path: str
    sha256: str
    bytes: int
    container: str
    codec: str
    width: int
    height: int
    fps: float
    duration_seconds: float
    num_frames: int
    rotation: int = 0
    mirrored: bool = False
    pixel_format: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As the JSON output's `input` (the path stands elsewhere)."""
        return {k: v for k, v in self.__dict__.items() if k != "path"}


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    `image`: (height, width, 3) uint8 RGB, full range, upright. `index`: in the order shown, from
    0. `pts_seconds`: when it is shown, from the first frame of the video.
    """

    index: int
    pts_seconds: float
    image: Uint8

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"expected an image (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            )


@dataclass(frozen=True)
class Face:
    """One face in one picture.

    `box_xyxy`: (4,) float32, `landmarks_xy`: (5, 2) float32 (left eye, right eye, nose, left and
    right corner of the mouth, as seen in the picture), both in pixels of the full frame.
    `confidence`: 0 to 1.
    """

    box_xyxy: Float32
    landmarks_xy: Float32
    confidence: float

    def __post_init__(self) -> None:
        if self.box_xyxy.shape != (4,):
            raise ValueError(f"expected a box (4,), got {self.box_xyxy.shape}")
        if self.landmarks_xy.shape != (5, 2):
            raise ValueError(f"expected landmarks (5, 2), got {self.landmarks_xy.shape}")

    @property
    def size(self) -> float:
        """The box's longer side in pixels."""
        x1, y1, x2, y2 = (float(v) for v in self.box_xyxy)
        return max(x2 - x1, y2 - y1)


@dataclass(frozen=True)
class FaceTrack:
    """One person's face over the sampled frames; frames without the face are absent (gaps stay gaps).

    `frame_index`: (T,) int64, rising. `pts_seconds`: (T,) float64. `boxes_xyxy`: (T, 4) float32.
    `landmarks_xy`: (T, 5, 2) float32. `confidence`: (T,) float32.
    """

    track_id: int
    frame_index: Int64
    pts_seconds: Float64
    boxes_xyxy: Float32
    landmarks_xy: Float32
    confidence: Float32

    def __post_init__(self) -> None:
        frames = len(self.frame_index)
        for name in ("pts_seconds", "boxes_xyxy", "landmarks_xy", "confidence"):
            got = len(getattr(self, name))
            if got != frames:
                raise ValueError(f"expected {frames} {name} for {frames} frames, got {got}")
        if frames and (np.diff(self.frame_index) < 0).any():
            raise ValueError("expected frame_index to rise, got " + str(self.frame_index.tolist()))

    def __len__(self) -> int:
        return len(self.frame_index)


@dataclass(frozen=True)
class CropSpec:
    """How a face is cut out; saved with a detector's weights and used from there.

    `size`: pixels of the square crop's side. `margin`: the crop's side over the longer side of the
    face box (`align="box"`), or over the five points' canonical frame (`align="similarity"`);
    1.0 is a tight crop. `mean`, `std`: per RGB channel, of values scaled to 0..1.
    What runs out of the picture is black.
    """

    size: int
    margin: float = 1.3
    align: Literal["box", "similarity"] = "box"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"expected a crop size of at least 1 pixel, got {self.size}")
        if not 0.5 <= self.margin <= 5:
            raise ValueError(f"expected a crop margin from 0.5 to 5, got {self.margin}")
        if self.align not in ("box", "similarity"):
            raise ValueError(f"expected align 'box' or 'similarity', got {self.align!r}")
        for name in ("mean", "std"):
            value = tuple(float(v) for v in getattr(self, name))
            if len(value) != 3:
                raise ValueError(f"expected three values of {name}, got {len(value)}")
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class SamplingSpec:
    """Which frames a detector asks for.

    `num_clips` clips spread evenly over the whole duration, each of `clip_length` frames that lie
    `stride` frames apart. Single frames are clips of length 1.
    """

    num_clips: int = 32
    clip_length: int = 1
    stride: int = 1

    def __post_init__(self) -> None:
        for name in ("num_clips", "clip_length", "stride"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class FaceCrops:
    """One track's crops. `images`: (T, size, size, 3) uint8 RGB, one for each frame of `track`."""

    track: FaceTrack
    images: Uint8 = field(repr=False)
    spec: CropSpec

    def __post_init__(self) -> None:
        want = (len(self.track), self.spec.size, self.spec.size, 3)
        if self.images.shape != want:
            raise ValueError(f"expected crops {want}, got {self.images.shape}")
