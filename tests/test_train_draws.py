"""Which pictures make which step: the same on any number of processes, and from any step on."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_crops import tiny_benchmark

from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.shards.torch_data import CropDataset
from unswap.datasets.types import CropSpec
from unswap.experiments.training.crops.augment import Augment
from unswap.experiments.training.crops.draws import (
    Draws,
    StepSampler,
    draw_weights,
    joined,
    step_loader,
)
from unswap.experiments.training.crops.schedules import schedules

SPEC = CropSpec(32)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    return PreparedCrops(tiny_benchmark(tmp_path_factory.mktemp("draws") / "crops"))


@pytest.fixture(scope="module")
def dataset(crops):
    return CropDataset(crops, SPEC, split="train", transform=Augment(flip=0.5, jpeg=0.5, blur=0.5))


def sampler(weights=None, count=10, **changes):
    settings = {"seed": 3, "steps": 6, "first": 0, "draws": 8, **changes}
    return StepSampler(weights, count, **settings)


@given(
    count=st.integers(1, 30),
    seed=st.integers(0, 5),
    world=st.integers(1, 4),
    parts=st.integers(1, 3),
    each=st.integers(1, 3),
    weighted=st.booleans(),
)
def test_processes_and_parts_share_out_each_step(count, seed, world, parts, each, weighted):
    weights = np.full(count, 1 / count) if weighted else None
    draws = world * parts * each
    whole = list(sampler(weights, count, seed=seed, draws=draws))
    shares = [
        list(sampler(weights, count, seed=seed, draws=draws, parts=parts, rank=r, world=world))
        for r in range(world)
    ]
    for step, wanted in enumerate(whole):
        got = [
            draw
            for share in shares
            for part in share[step * parts : (step + 1) * parts]
            for draw in part
        ]
        assert sorted(got, key=lambda d: d[1]) == wanted
    assert {len(part) for share in shares for part in share} == {each}
    numbers = [draw for step in whole for _, draw in step]
    assert numbers == list(range(draws * 6))


@given(first=st.integers(0, 6), weighted=st.booleans())
def test_a_run_that_goes_on_draws_what_it_would_have_drawn(first, weighted):
    weights = np.full(10, 0.1) if weighted else None
    assert list(sampler(weights, first=first)) == list(sampler(weights))[first:]
    assert len(sampler(weights, first=first)) == 6 - first


def test_without_balance_every_item_comes_once_an_epoch():
    items = [item for step in sampler(count=12, draws=4) for item, _ in step]
    assert sorted(items[:12]) == sorted(items[12:]) == list(range(12))
    assert items[:12] != items[12:]
    other = [item for step in sampler(count=12, draws=4, seed=4) for item, _ in step]
    assert items != other


def test_draws_that_can_not_be_shared_out_are_refused():
    with pytest.raises(ValueError, match=r"8 draws.*over 3 processes in 1 parts.*multiple of 3"):
        sampler(world=3)


def test_weights_multiply_how_often_a_method_is_drawn(dataset):
    weights = draw_weights(dataset, ["label", "method"], {"Move": 3.0, "manipulated": 2.0})
    methods = np.array([m or "real" for m in dataset.crops.videos.column("method").to_pylist()])
    share = {m: weights[methods[dataset.video] == m].sum() for m in ("real", "Swap", "Move")}
    assert share == pytest.approx({"real": 2 / 10, "Swap": 2 / 10, "Move": 6 / 10})
    drawn = Counter(
        str(methods[dataset.video[item]])
        for step in sampler(weights, len(dataset), steps=500)
        for item, _ in step
    )
    for method, wanted in share.items():
        assert drawn[method] / 4000 == pytest.approx(wanted, abs=0.03)
    assert draw_weights(dataset, [], {}) is None
    with pytest.raises(ValueError, match=r"unknown method 'Mov'; did you mean 'Move'\?"):
        draw_weights(dataset, ["label"], {"Mov": 1.0})


def test_a_draw_depends_on_seed_item_and_number_alone(dataset):
    draws = Draws(dataset, seed=1)
    one, again = draws[2, 40], Draws(dataset, seed=1)[2, 40]
    assert one["clips"].shape == (1, 1, 3, 32, 32)
    assert one["label"].dtype == torch.float32
    assert all(torch.equal(one[k], again[k]) for k in one)
    others = [draws[2, n]["clips"] for n in range(41, 49)]
    assert not all(torch.equal(one["clips"], other) for other in others)


def test_a_batch_is_the_draws_joined_and_workers_change_nothing(dataset):
    draws = Draws(dataset, seed=1)
    plan = [[(0, 0), (9, 1)], [(3, 2), (4, 3)]]
    here = list(step_loader(draws, plan, 0, False))
    assert here[0]["clips"].shape == (2, 1, 3, 32, 32)
    assert here[0]["label"].tolist() == [0.0, 1.0]
    assert torch.equal(here[1]["clips"], joined([draws[3, 2], draws[4, 3]])["clips"])
    before = torch.get_rng_state()
    there = list(step_loader(draws, plan, 2, False))
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(here, there, strict=True):
        assert all(torch.equal(a[k], b[k]) for k in a)


@given(seed=st.integers(0, 1000))
def test_what_augments_keeps_shape_and_treats_frames_alike(seed):
    crops = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), dtype=np.uint8)
    clip = np.repeat(crops, 3, axis=0)
    chain = Augment(flip=0.5, brightness=0.3, contrast=0.3, blur=0.5, jpeg=0.5, grey=0.5)
    out = chain(clip, np.random.default_rng(seed))
    assert out.shape == clip.shape
    assert out.dtype == np.uint8
    assert all(np.array_equal(a, b) for a, b in pairwise(out))
    assert np.array_equal(out, chain(clip, np.random.default_rng(seed)))


def test_each_augmentation_does_what_it_says():
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)

    def through(**settings):
        return Augment(**settings)(image, np.random.default_rng(1))

    assert np.array_equal(through(), image)
    assert np.array_equal(through(flip=1.0), image[:, :, ::-1])
    assert (np.ptp(through(grey=1.0), axis=-1) == 0).all()
    assert through(blur=1.0).std() < image.std()
    assert not np.array_equal(through(jpeg=1.0), image)
    with pytest.raises(ValueError, match="expected flip from 0 to 1, got 2"):
        Augment(flip=2)
    with pytest.raises(ValueError, match="jpeg_quality"):
        Augment(jpeg_quality=(90, 10))


@pytest.mark.parametrize("name", schedules.names())
def test_every_schedule_warms_up_and_stays_between_nothing_and_the_full_rate(name):
    needed = {"cyclic": {"cycles": 3}, "steps": {"at": (0.5, 0.75)}}.get(name, {})
    curve = schedules.get(name)(warm_up_steps=5, **needed)
    factors = [curve(step, 65) for step in range(65)]
    assert factors[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert all(0 <= f <= 1 for f in factors)
    plain = [schedules.get(name)(**needed)(step, 60) for step in range(60)]
    assert factors[5:] == pytest.approx(plain)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cosine", {"final": 2}),
        ("linear", {"begin": 1}),
        ("cyclic", {"cycles": 0}),
        ("steps", {"at": (3,)}),
        ("constant", {"warm_up_steps": -1}),
    ],
)
def test_impossible_schedules_are_refused(name, settings):
    with pytest.raises(ValueError, match="expected"):
        schedules.get(name)(**settings)
