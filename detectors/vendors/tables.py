"""A table of scores as a VideoScorer: what somebody has measured already."""

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...datasets.manifests import BadManifest, read_table
from ...datasets.registry import unknown_name
from ..ids import loose_id
from ..scores import SCORE_KINDS, DetectorId, Status, VideoScore
from .answers import failed, unanswered
from .binding import BadDescription
from .descriptions import ScoreTable
from .scales import NotAScore, ScoreRule

_STATUSES = tuple(str(s) for s in Status)


class TableScorer:
    """Looks scores up.

    Videos are looked for by their `video_id`; where the table has none, by their `path`, as it was
    given. Of a table in our own form, `status`, `score_kind`, `reason`, `seconds`, `cost` and
    `condition` count too.

    Args:
        description: which table, and how it is read.
        folder: that a relative `file` starts at.
        detector: what it is called.

    Raises:
        BadDescription: it can't be read; a score that is no number, or stands beside a failure; a
            video that stands twice; several detectors in one table.
    """

    def __init__(self, description: ScoreTable, folder: Path, detector: DetectorId) -> None:
        self.description = description
        self.detector = detector
        self.file = folder / description.file
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._read()

    @property
    def videos(self) -> set[str]:
        """What the table's videos are called."""
        return {name for name, _ in self._rows}

    def score(
        self,
        path: str | Path,
        *,
        video_id: str | None = None,
        condition: str = "none",
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """The row of one video; a video without one has the status `failed`."""
        video_id = video_id or loose_id(path)
        blank = unanswered(self.detector, "ordinal", path, video_id, condition)
        names = (video_id, str(path), os.path.abspath(path))
        row = next((self._rows[n, condition] for n in names if (n, condition) in self._rows), None)
        if row is None:
            beside = "" if condition == "none" else f" under the condition {condition!r}"
            return failed(blank, f"no row for {video_id!r}{beside} in {self.file}")
        reason = row["reason"]
        if row["status"] != Status.SCORED and not reason:
            reason = f"{path}: the table says {row['status']}, and no more"
        return replace(
            blank,
            status=Status(row["status"]),
            score=row["score"],
            score_kind=row["score_kind"],
            reason=reason,
            seconds={} if row["seconds"] is None else {"total": row["seconds"]},
            cost=row["cost"],
        )

    def _read(self) -> None:
        try:
            table = read_table(self.file)
        except BadManifest as error:
            raise BadDescription(str(error)) from None
        columns = table.column_names
        wanted = self.description
        id_column = wanted.id_column
        if id_column not in columns and id_column == "video_id" and "path" in columns:
            id_column = "path"
        for name in (id_column, wanted.score_column):
            if name not in columns:
                raise BadDescription(f"{self.file}: {unknown_name('column', name, columns)}")
        if "detector" in columns:
            names = sorted({str(d) for d in table["detector"].to_pylist()})
            if len(names) > 1:
                raise BadDescription(
                    f"{self.file}: it holds {len(names)} detectors ({', '.join(names[:5])}); give a "
                    "table of one"
                )
        for number, row in enumerate(table.to_pylist(), 1):
            where = f"{self.file}: row {number}"
            name = row[id_column]
            if name in (None, ""):
                raise BadDescription(f"{where} has no {id_column}")
            key = (str(name), str(row.get("condition") or "none"))
            if key in self._rows:
                raise BadDescription(f"{where}: {key[0]!r} stands twice")
            self._rows[key] = self._checked(row, where)

    def _checked(self, row: dict[str, Any], where: str) -> dict[str, Any]:
        """Status, score, kind, reason, seconds and cost of a row."""
        given = row[self.description.score_column]
        status = row.get("status") or None
        if isinstance(given, str) and given in self.description.failed_where:
            status, given = self.description.failed_where[given], None
        if status is None:
            status = "scored"
            if given in (None, ""):
                raise BadDescription(
                    f"{where}: no score and no status; write the score, or why there is none "
                    f"(status: {', '.join(_STATUSES)})"
                )
        if status not in _STATUSES:
            raise BadDescription(f"{where}: {unknown_name('status', str(status), _STATUSES)}")
        rule = self.description.score
        kind = rule.kind if rule else str(row.get("score_kind") or "ordinal")
        if kind not in SCORE_KINDS:
            raise BadDescription(f"{where}: {unknown_name('score_kind', kind, SCORE_KINDS)}")
        score = None
        if status == "scored":
            score = self._score(given, rule, where)
        elif given not in (None, ""):
            raise BadDescription(f"{where}: a score, {given}, with the status {status!r}")
        return {
            "status": status,
            "score": score,
            "score_kind": kind,
            "reason": row.get("reason") or None,
            "seconds": _optional(row.get("seconds"), f"{where}: seconds"),
            "cost": _optional(row.get("cost"), f"{where}: cost"),
        }

    def _score(self, given: Any, rule: ScoreRule | None, where: str) -> float:
        try:
            if rule and rule.values:
                return rule.convert(given)
            number = float(given)
            if not math.isfinite(number):
                raise NotAScore(f"expected a finite score, got {number}")
            return rule.convert(number) if rule else number
        except NotAScore as error:
            raise BadDescription(f"{where}: {error}") from None
        except (TypeError, ValueError):
            raise BadDescription(f"{where}: expected a number as score, got {given!r}") from None


def _optional(value: Any, where: str) -> float | None:
    if value in (None, ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadDescription(f"{where}: expected a number, got {value!r}") from None
