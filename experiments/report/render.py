"""A VideoScore and its detector's card become one self-contained HTML page."""

import hashlib
import json
import math
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from ...detectors.cards import Card
from ...detectors.scores import Status, VideoScore
from . import facts
from .page import csp_hash, environment, part, safe_stem, write_page
from .people import people_of
from .pictures import FULL_PEOPLE, LOWERS_RGB, MAP_OPACITY, RAISES_RGB, build_album
from .timeline import build_strip, build_timeline

ROWS_SHOWN = 6


def render_report(score: VideoScore, card: Card, *, version: str, generated_at: str) -> str:
    """The page, for any status; it loads nothing from anywhere.

    Args:
        score: with its `evidence` for the pictures; without, the report has none.
        card: of the detector that gave the score.
        version: of this software. `generated_at`: when, as it shall be printed.

    Raises:
        ValueError: the card is another detector's, a number is not finite, or the evidence does
            not fit the scores.
    """
    if (card.name, card.version) != (score.detector.name, score.detector.version):
        raise ValueError(
            f"expected the card of {score.detector.name!r} {score.detector.version!r}, "
            f"got that of {card.name!r} {card.version!r}"
        )
    _check_finite(score)
    scored = score.status is Status.SCORED
    kind = facts.KINDS[score.score_kind]
    people = people_of(score) if scored else ()
    place = card.genuine if scored and score.score_kind == "logit" else None
    style, script = part(__package__, "report.css"), part(__package__, "report.js")
    page = _environment().get_template("report.html.j2")
    return page.render(
        score=score,
        card=card,
        version=version,
        generated_at=generated_at,
        key=report_key(score),
        style=Markup(style),
        script=Markup(script),
        style_hash=csp_hash(style),
        script_hash=csp_hash(script),
        file_name=facts.file_name(score),
        scored=scored,
        kind=kind,
        status_words=facts.STATUSES[score.status],
        people=people,
        standing=facts.standing(place, score.score) if place and score.score is not None else None,
        strip=build_strip(place, score.score) if place and score.score is not None else None,
        timelines=[
            build_timeline(score, part, among=people, zero=kind.has_zero)
            for part in (people[:ROWS_SHOWN], people[ROWS_SHOWN:])
            if part
        ],
        album=build_album(score, people),
        full_people=FULL_PEOPLE,
        legend_stops=_legend_stops(),
        video_facts=facts.video_facts(score),
        setting_facts=facts.setting_facts(score),
        detector_facts=facts.detector_facts(score),
        command=facts.command_line(score),
        only_track=facts.only_track(score),
        record=json.dumps(score.to_dict(), indent=1, allow_nan=False),
        recipe=json.dumps(card.recipe, indent=2, ensure_ascii=False, default=str),
    )


def write_report(
    score: VideoScore, card: Card, folder: Path, *, version: str, generated_at: str
) -> Path:
    """Writes `folder/<file's stem>-<8 of its SHA-256>.html` whole or not at all; returns its path.

    A second report on the same video, perturbation and detector replaces the first. Any other
    file of that name stays, and eight figures of this report's own key are added to the name.

    Raises:
        ValueError: as `render_report` does.
        FileExistsError: the longer names are taken too.
    """
    page = render_report(score, card, version=version, generated_at=generated_at)
    key = report_key(score)
    base = f"{safe_stem(facts.file_name(score))}-{_video_key(score)[:8]}"
    return write_page(page, folder, (base, f"{base}-{key[:8]}", f"{base}-{key}"), key)


def report_key(score: VideoScore) -> str:
    """64 hex digits that name (video, perturbation, detector and weights), the scores' key."""
    parts = (
        score.video_id,
        _video_key(score),
        score.condition,
        score.detector.name,
        score.detector.sha256,
    )
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


def _video_key(score: VideoScore) -> str:
    if score.input is not None and re.fullmatch("[0-9a-f]{64}", score.input.sha256):
        return score.input.sha256
    named = re.fullmatch("file/([0-9a-f]{64})", score.video_id)
    if named:
        return named[1]
    return hashlib.sha256(score.video_id.encode("utf-8", "surrogateescape")).hexdigest()


def _check_finite(score: VideoScore) -> None:
    values = {f"track {t.track_id}": t.score for t in score.tracks}
    values |= {
        f"track {t.track_id}, frame {f.frame_index}": v
        for t in score.tracks
        for f in t.frames
        for v in (f.score, f.pts_seconds, *f.box_xyxy)
        if not math.isfinite(v)
    }
    if score.score is not None:
        values["the video"] = score.score
    for what, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"expected finite numbers, got {value} for {what}")


def _legend_stops() -> list[tuple[str, str, float]]:
    """(offset, colour, opacity) from the lowest to the highest logit."""
    low, high = (f"rgb{rgb}" for rgb in (LOWERS_RGB, RAISES_RGB))
    return [
        ("0", low, MAP_OPACITY),
        ("0.5", low, 0.0),
        ("0.5", high, 0.0),
        ("1", high, MAP_OPACITY),
    ]


@cache
def _environment() -> Environment:
    made = environment(__package__)
    made.filters |= {
        "ordinal": facts.ordinal,
        "measured_value": facts.measured_value,
        "measured_interval": facts.measured_interval,
    }
    return made
