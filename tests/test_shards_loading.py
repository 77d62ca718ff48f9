"""Prepared crops on their way to a network: nothing lost, doubled or replaced, seeded throughout."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from shard_makers import Shown, build, face_in, scene

from unswap.datasets.crops import as_input, crop_face
from unswap.datasets.shards.layout import BadShards, PrepareSpec, shard_path, unpack_sample
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.shards.samplers import BalancedSampler, EachOnceSampler
from unswap.datasets.shards.streaming import StreamingCrops
from unswap.datasets.shards.torch_data import CropDataset, collate, loader, set_epoch
from unswap.datasets.types import CropSpec, SamplingSpec

SPEC = CropSpec(40, margin=1.3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))


def _shown(name, label, method, split, group, target, crops=2, status="prepared"):
    columns = {"split": split, "group": group, "target_id": target}
    return Shown(name, label, method, status, [[[5 * k] for k in range(crops)]], columns)


VIDEOS = [
    _shown("real/0", 0, None, "train", "g0", "p0", 6),
    _shown("real/1", 0, None, "test", "g1", "p1"),
    _shown("Swap/2", 1, "Swap", "train", "g0", "p0", 3),
    _shown("Swap/3", 1, "Swap", "train", "g2", None, 9),
    _shown("Swap/4", 1, "Swap", "train", "g2", "p2", status="no_face"),
    _shown("Move/5", 1, "Move", "train", "g1", "p1", 1),
    _shown("Move/6", 1, "Move", "test", "g3", "p3"),
]


def brighter(images, rng):
    """A transform that can be pickled."""
    return np.clip(images.astype(int) + rng.integers(-40, 41), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("shards") / "crops", VIDEOS, per_shard=1)


@pytest.fixture(scope="module")
def crops(folder) -> PreparedCrops:
    return PreparedCrops(folder)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    shown = [
        Shown("a", clips=[[[0, 2, 4, 6], [8, 10, 12, 14]], [[20, 22, 24, 26]]]),
        Shown("b", 1, "Swap", clips=[[[0, 2, 4, 6]]]),
    ]
    spec = PrepareSpec(SamplingSpec(2, 4, 2))
    return build(tmp_path_factory.mktemp("clips") / "crops", shown, spec=spec)


def test_an_item_is_what_scoring_would_have_cut(crops):
    dataset = CropDataset(crops, SPEC)
    assert len(dataset) == 23
    for item in (0, 5, 8, 22):
        got = dataset[item]
        video, frame = got["video"], int(got["frame"])
        crop = crop_face(scene(video, frame), face_in(video, frame), SPEC)
        np.testing.assert_array_equal(got["image"].numpy(), as_input(crop[None], SPEC)[0])
        assert got["image"].dtype == torch.float32
        assert got["label"] == VIDEOS[video].label
        assert float(got["pts_seconds"]) == frame / 25
    with pytest.raises(IndexError, match="item from 0 to 22, got 23"):
        dataset[23]


def test_a_batch_is_tensors(crops):
    dataset = CropDataset(crops, SPEC)
    batches = list(loader(dataset, 10))
    assert [len(b["label"]) for b in batches] == [10, 10, 3]  # the last one is kept
    assert batches[0]["image"].shape == (10, 3, 40, 40)
    assert batches[0]["image"].is_contiguous()
    for name in ("label", "video", "track", "clip", "frame"):
        assert batches[0][name].shape == (10,)
        assert batches[0][name].dtype == torch.int64
    assert torch.cat([b["video"] for b in batches]).tolist() == dataset.video.tolist()


def test_selections(crops):
    assert len(CropDataset(crops, SPEC, split="train")) == 19
    assert len(CropDataset(crops, SPEC, split="test", label=1)) == 2
    assert set(CropDataset(crops, SPEC, method="real").video.tolist()) == {0, 1}
    assert set(CropDataset(crops, SPEC, method="Swap").video.tolist()) == {2, 3}
    assert set(CropDataset(crops, SPEC, videos=[5, 0]).video.tolist()) == {0, 5}
    mask = np.arange(7) == 6
    assert set(CropDataset(crops, SPEC, videos=mask).video.tolist()) == {6}


def test_an_empty_selection_says_what_there_is(crops):
    with pytest.raises(ValueError, match=r"unknown split 'tset'; did you mean 'test'.*test, train"):
        CropDataset(crops, SPEC, split="tset")
    with pytest.raises(
        ValueError, match=r"no video is left by split test.*Swap.*train 1 Swap \(3\)"
    ):
        CropDataset(crops, SPEC, split="test", method="Swap")
    with pytest.raises(ValueError, match=r"1 videos chosen have no crop; .*no_face 1"):
        CropDataset(crops, SPEC, videos=[4])
    with pytest.raises(ValueError, match="expected 7 choices for 7 videos"):
        CropDataset(crops, SPEC, videos=np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="rows of videos from 0 to 6, got 0 to 7"):
        CropDataset(crops, SPEC, videos=[0, 7])


def test_videos_without_crops_are_counted(crops):
    said = CropDataset(crops, SPEC).describe()
    assert "23 crops of 6 videos: 2 real, 4 manipulated" in said
    assert "1 of the 7 videos chosen have none" in said
    assert "no_face 1, prepared 6" in said
    assert "enlarged" not in said
    large = CropDataset(crops, CropSpec(400, margin=1.3)).describe()
    assert "at most 512 px, which leaves at most 333 px for these crops of 400 px" in large


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        (CropSpec(40, margin=2.1), {}, "need a margin of 2.10 .*2 was prepared.*--margin 2.1"),
        (CropSpec(40, margin=1.5, align="similarity"), {}, "need a margin of 2.12 .*1.41.*2 was"),
        (CropSpec(40, margin=1.9), {"margin_jitter": 0.1}, "2.09 .*10% of jitter.*2 was prepared"),
        (SPEC, {"clip_length": 2}, "clips of 2 frames are wanted, and clips of 1 were"),
        (SPEC, {"stride": 2}, "no stride for single crops, got 2"),
        (SPEC, {"margin_jitter": 0.7}, "goes below 0.5"),
        (SPEC, {"margin_jitter": 1.0}, "margin_jitter from 0 to 1, got 1.0"),
    ],
)
@pytest.mark.parametrize("kind", [CropDataset, StreamingCrops])
def test_what_the_shards_cannot_contain_is_refused(crops, kind, spec, options, message):
    with pytest.raises(ValueError, match=message):
        kind(crops if kind is CropDataset else crops.folder, spec, **options)


def test_what_the_shards_just_contain_is_not_refused(crops):
    for spec in (CropSpec(40, margin=2.0), CropSpec(40, margin=1.41, align="similarity")):
        dataset = CropDataset(crops, spec)
        assert all(dataset[k]["image"].shape == (3, 40, 40) for k in range(len(dataset)))


def test_clips(clips):
    crops = PreparedCrops(clips)
    whole = CropDataset(crops, SPEC, clip_length=4, stride=2)
    assert [whole[k]["frame"].tolist() for k in range(4)] == [
        [0, 2, 4, 6],
        [8, 10, 12, 14],
        [20, 22, 24, 26],
        [0, 2, 4, 6],
    ]
    assert [(whole[k]["track"], whole[k]["clip"]) for k in range(4)] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (0, 0),
    ]
    assert whole[0]["image"].shape == (4, 3, 40, 40)
    for t in range(4):
        crop = crop_face(scene(0, 2 * t), face_in(0, 2 * t), SPEC)
        np.testing.assert_array_equal(whole[0]["image"][t].numpy(), as_input(crop[None], SPEC)[0])
    halves = CropDataset(crops, SPEC, clip_length=2)
    assert [halves[k]["frame"].tolist() for k in range(4)] == [[0, 2], [4, 6], [8, 10], [12, 14]]
    assert len(halves) == 8
    odd = CropDataset(crops, SPEC, clip_length=3)
    assert len(odd) == 4
    assert "4 crops are left over" in odd.describe()
    assert CropDataset(crops, SPEC, clip_length=1)[0]["image"].shape == (1, 3, 40, 40)
    assert len(CropDataset(crops, SPEC)) == 16
    assert collate([whole[0], whole[1]])["frame"].shape == (2, 4)
    with pytest.raises(ValueError, match="stride of 1 frames is wanted, and 2 was prepared"):
        CropDataset(crops, SPEC, clip_length=4, stride=1)


def test_what_is_random_hangs_on_seed_epoch_and_item_alone(crops):
    def image(item, *, seed=0, epoch=0, fresh=CropDataset):
        dataset = fresh(crops, SPEC, margin_jitter=0.2, transform=brighter, seed=seed)
        dataset.set_epoch(epoch)
        return dataset[item]["image"].numpy()

    np.testing.assert_array_equal(image(3), image(3))
    assert (image(3) != image(3, seed=1)).any()
    assert (image(3) != image(3, epoch=1)).any()
    margins = CropDataset(crops, SPEC, margin_jitter=0.2)
    plain = CropDataset(crops, SPEC)
    assert sum(bool((margins[k]["image"] != plain[k]["image"]).any()) for k in range(23)) > 15


def test_a_transform_that_returns_something_else_is_refused(crops):
    dataset = CropDataset(crops, SPEC, transform=lambda images, rng: images[:, :20])
    with pytest.raises(
        ValueError, match=r"expected .*\(1, 40, 40, 3\) uint8, got \(1, 20, 40, 3\)"
    ):
        dataset[0]


def test_spawned_workers_give_the_same_bytes_and_pass_damage_on(tmp_path):
    folder = build(tmp_path / "crops", VIDEOS, per_shard=1)
    dataset = CropDataset(PreparedCrops(folder), SPEC, margin_jitter=0.2, transform=brighter)
    batches = loader(dataset, 4, EachOnceSampler(dataset), num_workers=2)
    alone = loader(dataset, 4, EachOnceSampler(dataset))
    seen = []
    for epoch in (0, 1):  # the workers live through both
        set_epoch(batches, epoch)
        set_epoch(alone, epoch)
        got, expected = list(batches), list(alone)
        assert len(got) == len(expected) == 6
        for a, b in zip(got, expected, strict=True):
            assert all(torch.equal(a[name], b[name]) for name in b)
        order = torch.cat([b["video"] * 100 + b["frame"] for b in got])
        assert len(set(order.tolist())) == 23
        by_item = torch.cat([b["image"] for b in got])[order.argsort()]
        seen.append((order, by_item))
    assert (seen[0][0] != seen[1][0]).any()
    assert (seen[0][1] != seen[1][1]).any()
    path = shard_path(folder, 3)
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadShards, match=r"000003\.tar: the crop of 'Swap/3' at byte 0.*checksum"):
        list(batches)


def _shares(dataset, values):
    counts = Counter(values)
    return {k: n / sum(counts.values()) for k, n in sorted(counts.items())}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (("label",), {0: 1 / 2, 1: 1 / 2}),
        (("method",), {"Move": 1 / 3, "Swap": 1 / 3, "real": 1 / 3}),
        (("label", "method"), {"Move": 1 / 4, "Swap": 1 / 4, "real": 1 / 2}),
        (("video",), dict.fromkeys((0, 1, 2, 3, 5, 6), 1 / 6)),
        (("identity",), {"g0": 1 / 4, "g1": 1 / 4, "g2": 1 / 4, "g3": 1 / 4}),
        (("label", "identity"), {"g0": 3 / 8, "g1": 3 / 8, "g2": 1 / 8, "g3": 1 / 8}),
    ],
)
def test_each_class_is_drawn_equally_often(crops, by, expected):
    dataset = CropDataset(crops, SPEC)
    sampler = BalancedSampler(dataset, by, num_samples=20_000, seed=3)
    videos = dataset.video[list(sampler)]
    of = {
        "label": lambda v: VIDEOS[v].label,
        "method": lambda v: VIDEOS[v].method or "real",
        "identity": lambda v: VIDEOS[v].columns["group"],
        "video": lambda v: v,
    }[by[-1]]
    shares = _shares(dataset, [of(int(v)) for v in videos])
    assert shares == pytest.approx(expected, abs=0.015)  # four standard deviations
    assert sampler.weights.sum() == pytest.approx(1)
    items = Counter(list(sampler))
    assert set(items) == set(range(23))  # nothing is never drawn


def test_identity_falls_back_on_target_id_where_all_have_one_and_is_refused_else(tmp_path):
    none = [replace(v, columns={**v.columns, "group": None}) for v in VIDEOS]
    crops = PreparedCrops(build(tmp_path / "crops", none))
    with pytest.raises(
        ValueError, match=r"6 of 6 .*no group; 1 of 6 videos, 'Swap/3'.*no target_id"
    ):
        BalancedSampler(CropDataset(crops, SPEC), ("identity",))
    dataset = CropDataset(crops, SPEC, videos=[0, 1, 2, 5, 6])
    sampler = BalancedSampler(dataset, ("identity",), num_samples=9000)
    targets = [none[int(v)].columns["target_id"] for v in dataset.video[list(sampler)]]
    assert _shares(dataset, targets) == pytest.approx(
        dict.fromkeys(("p0", "p1", "p3"), 1 / 3), abs=0.02
    )


def test_samplers_refuse_what_they_do_not_know(crops, tmp_path):
    dataset = CropDataset(crops, SPEC)
    with pytest.raises(
        ValueError, match="unknown level to balance by 'methd'; did you mean 'method'"
    ):
        BalancedSampler(dataset, ("methd",))
    with pytest.raises(ValueError, match="rank from 0 to 1, got 2"):
        BalancedSampler(dataset, rank=2, num_replicas=2)
    nameless = [Shown("a"), Shown("b", 1, None)]
    unknown = CropDataset(PreparedCrops(build(tmp_path / "c", nameless)), SPEC)
    with pytest.raises(ValueError, match="1 of 2 videos, 'b' for one, have no method"):
        BalancedSampler(unknown, ("label", "method"))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    replicas=st.integers(1, 5),
    num_samples=st.integers(1, 60),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 3),
)
def test_ranks_share_the_draws_out(crops, replicas, num_samples, seed, epoch):
    dataset = CropDataset(crops, SPEC)

    def draws(rank, count, samples):
        sampler = BalancedSampler(
            dataset, num_samples=samples, seed=seed, rank=rank, num_replicas=count
        )
        sampler.set_epoch(epoch)
        assert len(list(sampler)) == len(sampler)
        return list(sampler)

    each = [draws(rank, replicas, num_samples) for rank in range(replicas)]
    assert len({len(e) for e in each}) == 1
    alone = draws(0, 1, len(each[0]) * replicas)
    for rank in range(replicas):
        assert alone[rank::replicas] == each[rank]
    once = [
        EachOnceSampler(dataset, seed=seed, rank=r, num_replicas=replicas) for r in range(replicas)
    ]
    assert sorted(i for s in once for i in s) == list(range(23))
    assert [len(list(s)) for s in once] == [len(s) for s in once]


def test_another_epoch_or_seed_is_another_order(crops):
    dataset = CropDataset(crops, SPEC)
    for kind in (BalancedSampler, EachOnceSampler):
        sampler = kind(dataset, seed=0)
        first = list(sampler)
        assert list(kind(dataset, seed=0)) == first
        assert list(kind(dataset, seed=1)) != first
        sampler.set_epoch(1)
        assert list(sampler) != first
    assert list(EachOnceSampler(dataset, shuffle=False)) == list(range(23))


def _which(item):
    return item["video"], item["track"], item["clip"], tuple(item["frame"].flatten().tolist())


@pytest.mark.parametrize("buffer", [1, 4, 1000])
@pytest.mark.parametrize("epoch", [0, 1])
def test_two_ranks_of_two_workers_stream_every_crop_once(crops, buffer, epoch):
    streams = []
    for rank in range(2):
        stream = StreamingCrops(
            crops.folder, SPEC, shuffle_buffer=buffer, margin_jitter=0.2, rank=rank, num_replicas=2
        )
        stream.set_epoch(epoch)
        streams += [list(stream.items(worker, 2)) for worker in range(2)]
    assert all(streams)
    items = {_which(item): item for stream in streams for item in stream}
    assert sum(len(s) for s in streams) == len(items) == 23
    dataset = CropDataset(crops, SPEC)
    assert set(items) == {_which(dataset[k]) for k in range(23)}
    alone = StreamingCrops(crops.folder, SPEC, margin_jitter=0.2)
    alone.set_epoch(epoch)
    for item in alone.items(0, 1):  # the same bytes, whoever loads them
        assert torch.equal(item["image"], items[_which(item)]["image"])


def test_a_stream_is_shuffled_by_seed_and_epoch(crops):
    def order(buffer, seed=0, epoch=0):
        stream = StreamingCrops(crops.folder, SPEC, shuffle_buffer=buffer, seed=seed)
        stream.set_epoch(epoch)
        return [_which(item) for item in stream]

    assert order(1) == sorted(order(1)) == order(1, seed=1)
    assert order(8) == order(8) != order(8, epoch=1)
    assert order(8) != order(8, seed=1)
    assert sorted(order(8)) == order(1)


def test_a_stream_gives_the_items_that_the_index_gives(clips):
    for length in (None, 2, 3, 4):
        dataset = CropDataset(PreparedCrops(clips), SPEC, clip_length=length)
        stream = StreamingCrops(clips, SPEC, clip_length=length, shuffle_buffer=1)
        streamed = [b for batch in loader(stream, 3) for b in batch["image"]]
        assert len(streamed) == len(dataset)
        for k, image in enumerate(streamed):
            assert torch.equal(image, dataset[k]["image"])
    with pytest.raises(ValueError, match="expected no sampler"):
        loader(stream, 3, EachOnceSampler(dataset))


def test_paths_alone_are_enough_for_single_crops(folder, tmp_path):
    path = tmp_path / "elsewhere" / "3.tar"
    path.parent.mkdir()
    path.write_bytes(shard_path(folder, 3).read_bytes())
    assert len(list(StreamingCrops([path], SPEC))) == 9
    with pytest.raises(
        ValueError, match=r"'Swap/3': these crops need a margin of 2\.20.*has (2\.0|1\.9)"
    ):
        list(StreamingCrops([path], CropSpec(40, margin=2.2)))
    with pytest.raises(ValueError, match=r"clips of 2 frames is not known"):
        StreamingCrops([path], SPEC, clip_length=2)
    with pytest.raises(ValueError, match="expected each shard once, got 2 paths of 1"):
        StreamingCrops([path, path], SPEC)
    with pytest.raises(BadShards, match=r"1 of 2 shards are missing: .*none\.tar"):
        StreamingCrops([path, tmp_path / "none.tar"], SPEC)


@pytest.mark.parametrize("what", ["cut", "cut at a sample", "header", "picture", "text"])
def test_a_damaged_shard_ends_the_stream_with_a_message(folder, tmp_path, what):
    data = bytearray(shard_path(folder, 3).read_bytes())
    index = PreparedCrops(folder)
    second = int(index.offset[np.flatnonzero(index.shard == 3)[1]])
    if what == "cut":
        data = data[:-3000]
    elif what == "cut at a sample":
        data = data[:second]
    else:
        place = {"header": second + 100, "picture": second + 9000, "text": second + 512}[what]
        data[place] ^= 16
    path = tmp_path / "3.tar"
    path.write_bytes(data)
    stream = iter(StreamingCrops([path], SPEC, shuffle_buffer=1))
    next(stream)
    with pytest.raises(BadShards, match=r"3\.tar: the crop at byte \d+: .*--resume"):
        list(stream)


@pytest.mark.parametrize("what", ["digit", "another shard", "fewer", "as it was"])
def test_a_stream_holds_every_sample_against_the_shards_rows_of_the_index(folder, tmp_path, what):
    """Damage that leaves valid samples, which nothing in the tar itself can tell."""
    table = parquet.read_table(folder / "index.parquet")
    table = table.filter(pa.compute.equal(table.column("shard"), 3))
    parquet.write_table(table, tmp_path / "3.index.parquet")
    data = bytearray(shard_path(folder, 3).read_bytes())
    last = table.column("offset").to_pylist()[-1]
    if what == "digit":
        place = data.index(b'"frame":', last) + 8
        data[place] ^= 1  # 4 becomes 5
    elif what == "another shard":
        data = bytearray(shard_path(folder, 0).read_bytes())
    elif what == "fewer":
        data = data[:last] + bytes(1024)
    path = tmp_path / "3.tar"
    path.write_bytes(data)
    stream = StreamingCrops([path], SPEC, shuffle_buffer=1)
    if what == "as it was":
        assert len(list(stream)) == table.num_rows
        return
    message = "the shard ends before" if what == "fewer" else "checksum"
    with pytest.raises(BadShards, match=rf"3\.tar: the crop at byte \d+: .*{message}.*--resume"):
        list(stream)


def test_the_webdataset_library_reads_the_shards(folder, crops):
    wds = pytest.importorskip("webdataset")
    path = str(shard_path(folder, 3))
    samples = list(wds.WebDataset(path, shardshuffle=False).decode("rgb8"))
    rows = np.flatnonzero(crops.shard == 3)
    assert len(samples) == len(rows) == 9
    for row, sample in zip(rows.tolist(), samples, strict=True):
        description, image = crops.read_sample(row)
        assert json.loads(json.dumps(sample["json"])) == description
        np.testing.assert_array_equal(sample["png"], image)
    data = shard_path(folder, 3).read_bytes()
    assert samples[0]["__key__"] == unpack_sample(data[: int(crops.length[rows[0]])])[0]
