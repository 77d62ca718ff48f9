"""Prepared crops by index: what is read is what was written, and damage is said, never hidden."""

import json
import os
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from shard_makers import Shown, build, face_in, scene

from unswap.datasets.crops import crop_face
from unswap.datasets.deepfakebench_json import parse
from unswap.datasets.shards.cutting import Cut, stored_face
from unswap.datasets.shards.export import export_deepfakebench, safe_name
from unswap.datasets.shards.layout import (
    BadShards,
    PrepareSpec,
    pack_sample,
    read_header,
    shard_path,
    unpack_sample,
)
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.types import CropSpec, Face, SamplingSpec
from unswap.experiments.speed import load

VIDEOS = [
    Shown("b/real/c23/0", clips=[[[0], [7]], [[3]]]),
    Shown("b/Swap/c23/1", 1, "Swap"),
    Shown("b/Swap/c23/2", 1, "Swap", status="no_face"),
    Shown("b/Move/c23/3", 1, "Move"),
    Shown("b/real/c23/4"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "crops", VIDEOS)


def test_every_row_gives_the_picture_and_what_is_known_of_it(folder):
    crops = PreparedCrops(folder)
    assert len(crops) == 9
    for row in np.random.default_rng(0).permutation(9).tolist():
        description, image = crops.read_sample(row)
        video = int(crops.video[row])
        assert description["video_id"] == crops.video_id(video) == VIDEOS[video].name
        assert description["frame"] == crops.frame[row]
        assert description["track"] == crops.track[row]
        x, y = description["origin_xy"]
        frame = scene(video, description["frame"])
        top, left = max(0, y), max(0, x)
        part = frame[top : y + len(image), left : x + len(image)]
        np.testing.assert_array_equal(
            image[top - y :, left - x :][: len(part), : part.shape[1]], part
        )


def test_the_order_of_channels_is_red_green_blue(folder):
    crops = PreparedCrops(folder)
    png = unpack_sample(os.pread(crops._open(0), int(crops.length[0]), 0))[2]
    bgr = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(crops.read_sample(0)[1], bgr[..., ::-1])


def test_columns_that_are_read_when_asked_for(folder):
    crops = PreparedCrops(folder)
    assert crops.column("side").dtype == np.int16
    assert crops.column("side")[0] == len(crops.read_sample(0)[1])
    assert crops.column("pts_seconds").tolist() == (crops.frame / 25).tolist()
    with pytest.raises(KeyError, match="unknown column of the index 'sid'; did you mean 'side'"):
        crops.column("sid")
    with pytest.raises(IndexError, match="row from 0 to 8, got 9"):
        crops.read_sample(9)


def test_few_files_are_held_open_and_none_after_pickling(folder):
    crops = PreparedCrops(folder, max_open=1)
    expected = [crops.read_sample(row)[1].sum() for row in range(9)]
    assert len(crops._files) == 1
    copy = pickle.loads(pickle.dumps(crops))
    assert not copy._files
    assert [copy.read_sample(row)[1].sum() for row in range(9)] == expected
    crops.close()
    assert crops.read_sample(8)[1].sum() == expected[8]


@pytest.mark.parametrize("byte", [0, 130, 600, 1030, 1600, -10])
def test_one_damaged_byte_is_told_with_the_file_the_place_the_video_and_the_remedy(folder, byte):
    crops = PreparedCrops(folder)
    row = 6
    path = shard_path(folder, int(crops.shard[row]))
    data = bytearray(path.read_bytes())
    place = int(crops.offset[row]) + (byte if byte >= 0 else int(crops.length[row]) + byte)
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadShards) as caught:
        crops.read_sample(row)
    message = str(caught.value)
    assert "000001.tar" in message
    assert f"byte {crops.offset[row]}" in message
    assert "'b/Move/c23/3'" in message
    assert "--resume" in message
    crops.verify()  # the quick look at sizes can't see it
    with pytest.raises(BadShards, match="checksum"):
        crops.verify(deep=True)


def test_a_shard_that_was_cut_off_is_told_at_opening_and_at_reading(folder):
    crops = PreparedCrops(folder)
    path = shard_path(folder, 0)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(
        BadShards, match=r"000000\.tar: expected at least \d+ bytes, got \d+.*cut off"
    ):
        PreparedCrops(folder)
    with pytest.raises(BadShards, match="the file is cut off"):
        crops.read_sample(4)


def test_missing_shards_are_all_listed_at_opening(folder):
    crops = PreparedCrops(folder)
    shard_path(folder, 0).unlink()
    shard_path(folder, 2).unlink()
    with pytest.raises(BadShards, match=r"2 of 3 shards are missing: 000000\.tar, 000002\.tar"):
        PreparedCrops(folder)
    with pytest.raises(BadShards, match=r"000002\.tar: .*No such file.*--resume"):
        crops.read_sample(8)


def test_a_shard_without_crops_may_be_missing(tmp_path):
    videos = [VIDEOS[0], VIDEOS[1], VIDEOS[2], replace(VIDEOS[2], name="b/Swap/c23/9")]
    folder = build(tmp_path / "crops", videos)
    shard_path(folder, 1).unlink()
    assert len(PreparedCrops(folder)) == 5


def test_files_of_different_runs_are_refused(folder, tmp_path):
    other = build(tmp_path / "other", [*VIDEOS[:4], replace(VIDEOS[4], clips=[[[0]]])])
    (folder / "videos.parquet").write_bytes((other / "videos.parquet").read_bytes())
    with pytest.raises(BadShards, match=r"2 crops of 'b/real/c23/4', videos\.parquet says 1"):
        PreparedCrops(folder)
    fewer = build(tmp_path / "fewer", VIDEOS[:3])
    (folder / "videos.parquet").write_bytes((fewer / "videos.parquet").read_bytes())
    with pytest.raises(BadShards, match=r"expected 5 videos as in prepared\.json, got 3"):
        PreparedCrops(folder)


@pytest.mark.parametrize("name", ["prepared.json", "videos.parquet", "index.parquet"])
def test_missing_and_damaged_tables_are_named(folder, name):
    (folder / name).write_bytes(b"nothing of the kind")
    with pytest.raises(BadShards, match=name):
        PreparedCrops(folder)
    (folder / name).unlink()
    with pytest.raises(BadShards, match=f"{name}: no such file"):
        PreparedCrops(folder)


def test_a_table_damaged_in_the_middle_is_named(folder):
    path = folder / "videos.parquet"
    data = path.read_bytes()
    pages = (
        len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    )  # the footer and its length follow
    path.write_bytes(data[:4] + b"\xff" * (pages - 4) + data[pages:])
    with pytest.raises(BadShards, match=r"videos\.parquet: it can't be read"):
        PreparedCrops(folder)


def test_an_index_without_a_column_is_named(folder):
    path = folder / "index.parquet"
    parquet.write_table(parquet.read_table(path).drop_columns(["crc32"]), path)
    with pytest.raises(BadShards, match="no column crc32"):
        PreparedCrops(folder)


def test_an_index_in_several_row_groups_with_other_types_of_integers(folder):
    expected = PreparedCrops(folder)
    path = folder / "index.parquet"
    table = parquet.read_table(path)
    place = table.column_names.index("video")
    table = table.set_column(place, "video", table.column("video").cast(pa.int64()))
    parquet.write_table(table, path, row_group_size=2)
    crops = PreparedCrops(folder)
    assert crops.video.dtype == np.int32
    np.testing.assert_array_equal(crops.video, expected.video)
    np.testing.assert_array_equal(crops.offset, expected.offset)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 8**7])
def test_a_header_is_read_as_tarfile_reads_it(size):
    head = pack_sample("00000001-0000-00000-000", {}, bytes(size))[1024:1536]
    assert read_header(head) == ("00000001-0000-00000-000.png", size)
    rng = np.random.default_rng(size)
    for place in rng.permutation(512)[:100].tolist():  # the same answer or refusal for damaged ones
        damaged = bytearray(head)
        damaged[place] ^= int(rng.integers(1, 256))
        try:
            theirs = tarfile.TarInfo.frombuf(bytes(damaged), "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError):
            with pytest.raises(ValueError, match=r".+"):
                read_header(bytes(damaged))
        else:
            assert read_header(bytes(damaged)) == (theirs.name, theirs.size)
    with pytest.raises(ValueError, match="truncated"):
        read_header(head[:400])


@pytest.mark.parametrize("margin", [0.8, 1.0, 1.3, 1.5, 2.0])
@pytest.mark.parametrize("size", [96, 61])
def test_a_box_crop_of_a_stored_crop_is_that_of_the_full_frame(tmp_path, margin, size):
    frames = list(range(40))
    folder = build(tmp_path / "crops", [Shown("a", clips=[[[f] for f in frames]])])
    crops = PreparedCrops(folder)
    cut = Cut(CropSpec(size, margin=margin))
    for row in range(len(crops)):
        sample = crops.read_sample(row)
        ours = cut([sample], np.random.default_rng(0))[0]
        full = crop_face(scene(0, frames[row]), face_in(0, frames[row]), cut.spec)
        np.testing.assert_array_equal(ours, full, err_msg=str(sample[0]))


def test_halves_are_rounded_as_in_the_full_frame(tmp_path):
    cut = Cut(CropSpec(40, margin=1.0))
    image = scene(0, 0)
    for x in range(60, 64):
        for y in range(60, 64):
            box = np.array([x + 0.5, y + 0.5, x + 40.5, y + 40.5], dtype=np.float32)
            face = Face(box, np.zeros((5, 2), dtype=np.float32), 1.0)
            for origin in ((x - 20, y - 20), (x - 21, y - 20), (x - 20, y - 21), (x - 21, y - 21)):
                stored = image[origin[1] : origin[1] + 82, origin[0] : origin[0] + 82]
                description = {
                    "video_id": "a",
                    "scale": 1.0,
                    "origin_xy": list(origin),
                    "box_xyxy": (box - np.tile(origin, 2)).tolist(),
                    "landmarks_xy": np.zeros((5, 2)).tolist(),
                    "confidence": 1.0,
                }
                ours = cut([(description, stored)], np.random.default_rng(0))[0]
                np.testing.assert_array_equal(ours, crop_face(image, face, cut.spec))


def test_an_aligned_crop_of_a_stored_crop_is_close_to_that_of_the_full_frame(tmp_path):
    frames = list(range(20))
    folder = build(tmp_path / "crops", [Shown("a", clips=[[[f] for f in frames]])])
    crops = PreparedCrops(folder)
    cut = Cut(CropSpec(96, margin=1.3, align="similarity"))
    for row in range(len(crops)):
        ours = cut([crops.read_sample(row)], np.random.default_rng(0))[0]
        full = crop_face(scene(0, frames[row]), face_in(0, frames[row]), cut.spec)
        assert np.abs(ours.astype(int) - full).mean() < 0.6  # fixed-point weights of the warp


def test_a_crop_of_a_shrunk_stored_crop_shows_the_same(tmp_path):
    spec = PrepareSpec(SamplingSpec(1), max_size=64)
    folder = build(tmp_path / "crops", [Shown("a", clips=[[[0]]])], spec=spec)
    sample = PreparedCrops(folder).read_sample(0)
    assert sample[1].shape == (64, 64, 3)
    cut = Cut(CropSpec(32, margin=1.3))
    ours = cut([sample], np.random.default_rng(0))[0]
    full = crop_face(scene(0, 0), face_in(0, 0), cut.spec)
    assert np.abs(ours.astype(int) - full).mean() < 12
    np.testing.assert_allclose(stored_face(sample[0]).size, 32, atol=1)


def test_export_writes_each_video_once_with_its_paths(folder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="4 videos have no split, 'b/real/c23/0' for one"):
        export_deepfakebench(PreparedCrops(folder), out, dataset_name="B")
    names = {"real": "B-real"}
    path = export_deepfakebench(
        PreparedCrops(folder), out, dataset_name="B", label_names=names, split="test"
    )
    document = json.loads(path.read_text())
    assert [len(entry.frames) for entry in parse(document)] == [2, 1, 2, 2, 2]
    assert set(document) == {"B"}
    assert {k: sorted(v) for k, v in document["B"].items()} == {
        "B-real": ["test"],
        "Swap": ["test"],
        "Move": ["test"],
    }
    real = document["B"]["B-real"]["test"]
    assert sorted(real) == ["b_real_c23_0_track0", "b_real_c23_0_track1", "b_real_c23_4"]
    assert real["b_real_c23_4"]["label"] == "B-real"
    frames = [
        f for label in document["B"].values() for v in label["test"].values() for f in v["frames"]
    ]
    assert len(frames) == len(set(frames)) == 9
    assert {str(p.relative_to(out)) for p in out.rglob("*.png")} == set(frames)
    written = cv2.imread(str(out / real["b_real_c23_4"]["frames"][1]))[..., ::-1]
    np.testing.assert_array_equal(written, PreparedCrops(folder).read_sample(8)[1])
    with pytest.raises(FileExistsError, match="not an empty folder"):
        export_deepfakebench(PreparedCrops(folder), out, dataset_name="B", split="test")


def test_export_keeps_videos_apart_whose_safe_names_agree(tmp_path):
    columns = {"compression": "c23", "split": "train"}
    names = ["a/b", "a b", "A:B", "a_b"]
    videos = [Shown(name, clips=[[[0]]], columns=columns) for name in names]
    crops = PreparedCrops(build(tmp_path / "crops", videos))
    spec = CropSpec(40)
    path = export_deepfakebench(crops, tmp_path / "out", dataset_name="B", spec=spec)
    pictures = sorted((tmp_path / "out").rglob("*.png"))
    assert len(pictures) == 4
    assert len({p.read_bytes() for p in pictures}) == 4
    assert len({str(p).lower() for p in pictures}) == 4
    assert all(p.parts[-5:-2] == ("B", "real", "c23") for p in pictures)
    assert cv2.imread(str(pictures[0])).shape == (40, 40, 3)
    assert '"c23"' in path.read_text()


def test_export_refuses_compression_for_some_only(tmp_path):
    videos = [Shown("a", columns={"compression": "c23"}), Shown("b")]
    crops = PreparedCrops(build(tmp_path / "crops", videos))
    with pytest.raises(ValueError, match="1 of 2 videos have no compression, 'b' for one"):
        export_deepfakebench(crops, tmp_path / "out", dataset_name="B", split="test")


@pytest.mark.parametrize("name", ["..", ".", "con", "NUL.txt", "a/../b", "é", "x" * 300, "a."])
def test_safe_names_are_one_folder_anywhere(name):
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert len(safe.encode()) <= 120
    assert set(safe) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
    assert not safe.endswith(".")
    assert safe.lower().partition(".")[0] not in ("con", "nul")


def test_the_speed_measurement_runs_and_its_folders_are_valid(tmp_path, capsys):
    (ratio,) = load.loading(load.make_crops(tmp_path / "crops", 40), 1)
    assert 0.1 < ratio < 10  # what it should be is for a quiet machine to tell
    _, peak = load.starting(load.make_large_index(tmp_path / "large", 150))
    assert 20 < peak < 1000
    assert "torch: False" in capsys.readouterr().out
    PreparedCrops(tmp_path / "crops").verify(deep=True)
