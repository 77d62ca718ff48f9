"""Checkpoints, the detectors that ship, and where a crop's evidence lies."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.detectors import pretrained
from unswap.detectors.architectures import create_detector
from unswap.detectors.checkpoints import load_checkpoint
from unswap.detectors.headers import BadCheckpoint, read_header
from unswap.detectors.occlusion import occlusion_map, score_clips


def test_an_unknown_detector_or_backbone_suggests_a_near_one():
    with pytest.raises(KeyError, match="did you mean 'frame'"):
        create_detector("frane")
    with pytest.raises(KeyError, match="did you mean 'tf_efficientnet_lite"):
        create_detector("frame", backbone="tf_efficientnet_lite", crop_spec=CropSpec(32))


def test_frame_scores_single_frames():
    with pytest.raises(ValueError, match="expected clip_length 1, got 4"):
        create_detector(
            "frame",
            backbone="test_efficientnet",
            crop_spec=CropSpec(32),
            sampling_spec=SamplingSpec(8, 4),
        )


def test_what_is_no_checkpoint_is_refused_by_name_and_reason(tmp_path, tiny_checkpoint):
    with pytest.raises(BadCheckpoint, match="no such file"):
        load_checkpoint(tmp_path / "none.safetensors")
    whole = tiny_checkpoint.read_bytes()
    for name, data in {
        "empty": b"",
        "text": b"this is not a checkpoint at all",
        "header_cut": whole[:200],
    }.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        with pytest.raises(BadCheckpoint, match=name):
            load_checkpoint(path)
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCheckpoint, match=r"cut\.safetensors"):
        load_checkpoint(tmp_path / "cut.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, foreign)
    with pytest.raises(BadCheckpoint, match="not one that unswap wrote"):
        load_checkpoint(foreign)


def test_weights_of_another_architecture_are_refused(tmp_path, tiny_checkpoint):
    header = read_header(tiny_checkpoint)
    header["arguments"] = {"backbone": "test_resnet"}
    path = tmp_path / "wrong.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata={"unswap": json.dumps(header)})
    with pytest.raises(BadCheckpoint, match="do not fit their own header"):
        load_checkpoint(path)


def test_every_detector_that_ships_loads_and_has_an_honest_card():
    assert pretrained.DEFAULT in pretrained.names()
    for name in pretrained.names():
        path = pretrained.locate(name)
        assert path.stat().st_size <= 20_000_000
        loaded = load_checkpoint(path)
        assert loaded.id.name == name
        card = loaded.card
        assert card.command
        assert card.limits
        assert card.training_data
        assert all(source.licence for source in card.training_data)
        assert card.measured
        assert all(m.n > 0 and m.on for m in card.measured)
        assert card.genuine is not None


def test_an_unknown_shipped_name_lists_what_ships():
    with pytest.raises(KeyError, match=f"did you mean '{pretrained.DEFAULT}'"):
        pretrained.locate(pretrained.DEFAULT + "x")


class OneCorner(torch.nn.Module):
    """Its logit is the mean of the upper left quarter."""

    crop_spec = CropSpec(32, mean=(0, 0, 0), std=(1, 1, 1))
    sampling_spec = SamplingSpec()

    def forward(self, clips):
        return clips[:, 0, :, :16, :16].mean(dim=(1, 2, 3))


def test_occlusion_finds_the_cells_that_matter():
    crop = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    crop[:, :16, :16] = 255
    heat = occlusion_map(OneCorner(), crop, grid=4)
    assert heat.shape == (4, 4)
    # a covered cell of the bright corner goes from 1 to the mean, 64/255: a quarter of the corner
    np.testing.assert_allclose(heat[:2, :2], (1 - 64 / 255) / 4, rtol=1e-4)
    np.testing.assert_allclose(heat[2:], 0, atol=1e-6)
    np.testing.assert_allclose(heat[:, 2:], 0, atol=1e-6)


def test_score_clips_normalises_as_the_spec_says():
    crop = np.full((2, 1, 32, 32, 3), 51, dtype=np.uint8)
    np.testing.assert_allclose(score_clips(OneCorner(), crop), [0.2, 0.2], rtol=1e-5)
