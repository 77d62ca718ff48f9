"""Shared fixtures: a small detector with random weights, a clip of a face, a browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; what asks for it is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=chromium, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages from the disk; afterwards no error was said and nothing else was asked for."""
    contexts: list[Any] = []
    errors: list[str] = []
    asked: set[str] = set()
    opened: set[str] = set()

    def open_page(path: Path, width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(120_000)  # a busy machine is no fault of the page
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        page.on("request", lambda request: asked.add(request.url))
        opened.add(path.as_uri())
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} <= opened
