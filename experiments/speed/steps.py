"""Steps of training a second: with the real loader, and fed with tensors that are in memory already."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .load import make_crops
from .timing import say

BACKBONES = {"lite0": ("tf_efficientnet_lite0", 16), "b4": ("tf_efficientnet_b4", 4)}  # batch size
SIZE = 224
WARM_UP = 3  # steps, in which the loader's first batches come


def measure(folder: Path, backbone: str, steps: int, rounds: int) -> None:
    """Prints steps a second and the ratio: one thread for the network, one process that loads.

    Args:
        folder: where crops are made.
        backbone: a key of BACKBONES.
        steps: of each round.
        rounds: each with a loader of its own, so that none finds batches ready.
    """
    import torch

    from ...datasets.shards.reader import PreparedCrops
    from ...datasets.shards.torch_data import CropDataset
    from ...datasets.types import CropSpec, SamplingSpec
    from ...detectors.architectures import create_detector
    from ...detectors.checkpoints import channels_last
    from ..training.crops.augment import Augment
    from ..training.crops.draws import Draws, StepSampler, step_loader

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    name, batch_size = BACKBONES[backbone]
    detector = create_detector(
        "frame", backbone=name, crop_spec=CropSpec(SIZE), sampling_spec=SamplingSpec()
    ).train()
    channels_last(detector)
    optimiser = torch.optim.AdamW(detector.parameters(), lr=1e-4)
    chain = Augment(flip=0.5, brightness=0.1, contrast=0.1, blur=0.25, jpeg=0.5)
    crops = CropDataset(PreparedCrops(make_crops(folder, 64)), CropSpec(SIZE), transform=chain)
    draws = Draws(crops, seed=0)

    def batches() -> Iterator[dict[str, Any]]:
        sampler = StepSampler(
            None, len(draws), seed=0, steps=steps + WARM_UP, first=0, draws=batch_size
        )
        return iter(step_loader(draws, sampler, 1, False))

    def take(source: Iterator[dict[str, Any]]) -> float:
        """Steps a second, of those after the first few."""
        begun = 0.0
        for k, batch in enumerate(source):
            if k == WARM_UP:
                begun = time.perf_counter()
            clips = batch["clips"].flatten(0, 1).contiguous(memory_format=torch.channels_last)
            optimiser.zero_grad(set_to_none=True)
            detector.loss({**batch, "clips": clips[:, None]}).backward()
            optimiser.step()
        return steps / (time.perf_counter() - begun)

    held = next(batches())
    ways: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "real loader": batches,
        "in memory": lambda: itertools.repeat(held, steps + WARM_UP),
    }
    took: dict[str, list[float]] = {way: [] for way in ways}
    try:
        for k in range(rounds):
            for way in sorted(ways, reverse=k % 2 == 1):
                took[way].append(take(ways[way]()))
    finally:
        torch.set_num_threads(threads)
    for way, each in took.items():
        rates = ", ".join(f"{rate:.2f}" for rate in each)
        print(f"  {backbone} at {SIZE} px, batches of {batch_size}, {way}: {rates} steps a second")
    ratios = [a / b for a, b in zip(took["real loader"], took["in memory"], strict=True)]
    say(f"steps: {backbone}, real loader / in memory", ratios, "at least 0.9")
