"""MTCNN: a cascade of three small networks, with facenet-pytorch's weights.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks",
IEEE Signal Processing Letters, 2016. The networks are facenet-pytorch's; the cascade around them is
written for speed: the picture is shrunk once to the scale that the smallest wanted face needs, and
the last network alone follows a face from picture to picture.
"""

import cv2
import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

from ..types import Face, Float32, Uint8
from . import face_detectors
from .boxes import non_maximum_suppression, squared, without_contained

WINDOW = 12  # pixels of the first network's window: a face is looked for at this size
PYRAMID_STEP = 0.709
THRESHOLDS = (0.6, 0.7, 0.7)  # of the three networks
WORKING_FACE_SIZE = 20  # the smallest face's size in the shrunken picture, as MTCNN was trained
MAX_CANDIDATES = 600  # into the second network; a crowd of 150 faces needs about 300


@face_detectors.register("mtcnn")
class MtcnnFaceDetector:
    """Finds faces of any size down to 20 px."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.pnet, self.rnet, self.onet = (
            net().eval().requires_grad_(False).to(self.device, memory_format=torch.channels_last)
            for net in (PNet, RNet, ONet)
        )

    def detect(self, image: Uint8, min_face_size: float) -> list[Face]:
        """See `FaceDetector.detect`. Raises ValueError for a size under 1 px."""
        if min_face_size < 1:
            raise ValueError(f"expected min_face_size of at least 1 px, got {min_face_size}")
        working, scale = shrink(image, WORKING_FACE_SIZE / min_face_size)
        boxes = self._propose(working, max(WORKING_FACE_SIZE, min_face_size * scale))
        boxes = self._reject(working, boxes)
        faces = self._locate(working, squared(boxes))
        faces = [f for f in faces if f.confidence > THRESHOLDS[2]]
        if not faces:
            return []
        keep = without_contained(
            np.array([f.box_xyxy for f in faces]),
            np.array([f.confidence for f in faces], dtype=np.float32),
            0.7,
        )
        factor = np.array(
            [image.shape[1] / working.shape[1], image.shape[0] / working.shape[0]], dtype=np.float32
        )
        return [
            Face(
                faces[i].box_xyxy * np.tile(factor, 2),
                faces[i].landmarks_xy * factor,
                faces[i].confidence,
            )
            for i in keep
        ]

    def refine(self, image: Uint8, boxes_xyxy: Float32) -> list[Face]:
        """See `FaceDetector.refine`: the third network alone, on a square around each box."""
        return self._locate(image, squared(boxes_xyxy))

    def _propose(self, image: Uint8, min_face_size: float) -> Float32:
        """The first network over a pyramid of the picture: (N, 4) candidate boxes."""
        height, width = image.shape[:2]
        scale = WINDOW / min_face_size
        boxes, confidence = [], []
        while min(height, width) * scale >= WINDOW:
            level, _ = shrink(image, scale)
            shift, probability = self._run(self.pnet, level[None])
            rows, columns = np.nonzero(probability[0, 1] >= THRESHOLDS[0])
            sure = probability[0, 1, rows, columns]
            corner = 2 * np.stack([columns, rows], axis=1).astype(np.float32)
            windows = np.concatenate([corner, corner + WINDOW], axis=1)
            picked = non_maximum_suppression(windows, sure, 0.5)
            windows = windows[picked] + WINDOW * shift[0][:, rows, columns].T[picked]
            stretch = np.array([width / level.shape[1], height / level.shape[0]], dtype=np.float32)
            boxes.append(windows * np.tile(stretch, 2))
            confidence.append(sure[picked])
            scale *= PYRAMID_STEP
        if not boxes:
            return np.zeros((0, 4), dtype=np.float32)
        every, sure = np.concatenate(boxes), np.concatenate(confidence)
        return every[non_maximum_suppression(every, sure, 0.7)[:MAX_CANDIDATES]]

    def _reject(self, image: Uint8, boxes: Float32) -> Float32:
        """The second network on each candidate: (N, 4) better boxes, most of them gone."""
        if not len(boxes):
            return boxes
        boxes = squared(boxes)
        shift, probability = self._run(self.rnet, cut_squares(image, boxes, 24))
        passed = probability[:, 1] > THRESHOLDS[1]
        boxes, shift, sure = boxes[passed], shift[passed], probability[passed, 1]
        keep = non_maximum_suppression(boxes, sure, 0.7)
        return moved(boxes[keep], shift[keep])

    def _locate(self, image: Uint8, boxes: Float32) -> list[Face]:
        """The third network on each square box: one face a box, of whatever confidence."""
        if not len(boxes):
            return []
        shift, points, probability = self._run(self.onet, cut_squares(image, boxes, 48))
        side = (boxes[:, 2:] - boxes[:, :2])[:, None]
        # the network gives five x, then five y, as fractions of the square
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * side + boxes[:, None, :2]
        found = moved(boxes, shift)
        return [
            Face(b, p, float(c))
            for b, p, c in zip(found, landmarks, probability[:, 1], strict=True)
        ]

    def _run(self, net: torch.nn.Module, pictures: Uint8) -> tuple[Float32, ...]:
        """A network on (N, H, W, 3) uint8 RGB pictures; its outputs as arrays."""
        with torch.inference_mode():
            batch = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
            outputs = net((batch.float() - 127.5) / 128)
        return tuple(o.cpu().numpy() for o in outputs)


def shrink(image: Uint8, scale: float) -> tuple[Uint8, float]:
    """The picture at `scale` by area averaging, never enlarged; and the scale that it came out at."""
    if scale >= 1:
        return image, 1.0
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), scale


def moved(boxes: Float32, shift: Float32) -> Float32:
    """Boxes with each edge moved by its share of the box's side."""
    return np.asarray(boxes + shift * np.tile(boxes[:, 2:] - boxes[:, :2], 2), dtype=np.float32)


def cut_squares(image: Uint8, boxes: Float32, size: int) -> Uint8:
    """(N, size, size, 3) pictures under square boxes; a box's part outside the picture is cut off.

    What is left of such a box is stretched to the square, as MTCNN was trained.
    """
    height, width = image.shape[:2]
    out = np.zeros((len(boxes), size, size, 3), dtype=np.uint8)
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        left, top = max(0, int(x1)), max(0, int(y1))
        right, bottom = min(width, int(np.ceil(x2))), min(height, int(np.ceil(y2)))
        if right > left and bottom > top:
            part = image[top:bottom, left:right]
            how = cv2.INTER_AREA if min(part.shape[:2]) > size else cv2.INTER_LINEAR
            cv2.resize(part, (size, size), dst=out[i], interpolation=how)
    return out
