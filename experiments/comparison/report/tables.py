"""The tables of a comparison's report as (what, value) rows: files, geometry, colours, settings."""

from __future__ import annotations

import shlex
from typing import Any

from ....datasets.types import VideoInfo
from ...report import facts
from ..types import Comparison, Geometry, NullModel, Photometry
from .words import number, percent, plain

OPTIONS = "options"  # the setting that holds the command line's own options, a list of words
TIMES = "\N{MULTIPLICATION SIGN}"
LEAST_EDGE = 1.01  # pixels: whether an edge counts from a pixel's middle is not told as a crop

Rows = list[tuple[str, str]]


def video_rows(video: VideoInfo) -> Rows:
    """One file, as it was probed."""
    return [("Path as given", video.path), *facts.file_facts(video)]


def geometry_rows(geometry: Geometry, reference: VideoInfo, suspect: VideoInfo) -> Rows:
    """Where the reference's picture lies in the suspect's, in plain words."""
    kept = _edges(geometry.reference_xyxy, reference)
    border = _edges(geometry.suspect_xyxy, suspect)
    residual = "not measured"
    if geometry.residual_px is not None:
        patches = facts.count(geometry.num_points, "patch", "patches")
        residual = f"{number(geometry.residual_px)} pixels (median of {patches})"
    return [
        (
            "Scale",
            f"{number(geometry.scale_x, 4)} across, {number(geometry.scale_y, 4)} down "
            "(suspect pixels for one pixel of the reference)",
        ),
        ("Mirrored, left to right", "yes" if geometry.mirrored else "no"),
        ("Rotation", f"{number(geometry.rotation_degrees)}° clockwise"),
        ("Cut off from the reference", kept),
        ("Borders added in the suspect", border),
        ("Remaining shift between patches", residual),
        ("Matrix, reference to suspect", _matrix(geometry.matrix)),
    ]


def _edges(box: tuple[float, float, float, float], video: VideoInfo) -> str:
    """What of a picture lies outside of a box, at each edge."""
    x1, y1, x2, y2 = box
    away = (x1, y1, video.width - x2, video.height - y2)
    parts = [
        f"{name} {number(value, 1)}"
        for name, value in zip(("left", "top", "right", "bottom"), away, strict=True)
        if abs(value) > LEAST_EDGE
    ]
    return f"{', '.join(parts)} pixels of {video.width} by {video.height}" if parts else "nothing"


def _matrix(rows: tuple[tuple[float, ...], ...]) -> str:
    return "; ".join(", ".join(number(v, 4) for v in row) for row in rows)


def photometry_rows(photometry: Photometry) -> Rows:
    """How the colours were changed, in plain words."""
    names = ("red", "green", "blue")
    rows = [
        (
            f"{name.capitalize()} becomes",
            " + ".join(
                f"{number(gain, 3)} {TIMES} {other}"
                for gain, other in zip(gains, names, strict=True)
                if abs(gain) >= 0.0005
            )
            + f" + {number(offset, 1)}",
        )
        for name, gains, offset in zip(names, photometry.matrix, photometry.offset, strict=True)
    ]
    return [
        ("Gamma, before that", number(photometry.gamma, 3)),
        *[(name, text.replace(f"+ {facts.MINUS}", f"{facts.MINUS} ")) for name, text in rows],
        (
            "Remaining difference outside of faces",
            f"{number(photometry.residual_levels)} levels of 255 (median absolute difference)",
        ),
    ]


def null_rows(model: NullModel) -> Rows:
    """How the suspect was encoded, how that was imitated, and what that gave."""
    s = model.settings
    return [
        ("Suspect's codec", s.codec),
        ("Imitated with", f"{s.encoder}, quality {number(s.quality, 1)}"),
        ("Keyframe every", facts.count(s.keyframe_interval, "frame", "frames")),
        ("Bit rate of the suspect", f"{number(s.kbps, 0)} kbit/s over the aligned frames"),
        ("Bit rate of the imitation", f"{number(s.imitation_kbps, 0)} kbit/s"),
        ("Picture", f"{s.width} by {s.height} pixels"),
        (
            "Inflation",
            f"{number(model.inflation, 3)}: the suspect's unchanged cells differ by so many times "
            "what the imitation's do; this is allowed for",
        ),
        (
            "False-discovery rate",
            f"{percent(model.fdr, 1)} of the cells called changed may be so wrongly "
            f"(p below {model.p_threshold:.3g})",
        ),
        (
            "Check on the imitation itself",
            "not made: too few pictures to hold some out"
            if model.false_share is None
            else f"{percent(model.false_share, 2)} of its own cells would be called changed",
        ),
    ]


def setting_rows(comparison: Comparison) -> Rows:
    """What the comparison was run with."""
    rows = [(key.replace("_", " "), _setting(v)) for key, v in comparison.settings.items()]
    return [*rows, ("seconds taken", number(comparison.seconds, 1))]


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_setting(v)}" for key, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_setting(v) for v in value) or "none"
    return plain(value)


def command_line(comparison: Comparison) -> str:
    """The command that compares the two again, quoted for a POSIX shell (bash).

    The setting `options`, a list of words, holds the options that were given.
    """
    paths = (comparison.reference.path, comparison.suspect.path)
    words = ["unswap", "compare", *map(facts.shell_quote, paths)]
    return " ".join([*words, *(_option(str(w)) for w in comparison.settings.get(OPTIONS, ()))])


def _option(word: str) -> str:
    """An option or its value as one shell word; a leading dash stays what it is."""
    return shlex.quote(word) if word.startswith("-") else facts.shell_quote(word)
