"""The end of a training run: clips of held-out people, the zero, the numbers, the card."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_training import RECIPE, people, tiny

from unswap.detectors.aggregation import mean_logit
from unswap.detectors.checkpoints import load_checkpoint
from unswap.detectors.scores import Status
from unswap.experiments.training.held_out import (
    BLENDED,
    GENUINE,
    SWAPPED,
    ClipPlan,
    ClipScore,
    Condition,
    forged,
    plan_clips,
    score_clips,
    swap_face,
)
from unswap.experiments.training.validation import (
    auc,
    equal_error_threshold,
    finish,
    measurements,
    person_bootstrap,
)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    genuine, fake = rng.integers(0, 9, 30).tolist(), rng.integers(2, 12, 20).tolist()
    pairs = [(f > g) + (f == g) / 2 for g in genuine for f in fake]
    assert auc(genuine, fake) == pytest.approx(sum(pairs) / 600)
    assert auc(fake, genuine) == pytest.approx(1 - auc(genuine, fake))
    with pytest.raises(ValueError, match="got 0 genuine, 20 forged"):
        auc([], fake)


def test_the_interval_holds_the_auc_and_narrows_with_people() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for count in (12, 200):
        genuine = dict(enumerate(rng.normal(0, 1, count).tolist()))
        fake = dict(enumerate(rng.normal(1, 1, count).tolist()))
        low, high = person_bootstrap(genuine, fake, np.random.default_rng(2))
        assert low < auc(list(genuine.values()), list(fake.values())) < high
        assert person_bootstrap(genuine, fake, np.random.default_rng(2)) == (low, high)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_the_threshold_makes_both_errors_equal() -> None:
    rng = np.random.default_rng(3)
    genuine, fake = rng.normal(0, 1, 400), rng.normal(1.5, 2, 300)
    threshold = equal_error_threshold(genuine.tolist(), fake.tolist())
    assert (genuine > threshold).mean() == pytest.approx((fake < threshold).mean(), abs=0.005)
    assert equal_error_threshold([0.0], [1.0]) == 0.5
    assert equal_error_threshold([1.0], [1.0]) == 1.0
    with pytest.raises(ValueError, match="both classes"):
        equal_error_threshold([], [1.0])


def test_a_swap_changes_the_face_alone() -> None:
    person, donor = people()
    out = swap_face(person.image, person.face, donor.image, donor.face)
    assert out.shape == person.image.shape
    x1, y1, x2, y2 = (int(v) for v in person.face.box_xyxy)
    changed = np.abs(out.astype(int) - person.image.astype(int)).max(2) > 2
    assert changed[(y1 + y2) // 2 - 15 : (y1 + y2) // 2 + 15, x1 + 25 : x2 - 25].mean() > 0.5
    size = round(person.face.size * 0.1)
    changed[max(0, y1 - size) : y2 + size, max(0, x1 - size) : x2 + size] = False
    assert not changed.any()


def test_an_unknown_kind_of_clip_is_an_error() -> None:
    person, donor = people()
    with pytest.raises(ValueError, match="'fake'; known: genuine"):
        forged("fake", person, donor, np.random.default_rng(0))


def test_clips_are_scored_from_their_files_the_same_every_time(tiny_checkpoint: Path) -> None:
    plans = plan_clips(2, (GENUINE, SWAPPED), [Condition(23), Condition(30, 0.75)])
    assert len(plans) == 8
    options = {"num_frames": 3, "seed": 0, "processes": 1}
    scores = score_clips(plans[:3], people(), tiny_checkpoint, **options)
    assert [s.plan for s in scores] == plans[:3]
    assert all(s.status is Status.SCORED for s in scores)
    assert scores == score_clips(plans[:3], people(), tiny_checkpoint, **options)


def test_measurements_keep_clips_without_a_score_out_and_count_them() -> None:
    condition = Condition(23)
    scores = [
        ClipScore(ClipPlan(p, kind, condition), Status.SCORED, p + shift)
        for p in range(5)
        for kind, shift in ((GENUINE, -2.5), (BLENDED, 0.5))
    ]
    scores[0] = replace(scores[0], status=Status.NO_FACE, score=None)
    found = {(m.what, m.on.split()[0]): m for m in measurements(scores, [condition], 0)}
    area = found["video-level AUC", "clips"]
    assert area.n == 9
    assert area.value == pytest.approx(auc([-1.5, -0.5, 0.5, 1.5], [0.5, 1.5, 2.5, 3.5, 4.5]))
    assert found["share above 0", GENUINE].value == 0.5
    assert found["share above 0", BLENDED].value == 1
    assert found["clips without a score", "all"].value == 1
    assert found["clips without a score", "all"].n == 10


def test_a_run_ends_with_a_checkpoint_whose_zero_is_set_and_whose_card_tells_all(
    tmp_path: Path,
) -> None:
    recipe = replace(RECIPE, validation_crfs=(23,), validation_frames=3)
    path, trained = tmp_path / "tiny.safetensors", tiny().eval()
    before = trained.backbone.get_classifier().bias.item()
    finish(trained, recipe, people(), people(), path, counts=(7, 2, 2), weights="weights==1")
    checkpoint = load_checkpoint(path)
    card = checkpoint.card
    assert (card.name, card.version) == ("tiny", "0")
    assert card.recipe["steps"] == recipe.steps
    assert [d.items for d in card.training_data] == [7, 1]
    assert card.command == "unswap train tiny.yaml --out RUN"
    areas = [m for m in card.measured if m.what == "video-level AUC"]
    assert [m.n for m in areas] == [4, 4, 4]  # blended, swapped, blended at half the size
    assert all(m.interval and m.interval[0] <= m.value <= m.interval[1] for m in areas)
    assert card.genuine is not None
    assert len(card.genuine.scores) == 2
    shift = checkpoint.detector.backbone.get_classifier().bias.item() - before
    assert any(f"shifted by {shift:+.2f}" in limit for limit in card.limits)
    plans = plan_clips(2, (GENUINE, BLENDED), [Condition(23)])
    chosen = score_clips(plans, people(), path, num_frames=3, seed=recipe.seed, processes=1)
    by_kind = {
        kind: [s.score for s in chosen if s.plan.kind == kind and s.score is not None]
        for kind in (GENUINE, BLENDED)
    }
    assert abs(equal_error_threshold(by_kind[GENUINE], by_kind[BLENDED])) < 0.01
    assert mean_logit(by_kind[GENUINE]) == pytest.approx(np.mean(card.genuine.scores), abs=1e-6)
