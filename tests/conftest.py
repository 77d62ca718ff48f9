"""Shared fixtures: a small detector with random weights, and a clip of a face."""

from pathlib import Path

import pytest
import torch
from adapter_trees import Make
from face_clips import write_face_clip
from hypothesis import settings
from trees import TREES

from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.detectors.architectures import create_detector
from unswap.detectors.cards import Card, GenuineReference, Measurement, TrainingData
from unswap.detectors.checkpoints import save_checkpoint

settings.register_profile("unswap", deadline=None)  # shared machines stall now and then
settings.load_profile("unswap")
torch.set_num_threads(1)  # small networks: more threads only wait for each other

TINY = {"backbone": "test_efficientnet"}


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of timm's smallest EfficientNet, untrained: quick, and its scores mean nothing."""
    torch.manual_seed(7)
    detector = create_detector(
        "frame", **TINY, crop_spec=CropSpec(64, 1.3), sampling_spec=SamplingSpec(8)
    )
    card = Card(
        name="tiny",
        version="0",
        summary="Random weights, for tests.",
        licence="none",
        command="none",
        training_data=(TrainingData("nothing", 0, "none"),),
        measured=(Measurement("nothing", 0.5, "nothing", 1, (0.0, 1.0), "none"),),
        genuine=GenuineReference("made up", "numbers for tests", (-1.0, 0.0, 1.0)),
    )
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(path, detector, card, architecture="frame", arguments=TINY)
    return path


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames of a moving head at 25 fps, 320x240, H.264."""
    return write_face_clip(tmp_path_factory.mktemp("clips") / "face.mp4")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the tree of the benchmark of that name."""
    return lambda name: TREES[name](tmp_path / name)
