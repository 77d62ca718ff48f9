"""Recipes: what is wrong is said all at once; those that ship train, made small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from detector_arguments import LENGTHS, SIZES, SMALL
from training_crops import recipe, tiny_benchmark, write_recipe

from unswap.cli import main
from unswap.detectors.checkpoints import load_checkpoint
from unswap.experiments.training.crops.binding import bind
from unswap.experiments.training.crops.recipe import plan
from unswap.experiments.training.errors import BadRecipe
from unswap.experiments.training.overrides import override
from unswap.experiments.training.recipe import read_recipe, read_yaml
from unswap.experiments.training.start import (
    describe_recipe,
    find_recipe,
    kind_of,
    list_recipes,
    shipped_recipes,
    start,
)

DETECTORS = [name for name, path in shipped_recipes().items() if kind_of(path) == "detector"]
QUICK = ("xception", "sbi", "clip-transformer")  # labelled crops, pairs, clips
SHORT = ("steps=2", "batch_size=4", "accumulate=1", "workers=0", "precision=fp32",
         "validation.every_steps=2", "validation.clips_per_track=1")  # fmt: skip


def small(name: str, crops: Path) -> list[str]:
    """The settings that make a recipe that ships fit for a test."""
    detector = read_yaml(shipped_recipes()[name])["detector"]["name"]
    return [
        *SHORT,
        f"data.crops={crops}",
        f"detector.crop.size={SIZES.get(detector, 64)}",
        f"detector.arguments={json.dumps(SMALL[detector])}",
        f"detector.sampling.clip_length={LENGTHS.get(detector, 1)}",
    ]


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    return tiny_benchmark(tmp_path_factory.mktemp("recipes") / "crops", each=2)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return tiny_benchmark(tmp_path_factory.mktemp("recipes") / "clips", each=2, length=6)


def test_all_that_is_wrong_is_said_at_once():
    data = recipe(
        stepps=3,
        steps=0,
        optimiser={"name": "adamw", "lr": "fast", "momentum": 1},
        schedule={"name": "cosin"},
        detector__crop={"size": 32, "margn": 2},
        data__augment={"flip": 2},
        data__balance=["people"],
        validation__split="test",
        validation__select="accuracy",
    )
    with pytest.raises(BadRecipe) as error:
        plan(data)
    for part in (
        "unknown key 'stepps'; did you mean 'steps'?",
        "steps: expected greater than or equal to 1, got 0",
        "optimiser.lr: expected a number, got 'fast'",
        "unknown key 'optimiser.momentum'; known: betas, lr, weight_decay",
        "schedule.name: unknown schedule 'cosin'; did you mean 'cosine'?",
        "unknown key 'detector.crop.margn'; did you mean 'margin'?",
        "data.augment: expected flip from 0 to 1, got 2.0",
        "data.balance: expected some of label, method, identity, video, got people",
        "validation.split: a recipe can't choose a checkpoint by a split marked test",
        "validation.select: expected auc or average_precision or log_loss, got 'accuracy'",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"detector__name": "xcepton"}, "unknown detector 'xcepton'; did you mean 'xception'?"),
        ({"detector__arguments": {"backbone": "test_convnex"}}, "did you mean 'test_convnext'?"),
        ({"detector__arguments": {}}, "missing key 'detector.arguments.backbone'"),
        ({"detector__sampling": {"clip_length": 4}}, "expected clip_length 1, got 4"),
        ({"detector__crop": {"size": -1}}, "expected a crop size of at least 1 pixel, got -1"),
        ({"detector__aggregation": "mean/max"}, "unknown frame aggregation 'mean'"),
        ({"optimiser": {"lr": 1}}, "missing key 'optimiser.name'"),
        ({"optimiser": {"name": "adam"}}, "missing key 'optimiser.lr'"),
        ({"data__split": "test"}, "a recipe can't train on a split marked test"),
        ({"data__split": "training"}, "expected train or val, got 'training'"),
        ({"validation__split": "train"}, "'train' is what is trained on; it can't choose"),
        ({"data__weights": {"Swap": 0}}, "expected weights above 0, got Swap: 0"),
        ({"data__balance": [], "data__weights": {"Swap": 2}}, "without data.balance"),
        ({"batch_size": 6, "accumulate": 4}, "expected a multiple of 4"),
        ({"batch_size": 5, "data": {"pairs": {}, "balance": []}}, "multiple of 2"),
        ({"data": {"pairs": {}}}, "data.balance: pairs are balanced already"),
        ({"data__pairs": {}}, "data.augment: not of pairs"),
        ({"data": {"pairs": {"kind": "sbi"}, "balance": []}}, "did you mean 'kinds'?"),
        ({"sam_rho": 0.1, "precision": "fp16"}, "sam_rho: not with precision fp16"),
        ({"schedule": {"name": "cyclic", "cycles": 0}}, "schedule: expected at least 1 cycle"),
        ({"kind": "detectors"}, "kind: expected 'detector'"),
        ({"detector": 3}, "detector: "),
        ({"name": "a/b"}, "name: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes, told):
    with pytest.raises(BadRecipe) as error:
        plan(recipe(**changes))
    assert told in str(error.value)


def test_a_detector_keeps_its_own_crops_but_for_what_is_given():
    detector = {"name": "gend", "arguments": {"backbone": "test_vit"}, "crop": {"size": 32}}
    made = plan(recipe(detector=detector))
    assert made.crop_spec.size == 32
    assert made.crop_spec.mean == (0.48145466, 0.4578275, 0.40821073)
    clip = {"name": "clip-transformer", "arguments": {"backbone": "test_vit", "heads": 4}}
    made = plan(recipe(detector={**clip, "sampling": {"num_clips": 2}}))
    assert (made.sampling_spec.num_clips, made.sampling_spec.clip_length) == (2, 8)
    assert (made.crop_spec.size, made.crop_spec.margin) == (224, 1.3)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_ships_is_checked_whole(name):
    made = plan(read_yaml(shipped_recipes()[name]))
    assert made.recipe.name == name
    if name in QUICK:  # what it resolves to is a recipe, which resolves to the same
        again = yaml.safe_load(yaml.safe_dump(made.resolved()))
        assert plan(again).resolved() == made.resolved()


def test_settings_come_before_the_recipe_and_the_recipe_before_defaults():
    assert plan(recipe()).recipe.batch_size == 4
    assert plan(override(recipe(), ["batch_size=6", "batch_size=8"])).recipe.batch_size == 8
    assert plan(recipe()).recipe.accumulate == 1
    made = plan(override(recipe(), ["detector.arguments.drop_rate=0.5", "optimiser.lr=1e-4"]))
    assert made.detector_arguments["drop_rate"] == 0.5
    assert made.detector_arguments["backbone"] == "test_efficientnet"
    assert made.optimiser_arguments["lr"] == 1e-4


def test_settings_that_are_none_are_all_listed():
    with pytest.raises(BadRecipe) as error:
        override(recipe(), ["steps", "=3", "a..b=1", "steps.x=1", "steps=[1", "seed=3"])
    for part in ("--set steps:", "--set =3:", "--set a..b=1:", "steps has no keys", "not YAML"):
        assert part in str(error.value)
    assert "seed" not in str(error.value)


def test_binding_reads_a_signature():
    def made(size: int, name: str = "x", **others: float) -> None: ...

    assert bind(made, {"size": "3", "rate": 1}, "part") == (
        {"size": 3, "name": "x", "rate": 1},
        [],
    )
    assert bind(made, {}, "part")[1] == ["missing key 'part.size'"]
    assert bind(made, {}, "part", partial=True) == ({}, [])
    assert bind(made, {"size": 2.5}, "part")[1] == ["part.size: expected a whole number, got 2.5"]


def test_recipes_are_found_by_name_and_near_names_are_suggested(tmp_path):
    assert find_recipe(Path("xception")) == find_recipe(Path("xception.yaml"))
    own = write_recipe(tmp_path / "xception.yaml")
    assert find_recipe(own) == own
    with pytest.raises(BadRecipe, match="unknown recipe 'xcepton'; did you mean 'xception'"):
        find_recipe(Path("xcepton"))
    with pytest.raises(BadRecipe, match=r"xcepton\.yaml: no such file; unknown recipe"):
        find_recipe(Path("xcepton.yaml"))
    other = write_recipe(tmp_path / "other.yaml", kind="portrait")
    with pytest.raises(BadRecipe, match="unknown kind of recipe 'portrait'"):
        kind_of(other)


def test_recipes_of_portraits_take_settings_too(tmp_path):
    path = shipped_recipes()["sbi-lite0"]
    assert kind_of(path) == "portraits"
    assert read_recipe(path, ["steps=7", "learning_rate=0.1"]).steps == 7
    with pytest.raises(BadRecipe, match="unknown key 'step'"):
        read_recipe(path, ["step=7"])
    own = write_recipe(tmp_path / "own.yaml")
    with pytest.raises(BadRecipe, match="--cache"):
        start(own, tmp_path / "run", cache=tmp_path)


def test_recipes_are_listed_and_shown(capsys):
    assert main(["recipes", "list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == sorted(shipped_recipes())
    assert main(["recipes", "show", "sbi", "--set", "seed=5"]) == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert told["seed"] == 5
    assert told["data"]["pairs"]["kinds"] == "sbi"
    assert yaml.safe_load(describe_recipe(Path("sbi-lite0")))["backbone"] == "tf_efficientnet_lite0"
    assert main(["recipes", "show", "sb"]) == 2
    assert "did you mean 'sbi'" in capsys.readouterr().err
    assert len(list_recipes().splitlines()) == len(shipped_recipes())


def test_listing_recipes_needs_no_torch():
    code = "from unswap.cli import main; import sys; main(['recipes', 'list']); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def _train_small(name: str, crops: Path, clips: Path, out: Path) -> None:
    detector = read_yaml(shipped_recipes()[name])["detector"]["name"]
    folder = clips if detector in LENGTHS else crops
    settings = [part for s in small(name, folder) for part in ("--set", s)]
    assert main(["train", name, "--out", str(out), *settings]) == 0
    checkpoint = load_checkpoint(out / "best.safetensors")
    assert checkpoint.card.name == name
    assert checkpoint.card.measured[0].what == "auc"
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line.get("step") for line in lines] == [0, 1, None]
    assert any((out / "tensorboard").iterdir())


@pytest.mark.parametrize("name", QUICK)
def test_recipes_train_end_to_end(name, crops, clips, tmp_path):
    _train_small(name, crops, clips, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in DETECTORS if n not in QUICK])
def test_all_other_recipes_train_end_to_end(name, crops, clips, tmp_path):
    _train_small(name, crops, clips, tmp_path / "run")
