"""A comparison held against the truth: what is right, how far off the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....datasets.types import Float64, Int64
from ..types import Comparison, Status, Verdict
from .truth import Bool, Truth

EXACT_SHARE = 0.95  # of a suspect's frames that must be paired with the right ones
CORNER_PX = 2.0  # mean error of the four corners, suspect pixels
GOOD_IOU = 0.5
_EDGE = 3  # frames on either side of where a part begins or ends that don't count
_NEAR = 2  # frames; a stretch whose pairs lie further off than this, mostly, is a wrong one
_MOST_MASKS = 60  # frames of a case whose masks are compared, evenly spread

Record = dict[str, Any]


def judge(truth: Truth, comparison: Comparison) -> Record:
    """Figures about one pair, fit for JSON.

    Returns:
        Always `status`, `reason`, `findings` (verdicts by key), `regions` (kind and persistence).
        For derived pairs also `matched`; `offset_exact`, `exact_share`, `within_one_share`,
        `paired_share`, `median_offset_error`, `wrong_stretches`; `corner_mean_px`,
        `corner_max_px` (None without a geometry); `face_regions`; and where the face was altered,
        `iou_blended`, `iou_touched` (inside the boxes of faces), `iou_blended_all`,
        `iou_touched_all` (all that changed outside the boxes of overlays).
    """
    out: Record = {
        "status": str(comparison.status),
        "reason": comparison.reason,
        "findings": {f.key: str(f.verdict) for f in comparison.findings},
        "regions": [[r.kind, r.persistence] for r in comparison.regions],
        "figures": _shares(comparison),
    }
    if truth.derived:
        out["matched"] = comparison.status in (Status.COMPARED, Status.SAME_FILE)
        out |= _alignment(truth, comparison)
        out |= _corners(truth, comparison)
        out["face_regions"] = sum(r.kind == "face" for r in comparison.regions)
        if truth.blended is not None:
            out |= _masks(truth, comparison)
    return out


def failures(record: Record) -> list[str]:
    """What is wrong with a judged case, in words; empty if it passed."""
    if "error" in record:
        return [f"error: {record['error']}"]
    case, judged = record["case"], record["judged"]
    if case["kind"] != "derived":
        if judged["status"] in (Status.NO_MATCH, Status.UNDECIDED):
            return []
        return [f"{case['kind']}, but {judged['status']}; a {judged['findings'].get('a')}"]
    if not judged["matched"]:
        return [f"not matched: {judged['status']} ({judged['reason']})"]
    out = []
    if not judged["offset_exact"]:
        out.append(
            f"offset: {judged['exact_share']:.0%} right, {judged['paired_share']:.0%} paired, "
            f"median error {judged['median_offset_error']}, {judged['wrong_stretches']} wrong"
        )
    corner = judged["corner_mean_px"]
    if corner is None or corner > CORNER_PX:
        out.append("no geometry" if corner is None else f"corners: {corner:.1f} px")
    if case["alteration"] is not None:
        if judged["iou_blended"] < GOOD_IOU:
            out.append(f"IoU {judged['iou_blended']:.2f}")
        if judged["findings"].get("c") != Verdict.SUPPORTED:
            out.append(f"altered, but c {judged['findings'].get('c')}")
    elif judged["face_regions"]:
        out.append("a face reported as changed that is not")
    if case["plain"] and not no_change(judged):
        kinds = ", ".join(kind for kind, _ in judged["regions"]) or "no regions"
        out.append(f"plain re-encoding, but {kinds}; a {judged['findings'].get('a')}")
    return out


def no_change(judged: Record) -> bool:
    """Whether a comparison found a derived video without any change."""
    return not judged["regions"] and judged["findings"].get("a") == Verdict.SUPPORTED


def _shares(comparison: Comparison) -> Record:
    figures = comparison.figures
    if figures is None:
        return {}
    names = ("agree_outside", "face_changed", "change_in_face")
    return {name: getattr(figures, name) for name in names}


def _alignment(truth: Truth, comparison: Comparison) -> Record:
    count = len(truth.frames)
    reported = np.full(count, -1, dtype=np.int64)
    for pair in comparison.pairs:
        if 0 <= pair.suspect_frame < count:
            reported[pair.suspect_frame] = pair.reference_frame
    inner = _away_from_edges(truth.parts)
    paired = reported >= 0
    apart = np.abs(reported - truth.frames)
    same = truth.alike[np.clip(reported, 0, len(truth.alike) - 1)] == truth.alike[truth.frames]
    right = paired & ((apart == 0) | same)
    near = paired & ((apart <= 1) | same)
    accepted = near if truth.resampled else right
    wrong = _wrong_stretches(truth, comparison)
    share = float(accepted[inner].mean())
    return {
        "offset_exact": share >= EXACT_SHARE and wrong == 0,
        "exact_share": share,
        "strictly_exact_share": float(right[inner].mean()),
        "within_one_share": float(near[inner].mean()),
        "paired_share": float(paired[inner].mean()),
        "median_offset_error": float(np.median(apart[paired])) if paired.any() else None,
        "stretches": len(comparison.stretches),
        "wrong_stretches": wrong,
    }


def _away_from_edges(parts: Int64) -> Bool:
    """(n,) bool: frames at least `_EDGE` from where a part begins or ends."""
    starts = np.flatnonzero(np.diff(parts, prepend=parts[0] - 1))
    edges = np.append(starts, len(parts))
    numbers = np.arange(len(parts))
    place = np.searchsorted(edges, numbers, side="right")
    inside = (numbers - edges[place - 1] >= _EDGE) & (edges[place] - numbers > _EDGE)
    return np.asarray(inside)


def _wrong_stretches(truth: Truth, comparison: Comparison) -> int:
    """Stretches that mostly show another part of the reference than they are said to."""
    wrong = 0
    for number, stretch in enumerate(comparison.stretches):
        suspect = np.arange(stretch.suspect_first, stretch.suspect_last + 1)
        said = np.interp(
            suspect,
            [stretch.suspect_first, stretch.suspect_last],
            [stretch.reference_first, stretch.reference_last],
        )
        pairs = {
            p.suspect_frame: p.reference_frame for p in comparison.pairs if p.stretch == number
        }
        said = np.array([pairs.get(int(k), v) for k, v in zip(suspect, said, strict=True)])
        if suspect[-1] >= len(truth.frames):
            wrong += 1
            continue
        wrong += bool(np.median(np.abs(said - truth.frames[suspect])) > _NEAR)
    return wrong


def _corners(truth: Truth, comparison: Comparison) -> Record:
    """How far the corners of what is seen of the reference land from where they belong."""
    if comparison.geometry is None:
        return {"corner_mean_px": None, "corner_max_px": None, "mirror_right": None}
    assert truth.matrix is not None
    assert truth.corners_xy is not None
    corners = np.column_stack([truth.corners_xy, np.ones(4)])
    found: Float64 = np.array(comparison.geometry.matrix)
    errors = np.linalg.norm(corners @ (found - truth.matrix).T, axis=1)
    return {
        "corner_mean_px": float(errors.mean()),
        "corner_max_px": float(errors.max()),
        "mirror_right": comparison.geometry.mirrored == truth.mirrored,
    }


def _masks(truth: Truth, comparison: Comparison) -> Record:
    """Median intersection over union, over paired frames with an altered face; 0 if there are none."""
    names = ("blended", "touched")
    ious: dict[str, list[float]] = {n + e: [] for n in names for e in ("", "_all")}
    faces = _face_boxes(comparison)
    places = [i for i, p in enumerate(comparison.pairs) if p.suspect_frame < len(truth.frames)]
    step = max(1, len(places) // _MOST_MASKS)
    for place in places[::step]:
        frame = comparison.pairs[place].suspect_frame
        free = ~truth.overlaid(frame)
        changed = np.zeros_like(free)
        if comparison.masks is not None:
            changed = comparison.masks.at(place, *truth.size)
        in_faces = changed & _boxes(faces.get(frame, []), truth.size) & free
        for name in names:
            true = truth.mask(name, frame) & free
            if true.any():
                ious[name].append(_iou(true, in_faces))
                ious[name + "_all"].append(_iou(true, changed & free))
    return {f"iou_{n}": float(np.median(v)) if v else 0.0 for n, v in ious.items()}


def _face_boxes(comparison: Comparison) -> dict[int, list[tuple[float, float, float, float]]]:
    out: dict[int, list[tuple[float, float, float, float]]] = {}
    for region in comparison.regions:
        if region.kind == "face":
            for frame, box in zip(region.frames, region.boxes_xyxy, strict=True):
                out.setdefault(frame, []).append(box)
    return out


def _boxes(boxes: Sequence[tuple[float, float, float, float]], size: tuple[int, int]) -> Bool:
    """(height, width) bool: the pixels inside any of the boxes."""
    out = np.zeros(size[::-1], dtype=bool)
    for x1, y1, x2, y2 in boxes:
        left, top = (max(0, int(np.floor(v))) for v in (x1, y1))
        out[top : int(np.ceil(y2)), left : int(np.ceil(x2))] = True
    return out


def _iou(one: Bool, other: Bool) -> float:
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
