"""A VideoScore and its detector's card become one self-contained HTML page."""

import base64
import hashlib
import json
import math
import os
import re
from functools import cache
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ...detectors.cards import Card
from ...detectors.scores import Status, VideoScore
from . import facts
from .people import people_of
from .pictures import FULL_PEOPLE, LOWERS_RGB, MAP_OPACITY, RAISES_RGB, build_album
from .timeline import build_strip, build_timeline

ROWS_SHOWN = 6
STEM_BYTES = 80


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
    style, script = _part("report.css"), _part("report.js")
    page = _environment().get_template("report.html.j2")
    return page.render(
        score=score,
        card=card,
        version=version,
        generated_at=generated_at,
        key=report_key(score),
        style=Markup(style),
        script=Markup(script),
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
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
    folder.mkdir(parents=True, exist_ok=True)
    key = report_key(score)
    base = f"{safe_stem(facts.file_name(score))}-{_video_key(score)[:8]}"
    names = (base, f"{base}-{key[:8]}", f"{base}-{key}")
    free = (folder / f"{name}.html" for name in names)
    target = next((path for path in free if _is_ours(path, key)), None)
    if target is None:
        raise FileExistsError(f"expected a free name of {names} in {folder}, all are taken")
    draft = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        draft.write_text(page, encoding="utf-8")
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return target


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


def safe_stem(name: str) -> str:
    """A file name's stem with letters (of any script), digits, `.`, `_` and `-` only.

    >>> safe_stem("../a b<c>.mp4")
    'a_b_c'
    """
    stem = re.sub(r"[^\w.-]+", "_", PurePath(name).stem, flags=re.UNICODE).strip("._-")
    return stem.encode("utf-8", "ignore")[:STEM_BYTES].decode("utf-8", "ignore") or "video"


def _video_key(score: VideoScore) -> str:
    if score.input is not None and re.fullmatch("[0-9a-f]{64}", score.input.sha256):
        return score.input.sha256
    named = re.fullmatch("file/([0-9a-f]{64})", score.video_id)
    if named:
        return named[1]
    return hashlib.sha256(score.video_id.encode("utf-8", "surrogateescape")).hexdigest()


def _is_ours(path: Path, key: str) -> bool:
    """Whether the name is free, or taken by an earlier report of the same key."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return f'name="unswap-report" content="{key}"' in file.read(2000)
    except FileNotFoundError:
        return True


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


def _csp_hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"sha256-{digest}"


@cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.filters |= {
        "num": facts.number,
        "ordinal": facts.ordinal,
        "measured_value": facts.measured_value,
        "measured_interval": facts.measured_interval,
    }
    environment.globals |= {"counted": facts.count}
    return environment


def _seen(value: Any) -> Any:
    """Every text that enters the page shows its hidden characters; ready markup is left alone."""
    return facts.visible(value) if type(value) is str else value
