"""The shipped detector's recipe, its zero and its card, on drawn crops."""

from pathlib import Path

import numpy as np
import pytest
import torch
from shard_makers import Shown, build

from unswap.datasets.shards.layout import PrepareSpec
from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.detectors.architectures import create_detector
from unswap.detectors.cards import Card
from unswap.detectors.checkpoints import load_checkpoint, save_checkpoint
from unswap.experiments.training.clips.forging import UNSEEN, VALIDATING
from unswap.experiments.training.clips.measuring import (
    Scored,
    auc_with_interval,
    difference,
    score_crops,
)
from unswap.experiments.training.clips.plans import CONDITIONS, condition_name
from unswap.experiments.training.clips.shipping import (
    finish,
    fitted_slope,
    measurements,
    read_shipping,
    rescale,
)
from unswap.experiments.training.clips.table import table
from unswap.experiments.training.errors import BadRecipe
from unswap.experiments.training.start import find_recipe, kind_of


def clips(folder: Path, split: str, people: int = 12) -> Path:
    videos = []
    for condition in CONDITIONS:
        where = condition_name(condition)
        for p in range(people):
            group = f"p{p:03}" if p else "filmed"
            for method in (None, *VALIDATING):
                columns = {"split": split, "group": group, "compression": where}
                name = f"made-clips/{method or 'real'}/{where}/{group}"
                videos.append(Shown(name, int(method is not None), method, columns=columns))
    return build(folder, videos, spec=PrepareSpec(SamplingSpec(2)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("shipping")
    return {split: clips(root / split, split) for split in ("val", "test")} | {
        "train": clips(root / "train", "train", 3)
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "some.safetensors"
    arguments = {"backbone": "test_efficientnet"}
    detector = create_detector(
        "frame", **arguments, crop_spec=CropSpec(32), sampling_spec=SamplingSpec(4)
    ).eval()
    card = Card("some", "1", "for tests", "none", "none")
    save_checkpoint(path, detector, card, architecture="frame", arguments=arguments)
    return path


def test_the_recipe_that_ships_is_read_and_its_mistakes_are_told(tmp_path):
    path = find_recipe(Path("clips-lite0"))
    assert kind_of(path) == "clips"
    assert read_shipping(path, ["clips.people_val=5"]).clips["people_val"] == 5
    with pytest.raises(BadRecipe, match=r"stage 1: .*'portraits'"):
        read_shipping(path, ["clips.portraits=5"])
    with pytest.raises(BadRecipe, match="unknown key 'stage'"):
        read_shipping(path, ["stage=5"])
    with pytest.raises(BadRecipe, match="at least one"):
        read_shipping(path, ["stages=[]"])
    with pytest.raises(BadRecipe, match="stage 1: rounds: expected"):
        read_shipping(path, ["stages=[{steps: 3}]"])
    bare = tmp_path / "bare.yaml"
    bare.write_text("kind: clips\nname: x\n")
    with pytest.raises(BadRecipe, match=r"bare\.yaml: missing key 'clips'"):
        read_shipping(bare)


def test_rescaling_is_what_it_says(weights):
    detector = load_checkpoint(weights).detector
    pictures = torch.rand(6, 1, 3, 32, 32)
    with torch.no_grad():
        before = detector(pictures)
        rescale(detector, 2.5, 0.4)
        after = detector(pictures)
    torch.testing.assert_close(after, 2.5 * (before - 0.4), rtol=1e-4, atol=1e-5)


def test_the_slope_does_not_depend_on_the_classes_sizes():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(-1, 1, 4000), rng.normal(1, 1, 4000)  # the true slope is 2
    for count in (4000, 800):
        logits = np.concatenate([real, fake[:count]])
        labels = np.repeat([0.0, 1.0], [4000, count])
        assert fitted_slope(logits, labels) == pytest.approx(2, rel=0.1)


def test_scores_are_of_videos_and_know_who_and_how(folders, weights):
    scored = score_crops({"a": weights, "b": weights}, folders["val"])
    assert len(scored.rows) == len(scored.logits["a"]) == 4 * 4 * 12
    np.testing.assert_array_equal(scored.logits["a"], scored.logits["b"])
    assert scored.where(film=True).sum() == 16
    chosen = scored.where(compression="crf23", method=(None, "cloned-swap"))
    assert chosen.sum() == 24
    value, interval = auc_with_interval(scored, "a", chosen)
    assert interval is not None
    assert interval[0] <= value <= interval[1]
    same = difference(scored, "a", "b", chosen)
    assert same[0] == 0


def test_flipping_and_margins_are_averaged(folders, weights):
    both = score_crops({"a": weights}, folders["val"], flip=True, margins=(1.3, 1.5))
    one, other = (
        score_crops({"a": weights}, folders["val"], flip=True, margins=(m,)) for m in (1.3, 1.5)
    )
    mean = (one.logits["a"] + other.logits["a"]) / 2
    np.testing.assert_allclose(both.logits["a"], mean, atol=1e-5)


def test_a_finished_detector_has_its_zero_and_its_card(folders, weights, tmp_path):
    recipe = read_shipping(find_recipe(Path("clips-lite0")))
    final = tmp_path / "clips-lite0.safetensors"
    finish(weights, final, folders, recipe)
    card = load_checkpoint(final).card
    chosen = score_crops({"new": final}, folders["val"])
    genuine, forged = (chosen.logits["new"][chosen.labels == k] for k in (0, 1))
    assert (genuine > 0).mean() == pytest.approx((forged < 0).mean(), abs=0.02)
    aucs = [m for m in card.measured if m.what == "video-level AUC"]
    assert len(aucs) == len(CONDITIONS) * len(VALIDATING)
    assert sum("never shows" in m.on for m in aucs) == len(CONDITIONS) * len(UNSEEN)
    assert all(m.interval is not None for m in aucs)
    assert card.genuine is not None
    assert len(card.genuine.scores) == 2 * 12
    assert (tmp_path / "looks.jsonl").read_text().count("clips-lite0") == 1
    assert "not stated" in card.licence


def test_the_table_names_both_detectors_and_every_condition(folders, weights):
    text = table(score_crops({"old": weights, "new": weights}, folders["val"]))
    lines = text.splitlines()
    assert "new less old" in lines[0]
    assert sum("cloned-swap + autoencoded" in line for line in lines) == len(CONDITIONS)
    assert "+0.000 (+0.000 to +0.000)" in text
    assert any(line.startswith("| film (one person) | H.264 CRF 32 | 1 |") for line in lines)


def test_differences_have_a_sign_and_no_made_up_interval():
    rows = tuple(
        {"label": k % 2, "group": f"p{k // 2 % 4}", "compression": "crf23", "film": False}
        for k in range(16)
    )
    labels = np.array([float(r["label"]) for r in rows])
    scored = Scored(rows, {"good": labels, "bad": -labels}, 0)
    chosen = np.ones(16, dtype=bool)
    assert difference(scored, "good", "bad", chosen) == (1.0, None)  # four people are too few
    assert difference(scored, "bad", "good", chosen) == (-1.0, None)


def test_without_film_there_is_no_share_of_it(folders, weights):
    scored = score_crops({"new": weights}, folders["test"])
    still = [i for i, r in enumerate(scored.rows) if not r["film"]]
    rows = tuple(scored.rows[i] for i in still)
    found = measurements(Scored(rows, {"new": scored.logits["new"][still]}, 0), "new")
    assert all(np.isfinite(m.value) for m in found)
    assert not any("film" in m.on for m in found)
