"""Arithmetic on boxes, (N, 4) float32 xyxy in pixels."""

import numpy as np

from ..types import Float32, Int64


def iou_matrix(a_xyxy: Float32, b_xyxy: Float32) -> Float32:
    """Intersection over union of every pair, (N, M) float32.

    >>> iou_matrix(np.float32([[0, 0, 2, 2]]), np.float32([[0, 0, 2, 2], [1, 0, 3, 2]])).round(3)
    array([[1.   , 0.333]], dtype=float32)
    """
    top_left = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)
    area_a, area_b = (
        np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1) for b in (a_xyxy, b_xyxy)
    )
    union = area_a[:, None] + area_b[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float32)


def non_maximum_suppression(boxes_xyxy: Float32, confidence: Float32, threshold: float) -> Int64:
    """Indices of the boxes to keep, the most confident first: a box goes that overlaps a kept one.

    Args:
        boxes_xyxy: (N, 4).
        confidence: (N,).
        threshold: the most intersection over union that two kept boxes have.
    """
    import torch  # here, so that arithmetic on boxes alone stays light
    from torchvision.ops import nms

    kept = nms(torch.from_numpy(boxes_xyxy), torch.from_numpy(confidence), threshold)
    return np.asarray(kept.numpy(), dtype=np.int64)


def without_contained(boxes_xyxy: Float32, confidence: Float32, threshold: float) -> Int64:
    """As `non_maximum_suppression`, but overlap is shared area over the smaller box.

    A small box inside a large one goes too (MTCNN's "Min" strategy). For few boxes.
    """
    x1, y1, x2, y2 = boxes_xyxy.T
    area = (x2 - x1) * (y2 - y1)
    order = np.argsort(-confidence, kind="stable")
    keep = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(best)
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest])
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest])
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        smaller = np.minimum(area[best], area[rest])
        order = rest[shared / np.maximum(smaller, 1e-9) <= threshold]
    return np.array(keep, dtype=np.int64)


def squared(boxes_xyxy: Float32) -> Float32:
    """Each box made square around its centre, by its longer side."""
    centre = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    half = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1)
