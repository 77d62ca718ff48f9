"""Published weights become checkpoints that give the published networks' scores."""

import pickle

import pytest
import timm
import torch
from published_networks import (
    MESO4,
    MESO_INCEPTION,
    b4_state,
    b4_two_logits,
    clip_state,
    clip_two_logits,
    meso_layers,
    meso_real_probability,
)

from unswap.cli import main
from unswap.datasets.types import CropSpec
from unswap.detectors import effort
from unswap.detectors.architectures import create_detector
from unswap.detectors.checkpoints import load_checkpoint
from unswap.detectors.converting import convert as converting
from unswap.detectors.converting import reading
from unswap.detectors.converting.convert import convert
from unswap.detectors.converting.effort import rename_effort
from unswap.detectors.converting.sources import sources
from unswap.detectors.converting.weights import BadWeights, read_weights, unwrapped


def images(count, size, seed=1):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def write_h5(path, layers):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for layer, variables in layers.items():
            for name, value in variables.items():
                file[f"{layer}/{layer}/{name}"] = value.numpy()
        file.create_group("dropout_1")  # layers without variables are there too
    return path


def agree(checkpoint, pictures, expected):
    detector = load_checkpoint(checkpoint).detector
    with torch.inference_mode():
        got = detector(pictures[:, None])
    assert expected.std() > 0.01  # else anything agrees
    torch.testing.assert_close(got, expected, rtol=2e-3, atol=2e-3)


@pytest.fixture
def here(monkeypatch):
    """Files are read in this process: starting one of their own takes seconds."""

    def read(path):
        return unwrapped({k: torch.from_numpy(v) for k, v in reading.read(path).items()})

    monkeypatch.setattr(converting, "read_weights", read)


@pytest.fixture(scope="module")
def xception_file(tmp_path_factory):
    """DeepfakeBench's names: timm's but for the head, behind `backbone.`; saved by parallel training."""
    torch.manual_seed(0)
    network = timm.create_model("legacy_xception", num_classes=2)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    with torch.inference_mode():
        network.train()(
            images(4, 64, seed=5)
        )  # statistics as they are, so that signals get through
    network.eval()
    state = {f"module.backbone.{k}": v for k, v in network.state_dict().items()}
    for part in ("weight", "bias"):
        state[f"module.backbone.last_linear.{part}"] = state.pop(f"module.backbone.fc.{part}")
    state["module.backbone.adjust_channel.0.weight"] = torch.zeros(512, 2048, 1, 1)
    path = tmp_path_factory.mktemp("xception") / "xception_best.pth"
    torch.save(state, path)
    return path, network


def test_deepfakebenchs_xception(xception_file, tmp_path):
    path, network = xception_file
    pictures = images(4, 64)
    with torch.inference_mode():
        two = network(pictures)
    out = convert("deepfakebench-xception", path, tmp_path / "out.safetensors")
    agree(out, pictures, two[:, 1] - two[:, 0])
    loaded = load_checkpoint(out)
    assert loaded.detector.crop_spec == CropSpec(256, margin=1.3)
    assert loaded.card.limits
    assert loaded.card.recipe["converted_from"].startswith("file/")


def test_deepfakebenchs_efficientnet(here, tmp_path):
    prefix, head = "backbone.efficientnet.", "backbone.last_layer"
    state = b4_state(prefix, head)
    torch.save(state, tmp_path / "b4.pth")
    pictures = images(3, 96)
    with torch.inference_mode():
        two = b4_two_logits(state, prefix, head, pictures, unpadded_stem=True)
    out = convert("deepfakebench-efficientnet-b4", tmp_path / "b4.pth", tmp_path / "o.safetensors")
    agree(out, pictures, two[:, 1] - two[:, 0])


def test_sbi(here, tmp_path):
    state = b4_state("net.", "net._fc", seed=2)
    optimiser = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
    torch.save({"model": state, "optimizer": optimiser, "epoch": 3}, tmp_path / "sbi.tar")
    pictures = images(3, 92)  # as 380: even, even, odd, even, even when halved
    with torch.inference_mode():
        two = b4_two_logits(state, "net.", "net._fc", pictures, unpadded_stem=False)
    out = convert("sbi", tmp_path / "sbi.tar", tmp_path / "sbi.safetensors")
    agree(out, pictures, two[:, 1] - two[:, 0])
    spec = load_checkpoint(out).detector.crop_spec
    assert (spec.size, spec.mean, spec.std) == (380, (0, 0, 0), (1, 1, 1))


def test_effort(monkeypatch):
    def small(*_):
        return timm.models.VisionTransformer(
            img_size=56, patch_size=14, embed_dim=32, depth=2, num_heads=4, num_classes=0,
            pre_norm=True, norm_layer=torch.nn.LayerNorm, act_layer="quick_gelu",
        )  # fmt: skip

    monkeypatch.setattr(effort, "create_vit", small)
    detector = create_detector("effort", crop_spec=CropSpec(56)).eval()
    state = clip_state(width=32, layers=2, patch=14, tokens=16)
    detector.load_state_dict(rename_effort(state))
    pictures = images(4, 56)
    with torch.inference_mode():
        two = clip_two_logits(state, pictures, heads=4, layers=2)
        torch.testing.assert_close(
            detector(pictures[:, None]), two[:, 1] - two[:, 0], rtol=1e-3, atol=1e-3
        )


def test_effort_has_a_place_for_every_tensor_of_the_full_size():
    with torch.device("meta"):
        detector = create_detector("effort")
        state = rename_effort(
            {
                k: v.to("meta")
                for k, v in clip_state(width=32, layers=24, patch=14, tokens=256).items()
            }
        )
    assert state.keys() == detector.state_dict().keys()


@pytest.mark.parametrize(
    ("name", "shapes", "norms"),
    [("mesonet4", MESO4, (8, 8, 16, 16)), ("mesoinception4", MESO_INCEPTION, (11, 12, 16, 16))],
)
def test_mesonet(name, shapes, norms, tmp_path):
    layers = meso_layers(shapes, norms)
    path = write_h5(tmp_path / "meso.h5", layers)
    pictures = images(3, 256)
    inception = name == "mesoinception4"
    real = meso_real_probability(layers, pictures.permute(0, 2, 3, 1), inception=inception)
    out = convert(name, path, tmp_path / "meso.safetensors")
    agree(out, pictures, torch.log(1 - real) - torch.log(real))


def test_keras_numbers_may_begin_anywhere_and_leave_out_the_first(tmp_path):
    layers = meso_layers(MESO4, (8, 8, 16, 16))

    def rename(layer):
        kind, _, number = layer.rpartition("_")
        return kind if number == "1" else f"{kind}_{int(number) + 8}"  # conv2d, conv2d_10, ...

    path = write_h5(tmp_path / "meso.h5", {rename(k): v for k, v in layers.items()})
    pictures = images(3, 256)
    real = meso_real_probability(layers, pictures.permute(0, 2, 3, 1), inception=False)
    out = convert("mesonet4", path, tmp_path / "meso.safetensors")
    agree(out, pictures, torch.log(1 - real) - torch.log(real))


# ---- what can't be converted


def test_weights_of_another_network_are_refused(here, xception_file, tmp_path):
    path, _ = xception_file
    with pytest.raises(BadWeights, match=r"xception_best\.pth: no effort weights: head\.weight"):
        convert("effort", path, tmp_path / "out.safetensors")
    layers = meso_layers(MESO4, (8, 8, 16, 16))
    meso = write_h5(tmp_path / "meso.h5", layers)
    with pytest.raises(BadWeights, match="expected 16 layers conv2d, got 4"):
        convert("mesoinception4", meso, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_missing_unknown_and_misshapen_tensors_are_named(here, xception_file, tmp_path):
    state = torch.load(xception_file[0], weights_only=True)
    del state["module.backbone.conv1.weight"]
    state["module.backbone.conv2.weight"] = torch.zeros(1)
    state["module.backbone.more"] = torch.zeros(1)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(BadWeights) as caught:
        convert("deepfakebench-xception", tmp_path / "other.pth", tmp_path / "out.safetensors")
    text = str(caught.value)
    assert "1 missing: backbone.conv1.weight" in text
    assert "1 unknown: backbone.more" in text
    assert "1 of another shape: backbone.conv2.weight (1,), expected (64, 32, 3, 3)" in text


class Hostile:
    """What a pickle can do when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_that_would_run_something_is_not_opened(tmp_path):
    mark = tmp_path / "was_here"
    torch.save({"weight": torch.zeros(2), "extra": Hostile(mark)}, tmp_path / "hostile.pth")
    with pytest.raises(BadWeights, match=r"hostile\.pth: can't be read as weights alone"):
        read_weights(tmp_path / "hostile.pth")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Hostile(mark)))
    with pytest.raises(ValueError, match="can't be read as weights alone"):
        reading.read(tmp_path / "bare.pth")
    assert not mark.exists()


def test_damaged_and_foreign_files_are_refused(xception_file, tmp_path):
    whole = xception_file[0].read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("not HDF5")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    for name, says in {
        "cut.pth": "is the download complete",
        "text.h5": r"not a readable \.h5 file",
        "list.pth": "holds a list",
        "empty.pth": "no tensors by name, but epoch",
    }.items():
        with pytest.raises(ValueError, match=says):
            reading.read(tmp_path / name)
    (tmp_path / "picture.png").write_bytes(b"")
    for name, says in {
        "text.h5": r"not a readable \.h5 file",
        "picture.png": r"unknown kind of file '\.png'",
        "none.pth": "no such file",
    }.items():
        with pytest.raises(BadWeights, match=rf"{name}: .*{says}"):
            read_weights(tmp_path / name)


def test_weights_are_found_where_training_scripts_put_them(tmp_path):
    torch.save({"epoch": 1, "state_dict": {"w": torch.ones(2).bfloat16()}}, tmp_path / "a.pth")
    assert reading.read(tmp_path / "a.pth")["w"].tolist() == [1, 1]


def test_a_file_that_takes_too_long_is_given_up(xception_file):
    with pytest.raises(BadWeights, match=r"could not be read within 0\.01 s"):
        read_weights(xception_file[0], seconds=0.01)


# ---- the command


def test_the_command_writes_a_detector_that_can_be_shown(tmp_path, capsys):
    path = write_h5(tmp_path / "Meso4_DF.h5", meso_layers(MESO4, (8, 8, 16, 16)))
    out = tmp_path / "meso.safetensors"
    assert main(["convert", "mesonet4", str(path), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert main(["detectors", "show", str(out)]) == 0
    assert '"architecture": "mesonet4"' in capsys.readouterr().out
    assert main(["convert", "mesonet4", str(path), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    (tmp_path / "a.pth").write_bytes(b"no")
    assert main(["convert", "sbi", str(tmp_path / "a.pth")]) == 2
    assert "a.pth" in capsys.readouterr().err
    assert main(["convert", "sbj", str(tmp_path / "a.pth")]) == 2
    assert "did you mean 'sbi'" in capsys.readouterr().err


def test_without_arguments_the_command_lists_what_it_takes(capsys):
    assert main(["convert"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in sources.names())


def test_detectors_lists_and_shows_architectures(capsys):
    assert main(["detectors", "list"]) == 0
    out = capsys.readouterr().out
    assert "sbi-lite0" in out
    assert "gend" in out
    assert main(["detectors", "show", "gend"]) == 0
    out = capsys.readouterr().out
    assert "Yermakov" in out
    assert "uniformity_weight = 0.5" in out
    assert "303,180,801" in out
    assert "103,425" in out
    assert main(["detectors", "show", "gendd"]) == 2
    assert "did you mean 'gend'" in capsys.readouterr().err
