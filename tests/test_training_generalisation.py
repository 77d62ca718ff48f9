"""The experiment on how training generalises: who trains, what is kept, what its tables say."""

import functools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from shard_makers import Shown, build

from unswap.datasets.shards.layout import PrepareSpec
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.types import SamplingSpec
from unswap.detectors.checkpoints import load_checkpoint
from unswap.experiments.training.crops.recipe import plan
from unswap.experiments.training.generalisation.__main__ import main
from unswap.experiments.training.generalisation.arms import ARMS, UNSEEN, Settings, recipe
from unswap.experiments.training.generalisation.parts import is_held_out, make_part, trains
from unswap.experiments.training.generalisation.run import RESULTS, experiment
from unswap.experiments.training.generalisation.starting import make_start
from unswap.experiments.training.generalisation.table import (
    over_seeds,
    read_results,
    tables,
    unseen_means,
)

TINY = Settings(
    seeds=(0,), steps=2, rounds=1, held_every=3, backbone="test_efficientnet", size=32,
    batch_size=4, warm_up_steps=1,
)  # fmt: skip
TRAINED = ("self-blended", "resampled", "between-people")
CHECKED = ("self-blended", *UNSEEN)


def shown(split: str, person: str, method: str | None, condition: str | None, donor: str) -> Shown:
    """A clip of two crops; a forged one shows another scene than its original."""
    genuine = f"made-clips/real/{condition or '-'}/000/{person}"
    columns = {
        "split": split, "group": person, "target_id": person, "compression": condition,
        "source_id": person if method is None else donor,
        "original": None if method is None else genuine,
    }  # fmt: skip
    name = genuine if method is None else genuine.replace("real", method)
    return Shown(name, int(method is not None), method, clips=[[[0], [9]]], columns=columns)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "clips"
    spec = PrepareSpec(SamplingSpec(2), margin=1.6)
    people = [f"p{k:03}" for k in range(12)]
    training = [
        shown("train", person, method, None, people[k - 1])
        for k, person in enumerate([*people, "franck"])
        for method in (None, *TRAINED)
    ]
    checking = [
        shown("val", person, method, condition, "p101")
        for person in ("p100", "p101", "rob")
        for condition in ("crf23", "crf32", "crf23-0.5")
        for method in (None, *CHECKED)
    ]
    build(folder / "crops" / "train-1", training, spec=spec, per_shard=20)
    build(folder / "crops" / "val", checking, spec=spec, per_shard=20)
    return folder


@pytest.fixture(scope="module")
def done(clips, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("done") / "out"
    experiment(clips, out, TINY, cache=None)
    return out


def videos(part: Path) -> list[dict]:
    store = PreparedCrops(part)
    counts = store.videos.column("num_crops").to_pylist()
    return [r for r, n in zip(store.videos.to_pylist(), counts, strict=True) if n]


def test_nobody_who_is_measured_has_trained(done) -> None:
    training = videos(done / "parts/train")
    held = videos(done / "parts/held-out")
    checked = videos(done / "parts/val")
    in_training = {r["target_id"] for r in training} | {r["source_id"] for r in training}
    assert in_training
    assert {r["target_id"] for r in held}
    assert not in_training & {r["target_id"] for r in held}
    assert not in_training & {r["target_id"] for r in checked}
    assert "franck" in in_training  # the filmed one always trains
    assert {r["compression"] for r in checked} == {"crf23", "crf32"}
    assert {r["group"] for r in checked} == {"p100", "p101"}


def test_a_part_reads_the_crops_of_the_whole(clips, tmp_path) -> None:
    whole = PreparedCrops(clips / "crops/train-1")
    part = PreparedCrops(
        make_part(clips / "crops/train-1", tmp_path / "part", lambda r: r["group"] == "p003", 2)
    )
    assert len(part) == 1 + len(TRAINED)  # the first of two clips of each
    part.verify(deep=True)
    there = np.flatnonzero((whole.video == part.video[0]) & (whole.clip == 0))
    for ours, theirs in zip(part.read_sample(0), whole.read_sample(int(there[0])), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="none of its 52 videos"):
        make_part(clips / "crops/train-1", tmp_path / "none", lambda r: False)


def test_about_one_in_so_many_is_held_out() -> None:
    people = [f"p{k:03}" for k in range(1000)]
    held = {p for p in people if is_held_out(p, 5)}
    assert 150 < len(held) < 250
    out, of = sorted(held)[0], next(p for p in people if p not in held)
    assert trains({"target_id": of, "source_id": of}, 5)
    assert not trains({"target_id": out, "source_id": out}, 5)
    assert not trains({"target_id": of, "source_id": out}, 5)
    assert not is_held_out("franck", 2)


def test_arms_are_alike_in_all_but_what_they_see(tmp_path) -> None:
    start = make_start(tmp_path / "start.safetensors", TINY, None)
    made = {arm: recipe(arm, 3, tmp_path, start, TINY) for arm in ARMS}
    for arm, data in made.items():
        resolved = plan(data).resolved()
        assert resolved["validation"] is None
        assert resolved["seed"] == 3
        assert resolved["data"]["methods"] == (None if arm == "sbi" else [arm])
        assert (resolved["data"]["pairs"] is not None) == (arm == "sbi")
        for key in ("detector", "optimiser", "schedule", "steps", "batch_size"):
            assert data[key] == made["sbi"][key]
    assert not set(UNSEEN) & set(ARMS.values())
    with pytest.raises(ValueError, match="known: between-people"):
        recipe("between", 0, tmp_path, start, TINY)


def test_the_start_says_nothing_of_any_face(tmp_path) -> None:
    import torch

    detector = load_checkpoint(make_start(tmp_path / "s.safetensors", TINY, None)).detector
    with torch.inference_mode():
        logits = detector(torch.rand(3, 1, 3, 32, 32))
    np.testing.assert_array_equal(logits.numpy(), 0)


def test_every_run_has_every_figure(done) -> None:
    settings, found = read_results(done / RESULTS)
    assert settings["seeds"] == [0]
    assert len(found) == len(ARMS) * (len(TRAINED) + 2 * len(CHECKED))
    assert all(0 <= row["auc"] <= 1 for row in found)
    val = [r for r in found if r["set"] == "val"]
    assert {(r["real"], r["forged"], r["people"]) for r in val} == {(2, 2, 2)}
    assert all(r["interval"] is None for r in val)  # of two people there is none


def test_a_finished_experiment_is_kept_and_nothing_else_goes_on_from_it(clips, done) -> None:
    files = [f for f in (done / "runs").rglob("*") if f.is_file()]
    before = [(f.stat().st_mtime_ns, f.read_bytes()) for f in files]
    results = (done / RESULTS).read_bytes()
    assert experiment(clips, done, TINY, None).read_bytes() == results
    assert [(f.stat().st_mtime_ns, f.read_bytes()) for f in files] == before
    with pytest.raises(ValueError, match="steps: 2 then, 3 now"):
        experiment(clips, done, replace(TINY, steps=3), None)
    with pytest.raises(FileNotFoundError, match="rounds=7"):
        experiment(clips, done, replace(TINY, rounds=7), None)
    # it began with random weights; the command begins with ImageNet's
    with pytest.raises(ValueError, match="pretrained: False then, True now"):
        main(["--clips", str(clips), "--out", str(done)], TINY)


def test_the_command_goes_on_and_prints_tables(clips, done, tmp_path, capsys, monkeypatch) -> None:
    """One more seed trains that alone."""
    out = tmp_path / "out"
    shutil.copytree(done, out, symlinks=True)
    kept = (out / "runs/sbi-0/best.safetensors").stat().st_mtime_ns
    run_it = functools.partial(_without_weights, experiment)
    monkeypatch.setattr("unswap.experiments.training.generalisation.__main__.experiment", run_it)
    main(["--clips", str(clips), "--out", str(out), "--seeds", "0", "1"], TINY)
    assert (out / "runs/sbi-0/best.safetensors").stat().st_mtime_ns == kept
    losses = [
        [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in sorted((out / "runs").glob("resampled-*"))
    ]
    assert len(losses) == 2
    assert losses[0] != losses[1]  # seeds draw otherwise
    told = capsys.readouterr().out
    assert "2 steps of 4 pictures, 2 seeds" in told
    assert told.count("too few people") >= len(ARMS) * len(CHECKED)


def _without_weights(run, clips, out, settings, cache):
    return run(clips, out, settings, None)


def figure(arm: str, seed: int, forgery: str, auc: float, condition: str = "crf23") -> dict:
    return {
        "arm": arm, "seed": seed, "set": "val", "forgery": forgery, "condition": condition,
        "real": 70, "forged": 70, "people": 70, "auc": auc, "interval": [auc - 0.05, auc + 0.05],
    }  # fmt: skip


def test_tables_tell_means_seeds_people_and_differences() -> None:
    aucs = {"sbi": (0.8, 0.9), "resampled": (0.6, 0.5), "between-people": (0.7, 0.7)}
    found = [
        figure(arm, seed, forgery, aucs[arm][seed] + (0.02 if forgery == "autoencoded" else 0))
        for seed in (0, 1)
        for arm in ARMS
        for forgery in CHECKED
    ]
    text = tables({"seeds": [0, 1], "steps": 9, "batch_size": 4}, found)
    assert "9 steps of 4 pictures, 2 seeds" in text
    half = stats.t.ppf(0.975, 1) * np.std([0.8, 0.9], ddof=1) / 2**0.5
    assert f"| .850 ± {half:.3f}* | .550" in text  # its own forgery is marked, the others' is not
    assert ".800 .900* | .600 .500 | .700 .700 |" in text
    assert ".800 [.750, .850]" in text
    assert "| sbi less resampled | +0.300" in text
    assert "+0.200 +0.400" in text
    assert unseen_means(found, [0, 1])["sbi"] == pytest.approx([0.81, 0.91])


def test_one_seed_has_no_interval_over_seeds() -> None:
    assert over_seeds([0.7]) == (0.7, None)
    low, high = stats.t.interval(0.95, 2, loc=0.6, scale=stats.sem([0.5, 0.6, 0.7]))
    mean, half = over_seeds([0.5, 0.6, 0.7])
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="each once"):
        Settings(seeds=(1, 1))
    with pytest.raises(ValueError, match="at least 2"):
        Settings(held_every=1)
