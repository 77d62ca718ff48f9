"""From what was measured to the figures, rows and words of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...datasets.types import Float64, Int64
from .aligning import Alignment
from .canvas import Canvas
from .faces import Person
from .measuring import Measured, levels_of
from .refinement import Refined
from .regions import box_cells, inner_cells, padded
from .registration import corners, parts_of
from .scanning import Scan
from .types import Figures, Geometry, HeadMotion, Masks, PairRow, Region, Stretch

FACE_PAD = 0.25  # of a face box's size, around it: cells there tell nothing of compression alone
LEAST_OUTSIDE = 0.2  # of the picture: with less outside of faces, all cells are taken


def stretches_of(alignment: Alignment, suspect: Scan, reference: Scan) -> tuple[Stretch, ...]:
    """The aligned stretches in frames and seconds of both files."""
    out = []
    ranges = [
        (int(s.paired.reference.min()), int(s.paired.reference.max())) for s in alignment.stretches
    ]
    for k, aligned in enumerate(alignment.stretches):
        own, theirs = aligned.paired.suspect, aligned.paired.reference
        evidence = aligned.segment.evidence
        out.append(
            Stretch(
                suspect_first=int(suspect.frames[own[0]]),
                suspect_last=int(suspect.frames[own[-1]]),
                reference_first=int(reference.frames[theirs[0]]),
                reference_last=int(reference.frames[theirs[-1]]),
                suspect_seconds=_seconds(suspect, own),
                reference_seconds=_seconds(reference, theirs),
                rate=_rate(suspect, reference, own, theirs, aligned.segment.line.rate),
                agreement=evidence.agreement,
                rival=evidence.rival,
                repeated=sum(_common(ranges[k], r) for r in ranges),
            )
        )
    return tuple(out)


def _common(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether half of the shorter of two ranges lies in the other."""
    shared = min(first[1], second[1]) - max(first[0], second[0]) + 1
    return shared > 0.5 * (min(first[1] - first[0], second[1] - second[0]) + 1)


def _seconds(video: Scan, places: Int64) -> tuple[float, float]:
    """From the first frame's beginning to the last one's end, whatever the direction."""
    low, high = int(places.min()), int(places.max())
    end = (
        float(video.pts_seconds[high + 1])
        if high + 1 < len(video.pts_seconds)
        else max(video.info.duration_seconds, float(video.pts_seconds[high]))
    )
    return float(video.pts_seconds[low]), end


def _rate(suspect: Scan, reference: Scan, own: Int64, theirs: Int64, line_rate: float) -> float:
    """Reference seconds for a suspect second, from the pairs; the line's where there is but one."""
    if len(own) < 2:
        return line_rate
    x, y = suspect.pts_seconds[own], reference.pts_seconds[theirs]
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / max((x * x).sum(), 1e-12))


def describe_geometry(
    matrix: Float64,
    refined: Refined | None,
    suspect_size: tuple[int, int],
    reference_size: tuple[int, int],
) -> Geometry:
    """A map in words and numbers."""
    scale_x, scale_y, degrees, _ = parts_of(matrix)
    laid = corners(matrix, reference_size)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    back = corners(inverse, suspect_size)
    return Geometry(
        matrix=((*map(float, matrix[0]),), (*map(float, matrix[1]),)),  # type: ignore[arg-type]
        mirrored=bool(np.linalg.det(matrix[:, :2]) < 0),
        scale_x=scale_x,
        scale_y=scale_y,
        rotation_degrees=degrees,
        residual_px=refined.residual_px if refined else None,
        num_points=refined.num_points if refined else 0,
        reference_xyxy=_inner(back, reference_size),
        suspect_xyxy=_inner(laid, suspect_size),
    )


def _inner(points: Float64, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The upright box of four corners, cut to a picture's edges; edges of pixels, not centres."""
    low, high = points.min(axis=0) - 0.5, points.max(axis=0) + 0.5
    low = np.maximum(low + 0.5, 0)
    high = np.minimum(high + 0.5, size)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def outside_faces(canvas: Canvas, people: Sequence[Person], place: int) -> np.ndarray:
    """(rows, columns) bool: compared cells outside of everybody's face, if these are enough."""
    where = canvas.inside.copy()
    for person in people:
        box = person.box(place)
        if box is not None:
            where &= ~box_cells(padded(canvas.to_cells(box), FACE_PAD), canvas)
    if np.count_nonzero(where) < LEAST_OUTSIDE * np.count_nonzero(canvas.inside):
        return canvas.inside
    return where


def pair_rows(
    measured: Measured,
    masks: Masks,
    flagged_outside: Int64,
    canvas: Canvas,
    people: Sequence[Person],
    pairs: Sequence[tuple[int, int]],
    stretch_of: Sequence[int],
    suspect: Scan,
    reference: Scan,
) -> tuple[PairRow, ...]:
    """One row for each pair that was read."""
    own_times = dict(zip(suspect.frames.tolist(), suspect.pts_seconds.tolist(), strict=True))
    their_times = dict(zip(reference.frames.tolist(), reference.pts_seconds.tolist(), strict=True))
    rows = []
    compared = max(1, int(np.count_nonzero(canvas.inside)))
    for k, place in enumerate(measured.places.tolist()):
        mask = masks.cells(k)
        levels = levels_of(np.asarray(measured.logs[k], dtype=np.float32))
        faces, boxes = _face_cells(canvas, people, place)
        changed = int(np.count_nonzero(mask))
        outside = canvas.inside & ~mask
        num_outside = int(np.count_nonzero(outside))
        agree = 1 - min(int(flagged_outside[k]), num_outside) / num_outside if num_outside else 0.0
        own, theirs = pairs[place]
        rows.append(
            PairRow(
                suspect_frame=own,
                reference_frame=theirs,
                suspect_seconds=own_times[own],
                reference_seconds=their_times[theirs],
                stretch=stretch_of[place],
                agree_outside=agree,
                changed_share=changed / compared,
                face_changed=float(mask[faces].mean()) if faces.any() else None,
                change_in_face=float((mask & boxes).sum() / changed) if changed else None,
                difference_face=float(levels[faces].mean()) if faces.any() else None,
                difference_outside=float(levels[outside].mean()) if num_outside else None,
            )
        )
    return tuple(rows)


def _face_cells(
    canvas: Canvas, people: Sequence[Person], place: int
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) bool: the inner faces, and the padded boxes around faces."""
    faces = np.zeros(canvas.grid[::-1], dtype=bool)
    boxes = np.zeros_like(faces)
    for person in people:
        outline, box = person.outline(place), person.box(place)
        if outline is not None:
            faces |= inner_cells(outline, canvas)
        if box is not None:
            boxes |= box_cells(padded(canvas.to_cells(box), FACE_PAD), canvas)
    return faces & canvas.inside, boxes & canvas.inside


def figures_of(rows: Sequence[PairRow], heads: tuple[HeadMotion, ...]) -> Figures:
    """The four figures over all rows; shares are pooled over cells, not averages of shares."""
    with_face = [r for r in rows if r.face_changed is not None]
    weights = np.array([1 - r.changed_share for r in rows])
    agree = np.array([r.agree_outside for r in rows])
    changed = [(r.change_in_face, r.changed_share) for r in rows if r.change_in_face is not None]
    total = sum(share for _, share in changed)
    return Figures(
        agree_outside=float(np.average(agree, weights=weights)) if weights.sum() > 0 else None,
        face_changed=(
            float(np.mean([r.face_changed for r in with_face if r.face_changed is not None]))
            if with_face
            else None
        ),
        change_in_face=(
            float(sum(inside * share for inside, share in changed) / total) if total > 0 else None
        ),
        heads=heads,
        num_pairs=len(rows),
        num_pairs_with_face=len(with_face),
    )


def unnamed_share(
    masks: Masks, regions: Sequence[Region], canvas: Canvas, frames: Int64
) -> float | None:
    """Of the changed cells, the share outside the boxes of named regions; None without a change."""
    sx, sy = canvas.grid[0] / canvas.suspect_size[0], canvas.grid[1] / canvas.suspect_size[1]
    boxes: dict[int, list[tuple[float, ...]]] = {}
    for region in regions:
        if region.kind == "other":
            continue
        for frame, (x1, y1, x2, y2) in zip(region.frames, region.boxes_xyxy, strict=True):
            boxes.setdefault(frame, []).append((x1 * sx, y1 * sy, x2 * sx, y2 * sy))
    total = unnamed = 0
    for k, frame in enumerate(frames.tolist()):
        cells = masks.cells(k)
        total += int(np.count_nonzero(cells))
        for x1, y1, x2, y2 in boxes.get(frame, ()):
            cells[round(y1) : round(y2), round(x1) : round(x2)] = False
        unnamed += int(np.count_nonzero(cells))
    return unnamed / total if total else None
