"""A Comparison becomes one self-contained HTML page."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from ...report import facts
from ...report.page import csp_hash, environment, part, safe_stem, write_page
from ..types import Comparison, Status
from . import tables, words
from .album import PICTURE_BYTES, Album, Shot, build_album
from .charts import build_alignment, build_curve, build_timeline

PAGE_BYTES = 20_000_000  # a report is smaller than this
RECORD_BYTES = 3_000_000  # of a page, as the record stands in it
RECORD_FRAME = 1000  # of these, around its values
PAIR_ROWS = 2000
PRINTED_ROWS = 250  # a longer table of pairs is left out on paper
TABLE_ROWS = 200
BULKY = ("pairs", "regions", "stretches")  # left out of a record that is too long, in this order


def render_report(comparison: Comparison, album: Album, *, version: str, generated_at: str) -> str:
    """The page, for any status; it loads nothing from anywhere.

    Args:
        comparison: What was found out.
        album: Of `build_album`; without shots, the page has no pictures.
        version: of this software. `generated_at`: when, as it shall be printed.

    Raises:
        ValueError: a number is not finite, or the album is another comparison's.
    """
    _check_album(comparison, album)
    compared = comparison.status is Status.COMPARED
    style = part(__package__, "report.css") + part(__package__, "comparison.css")
    script = part(__package__, "comparison.js")
    record, left_out = record_of(comparison, RECORD_BYTES)
    return (
        _environment()
        .get_template("comparison.html.j2")
        .render(
            c=comparison,
            compared=compared,
            version=version,
            generated_at=generated_at,
            key=report_key(comparison),
            style=Markup(style),
            script=Markup(script),
            style_hash=csp_hash(style),
            script_hash=csp_hash(script),
            reference_name=words.file_name(comparison.reference.path),
            suspect_name=words.file_name(comparison.suspect.path),
            summary=words.summary(comparison),
            verdicts=words.verdicts(comparison.findings),
            says_not=words.says_not(comparison),
            rungs=words.rungs(comparison.findings),
            album=album,
            player=Markup(player_data(comparison, album)),
            timeline=build_timeline(comparison.pairs, comparison.suspect)
            if comparison.pairs
            else None,
            alignment=build_alignment(
                comparison.stretches, comparison.suspect, comparison.reference
            )
            if comparison.stretches
            else None,
            curve=build_curve(comparison.null_model.curve) if comparison.null_model else None,
            command=tables.command_line(comparison),
            record=record,
            left_out=left_out,
            pair_rows=PAIR_ROWS,
            printed_rows=PRINTED_ROWS,
            table_rows=TABLE_ROWS,
        )
    )


def write_report(comparison: Comparison, folder: Path, *, version: str, generated_at: str) -> Path:
    """Writes `folder/<suspect's stem>-<8 of its SHA-256>-<8 of the reference's>.html`, or nothing.

    The page stays below 20 MB: of a long comparison it shows fewer pairs, and says how many.
    A second report on the same two files replaces the first. Any other file of that name stays,
    and figures of this report's own key are added to the name.

    Returns:
        The path of the page.

    Raises:
        UnreadableVideo: one of the videos is gone or has changed since.
        ValueError: a number is not finite.
        FileExistsError: the longer names are taken too.
    """
    album, budget = build_album(comparison), PICTURE_BYTES
    page = render_report(comparison, album, version=version, generated_at=generated_at)
    while (size := len(page.encode("utf-8"))) >= PAGE_BYTES and album.shots:
        budget = min(budget, album.bytes) - (size - PAGE_BYTES) - 1
        album = album.within(max(budget, 0))
        page = render_report(comparison, album, version=version, generated_at=generated_at)
    key = report_key(comparison)
    stem = safe_stem(words.file_name(comparison.suspect.path))
    base = f"{stem}-{comparison.suspect.sha256[:8]}-{comparison.reference.sha256[:8]}"
    return write_page(page, folder, (base, f"{base}-{key[:8]}", f"{base}-{key}"), key)


def report_key(comparison: Comparison) -> str:
    """64 hex digits that name the two files, in their roles."""
    parts = ("comparison", comparison.reference.sha256, comparison.suspect.sha256)
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


def record_of(comparison: Comparison, limit: int) -> tuple[str, tuple[str, ...]]:
    """The record as JSON that takes at most `limit` bytes in the page, and what it had to leave out.

    What is left out is named under `left_out`.

    Raises:
        ValueError: a number is not finite.
    """
    kept = comparison.to_dict()
    sizes = {key: _size(value) for key, value in kept.items()}
    left: list[str] = []
    for key in BULKY:
        if sum(sizes.values()) > limit - RECORD_FRAME:
            left.append(key)
            del kept[key], sizes[key]
    if left:
        kept["left_out"] = left
    spaced = json.dumps(kept, indent=1, allow_nan=False)
    if len(escape(spaced)) <= limit:
        return spaced, tuple(left)
    return json.dumps(kept, separators=(",", ":"), allow_nan=False), tuple(left)


def _size(value: Any) -> int:
    """Bytes that a value takes in the page as JSON."""
    return len(escape(json.dumps(value, separators=(",", ":"), allow_nan=False)))


def player_data(comparison: Comparison, album: Album) -> str:
    """What the script shows beside each picture, as JSON that can stand in a script element."""
    scale_x = album.width / comparison.suspect.width
    scale_y = album.height / comparison.suspect.height
    boxes: dict[int, list[dict[str, Any]]] = {}
    shown = {shot.row.suspect_frame for shot in album.shots}
    for region in comparison.regions:
        for frame, (x1, y1, x2, y2) in zip(region.frames, region.boxes_xyxy, strict=True):
            if frame in shown:
                box = [x1 * scale_x, y1 * scale_y, (x2 - x1) * scale_x, (y2 - y1) * scale_y]
                label = facts.visible(words.region_label(region))
                entry = {"label": label, "xywh": [round(v, 1) for v in box]}
                boxes.setdefault(frame, []).append(entry)
    data = [_shot_data(shot, boxes.get(shot.row.suspect_frame, [])) for shot in album.shots]
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shot_data(shot: Shot, boxes: list[dict[str, Any]]) -> dict[str, Any]:
    row = shot.row
    return {
        "place": shot.place,
        "suspect": row.suspect_frame,
        "reference": row.reference_frame,
        "suspectSeconds": row.suspect_seconds,
        "referenceSeconds": row.reference_seconds,
        "agree": words.percent(row.agree_outside, 1),
        "changed": words.percent(row.changed_share, 1),
        "face": words.percent(row.face_changed, 1),
        "inFace": words.percent(row.change_in_face, 1),
        "boxes": boxes,
    }


def _check_album(comparison: Comparison, album: Album) -> None:
    pairs = comparison.pairs
    for shot in album.shots:
        if shot.place >= len(pairs) or pairs[shot.place] != shot.row:
            raise ValueError(
                f"expected pictures of this comparison's {len(pairs)} pairs, got one of frame "
                f"{shot.row.suspect_frame} as pair {shot.place}"
            )


@cache
def _environment() -> Environment:
    made = environment(__package__)
    made.filters |= {"percent": words.percent, "maybe": words.number, "ranges": words.ranges}
    made.globals |= {
        "video_rows": tables.video_rows,
        "geometry_rows": tables.geometry_rows,
        "photometry_rows": tables.photometry_rows,
        "null_rows": tables.null_rows,
        "setting_rows": tables.setting_rows,
    }
    return made
