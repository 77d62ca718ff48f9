"""The same videos scored twice: how far the answers can be repeated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .inputs import Job

REPEAT = "repeat"  # the second scoring's condition; it is no row of the scores table


def repeats_path(out: Path) -> Path:
    """Where the second scores are kept: `scores.parquet` -> `scores.repeats.csv`."""
    return out.with_name(f"{out.stem}.repeats.csv")


@dataclass(frozen=True)
class Repeatability:
    """`videos`: scored twice, both times with a score. `largest`: difference of the two, in the score's
    own unit. `moved`: how many differ at all. `other_status`: how many had another status."""

    videos: int
    largest: float
    moved: int
    other_status: int

    def sentence(self) -> str:
        """For a person."""
        text = f"scored twice: {self.videos} with a score both times, {self.moved} of them with another "
        text += f"one, by up to {self.largest:.3g}"
        if self.other_status:
            text += f"; {self.other_status} had another status the second time"
        return text


def with_repeats(jobs: Sequence[Job], count: int) -> list[Job]:
    """The jobs, and the first `count` of them a second time at the end."""
    return [*jobs, *(replace(job, condition=REPEAT) for job in jobs[:count])]


def measure_repeats(records: Iterable[dict[str, Any]]) -> Repeatability | None:
    """What the finished videos say; None where none was scored twice.

    >>> one = {"video_id": "a", "condition": "none", "status": "scored", "score": 0.5}
    >>> measure_repeats([one, {**one, "condition": "repeat", "score": 0.75}])
    Repeatability(videos=1, largest=0.25, moved=1, other_status=0)
    """
    first: dict[str, dict[str, Any]] = {}
    second: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["condition"] in ("none", REPEAT):
            where = second if record["condition"] == REPEAT else first
            where[record["video_id"]] = {k: record[k] for k in ("status", "score")}
    pairs = [(first[name], again) for name, again in second.items() if name in first]
    if not pairs:
        return None
    differences = [
        abs(a["score"] - b["score"])
        for a, b in pairs
        if a["score"] is not None and b["score"] is not None
    ]
    return Repeatability(
        videos=len(differences),
        largest=max(differences, default=0.0),
        moved=sum(d > 0 for d in differences),
        other_status=sum(a["status"] != b["status"] for a, b in pairs),
    )
