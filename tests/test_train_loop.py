"""The loop: exact after a kill, the same on two processes, and it stops where it must."""

import copy
import json
import math
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from shard_makers import build
from training_crops import recipe, shown, tiny_benchmark, write_recipe

from unswap.cli import main
from unswap.datasets.shards.layout import BadShards, PrepareSpec, shard_path
from unswap.datasets.types import SamplingSpec
from unswap.detectors.checkpoints import load_checkpoint
from unswap.detectors.face_xray import FaceXray
from unswap.detectors.frame import FrameDetector
from unswap.detectors.headers import BadCheckpoint
from unswap.experiments.training.crops.optimisers import ascended, optimisers
from unswap.experiments.training.crops.run import train_detector
from unswap.experiments.training.errors import BadRecipe, TrainingFailed

PLAIN = {"backbone": "test_convnext"}  # no norm that sees the batch, no dropout


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    return tiny_benchmark(tmp_path_factory.mktemp("loop") / "crops")


def train(crops, out, *, resume=False, **changes):
    data = recipe(**changes)
    data["data"]["crops"] = str(crops)
    return train_detector(data, out, resume=resume)


def lines(run: Path):
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in entries]


def state(run: Path):
    return torch.load(run / "state.pt", weights_only=True)


def assert_same_run(one: Path, other: Path) -> None:
    """Bit for bit: weights, averages, optimiser, generators, what was logged, the checkpoint."""
    a, b = state(one), state(other)
    for part in ("detector", "average"):
        assert a[part].keys() == b[part].keys()
        assert all(torch.equal(a[part][k], b[part][k]) for k in a[part])
    for k, moments in a["optimiser"]["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, b["optimiser"]["state"][k][name])
    assert torch.equal(a["generators"][0]["torch"], b["generators"][0]["torch"])
    assert a["choice"] == b["choice"]
    assert lines(one) == lines(other)
    first, second = (load_file(run / "best.safetensors") for run in (one, other))
    assert all(torch.equal(first[k], second[k]) for k in first)


def losses(run: Path) -> list[float]:
    return [entry["loss"] for entry in lines(run) if "step" in entry]


def test_a_run_leaves_all_that_tells_what_it_was(crops, tmp_path):
    path = train(crops, tmp_path / "run")
    assert path == tmp_path / "run" / "best.safetensors"
    checkpoint = load_checkpoint(path)
    assert checkpoint.id.name == "tiny"
    assert checkpoint.detector.crop_spec.size == 32
    assert checkpoint.card.recipe["steps"] == 8
    (data,) = checkpoint.card.training_data
    assert (data.name, data.items) == ("made", 6)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["selected_by"]["split"] == "val"
    assert record["selected_by"]["level"] == "video"
    assert record["crops"]["training"]["index_sha256"] != ""
    assert record["environment"]["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert main(["recipes", "show", str(tmp_path / "run" / "recipe.yaml")]) == 0
    entries = lines(tmp_path / "run")
    assert [e["step"] for e in entries if "step" in e] == list(range(8))
    measured = {e["after_steps"]: e["auc"] for e in entries if "after_steps" in e}
    assert list(measured) == [3, 6, 8]
    best = record["result"]["chosen_after_steps"]
    assert best == min(k for k, v in measured.items() if v == max(measured.values()))
    assert checkpoint.card.measured[0].value == measured[best]


@pytest.mark.parametrize("stop", [1, 5])
def test_a_run_stopped_anywhere_goes_on_bit_for_bit(crops, tmp_path, monkeypatch, stop):
    train(crops, tmp_path / "straight")
    calls, loss = iter(range(100)), FrameDetector.loss

    def stopped(self, batch):
        if next(calls) == stop:
            raise KeyboardInterrupt
        return loss(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(FrameDetector, "loss", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(crops, tmp_path / "stopped")
    with (tmp_path / "stopped" / "metrics.jsonl").open("a") as file:
        file.write('{"step": ')  # as a kill may leave it
    torch.manual_seed(99)
    train(crops, tmp_path / "stopped", resume=True)
    assert_same_run(tmp_path / "straight", tmp_path / "stopped")


KILLED = """
import os, signal, sys
from unswap.cli import main
from unswap.detectors.frame import FrameDetector
calls, loss = iter(range(1000)), FrameDetector.loss
def dies(self, batch):
    if next(calls) == 17:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(self, batch)
FrameDetector.loss = dies
main(sys.argv[1:])
"""


def test_a_killed_process_goes_on_bit_for_bit(crops, tmp_path):
    changes = {"steps": 24, "save_every_steps": 7, "validation__every_steps": 10}
    train(crops, tmp_path / "straight", **changes)
    file = write_recipe(tmp_path / "tiny.yaml", **changes)
    run = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, "train", str(file), "--out", str(run)]
    ended = subprocess.run(
        [*command, "--set", f"data.crops={crops}"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert state(run)["step"] == 14
    assert json.loads((run / "run.json").read_text())["status"] == "running"
    train(crops, run, resume=True, **changes)
    assert_same_run(tmp_path / "straight", run)


def test_two_processes_train_as_one_does(crops, tmp_path):
    changes = {"detector__arguments": PLAIN, "sam_rho": 0.05, "steps": 6}
    train(crops, tmp_path / "one", **changes)
    file = write_recipe(tmp_path / "tiny.yaml", **changes)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    children = []
    for rank in ("0", "1"):
        env = {
            **os.environ, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2",
            "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
            "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "unswap.cli", "train", str(file)]
        command += ["--out", str(tmp_path / "two"), "--set", f"data.crops={crops}"]
        children.append(
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
    for child in children:
        _, told = child.communicate(timeout=200)
        assert child.returncode == 0, told.decode()
    assert state(tmp_path / "two")["recipe"]["processes"] == 2
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    one, two = state(tmp_path / "one")["detector"], state(tmp_path / "two")["detector"]
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5)


def test_parts_of_a_step_add_up_to_the_step(crops, tmp_path):
    for parts in (1, 2, 4):
        train(crops, tmp_path / str(parts), detector__arguments=PLAIN, accumulate=parts)
    for parts in ("2", "4"):
        assert losses(tmp_path / parts) == pytest.approx(losses(tmp_path / "1"), rel=1e-5)


def test_the_loss_falls_where_there_is_something_to_learn(crops, tmp_path):
    train(crops, tmp_path / "run", steps=60, batch_size=8, validation=None, ema=None,
          data={"balance": ["label"]}, schedule={"name": "constant"})  # fmt: skip
    found = losses(tmp_path / "run")
    assert np.mean(found[-10:]) < 0.5 * np.mean(found[:10])
    told = load_checkpoint(tmp_path / "run" / "best.safetensors").card
    assert not told.measured
    assert any("No checkpoint was chosen" in limit for limit in told.limits)
    assert state(tmp_path / "run")["average"] is None


def test_the_learning_rate_is_the_schedules_at_every_step(crops, tmp_path):
    schedule = {"name": "linear", "warm_up_steps": 2, "begin": 0.5}
    train(crops, tmp_path / "run", schedule=schedule, validation=None)
    rates = [entry["learning_rate"] for entry in lines(tmp_path / "run")]
    wanted = [0.5, 1, 1, 1, 1, 1, 2 / 3, 1 / 3]
    assert rates == pytest.approx([1e-3 * factor for factor in wanted])


def test_what_is_frozen_stays_as_it_is(crops, tmp_path):
    detector = {"name": "gend", "arguments": {"backbone": "test_vit"}, "crop": {"size": 32}}
    torch.manual_seed(0)
    train(crops, tmp_path / "run", detector=detector, ema=None, steps=3, validation=None)
    trained = state(tmp_path / "run")["detector"]
    torch.manual_seed(0)
    from unswap.experiments.training.crops.recipe import plan

    begun = plan(recipe(detector=detector)).create_detector()
    for name, parameter in begun.named_parameters():
        assert torch.equal(parameter, trained[name]) == (not parameter.requires_grad), name


def test_pairs_train_with_both_of_each_in_a_batch(crops, tmp_path, monkeypatch):
    seen, loss = [], FaceXray.loss

    def watched(self, batch):
        seen.append((batch["label"].tolist(), batch["video"].tolist(), batch["boundary"]))
        return loss(self, batch)

    monkeypatch.setattr(FaceXray, "loss", watched)
    detector = {"name": "face-xray", "arguments": {"backbone": "test_resnet"}, "crop": {"size": 32}}
    pairs = {"pairs": {"kinds": "sbi"}, "balance": []}
    train(crops, tmp_path / "run", detector=detector, data=pairs, steps=3)
    assert [labels for labels, _, _ in seen] == [[0.0, 1.0, 0.0, 1.0]] * 3
    assert all(a == b and c == d for _, (a, b, c, d), _ in seen)
    for _, _, boundary in seen:
        assert boundary.shape == (4, 32, 32)
        assert not boundary[0::2].any()
        assert boundary[1::2].any()


def test_a_run_stops_early_and_keeps_the_best(crops, tmp_path, monkeypatch):
    from unswap.experiments.training.crops import validating

    values = iter([0.5, 0.7, 0.6, 0.7, 0.9, 1.0])
    monkeypatch.setattr(validating, "auc", lambda labels, scores: next(values))
    train(crops, tmp_path / "run", steps=30, validation__every_steps=2, validation__patience=2)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    told = {"steps": 8, "chosen_after_steps": 4, "chosen_value": 0.7}
    assert told.items() <= record["result"].items()
    assert len(losses(tmp_path / "run")) == state(tmp_path / "run")["step"] == 8
    train(crops, tmp_path / "run", steps=30, validation__every_steps=2, validation__patience=2,
          resume=True)  # fmt: skip
    assert len(losses(tmp_path / "run")) == 8


def test_the_lowest_log_loss_is_chosen_where_that_selects(crops, tmp_path):
    train(crops, tmp_path / "run", validation__select="log_loss", validation__every_steps=1)
    measured = [e["log_loss"] for e in lines(tmp_path / "run") if "after_steps" in e]
    result = json.loads((tmp_path / "run" / "run.json").read_text())["result"]
    assert result["chosen_value"] == min(measured)
    assert result["chosen_after_steps"] == 1 + measured.index(min(measured))


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_no_number_stops_the_run(crops, tmp_path, monkeypatch, what):
    calls, loss = iter(range(100)), FrameDetector.loss

    def broken(self, batch):
        value = loss(self, batch)
        if next(calls) == 4:
            # the square root's slope is infinite at 0, its value is not
            value = value * math.nan if what == "loss" else torch.sqrt(value * 0)
        return value

    monkeypatch.setattr(FrameDetector, "loss", broken)
    with pytest.raises(
        TrainingFailed, match=rf"the {what} is nan at step 4.*made/.*state\.pt holds"
    ):
        train(crops, tmp_path / "run")
    kept = state(tmp_path / "run")
    assert kept["step"] == 3
    assert all(torch.isfinite(v).all() for v in kept["detector"].values())


def test_a_full_disk_leaves_the_last_good_state(crops, tmp_path, monkeypatch):
    from unswap.experiments.training.crops import state as states

    run, saved = tmp_path / "run", []
    replace = os.replace

    def replaced(part, path):
        replace(part, path)
        if Path(path).name == "state.pt":
            saved.append(path)
            os.symlink("/dev/full", run / "state.pt.part")  # nothing more can be written there

    monkeypatch.setattr(states.os, "replace", replaced)
    with pytest.raises(TrainingFailed, match=r"state\.pt: it can't be saved \(No space left"):
        train(crops, run)
    monkeypatch.undo()
    assert len(saved) == 1
    assert state(run)["step"] == 3
    train(crops, run, resume=True)
    train(crops, tmp_path / "straight")
    assert_same_run(tmp_path / "straight", run)


def test_a_full_disk_leaves_the_last_checkpoint(crops, tmp_path):
    run = tmp_path / "run"
    train(crops, run, steps=3)
    before = (run / "best.safetensors").read_bytes()
    (run / "run.json").unlink()
    (run / "state.pt").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # as a quota does
    try:
        with pytest.raises(TrainingFailed, match=r"best\.safetensors: it can't be saved.*is kept"):
            train(crops, run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (run / "best.safetensors.part").exists()
    assert (run / "best.safetensors").read_bytes() == before


def test_a_damaged_state_is_said(crops, tmp_path):
    run = tmp_path / "run"
    train(crops, run)
    whole = (run / "state.pt").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"nonsense"):
        (run / "state.pt").write_bytes(damaged)
        with pytest.raises(TrainingFailed, match=r"state\.pt: it can't be read .*damaged"):
            train(crops, run, resume=True)


def test_a_run_does_not_go_on_by_another_recipe_or_other_data(crops, tmp_path):
    run = tmp_path / "run"
    train(crops, run)
    with pytest.raises(FileExistsError, match="go on with --resume"):
        train(crops, run)
    with pytest.raises(TrainingFailed, match=r"optimiser\.lr was 0\.001, is 0\.1"):
        train(crops, run, resume=True, optimiser__lr=0.1)
    with pytest.raises(TrainingFailed, match=r"detector\.arguments\.backbone was"):
        train(crops, run, resume=True, detector__arguments=PLAIN)
    other = tiny_benchmark(tmp_path / "other", each=4)
    with pytest.raises(TrainingFailed, match=r"crops\.training\.index_sha256"):
        train(other, run, resume=True)
    moved = tmp_path / "moved"
    crops_again = tiny_benchmark(moved)
    train(crops_again, run, resume=True, save_every_steps=5)
    with pytest.raises(FileExistsError, match="there is no run"):
        train(crops, tmp_path / "none", resume=True)


def test_training_begins_from_a_checkpoint(crops, tmp_path):
    path = train(crops, tmp_path / "first")
    loaded = load_file(path)
    still = {"steps": 1, "optimiser": {"name": "sgd", "lr": 0.0}, "ema": None, "validation": None}
    still["data"] = {"balance": ["label"]}
    train(crops, tmp_path / "second", detector__start_from=str(path), **still)
    after = load_file(tmp_path / "second" / "best.safetensors")
    weights = [k for k in loaded if "running" not in k and "num_batches" not in k]
    assert all(torch.equal(loaded[k], after[k]) for k in weights)
    with pytest.raises(BadCheckpoint, match="weights of 'frame', and 'xception' is trained"):
        train(crops, tmp_path / "x", detector__name="xception", detector__start_from=str(path),
              detector__arguments={"backbone": "test_resnet"})  # fmt: skip
    with pytest.raises(BadCheckpoint, match=r"do not fit detector\.arguments"):
        train(crops, tmp_path / "x", detector__arguments=PLAIN, detector__start_from=str(path))
    with pytest.raises(BadCheckpoint, match="no such file"):
        train(crops, tmp_path / "x", detector__start_from="none.safetensors")
    assert not (tmp_path / "x").exists()


def test_crops_that_will_not_do_are_refused_before_anything_is_written(crops, tmp_path):
    def refused(told, folder=crops, kind=BadRecipe, **changes):
        with pytest.raises(kind, match=told):
            train(folder, tmp_path / "run", **changes)
        assert not (tmp_path / "run").exists()

    real = build(tmp_path / "real", [shown(0, s, n) for s in ("train", "val") for n in (0, 1)])
    refused("'train' has no manipulated video to train on", real)
    pairs = {"data": {"pairs": {}, "balance": []}}
    refused("validation split has no manipulated video", real, **pairs)
    videos = [shown(label, "train", label) for label in (0, 1)]
    refused("unknown split 'val'", build(tmp_path / "no-val", videos))
    refused("a margin of 3", detector__crop={"size": 32, "margin": 3})
    narrow = build(tmp_path / "narrow", videos, spec=PrepareSpec(SamplingSpec(2), margin=1.1))
    refused(r"need a margin of 1\.30", narrow)
    refused("has no Deepfakes; it has Move, Swap", data__methods=["Deepfakes"])
    refused("unknown method 'Deepfakes'", data__weights={"Deepfakes": 2})
    refused("prepared", tmp_path / "nowhere", kind=BadShards)
    xray = {"name": "face-xray", "arguments": {"backbone": "test_resnet"}, "crop": {"size": 32}}
    refused("learns from boundary", detector=xray)
    clips = {"name": "clip-transformer", "arguments": {"backbone": "test_resnet", "heads": 4}}
    refused("clips of 8 frames are wanted", detector=clips)


def test_videos_that_are_trained_on_can_not_choose(crops, tmp_path):
    copy_of = tiny_benchmark(tmp_path / "copy")
    with pytest.raises(BadRecipe, match=r"6 of its videos are trained on, 'made/"):
        train(crops, tmp_path / "run", validation__crops=str(copy_of), validation__split="train")


def test_a_damaged_crop_ends_the_run(tmp_path):
    folder = tiny_benchmark(tmp_path / "crops")
    path = shard_path(folder, 0)
    data = bytearray(path.read_bytes())
    data[5000] ^= 255
    path.write_bytes(data)
    with pytest.raises(BadShards, match=r"000000\.tar.*checksum"):
        train(folder, tmp_path / "run", steps=40)


def test_pretrained_weights_that_can_not_be_had_are_said(crops, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    arguments = {"backbone": "test_efficientnet", "pretrained": str(tmp_path / "none.safetensors")}
    with pytest.raises(BadRecipe, match=r"detector\.arguments\.pretrained: .*no file .*none"):
        train(crops, tmp_path / "run", detector__arguments=arguments)


def test_the_command_says_what_is_wrong_and_how_to_go_on(crops, tmp_path, capsys, monkeypatch):
    file = write_recipe(tmp_path / "tiny.yaml")
    run = ["train", str(file), "--out", str(tmp_path / "run")]
    assert main(run) == 2
    assert "--set data.crops=FOLDER" in capsys.readouterr().err
    monkeypatch.setattr(FrameDetector, "loss", lambda self, b: self(b["clips"]).sum() * math.nan)
    assert main([*run, "--set", f"data.crops={crops}"]) == 4
    assert "unswap train: stopped: the loss is nan at step 0" in capsys.readouterr().err
    monkeypatch.undo()
    assert main([*run, "--set", f"data.crops={crops}", "--resume"]) == 0
    assert "best.safetensors" in capsys.readouterr().out


def test_sharpness_aware_steps_take_the_gradient_from_uphill():
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
    before = copy.deepcopy(layer.weight.data)
    (layer.weight**2).sum().backward()  # gradient 6, 8; norm 10
    with ascended(layer, 0.5):
        assert torch.allclose(layer.weight, torch.tensor([[3.3, 4.4]]))
        layer.zero_grad()
        (layer.weight**2).sum().backward()
    assert torch.equal(layer.weight.data, before)
    assert torch.allclose(layer.weight.grad, torch.tensor([[6.6, 8.8]]))


def test_running_statistics_are_of_the_first_pass_alone():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    net(torch.randn(8, 2)).pow(2).sum().backward()
    before = net[1].running_mean.clone()
    with ascended(net, 0.1):
        net(torch.randn(8, 2)).sum()
    assert torch.equal(net[1].running_mean, before)
    net(torch.randn(8, 2))
    assert not torch.equal(net[1].running_mean, before)


def test_weight_decay_spares_vectors_with_adamw_alone():
    net = torch.nn.Linear(3, 2)
    groups = optimisers.get("adamw")(net.parameters(), lr=1e-3, weight_decay=0.1).param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(1, 0.1), (1, 0.0)]
    (group,) = optimisers.get("adam")(net.parameters(), lr=1e-3, weight_decay=0.1).param_groups
    assert len(group["params"]) == 2
    with pytest.raises(ValueError, match="every parameter is frozen"):
        optimisers.get("sgd")(net.requires_grad_(False).parameters(), lr=1.0)


def test_runs_of_other_precision_follow_each_other_in_one_process(crops, tmp_path):
    for precision in ("bf16", "fp32"):
        out = tmp_path / precision
        train(crops, out, precision=precision, steps=3, detector__arguments=PLAIN)
        assert all(v.dtype != torch.bfloat16 for v in state(out)["detector"].values())
    a, b = losses(tmp_path / "bf16"), losses(tmp_path / "fp32")
    assert a != b
    assert a == pytest.approx(b, rel=0.1)
