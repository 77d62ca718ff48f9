"""Finding faces in a picture: what a face detector is, and which there are."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ..registry import Registry
from ..types import Face, Float32, Uint8


class FaceDetector(Protocol):
    """Finds faces, and follows a face from where it was."""

    def detect(self, image: Uint8, min_face_size: float) -> list[Face]:
        """All faces in one picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            min_face_size: the smallest face to look for, pixels of `image`; what is smaller may be
                missed, and looking for smaller ones costs more.

        Returns:
            Faces with boxes and landmarks in pixels of `image`, the most confident first.
        """
        ...

    def refine(self, image: Uint8, boxes_xyxy: Float32) -> list[Face]:
        """The face near each given box, one for each.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes_xyxy: (N, 4) float32, pixels of `image`: where each face was a moment ago.

        Returns:
            N faces; where there is none any more, one of low confidence.
        """
        ...


face_detectors: Registry[Callable[[str], FaceDetector]] = Registry("face detector")


def create_face_detector(name: str = "mtcnn", device: str = "cpu") -> FaceDetector:
    """The face detector called `name`, on a torch `device`; KeyError lists the known names."""
    from . import mtcnn  # noqa: F401  (registers itself; torch is imported here and not before)

    return face_detectors.get(name)(device)


def boxes_of(faces: Sequence[Face]) -> Float32:
    """(N, 4) float32 boxes of N faces, also for none."""
    import numpy as np

    return np.array([f.box_xyxy for f in faces], dtype=np.float32).reshape(-1, 4)
