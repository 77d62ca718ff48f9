"""A manipulated crop and its original's, of the same frame, changed alike."""

import numpy as np
import pytest
import torch
from shard_makers import Shown, build
from training_crops import recipe

from unswap.datasets.shards.layout import PrepareSpec
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.shards.torch_data import CropDataset
from unswap.datasets.shards.twins import TwinDataset
from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.experiments.training.crops.augment import Augment
from unswap.experiments.training.crops.recipe import plan
from unswap.experiments.training.crops.run import train_detector
from unswap.experiments.training.errors import BadRecipe

SPEC = CropSpec(32)


def made(name, original=None, frames=(0, 9), split="train"):
    label = 0 if original is None else 1
    columns = {"split": split, "group": name[-1], "original": original and f"made/real/{original}"}
    return Shown(
        f"made/{'Swap' if label else 'real'}/{name}",
        label,
        "Swap" if label else None,
        clips=[[[f] for f in frames]],
        columns=columns,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    videos = [
        made("a"), made("b"), made("c", frames=(0,)),
        made("fa", "a"), made("fb", "b"), made("fb2", "b"), made("fc", "c"), made("fd", "nobody"),
        made("va", split="val"), made("vf", "va", split="val"),
    ]  # fmt: skip
    return build(
        tmp_path_factory.mktemp("twins") / "crops", videos, spec=PrepareSpec(SamplingSpec(2))
    )


@pytest.fixture(scope="module")
def twins(folder):
    augment = Augment(flip=0.5, brightness=0.3, jpeg=0.5)
    crops = CropDataset(
        PreparedCrops(folder), SPEC, split="train", margin_jitter=0.2, transform=augment
    )
    return TwinDataset(crops)


def test_every_item_is_an_original_and_what_was_made_of_it(twins):
    store = twins.crops.crops
    pairs = set()
    for i in range(len(twins)):
        genuine, fake = twins[i]["video"].tolist()
        videos = store.videos.to_pylist()
        assert videos[fake]["original"] == videos[genuine]["video_id"]
        frames = [int(store.frame[twins.crops.starts[t[i]]]) for t in (twins.genuine, twins.fake)]
        assert frames[0] == frames[1]
        pairs.add((videos[genuine]["video_id"][-1], videos[fake]["video_id"][-2:], frames[0]))
    assert pairs == {
        ("a", "fa", 0), ("a", "fa", 9), ("b", "fb", 0), ("b", "fb", 9), ("b", "b2", 0),
        ("b", "b2", 9), ("c", "fc", 0),
    }  # fmt: skip
    assert twins.num_alone == 3  # fc at frame 9, both of fd


def test_both_are_changed_alike_and_depend_on_the_generator_alone(folder):
    store = PreparedCrops(folder)
    flips = CropDataset(store, SPEC, split="train", transform=Augment(flip=0.5, brightness=0.4))
    plain = TwinDataset(CropDataset(store, SPEC, split="train"))
    twins = TwinDataset(flips)
    seen = set()
    for seed in range(12):
        item = twins.take(0, np.random.default_rng(seed))
        again = twins.take(0, np.random.default_rng(seed))
        assert torch.equal(item["clips"], again["clips"])
        before = plain.take(0, np.random.default_rng(0))["clips"]
        mirrored = [
            float((b.flip(-1) - a).std()) < float((b - a).std())
            for a, b in zip(item["clips"], before, strict=True)
        ]
        assert mirrored[0] == mirrored[1]
        shift = (item["clips"].mean(dim=(1, 2, 3, 4)) - before.mean(dim=(1, 2, 3, 4))).tolist()
        assert shift[0] == pytest.approx(shift[1], abs=0.15)
        seen.add(mirrored[0])
    assert seen == {True, False}


def test_without_originals_there_are_no_twins(folder):
    store = PreparedCrops(folder)
    rows = np.array(
        [v.endswith(("/a", "/fb")) for v in store.videos.column("video_id").to_pylist()]
    )
    with pytest.raises(ValueError, match="original"):
        TwinDataset(CropDataset(store, SPEC, videos=rows))


def test_a_recipe_trains_on_twins(folder, tmp_path):
    data = {"balance": [], "twins": True, "crops": str(folder)}
    path = train_detector(recipe(data=data, validation=None), tmp_path / "run", resume=False)
    assert path.exists()


def test_what_does_not_go_with_twins_is_told():
    with pytest.raises(BadRecipe, match="twins are balanced already"):
        plan(recipe(data={"twins": True}))
    with pytest.raises(BadRecipe, match="multiple of 2"):
        plan(recipe(data={"twins": True, "balance": []}, batch_size=3))
    with pytest.raises(BadRecipe, match=r"data\.twins: not of pairs"):
        plan(recipe(data={"twins": True, "balance": [], "pairs": {"kinds": "sbi"}}))
