"""A fixed set of videos, scored before and after each run: whether a service's model has changed.

Nobody tells when the model behind a service is replaced. The same bytes give other scores then. What
the canaries got is kept beside the results, for the next run to compare with.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...detectors.scores import DetectorId
from .inputs import Job
from .repeats import Repeatability

BEFORE, AFTER = "canary:before", "canary:after"


def is_canary(condition: str) -> bool:
    """Whether a scoring is a canary's, and no row of the table."""
    return condition in (BEFORE, AFTER)


def with_canaries(jobs: Sequence[Job], canaries: Sequence[Job]) -> list[Job]:
    """The jobs between the canaries' two turns. A canary is called by its bytes, whatever its name."""
    return [
        *(Job(c.path, None, BEFORE) for c in canaries),
        *jobs,
        *(Job(c.path, None, AFTER) for c in canaries),
    ]


def canaries_path(out: Path) -> Path:
    """Where they are kept: `scores.parquet` -> `scores.canaries.json`."""
    return out.with_name(f"{out.stem}.canaries.json")


@dataclass(frozen=True)
class Canaries:
    """`moved`: what differs, in words. `noise`: how far two scorings of one video lie apart anyway, None
    where that was not measured."""

    count: int
    noise: float | None
    moved: tuple[str, ...]

    def sentence(self) -> str:
        """For a person."""
        if not self.moved:
            return f"{self.count} canaries: nothing has moved"
        noise = (
            "(how far scoring a video twice differs was not measured: see --repeat)"
            if self.noise is None
            else f"by more than scoring a video twice does ({self.noise:.3g})"
        )
        return (
            f"WARNING: {len(self.moved)} of the canaries' answers moved {noise}; the model may have been "
            "changed: " + "; ".join(self.moved)
        )


def write_canaries(
    out: Path,
    records: Iterable[dict[str, Any]],
    detector: DetectorId,
    again: Repeatability | None,
    since: Path | None,
) -> Canaries | None:
    """Compares and keeps them; None where there are none.

    Args:
        out: the run's output.
        records: the canaries' VideoScores as dicts.
        detector: that scored them.
        again: how far scores repeat.
        since: an earlier run's file.

    Raises:
        ValueError: see `read_canaries`. OSError: it can't be written.
    """
    turns: dict[str, dict[str, Any]] = {}
    for record in records:
        turn = record["condition"].partition(":")[2]
        turns.setdefault(record["video_id"], {})[turn] = {
            "status": record["status"],
            "score": record["score"],
        }
    if not turns:
        return None
    noise = again.largest if again else None
    moved = []
    for name, turn in turns.items():
        moved += _differs(name, "in this run", turn.get("before"), turn.get("after"), noise)
    earlier = None
    if since is not None:
        earlier = read_canaries(since, detector)
        known = [n for n in (noise, earlier["noise"]) if n is not None]
        noise = max(known, default=None)
        for name, turn in turns.items():
            was = earlier["canaries"].get(name)
            if was:
                then = was.get("after") or was.get("before")
                moved += _differs(name, f"since {since.name}", then, turn.get("before"), noise)
        lost = sorted(set(earlier["canaries"]) ^ set(turns))
        moved += [f"{name[:17]} is not in both sets" for name in lost]
    kept = {
        "detector": dict(detector.__dict__),
        "noise": noise,
        "canaries": turns,
        "since": str(since) if since else None,
        "moved": moved,
    }
    path = canaries_path(out)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return Canaries(len(turns), noise, tuple(moved))


def read_canaries(path: Path, detector: DetectorId) -> dict[str, Any]:
    """An earlier run's file. Raises ValueError for another file, or another detector's."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        name = data["detector"]["name"]
        _ = float(data["noise"] or 0), {k: v.get("before") for k, v in data["canaries"].items()}
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not the canaries of a run ({error!r})") from None
    if name != detector.name:
        raise ValueError(f"{path}: the canaries of {name!r}, expected those of {detector.name!r}")
    return data


def _differs(
    name: str,
    when: str,
    was: dict[str, Any] | None,
    now: dict[str, Any] | None,
    noise: float | None,
) -> list[str]:
    if was is None or now is None:
        return []
    short = name[:17]  # `file/` and twelve digits
    if was["status"] != now["status"]:
        return [f"{short} {when}: {was['status']} -> {now['status']}"]
    if was["score"] is None or abs(was["score"] - now["score"]) <= 2 * (noise or 0.0) + 1e-9:
        return []
    return [f"{short} {when}: {was['score']:.4g} -> {now['score']:.4g}"]
