"""Pairs from prepared crops: both in one batch, degraded alike, and the same whoever loads them."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from shard_makers import Shown, build

from unswap.datasets.pseudo_fakes import PseudoFake
from unswap.datasets.pseudo_fakes import makers as making
from unswap.datasets.pseudo_fakes.degrading import degraders
from unswap.datasets.pseudo_fakes.donors import Donors, people_of, read_descriptions
from unswap.datasets.pseudo_fakes.pairs import PairDataset, collate_pairs
from unswap.datasets.shards.layout import BadShards, PrepareSpec, shard_path
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.shards.samplers import BalancedSampler, EachOnceSampler
from unswap.datasets.shards.torch_data import CropDataset
from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.experiments.speed.pairs import recorded, replay

SPEC = CropSpec(40, margin=1.3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
STILL = {"margin_jitter": 0.0, "box_shift": 0.0, "mirrored": 0.0, "restyled": 0.0}


def _shown(name, label, split, target, crops=2):
    columns = {"split": split, "target_id": target, "group": None}
    method = "Swap" if label else None
    return Shown(name, label, method, clips=[[[5 * k] for k in range(crops)]], columns=columns)


VIDEOS = [
    _shown("real/0", 0, "train", "p0", 3),
    _shown("Swap/1", 1, "train", "p0"),
    _shown("real/2", 0, "train", "p1"),
    _shown("real/3", 0, "test", "p2"),
    _shown("real/4", 0, "train", None, 1),
    _shown("real/5", 0, "train", "p0", 2),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("pairs") / "crops", VIDEOS)


@pytest.fixture(scope="module")
def crops(folder) -> PreparedCrops:
    return PreparedCrops(folder)


@pytest.fixture
def unforged(monkeypatch) -> None:
    """A way to forge that leaves the picture as it is."""

    class Nothing:
        needs_donor = False

        def __call__(self, face, donor, rng):
            empty = np.zeros(face.image.shape[:2], dtype=np.float32)
            return PseudoFake(face.image.copy(), empty, empty)

    monkeypatch.setitem(making.makers._entries, "nothing", Nothing())


def test_a_pair_is_a_genuine_face_and_its_fake(crops):
    dataset = PairDataset(crops, SPEC, split="train", targets=("mask", "boundary"))
    assert len(dataset) == 8
    assert set(dataset.video.tolist()) == {0, 2, 4, 5}  # none of the manipulated, none of the test
    pair = dataset[0]
    assert pair["clips"].shape == (2, 1, 3, 40, 40)
    assert pair["clips"].dtype == torch.float32
    assert pair["label"].tolist() == [0.0, 1.0]
    assert pair["video"].tolist() == [0, 0]
    assert pair["kind"].tolist() == [-1, 0]
    assert pair["donor"].tolist() == [-1, -1]
    for name in ("mask", "boundary"):
        assert pair[name].shape == (2, 40, 40)
        assert pair[name].dtype == torch.float32
        assert pair[name][0].max() == 0
        assert 0 < pair[name][1].max() <= 1
    assert "mask" not in PairDataset(crops, SPEC)[0]
    with pytest.raises(IndexError, match="item from 0 to 7, got 8"):
        dataset[8]


def test_a_batch_has_both_of_every_pair(crops):
    dataset = PairDataset(crops, SPEC, kinds={"sbi": 1, "bi": 1}, targets=("boundary",))
    batch = collate_pairs([dataset[k] for k in range(5)])
    assert batch["clips"].shape == (10, 1, 3, 40, 40)
    assert batch["label"].tolist() == [0, 1] * 5
    assert (batch["row"][::2] == batch["row"][1::2]).all()
    assert batch["boundary"].shape == (10, 40, 40)
    assert (batch["boundary"][::2] == 0).all()
    assert {v.shape[0] for v in batch.values()} == {10}


@pytest.mark.usefixtures("unforged")
@pytest.mark.parametrize("degradation", degraders.names())
def test_both_go_through_the_very_same(crops, degradation):
    dataset = PairDataset(crops, SPEC, kinds="nothing", degradation=degradation, restyled=0.0)
    plain = PairDataset(crops, SPEC, kinds="nothing", degradation="none", restyled=0.0)
    changed = 0
    for item in range(len(dataset)):
        for epoch in range(2):
            dataset.set_epoch(epoch)
            plain.set_epoch(epoch)
            genuine, fake = dataset[item]["clips"]
            assert torch.equal(genuine, fake)
            changed += not torch.equal(genuine, plain[item]["clips"][0])
    assert (changed == 0) == (degradation == "none")
    restyled = PairDataset(crops, SPEC, kinds="nothing", degradation="none", restyled=1.0)
    assert any(not torch.equal(*restyled[item]["clips"]) for item in range(4))


@pytest.mark.usefixtures("unforged")
@pytest.mark.parametrize("align", ["box", "similarity"])
def test_undisturbed_it_is_what_scoring_would_have_cut(crops, align):
    spec = CropSpec(40, margin=1.3, align=align)
    dataset = PairDataset(
        crops, spec, kinds="nothing", degradation="none", detail=9.0, split="train", **STILL
    )
    plain = CropDataset(crops, spec, split="train", label=0)
    assert len(dataset) == len(plain)
    for item in range(len(plain)):
        got = dataset[item]["clips"][0, 0]
        difference = (got - plain[item]["image"]).abs()
        if align == "box":
            assert difference.max() == 0
        else:
            assert difference.mean() < 0.01  # the same matrix, from another corner


def test_the_fake_differs_where_its_mask_says(crops):
    dataset = PairDataset(
        crops, SPEC, kinds="bi", degradation="none", targets=("mask",), detail=9.0, **STILL
    )
    for item in range(len(dataset)):
        pair = dataset[item]
        difference = (pair["clips"][0] - pair["clips"][1]).abs().amax(dim=(0, 1))
        inside = pair["mask"][1] > 0.9
        outside = pair["mask"][1] == 0
        # a pixel of the crop is the mean of several, so that the edge is a pixel wide
        far = torch.from_numpy(cv2.erode(outside.numpy().astype(np.uint8), np.ones((5, 5)))) > 0
        assert difference[far].max() == 0
        assert difference[inside].mean() > 0.1
        rows, columns = torch.nonzero(pair["mask"][1] > 0.5, as_tuple=True)
        assert abs(rows.float().mean() - 20) < 8
        assert abs(columns.float().mean() - 20) < 8


def test_what_is_random_hangs_on_seed_epoch_and_item_alone(crops):
    def clips(item, *, seed=0, epoch=0):
        dataset = PairDataset(crops, SPEC, kinds={"sbi": 1, "i2g": 1, "swap": 1}, seed=seed)
        dataset.set_epoch(epoch)
        return dataset[item]["clips"]

    for item in range(3):
        assert torch.equal(clips(item), clips(item))
        assert not torch.equal(clips(item), clips(item, seed=1))
        assert not torch.equal(clips(item), clips(item, epoch=1))
    dataset = PairDataset(crops, SPEC, kinds="swap")
    again = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(dataset[3]["clips"], again[3]["clips"])
    taken = dataset.take(3, np.random.default_rng([0, 0, 3]))
    assert torch.equal(taken["clips"], dataset[3]["clips"])


def test_a_donor_is_another_person_of_the_chosen_videos(crops):
    people = people_of(crops)
    assert people[0] == people[1] == people[5]
    assert len(set(people.tolist())) == 4  # p0, p1, p2, and the one who is not known
    dataset = PairDataset(crops, SPEC, kinds="bi", split="train", candidates=2)
    seen = set()
    for epoch in range(6):
        dataset.set_epoch(epoch)
        for item in range(len(dataset)):
            pair = dataset[item]
            donor = int(crops.video[pair["donor"][1]])
            seen.add(donor)
            assert people[donor] != people[pair["video"][0]]
            assert VIDEOS[donor].label == 0
            assert VIDEOS[donor].columns["split"] == "train"
    assert seen == {0, 2, 4, 5}
    with pytest.raises(ValueError, match=r"5 genuine crops of one person.*make 'sbi' only"):
        PairDataset(crops, SPEC, kinds="bi", videos=[0, 5])
    assert len(PairDataset(crops, SPEC, kinds="sbi", videos=[0, 5])) == 5


def test_descriptions_are_read_without_their_pictures(crops):
    rows = np.array([4, 0, 3])
    told = list(read_descriptions(crops, rows))
    assert told == [crops.read_sample(int(row))[0] for row in rows]


def test_many_candidates_give_nearer_donors(crops):
    rows = np.flatnonzero(crops.video != 1)

    def mean_distance(candidates: int) -> float:
        donors = Donors(crops, rows, candidates=candidates)
        far = []
        for item in range(len(rows)):
            for seed in range(20):
                row = donors.choose(item, np.random.default_rng(seed))
                other = int(np.flatnonzero(rows == row)[0])
                far.append(((donors.points[item] - donors.points[other]) ** 2).sum())
        return float(np.mean(far))

    assert mean_distance(100) < mean_distance(1)
    with pytest.raises(ValueError, match="at least 1 candidate, got 0"):
        Donors(crops, rows, candidates=0)


def test_kinds_come_as_often_as_their_shares(crops):
    dataset = PairDataset(crops, CropSpec(16), kinds={"sbi": 3, "bi": 1}, degradation="none")
    kinds = []
    for epoch in range(20):
        dataset.set_epoch(epoch)
        kinds += [int(dataset[k]["kind"][1]) for k in range(len(dataset))]
    assert abs(np.mean(kinds) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(kinds))


@pytest.mark.usefixtures("unforged")
def test_a_clip_is_forged_and_degraded_in_one_way(tmp_path):
    """Of frames that all show the same, all come out the same."""
    clips = [[[0, 2, 4, 6]]]
    spec = PrepareSpec(SamplingSpec(1, 4, 2))
    still = [Shown(name, clips=[[[3] * 4]]) for name in ("a", "b")]
    built = build(tmp_path / "still", still, spec=spec)
    for kinds in ("sbi", "bi", "i2g", "swap", "nothing"):
        dataset = PairDataset(PreparedCrops(built), SPEC, kinds=kinds, clip_length=4)
        pair = dataset[1]["clips"]
        assert pair.shape == (2, 4, 3, 40, 40)
        for t in range(1, 4):
            assert torch.equal(pair[:, 0], pair[:, t])
    moving = build(tmp_path / "moving", [Shown("a", clips=clips)], spec=spec)
    pair = PairDataset(PreparedCrops(moving), SPEC, clip_length=2, targets=("mask",))[1]
    assert pair["clips"].shape == (2, 2, 3, 40, 40)
    assert not torch.equal(pair["clips"][0, 0], pair["clips"][0, 1])
    assert pair["mask"].shape == (2, 40, 40)


def test_samplers_take_its_genuine_crops(crops):
    dataset = PairDataset(crops, SPEC, split="train")
    assert sorted(EachOnceSampler(dataset.genuine)) == list(range(8))
    draws = list(BalancedSampler(dataset.genuine, ("video",), num_samples=4000))
    counts = np.bincount(dataset.video[draws], minlength=6)[[0, 2, 4, 5]]
    assert np.abs(counts / 4000 - 0.25).max() < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": "sbl"}, "unknown pseudo-fake 'sbl'; did you mean 'sbi'"),
        ({"kinds": {}}, "shares of at least 0, and one above, got {}"),
        ({"degradation": "vidio"}, "unknown degradation 'vidio'; did you mean 'video'"),
        ({"targets": ("edge",)}, "unknown target 'edge'"),
        ({"mirrored": 1.5}, "mirrored from 0 to 1, got 1.5"),
        ({"restyled": -1}, "restyled from 0 to 1, got -1"),
        ({"box_shift": 0.5}, "box_shift from 0 to below 0.5, got 0.5"),
        ({"detail": 0}, "detail above 0, got 0"),
        ({"box_shift": 0.3}, "2.03 .*and 2 was prepared"),
        ({"method": "Swap"}, "no video is left"),
        ({"clip_length": 2}, "clips of 2 frames are wanted, and clips of 1 were"),
    ],
)
def test_what_can_not_be_made_is_refused(crops, options, message):
    with pytest.raises(ValueError, match=message):
        PairDataset(crops, SPEC, **options)


def test_damage_is_no_pair(tmp_path):
    built = build(tmp_path / "crops", VIDEOS)
    crops = PreparedCrops(built)
    dataset = PairDataset(crops, SPEC, kinds="sbi")
    path = shard_path(built, 0)
    data = bytearray(path.read_bytes())
    data[int(crops.offset[1]) + int(crops.length[1]) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    assert dataset[0]["label"].tolist() == [0, 1]
    with pytest.raises(BadShards, match=r"000000\.tar.*checksum"):
        dataset[1]
    data[int(crops.offset[0]) + 600] = 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(BadShards, match=r"000000\.tar: the description at byte 0 can't be read"):
        PairDataset(crops, SPEC, kinds="bi")


def test_a_face_whose_points_coincide_is_named(crops, monkeypatch):
    dataset = PairDataset(crops, SPEC, kinds="bi")
    read = crops.read_sample

    def collapsed(row):
        description, image = read(row)
        return {**description, "landmarks_xy": [[5.0, 5.0]] * 5}, image

    monkeypatch.setattr(crops, "read_sample", collapsed)
    with pytest.raises(ValueError, match=r"'real/\d', frame \d+: .*the points coincide"):
        dataset[0]


def test_the_measures_calls_are_recorded_and_opencv_is_left_as_it_was(crops):
    kept = cv2.resize
    dataset = PairDataset(crops, SPEC, degradation="picture")
    with recorded() as calls:
        dataset[0]
    assert cv2.resize is kept
    names = [function.__name__ for function, _, _ in calls]
    assert names.count("imdecode") >= 1
    assert names.count("resize") >= 4  # the bending's field in two parts, and both crops
    replay(calls)


@pytest.mark.slow
def test_memory_is_flat_over_20_000_pairs(crops):
    def resident_mib() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    shares = dict.fromkeys(("sbi", "bi", "i2g", "swap"), 1)
    dataset = PairDataset(
        crops, CropSpec(16), kinds=shares, degradation="picture", targets=("mask", "boundary")
    )
    sizes = []
    for step in range(20_000):
        collate_pairs([dataset.take(step % len(dataset), np.random.default_rng(step))])
        if step % 2000 == 1999:
            sizes.append(resident_mib())
    assert sizes[-1] - sizes[0] < 8, sizes
