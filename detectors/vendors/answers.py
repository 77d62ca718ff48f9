"""What a program or a function answers for a video, as a VideoScore."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...datasets.registry import unknown_name
from ..ids import loose_id
from ..scores import DetectorId, Status, VideoScore
from .scales import NotAScore, ScoreRule

PLAIN = ScoreRule("score", "ordinal")  # where nothing is said of a score but that high is fake


def unanswered(
    detector: DetectorId, kind: str, path: str | Path, video_id: str | None, condition: str
) -> VideoScore:
    """A video before anything was asked: what its answer leaves open, whatever that will be.

    Args:
        detector: whom it goes to; `kind`: of its scores.
        path, video_id, condition: as `score` of a VideoScorer takes them.
    """
    return VideoScore(
        video_id=video_id or loose_id(path),
        path=str(path),
        status=Status.FAILED,
        score=None,
        detector=detector,
        reason="not begun",
        score_kind=kind,
        aggregation="black-box",
        condition=condition,
    )


def as_video_score(blank: VideoScore, answer: Any, rule: ScoreRule) -> VideoScore:
    """What an answer says.

    Args:
        blank: the video and the detector; everything that the answer leaves open.
        answer: a number; an object with `score`, or with `status` and `reason`; or (from Python) a
            whole VideoScore.
        rule: how its number is read.

    Returns:
        A VideoScore; an answer that is none of these has the status `failed` and the reason.
    """
    if isinstance(answer, VideoScore):
        return replace(
            answer,
            video_id=blank.video_id,
            path=blank.path,
            condition=blank.condition,
            detector=blank.detector,
        )
    try:
        if not isinstance(answer, Mapping):
            return _scored(blank, rule.convert(_number(answer)), None)
        cost = answer.get("cost")
        cost = None if cost is None else float(_number(cost))
        status = answer.get("status", "scored")
        if status not in {str(s) for s in Status}:
            raise NotAScore(unknown_name("status", str(status), [str(s) for s in Status]))
        reason = answer.get("reason")
        if status == Status.SCORED:
            score = _scored(blank, rule.read(answer), str(reason) if reason else None)
        else:
            why = str(reason or "it gave no reason")
            score = replace(blank, status=Status(status), reason=f"{blank.path}: {why}")
        return replace(score, cost=cost)
    except NotAScore as error:
        return failed(blank, f"not an answer: {error}")


def failed(blank: VideoScore, reason: str, status: Status = Status.FAILED) -> VideoScore:
    """The video, without a score."""
    return replace(blank, status=status, reason=f"{blank.path}: {reason}")


def _scored(blank: VideoScore, score: float, reason: str | None) -> VideoScore:
    return replace(blank, status=Status.SCORED, score=score, reason=reason)


def _number(value: Any) -> Any:
    """A plain number; numpy's and torch's scalars are made into one."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) in ((), (1,)):
        value = item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAScore(f"expected a number, or an object with 'score', got {value!r:.80}")
    return value
