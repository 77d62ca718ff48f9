"""The traps of FaceForensics++ and DFD, which lie in one tree."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from adapter_trees import one, read, told
from trees import TREES, put
from trees.dfd import FAKES as DFD_FAKES

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import BadBenchmark


@pytest.fixture
def ffpp(tmp_path: Path) -> Path:
    return TREES["faceforensics++"](tmp_path / "ff").roots[""]


@pytest.fixture
def dfd(tmp_path: Path) -> Path:
    return TREES["dfd"](tmp_path / "ff").roots["ffpp"]


# FaceForensics++


def test_one_compression_only(ffpp: Path) -> None:
    reading = read("faceforensics++", ffpp, "c40")
    assert {v.compression for v in reading.videos} == {"c40"}
    assert len(reading.videos) == 36


def test_a_compression_that_is_not_there_is_an_error(ffpp: Path) -> None:
    with pytest.raises(BadBenchmark, match=r"no video of FaceForensics\+\+ .*in compression raw"):
        read("faceforensics++", ffpp, "raw")


def test_splits_may_lie_in_the_root(ffpp: Path) -> None:
    before = read("faceforensics++", ffpp)
    for path in (ffpp / "splits").iterdir():
        shutil.move(path, ffpp / path.name)
    assert read("faceforensics++", ffpp) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"train": ["000", "003"]}', "a list of pairs"),
        ('["000", "003"]', "got the entry '000'"),
        ("[[0, 3]]", r"got the entry \[0, 3\]"),
        ('[["000", "003", "953"]]', "list of pairs"),
        ('[["000", "000"]]', "list of pairs"),
        ("[]", "list of pairs"),
        ("[[", "can't be read"),
        ('[["953", "974"]]', "953 stands in two pairs"),
    ],
)
def test_a_split_file_of_another_version_is_an_error(ffpp: Path, text: str, words: str) -> None:
    path = put(ffpp / "splits" / "train.json", text)
    with pytest.raises(BadBenchmark, match=words) as error:
        read("faceforensics++", ffpp)
    assert str(path.parent) in str(error.value)


def test_a_fake_that_no_list_pairs_has_no_split(ffpp: Path) -> None:
    folder = "manipulated_sequences/FaceSwap/c23/videos"
    put(ffpp / folder / "000_953.mp4")
    reading = read("faceforensics++", ffpp)
    assert told(reading)[:1] == [("split", f"{folder}/000_953.mp4")]
    video = one(reading, "faceforensics++/FaceSwap/c23/000_953")
    assert (video.split, video.original) == (None, "faceforensics++/real/c23/000")
    assert video.group == one(reading, "faceforensics++/real/c23/000").group


def test_an_original_in_no_list_has_no_split(ffpp: Path) -> None:
    path = "original_sequences/youtube/c40/videos/555.mp4"
    put(ffpp / path)
    reading = read("faceforensics++", ffpp)
    assert told(reading) == [("split", path)]
    assert one(reading, "faceforensics++/real/c40/555").split is None


def test_half_downloaded(ffpp: Path) -> None:
    fake = "manipulated_sequences/Face2Face/c23/videos/000_003.mp4"
    real = "original_sequences/youtube/c23/videos/953.mp4"
    (ffpp / fake).unlink()
    (ffpp / real).rename(ffpp / f"{real}.part")
    shutil.rmtree(ffpp / "manipulated_sequences/NeuralTextures/c40")
    empty = ffpp / "manipulated_sequences/Deepfakes/raw/videos"
    empty.mkdir(parents=True)
    reading = read("faceforensics++", ffpp)
    kinds = Counter(told(reading))
    assert kinds.pop(("missing", fake)) == 1
    assert kinds.pop(("missing", real)) == 1
    assert kinds.pop(("name", f"{real}.part")) == 1
    assert kinds.pop(("missing", empty.relative_to(ffpp).as_posix())) == 1
    # The five methods' fakes of 953 stand there without their original.
    assert {kind for kind, _ in kinds} == {"pair"}
    assert len(kinds) == 5
    assert one(reading, "faceforensics++/FaceSwap/c23/953_974").original is None
    assert one(reading, "faceforensics++/FaceSwap/c40/953_974").original is not None


def test_a_missing_mask_is_told_once_and_no_masks_at_all_are_fine(ffpp: Path) -> None:
    mask = "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4"
    (ffpp / mask).unlink()
    reading = read("faceforensics++", ffpp)
    assert told(reading) == [("mask", mask)]
    assert one(reading, "faceforensics++/Deepfakes/c23/000_003").mask is None
    assert one(reading, "faceforensics++/Deepfakes/c23/003_000").mask is not None
    for method in ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"):
        shutil.rmtree(ffpp / "manipulated_sequences" / method / "masks")
    reading = read("faceforensics++", ffpp)
    assert reading.problems == []
    assert {v.mask for v in reading.videos} == {None}


def test_names_that_do_not_parse_aretold(ffpp: Path) -> None:
    reals = "original_sequences/youtube/c23/videos"
    fakes = "manipulated_sequences/Deepfakes/c23/videos"
    bad = [
        f"{reals}/00.mp4",
        f"{reals}/000 (1).mp4",
        f"{reals}/000.avi",
        f"{reals}/\u0660\u0660\u0660.mp4",
    ]
    bad += [f"{fakes}/000.mp4", f"{fakes}/000_003_c23.mp4"]
    before = read("faceforensics++", ffpp)
    for path in bad:
        put(ffpp / path)
    for path in (f"{reals}/.000.mp4", f"{reals}/Thumbs.db", f"{fakes}/list.txt"):
        put(ffpp / path)
    reading = read("faceforensics++", ffpp)
    assert sorted(told(reading)) == sorted(("name", path) for path in bad)
    assert reading.videos == before.videos


def test_capitals_in_the_ending_are_read_and_a_second_copy_istold(ffpp: Path) -> None:
    reals = ffpp / "original_sequences/youtube/c23/videos"
    (reals / "000.mp4").rename(reals / "000.MP4")
    reading = read("faceforensics++", ffpp)
    assert reading.problems == []
    assert one(reading, "faceforensics++/real/c23/000").path.endswith("/000.MP4")
    put(reals / "003.MP4")
    reading = read("faceforensics++", ffpp)
    assert [kind for kind, _ in told(reading)] == ["name"]


def test_unknown_methods_and_compressions_aretold(ffpp: Path) -> None:
    put(ffpp / "manipulated_sequences" / "Wav2Lip" / "c23" / "videos" / "000_003.mp4")
    put(ffpp / "original_sequences" / "youtube" / "c0" / "videos" / "000.mp4")
    put(ffpp / "manipulated_sequences" / "Deepfakes" / "models" / "000_003" / "model.h5")
    assert told(read("faceforensics++", ffpp)) == [
        ("name", "manipulated_sequences/Wav2Lip"),
        ("name", "original_sequences/youtube/c0"),
    ]


def test_links_to_folders_are_followed(ffpp: Path, tmp_path: Path) -> None:
    before = read("faceforensics++", ffpp)
    shutil.move(ffpp / "original_sequences", tmp_path / "elsewhere")
    (ffpp / "original_sequences").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "linked").symlink_to(ffpp, target_is_directory=True)
    assert read("faceforensics++", tmp_path / "linked") == before


def test_the_youtube_table_is_read_where_it_lies(ffpp: Path) -> None:
    assert read("faceforensics++", ffpp).youtube == {
        "ffpp-000": "--b1Ua-kWJE",
        "ffpp-003": "-9Gg5zdX7nU",
    }
    table = ffpp / "conversion_dict.json"
    shutil.move(table, ffpp / "splits" / table.name)
    assert len(read("faceforensics++", ffpp).youtube) == 2
    (ffpp / "splits" / table.name).unlink()
    assert read("faceforensics++", ffpp).youtube == {}


@pytest.mark.parametrize("text", ['{"0": "--b1Ua-kWJE 0"}', '{"000": 7}', "[]", '{"000": "x"}'])
def test_a_youtube_table_of_another_form_is_an_error(ffpp: Path, text: str) -> None:
    put(ffpp / "conversion_dict.json", text)
    with pytest.raises(BadBenchmark, match=r"conversion_dict\.json: expected"):
        read("faceforensics++", ffpp)


def test_the_card_counts_add_up() -> None:
    for name in ("faceforensics++", "deeperforensics-1.0", "celeb-df-v2"):
        counts: dict[str | None, dict[str | None, int]] = {}
        for expected in benchmarks.get(name).card.expected:
            counts.setdefault(expected.method, {})[expected.split] = expected.count
        for by_split in counts.values():
            assert by_split.pop(None) == sum(by_split.values())


# DeepFakeDetection


def test_dfd_says_which_original_is_not_there(dfd: Path) -> None:
    (dfd / "original_sequences/actors/c23/videos/01__exit_phone_room.mp4").unlink()
    reading = read("dfd", dfd)
    folder = "manipulated_sequences/DeepFakeDetection/c23/videos"
    assert told(reading) == [("pair", f"{folder}/{DFD_FAKES[0]}.mp4")]
    assert one(reading, f"dfd/DeepFakeDetection/c23/{DFD_FAKES[0]}").original is None


def test_dfd_tells_a_missing_mask_and_names_that_do_not_parse(dfd: Path) -> None:
    folder = "manipulated_sequences/DeepFakeDetection"
    (dfd / folder / "masks/videos" / f"{DFD_FAKES[1]}.mp4").unlink()
    put(dfd / folder / "c23/videos/01_02__exit_phone_room.mp4")
    put(dfd / "original_sequences/actors/c23/videos/000.mp4")
    assert sorted(told(read("dfd", dfd))) == [
        ("mask", f"{folder}/masks/videos/{DFD_FAKES[1]}.mp4"),
        ("name", f"{folder}/c23/videos/01_02__exit_phone_room.mp4"),
        ("name", "original_sequences/actors/c23/videos/000.mp4"),
    ]


def test_dfd_needs_no_faceforensics_and_the_other_way_round(ffpp: Path) -> None:
    assert all(v.video_id.startswith("dfd/") for v in read("dfd", ffpp).videos)
    shutil.rmtree(ffpp / "original_sequences" / "actors")
    shutil.rmtree(ffpp / "manipulated_sequences" / "DeepFakeDetection")
    with pytest.raises(BadBenchmark, match="this is not DeepFakeDetection"):
        read("dfd", ffpp)
    assert read("faceforensics++", ffpp).problems == []
