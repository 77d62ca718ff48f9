"""Making self-blended pairs, against bare OpenCV calls and against an augmentation library."""

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...datasets.pseudo_fakes import styles
from ...datasets.shards.reader import PreparedCrops
from ...datasets.types import CropSpec, Float32, Float64, Uint8
from .load import make_crops
from .timing import say

SPEC = CropSpec(256, margin=1.3)
KIND, DEGRADATION = "sbi", "picture"
# what making a pair calls; `constants` and getters aside
_CALLS = (
    "GaussianBlur", "LUT", "addWeighted", "bilateralFilter", "convertScaleAbs", "copyMakeBorder",
    "cvtColor", "fillPoly", "flip", "getRotationMatrix2D", "imdecode", "imencode", "merge",
    "minMaxLoc", "remap", "resize", "warpAffine",
)  # fmt: skip

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def measure(folder: Path, count: int, rounds: int) -> None:
    """Prints milliseconds a pair and the ratios."""
    import torch

    from ...datasets.pseudo_fakes.pairs import PairDataset

    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        crops = PreparedCrops(make_crops(folder, 64))
        dataset = PairDataset(crops, SPEC, kinds=KIND, degradation=DEGRADATION)
        order = [k % len(dataset) for k in range(count)]

        def ours() -> None:
            for k, item in enumerate(order):
                dataset.take(item, np.random.default_rng([1, k]))

        actions: dict[str, Callable[[], Any]] = {"ours": ours}
        with recorded() as calls:
            ours()
        calls += blending_calls(count)
        actions["bare"] = lambda: replay(calls)
        actions |= _usual(crops, count)
        took: dict[str, list[float]] = {name: [] for name in actions}
        for k in range(rounds + 1):
            for name in sorted(actions, reverse=k % 2 == 1):
                start = time.process_time()
                actions[name]()
                if k:  # the first round warms up
                    took[name].append((time.process_time() - start) / count * 1e3)
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    for name, each in took.items():
        print(f"  {name}: {statistics.median(each):.1f} ms a pair")
    by_round = list(zip(took["ours"], took["bare"], strict=True))
    say("pairs: ours / the same OpenCV calls, bare", [a / b for a, b in by_round], "at most 1.2")
    for name in ("usual from crops", "usual from frames"):
        if name in took:
            ratios = [b / a for a, b in zip(took["ours"], took[name], strict=True)]
            say(f"pairs: {name} / ours", ratios, "at least 5")
    if len(took) == 2:
        print(
            "pairs: the usual way is not measured: it needs albumentations (MIT, no longer kept up, so "
            "no dependency): pip install albumentations==2.0.8"
        )


def blending_calls(count: int) -> list[Call]:
    """What OpenCV has for the one step that `PairDataset` does without it: a blend for each pair."""
    side = round(SPEC.size * 1.1)
    image = np.zeros((side, side, 3), dtype=np.uint8)
    share = np.full((side, side), 0.5, dtype=np.float32)
    return [(cv2.blendLinear, (image, image, share, share), {})] * count


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """The calls of OpenCV made within, with their arguments; noise, which numpy draws, as OpenCV's."""
    calls: list[Call] = []
    kept = {name: getattr(cv2, name) for name in _CALLS}
    noised = styles.noised

    def noising(image: Uint8, rng: np.random.Generator) -> Uint8:
        noise = np.empty(image.shape, dtype=np.float32)
        calls.append((cv2.randn, (noise, 0, 5), {}))
        calls.append((cv2.add, (image, noise), {"dtype": cv2.CV_8U}))
        return noised(image, rng)

    def recorder(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            calls.append((function, given, named))
            return function(*given, **named)

        return call

    for name, function in kept.items():
        setattr(cv2, name, recorder(function))
    styles.noised = noising
    try:
        yield calls
    finally:
        styles.noised = noised
        for name, function in kept.items():
            setattr(cv2, name, function)


def replay(calls: list[Call]) -> None:
    """The same calls again, one after another, and nothing else."""
    for function, given, named in calls:
        function(*given, **named)


def _usual(crops: PreparedCrops, count: int) -> dict[str, Callable[[], None]]:
    """The usual way over as many pictures, stored as crops and as whole frames of 1280 x 720; nothing
    where its library is not there."""
    if importlib.util.find_spec("albumentations") is None:
        return {}
    from .usual_pairs import UsualWay

    way = UsualWay(SPEC.size, SPEC.margin)
    stored: dict[str, list[tuple[Uint8, Float64, Float32]]] = {"crops": [], "frames": []}
    for row in range(count):
        description, image = crops.read_sample(row % len(crops))
        box = np.array(description["box_xyxy"], dtype=np.float64)
        points = np.array(description["landmarks_xy"], dtype=np.float32)
        stored["crops"].append((_png(image), box, points))
        x, y = 300, 100
        frame = cv2.resize(image, (1280, 720), interpolation=cv2.INTER_CUBIC)
        frame[y : y + len(image), x : x + len(image)] = image
        corner = np.array([x, y], dtype=np.float32)
        stored["frames"].append((_png(frame), box + np.tile(corner, 2), points + corner))

    def run(pictures: list[tuple[Uint8, Float64, Float32]]) -> None:
        for png, box, points in pictures:
            way(png, box, points)

    return {f"usual from {name}": partial(run, each) for name, each in stored.items()}


def _png(image: Uint8) -> Uint8:
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return np.asarray(data, dtype=np.uint8)
