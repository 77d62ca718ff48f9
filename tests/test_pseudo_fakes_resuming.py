"""A loader's place, saved and restored: the same batches as if nothing had happened."""

import copy
from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shard_makers import Shown, build

from unswap.datasets.pseudo_fakes.pairs import PairDataset, collate_pairs
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.shards.resuming import ResumableLoader
from unswap.datasets.shards.samplers import BalancedSampler, EachOnceSampler
from unswap.datasets.shards.torch_data import CropDataset
from unswap.datasets.types import CropSpec

SPEC = CropSpec(24)
BATCH = 3


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    shown = [
        Shown(f"v{k}", int(k % 3 == 2), "Swap" if k % 3 == 2 else None, clips=[[[0], [4], [9]]])
        for k in range(6)
    ]
    return PreparedCrops(build(tmp_path_factory.mktemp("resuming") / "crops", shown))


def pairs(crops, *, workers=0, rank=0, replicas=1, seed=0):
    dataset = PairDataset(
        crops, SPEC, kinds={"sbi": 1, "swap": 1}, targets=("boundary",), seed=seed
    )
    sampler = EachOnceSampler(dataset.genuine, seed=5, rank=rank, num_replicas=replicas)
    return ResumableLoader(dataset, BATCH, sampler, collate=collate_pairs, num_workers=workers)


def same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert torch.equal(one[name], two[name]), name


@pytest.fixture(scope="module")
def undisturbed(crops):
    return list(islice(pairs(crops), 11))


@given(first=st.integers(0, 10))
@settings(max_examples=8, deadline=None)
def test_what_comes_after_a_restart_is_what_would_have_come(crops, undisturbed, first):
    before = pairs(crops)
    for batch, expected in zip(islice(before, first), undisturbed, strict=False):
        same(batch, expected)
    state = copy.deepcopy(before.state_dict())
    after = pairs(crops)
    after.load_state_dict(state)
    for batch, expected in zip(islice(after, 11 - first), undisturbed[first:], strict=True):
        same(batch, expected)
    assert after.state_dict() == {**state, "epoch": 2, "batch": 3}  # 12 pairs: 4 batches an epoch


def test_epochs_differ_and_each_takes_every_item_once(undisturbed):
    rows = [torch.cat([b["row"][::2] for b in undisturbed[k : k + 4]]) for k in (0, 4)]
    assert rows[0].tolist() != rows[1].tolist()
    assert sorted(rows[0].tolist()) == sorted(rows[1].tolist())
    assert len(set(rows[0].tolist())) == 12


def test_an_iterator_that_is_thrown_away_loses_nothing(crops, undisturbed):
    loader = pairs(crops)
    for expected in undisturbed[:6]:
        same(next(iter(loader)), expected)


@pytest.mark.slow
def test_workers_give_the_same_and_a_place_counts_what_was_taken_not_what_is_ready(
    crops, undisturbed
):
    loader = pairs(crops, workers=2)
    for batch, expected in zip(islice(loader, 6), undisturbed, strict=False):
        same(batch, expected)
    state = loader.state_dict()
    assert (state["epoch"], state["batch"]) == (1, 2)
    again = pairs(crops, workers=1)
    again.load_state_dict(state)
    for batch, expected in zip(islice(again, 4), undisturbed[6:10], strict=True):
        same(batch, expected)


def test_torchs_own_generator_is_left_alone(crops):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    next(iter(pairs(crops)))
    assert torch.equal(torch.get_rng_state(), before)


def test_processes_share_an_epoch_out(crops):
    loaders = [pairs(crops, rank=r, replicas=2) for r in range(2)]
    assert {loader.batches_per_epoch for loader in loaders} == {2}
    rows = [b["row"][::2].tolist() for loader in loaders for b in islice(loader, 2)]
    flat = [row for each in rows for row in each]
    assert len(flat) == len(set(flat)) == 12
    assert loaders[0].state_dict() == loaders[1].state_dict()


def test_labelled_crops_and_balanced_draws_too(crops):
    dataset = CropDataset(crops, SPEC, margin_jitter=0.1)
    sampler = BalancedSampler(dataset, num_samples=20)
    loader = ResumableLoader(dataset, 4, sampler)
    assert loader.batches_per_epoch == 5
    expected = list(islice(loader, 8))
    after = ResumableLoader(dataset, 4, BalancedSampler(dataset, num_samples=20))
    after.load_state_dict({**loader.state_dict(), "epoch": 1, "batch": 1})
    for batch, wanted in zip(islice(after, 2), expected[6:], strict=True):
        same(batch, wanted)


def test_a_place_in_other_data_is_refused(crops):
    state = pairs(crops).state_dict()
    with pytest.raises(ValueError, match="data_seed was 0, is 1"):
        pairs(crops, seed=1).load_state_dict(state)
    with pytest.raises(ValueError, match="processes was 1, is 2"):
        pairs(crops, replicas=2).load_state_dict(state)
    with pytest.raises(ValueError, match="batch 9 of epoch 0, of 4 batches"):
        pairs(crops).load_state_dict({**state, "batch": 9})
    with pytest.raises(ValueError, match=r"expected a place with epoch, batch, .*got nothing"):
        pairs(crops).load_state_dict({})
    dataset = PairDataset(crops, SPEC)
    with pytest.raises(ValueError, match="12 items are not one batch of 13"):
        ResumableLoader(dataset, 13, EachOnceSampler(dataset.genuine))
    with pytest.raises(ValueError, match="batch_size of at least 1, got 0"):
        ResumableLoader(dataset, 0, EachOnceSampler(dataset.genuine))
    with pytest.raises(ValueError, match="set_epoch, got SequentialSampler"):
        ResumableLoader(dataset, 2, torch.utils.data.SequentialSampler(dataset))  # type: ignore[arg-type]
