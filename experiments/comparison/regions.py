"""Changed patches followed over time, and named by what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ...datasets.types import Float64, Int64
from .canvas import Canvas
from .faces import Person
from .types import Geometry, Masks, Region, RegionKind

GAP = 10  # pairs: a patch that comes back within these, where it was, is the same region
SAME_PLACE = 0.2  # of the smaller box: overlap from which two patches are one region's
LEAST_PAIRS = 4
LEAST_PERSISTENCE = 0.04  # of the pairs: what is seen in fewer is chance
LEAST_SEEN = 0.0008  # of the picture, on average over all pairs: less is chance
IN_FACE = 0.5  # of a region's cells inside a face's box: it is that face
OF_FACE = 0.12  # of the inner face that it must cover
STILL = 0.6  # overlap of neighbouring boxes from which a region stands still on the picture
LEAST_BORDER = 0.01  # of the picture
FACE_PAD = 0.2  # of a face box's size, around it: a swap may reach that far


@dataclass
class _Course:
    places: list[int] = field(default_factory=list)  # rows of the masks
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)  # cells
    areas: list[int] = field(default_factory=list)
    cells: list[tuple[np.ndarray, tuple[int, int]]] = field(default_factory=list)  # packed, shape


def find_regions(
    masks: Masks, canvas: Canvas, people: Sequence[Person], places: Int64, frames: Int64
) -> tuple[tuple[Region, ...], Masks]:
    """The regions, largest first, and the masks without the patches that are no region.

    Args:
        masks: of the pairs that were read. places: (n,) their places among the aligned pairs,
            by which `people` know them. frames: (n,) their suspect frames.
    """
    courses = _follow(masks)
    count, cells = len(places), masks.rows * masks.columns
    kept: list[_Course] = []
    dropped: list[_Course] = []
    for course in courses:
        lasting = len(course.places) >= max(LEAST_PAIRS, LEAST_PERSISTENCE * count)
        seen = sum(course.areas) / (count * cells)
        kept_ = (lasting or len(course.places) == count) and seen >= LEAST_SEEN
        (kept if kept_ else dropped).append(course)
    named = [(c, *_whose(c, canvas, people, places)) for c in kept]
    regions = [
        _region(c, canvas, None, None, frames, count) for c, person, _ in named if not person
    ]
    for person in people:
        own = [c for c, whose, _ in named if whose is person]
        if own:
            whole = _together(own)
            cover = _covered(whole, canvas, person, places)
            regions.append(_region(whole, canvas, person, cover, frames, count))
    order = sorted(regions, key=lambda r: -r.area_share * r.persistence)
    numbered = tuple(
        Region(**{**region.__dict__, "region_id": i}) for i, region in enumerate(order, 1)
    )
    return numbered, _without(masks, dropped)


def _follow(masks: Masks) -> list[_Course]:
    courses: list[_Course] = []
    for row in range(len(masks.bits)):
        cells = masks.cells(row)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), None, 8)
        for label in sorted(range(1, count), key=lambda k: -stats[k, cv2.CC_STAT_AREA]):
            x, y, w, h, area = (int(v) for v in stats[label])
            box = (x, y, x + w, y + h)
            course = _belongs(courses, box, row)
            if course is None:
                course = _Course()
                courses.append(course)
            part = labels[y : y + h, x : x + w] == label
            if course.places and course.places[-1] == row:
                _merge(course, box, area, part)
                continue
            course.places.append(row)
            course.boxes.append(box)
            course.areas.append(area)
            course.cells.append((np.packbits(part.ravel()), part.shape))
    return courses


def _merge(course: _Course, box: tuple[int, int, int, int], area: int, part: np.ndarray) -> None:
    """A second patch of the same region in the same pair."""
    old = course.boxes[-1]
    new = (min(old[0], box[0]), min(old[1], box[1]), max(old[2], box[2]), max(old[3], box[3]))
    whole = np.zeros((new[3] - new[1], new[2] - new[0]), dtype=bool)
    whole[old[1] - new[1] : old[3] - new[1], old[0] - new[0] : old[2] - new[0]] |= _part(course, -1)
    whole[box[1] - new[1] : box[3] - new[1], box[0] - new[0] : box[2] - new[0]] |= part
    course.boxes[-1], course.areas[-1] = new, course.areas[-1] + area
    course.cells[-1] = (np.packbits(whole.ravel()), whole.shape)


def _part(course: _Course, k: int) -> np.ndarray:
    packed, shape = course.cells[k]
    return np.unpackbits(packed, count=shape[0] * shape[1]).reshape(shape).astype(bool)


def _belongs(courses: list[_Course], box: tuple[int, int, int, int], row: int) -> _Course | None:
    best, best_share = None, SAME_PLACE
    for course in courses:
        if row - course.places[-1] > GAP:
            continue
        share = _shared(course.boxes[-1], box)
        if share > best_share:
            best, best_share = course, share
    return best


def _shared(first: Sequence[float], second: Sequence[float]) -> float:
    """Common area over the smaller box's."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    small = min(
        (first[2] - first[0]) * (first[3] - first[1]),
        (second[2] - second[0]) * (second[3] - second[1]),
    )
    return width * height / max(small, 1)


def _region(
    course: _Course,
    canvas: Canvas,
    person: Person | None,
    inner: float | None,
    frames: Int64,
    count: int,
) -> Region:
    kind: RegionKind
    if person is not None:
        kind, name = "face", f"face of person {person.number}"
    elif _is_still(course):
        kind, name = "text or sticker", "text, sticker or other patch that stands on the picture"
    else:
        kind, name = "other", "other"
    sx = canvas.suspect_size[0] / canvas.grid[0]
    sy = canvas.suspect_size[1] / canvas.grid[1]
    boxes = tuple((x1 * sx, y1 * sy, x2 * sx, y2 * sy) for x1, y1, x2, y2 in course.boxes)
    return Region(
        region_id=0,
        kind=kind,
        name=name,
        frames=tuple(int(frames[r]) for r in course.places),
        boxes_xyxy=boxes,
        persistence=len(course.places) / count,
        area_share=float(np.median(course.areas)) / (canvas.grid[0] * canvas.grid[1]),
        person=person.number if person else None,
        inner_face_share=inner,
    )


def _together(courses: list[_Course]) -> _Course:
    """Several patches as one region."""
    if len(courses) == 1:
        return courses[0]
    rows: dict[int, list[tuple[_Course, int]]] = {}
    for course in courses:
        for k, row in enumerate(course.places):
            rows.setdefault(row, []).append((course, k))
    whole = _Course()
    for row in sorted(rows):
        for number, (course, k) in enumerate(rows[row]):
            if number:
                _merge(whole, course.boxes[k], course.areas[k], _part(course, k))
                continue
            whole.places.append(row)
            whole.boxes.append(course.boxes[k])
            whole.areas.append(course.areas[k])
            whole.cells.append(course.cells[k])
    return whole


def _covered(course: _Course, canvas: Canvas, person: Person, places: Int64) -> float | None:
    """Median share of the inner face that the region covers, where both are seen."""
    covers = []
    for k, row in enumerate(course.places):
        outline = person.outline(int(places[row]))
        inner = None if outline is None else inner_cells(outline, canvas)
        if inner is not None and inner.any():
            x1, y1, x2, y2 = course.boxes[k]
            shared = int(np.count_nonzero(inner[y1:y2, x1:x2] & _part(course, k)))
            covers.append(shared / int(np.count_nonzero(inner)))
    return float(np.median(covers)) if covers else None


def _whose(
    course: _Course, canvas: Canvas, people: Sequence[Person], places: Int64
) -> tuple[Person | None, float | None]:
    """Whose face the region is, and how much of the inner face it covers; None if nobody's."""
    best: tuple[Person | None, float | None] = (None, None)
    most = 0.0
    for person in people:
        shares, covers = [], []
        for k, row in enumerate(course.places):
            place = int(places[row])
            box, outline = person.box(place), person.outline(place)
            if box is None or outline is None:
                continue
            whole = np.zeros(canvas.grid[::-1], dtype=bool)
            x1, y1, x2, y2 = course.boxes[k]
            whole[y1:y2, x1:x2] = _part(course, k)
            there = box_cells(padded(canvas.to_cells(box), FACE_PAD), canvas)
            shares.append(int(np.count_nonzero(whole & there)) / max(1, course.areas[k]))
            inner = inner_cells(outline, canvas)
            if inner.any():
                covers.append(np.count_nonzero(whole & inner) / np.count_nonzero(inner))
        if len(shares) < 0.3 * len(course.places) or not covers:
            continue
        share, cover = float(np.median(shares)), float(np.median(covers))
        if share >= IN_FACE and cover >= OF_FACE and share + cover > most:
            best, most = (person, cover), share + cover
    return best


def padded(box: Float64, share: float) -> Float64:
    """A box made larger on each side by a share of its longer side."""
    pad = share * float(max(box[2] - box[0], box[3] - box[1]))
    return np.asarray(box + np.array([-pad, -pad, pad, pad]), dtype=np.float64)


def box_cells(box: Float64, canvas: Canvas) -> np.ndarray:
    """(rows, columns) bool of a box in cells; what it touches is in it."""
    mask = np.zeros(canvas.grid[::-1], dtype=bool)
    x1, y1, x2, y2 = (float(v) for v in box)
    rows = slice(max(0, int(y1)), max(0, int(np.ceil(y2))))
    mask[rows, max(0, int(x1)) : max(0, int(np.ceil(x2)))] = True
    return mask


def inner_cells(outline: Float64, canvas: Canvas) -> np.ndarray:
    """(rows, columns) bool of an outline in suspect pixels."""
    scale = np.array(
        [canvas.grid[0] / canvas.suspect_size[0], canvas.grid[1] / canvas.suspect_size[1]]
    )
    mask = np.zeros(canvas.grid[::-1], dtype=np.uint8)
    corners = np.rint(((outline + 0.5) * scale - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1, shift=4)
    return mask > 0


def _is_still(course: _Course) -> bool:
    """Whether neighbouring boxes lie on each other: the region does not move with what is filmed."""
    if len(course.boxes) < 2:
        return True
    boxes = np.array(course.boxes, dtype=np.float64)
    first, second = boxes[:-1], boxes[1:]
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:], second[:, 2:])
    inner = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    iou = inner / np.maximum(areas[:-1] + areas[1:] - inner, 1e-9)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    drift = np.abs(middles - np.median(middles, axis=0)).mean(axis=0) / np.maximum(size, 1)
    return bool(np.median(iou) >= STILL and drift.max() < 0.25)


def _without(masks: Masks, dropped: list[_Course]) -> Masks:
    """The masks less the patches of some courses."""
    if not dropped:
        return masks
    bits = masks.bits.copy()
    for course in dropped:
        for k, row in enumerate(course.places):
            cells = Masks(bits, masks.rows, masks.columns).cells(row)
            x1, y1, x2, y2 = course.boxes[k]
            cells[y1:y2, x1:x2] &= ~_part(course, k)
            bits[row] = np.packbits(cells.ravel())
    return Masks(bits, masks.rows, masks.columns)


def border_region(geometry: Geometry, size: tuple[int, int], frames: Int64) -> tuple[Region, ...]:
    """The part of the suspect's picture that shows nothing of the reference, if there is one."""
    width, height = size
    x1, y1, x2, y2 = geometry.suspect_xyxy
    share = 1 - max(0.0, x2 - x1) * max(0.0, y2 - y1) / (width * height)
    if share < LEAST_BORDER:
        return ()
    numbers = tuple(int(f) for f in frames)
    box = (0.0, 0.0, float(width), float(height))
    return (
        Region(
            0, "border", "border around the picture", numbers, (box,) * len(numbers), 1.0, share
        ),
    )
