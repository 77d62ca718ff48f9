"""What `unswap templates` does, but for the comparison. Prints for people, returns for JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...datasets.types import TimeLimitExceeded, UnreadableVideo
from ..scoring.inputs import expand
from ..scoring.tables import one_line
from .index import TemplateIndex
from .matching import Looked
from .types import TemplateMatch

_HOUR = 3600


def add_command(paths: Sequence[str], folder: Path, time_limit: float) -> bool:
    """Adds videos to an index, which is made if need be; returns whether all could be read.

    Raises:
        NoInput, BadManifest: see `expand`.
        BadIndex, IndexBusy, OSError: see `TemplateIndex`.
    """
    from tqdm import tqdm

    inputs = expand(paths, {})
    index = TemplateIndex.open(folder, create=True)
    with tqdm(total=len(inputs.jobs), unit="video", disable=None, file=sys.stderr) as bar:

        def progress(count: int, _: int) -> None:
            bar.update(count - bar.n)

        done = index.add(
            [job.path for job in inputs.jobs],
            time_limit=time_limit,
            on_progress=progress,
        )
    for failed in done.unreadable:
        print(one_line(f"unreadable: {failed.reason}"), file=sys.stderr)
    parts = [f"{len(done.added)} added"]
    if done.known:
        parts.append(f"{len(done.known)} known already")
    if done.unreadable:
        parts.append(f"{len(done.unreadable)} unreadable")
    print(one_line(f"{', '.join(parts)}; {describe(index)}"))
    return not done.unreadable


def describe(index: TemplateIndex) -> str:
    """An index in one line."""
    return (
        f"{index.folder} holds {len(index)} videos, {index.num_points} points, "
        f"{index.num_bytes / 1e6:.1f} MB in {len(index.segments)} segments"
    )


def list_command(folder: Path, as_json: bool) -> None:
    """Prints an index's videos. Raises BadIndex."""
    index = TemplateIndex.open(folder)
    if as_json:
        rows = [template.to_dict() for template in index.templates()]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for template in index.templates():
        print(
            one_line(
                f"{template.sha256[:12]}  {template.duration_seconds:8.2f} s  "
                f"{template.width}x{template.height}  {template.num_keyframes:5d} key frames  "
                f"{template.path}"
            )
        )
    print(one_line(describe(index)))


def compact_command(folder: Path) -> None:
    """Merges an index's segments. Raises BadIndex, IndexBusy, OSError."""
    index = TemplateIndex.open(folder)
    index.compact()
    print(one_line(describe(index)))


def look_up_command(
    index: TemplateIndex, path: str, top: int, time_limit: float
) -> tuple[dict[str, Any], tuple[TemplateMatch, ...]]:
    """Looks up one suspect and prints the answer.

    Returns:
        What the JSON output says of it, and the matches.
    """
    print(one_line(f"suspect  {path}"))
    try:
        looked = index.look_up(path, top=top, time_limit=time_limit)
    except (UnreadableVideo, TimeLimitExceeded) as error:
        print(one_line(f"  unreadable: {error}"), file=sys.stderr)
        return {"path": path, "status": "unreadable", "reason": str(error), "matches": []}, ()
    for match in looked.matches:
        for line in match_lines(match):
            print(one_line(line))
    if not looked.matches:
        print(f"  no match: {why_none(looked)}")
    return answer(path, looked), looked.matches


def match_lines(match: TemplateMatch) -> list[str]:
    """A match, for people."""
    (a, b), (c, d) = match.suspect_seconds, match.template_seconds
    return [
        f"  match  {match.template.path}",
        f"    suspect {a:.2f} to {b:.2f} s = template {c:.2f} to {d:.2f} s, speed {match.rate:.2f}"
        f"{', mirrored' if match.mirrored else ''}",
        f"    score {match.score:.2f}, {match.num_points} points, {match.margin:.1f} times what is needed, "
        f"lead {match.lead:.0%}",
    ]


def why_none(looked: Looked) -> str:
    """Why nothing matched, in words."""
    if looked.num_points == 0:
        return "the suspect shows nothing that could be recognised (black, blank or out of focus)"
    return f"the nearest template has {looked.nearest:.0%} of the agreement that a match needs"


def answer(path: str, looked: Looked) -> dict[str, Any]:
    """What the JSON output says of a suspect."""
    return {
        "path": path,
        "sha256": looked.suspect.sha256,
        "status": "matched" if looked.matches else "no_match",
        "reason": None if looked.matches else why_none(looked),
        "matches": [match.to_dict() for match in looked.matches],
        "nearest": round(looked.nearest, 4),
        "fingerprint_seconds": round(looked.fingerprint_seconds, 4),
        "search_seconds": round(looked.search_seconds, 4),
    }
