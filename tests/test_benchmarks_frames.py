"""Benchmarks of pictures (WildDeepfake, DeepfakeBench, DF40): odd archives and lists."""

import json
import shutil
from pathlib import Path

import pytest
from adapter_trees import Make, found, ids, read, root_of
from trees import Tree, put
from trees.deepfakebench import video
from trees.wilddeepfake import archive

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import BadBenchmark
from unswap.datasets.benchmarks.deepfakebench_labels import LABELS
from unswap.datasets.benchmarks.df40_methods import METHODS
from unswap.datasets.sequences import ImageSequence

# WildDeepfake


def test_wilddeepfake_a_damaged_archive_is_named_and_the_rest_is_read(make: Make) -> None:
    tree = make("wilddeepfake")
    path = root_of(tree) / "fake_train" / "1.tar.gz"
    path.write_bytes(path.read_bytes()[:60])
    reading = read("wilddeepfake", tree)
    assert found(reading) == [("missing", "fake_train/1.tar.gz")]
    assert len(reading.videos) == 3


def test_wilddeepfake_odd_archives(make: Make) -> None:
    tree = make("wilddeepfake")
    side = root_of(tree) / "fake_train"
    archive(side / "2.tar", ["2/real/1/0.png", "2/fake/5/0.png", "stray.png"])
    archive(side / "3.tar", ["3/fake/1/readme.txt"])
    archive(side / "1.tar", ["1/fake/7/0.png"])  # beside 1.tar.gz, which has this sequence too
    put(side / "list.txt")
    put(side / ".hidden")
    reading = read("wilddeepfake", tree)
    assert found(reading) == [
        ("missing", "fake_train/3.tar"),
        ("name", "fake_train/1.tar.gz!/1/fake/7"),
        ("name", "fake_train/2.tar!/"),
        ("name", "fake_train/list.txt"),
        ("polarity", "fake_train/2.tar!/2/real/1"),
    ]
    assert "wilddeepfake/wilddeepfake/-/fake_train/2/fake/5" in ids(reading)


def test_wilddeepfake_an_unpacked_folder_beside_its_archive_is_read_instead(make: Make) -> None:
    tree = make("wilddeepfake")
    side = root_of(tree) / "real_test"
    plain = ids(read("wilddeepfake", tree))
    put(side / "2" / "real" / "9" / "5.png")
    reading = read("wilddeepfake", tree)
    assert ids(reading) == plain
    assert reading.problems == []
    assert "real_test/2/real/9" in {v.path for v in reading.videos}


def test_wilddeepfake_below_its_own_folder_and_readable(tmp_path: Path) -> None:
    from io import BytesIO

    from PIL import Image

    base = tmp_path / "deepfake_in_the_wild" / "real_test"
    file = BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    put(tmp_path / "1" / "real" / "3" / "0.png", file.getvalue())
    base.mkdir(parents=True)
    shutil.make_archive(str(base / "1"), "gztar", tmp_path, "1")
    (reading,) = read("wilddeepfake", tmp_path).videos
    with ImageSequence(tmp_path / reading.path) as sequence:
        assert sequence.info.num_frames == 1


# DeepfakeBench


def write_list(root: Path, labels: dict, name: str = "X") -> Path:
    return put(root / "dataset_json" / f"{name}.json", json.dumps({name: labels}))


def test_deepfakebench_one_compression(make: Make) -> None:
    tree = make("deepfakebench")
    manifest = benchmarks.read("deepfakebench", tree.roots, compression="c40")
    assert sorted(manifest.column("video_id")) == [
        "FaceForensics++/real/c40/FF-real/000",
        "FaceForensics++/real/c40/FF-real/071",
    ]


def test_deepfakebench_unknown_label(make: Make) -> None:
    tree = make("deepfakebench")
    path = write_list(
        root_of(tree), {"r": {"test": {"v": {"label": "FF-rael", "frames": ["a/b/0.png"]}}}}
    )
    with pytest.raises(
        BadBenchmark, match=rf"{path}: .*'FF-rael'; did you mean 'FF-real'\?.*UADFV"
    ):
        read("deepfakebench", tree)


def test_deepfakebench_problems(tmp_path: Path) -> None:
    good = video(tmp_path, "UADFV/fake/frames/a", "UADFV_Fake")
    part = video(tmp_path, "UADFV/fake/frames/b", "UADFV_Fake")
    (tmp_path / "UADFV/fake/frames/b/005.png").unlink()
    gone = {"label": "UADFV_Fake", "frames": ["UADFV/fake/frames/c/000.png"]}
    none = video(tmp_path, "UADFV/fake/frames/e", "UADFV_Fake")
    shutil.rmtree(tmp_path / "UADFV/fake/frames/e")
    put(tmp_path / "UADFV/fake/frames/e/notes.txt")
    videos = {
        "a": good,
        "b": part,
        "c": gone,
        "d": {"label": "UADFV_Fake", "frames": []},
        "e": none,
        "two": {"label": "UADFV_Fake", "frames": good["frames"] + part["frames"]},
        "one image": {"label": "UADFV_Fake", "frames": ["UADFV/flat/fake/1.png"]},
        "another": {"label": "UADFV_Fake", "frames": ["UADFV/flat/fake/2.png"]},
    }
    write_list(tmp_path, {"UADFV_Fake": {"test": videos, "holdout": {"a": good}}}, "UADFV")
    reading = read("deepfakebench", tmp_path)
    assert ids(reading) == {f"UADFV/UADFV_Fake/-/UADFV_Fake/{v}" for v in "ab"}
    place = "dataset_json/UADFV.json"
    assert found(reading) == [
        ("missing", "UADFV/fake/frames/b"),
        ("missing", "UADFV/fake/frames/c"),
        ("missing", "UADFV/fake/frames/e"),
        ("missing", place),
        ("name", place),
        ("name", place),
        ("split", place),
    ]
    texts = " ".join(p.text for p in reading.problems)
    assert "1 of 3 frames that UADFV.json names are not there: 005.png" in texts
    assert "2 videos have their frames in one folder" in texts


def test_deepfakebench_two_lists_that_disagree(tmp_path: Path) -> None:
    entry = video(tmp_path, "UADFV/real/frames/a", "UADFV_Real")
    for name, split in (("1", "train"), ("2", "test")):
        document = {"UADFV": {"UADFV_Real": {split: {"a": entry}}}}
        put(tmp_path / f"{name}.json", json.dumps(document))
    reading = read("deepfakebench", tmp_path)
    assert [v.split for v in reading.videos] == ["train"]
    assert found(reading) == [("name", "UADFV/real/frames/a")]


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}'])
def test_deepfakebench_damaged_list(tmp_path: Path, content: str) -> None:
    path = put(tmp_path / "dataset_json" / "a.json", content)
    with pytest.raises(BadBenchmark, match=str(path)):
        read("deepfakebench", tmp_path)


def test_the_labels_of_deepfakebench_and_df40_are_known() -> None:
    assert LABELS["FF-real"] == (0, None)
    assert LABELS["CelebDFv2_fake"] == (1, "swap")
    assert LABELS["FF-NT"] == (1, "reenactment")
    assert LABELS["wav2lip_Fake"] == (1, "lip_sync")
    assert LABELS["StyleGAN3_Fake"] == (1, "synthesis")
    assert LABELS["FRAll_Real"] == (0, None)
    for label, (fake, kind) in LABELS.items():
        assert fake == (not label.lower().endswith("real"))
        assert fake or kind is None


def test_df40_has_forty_methods() -> None:
    spellings = {"collaborative_diffusion", "stargan2"}
    kinds = [kind for name, kind in METHODS.items() if name not in spellings]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {"swap": 10, "reenactment": 12, "lip_sync": 1, "synthesis": 17}


# DF40


def test_df40_without_the_real_trees(make: Make) -> None:
    tree = make("df40")
    reading = read("df40", Tree({"df40": root_of(tree)}, 0, 0))
    assert {v.video_id for v in reading.videos if not v.label} == {"df40/real/-/DF40/heygen/real/a"}
    assert found(reading) == [
        ("missing", f"dataset_json/{name}.json") for name in ("FSAll_ff", "mraa_cdf", "simswap_ff")
    ]
    texts = {p.path: p.text for p in reading.problems}
    assert "2 real videos" in texts["dataset_json/simswap_ff.json"]
    assert "--root cdf2=FOLDER" in texts["dataset_json/mraa_cdf.json"]


def test_df40_with_the_root_at_the_frames(make: Make) -> None:
    tree = make("df40")
    root = root_of(tree)
    before = ids(read("df40", tree))
    for name in ("DF40", "DF40_train"):
        for path in sorted((root / name).iterdir()):
            shutil.copytree(path, root / path.name, dirs_exist_ok=True)
        shutil.rmtree(root / name)
    reading = read("df40", tree)
    assert ids(reading) == before
    assert "simswap/ff/frames/000_003" in {v.path for v in reading.videos}


def test_df40_problems(make: Make) -> None:
    tree = make("df40")
    root = root_of(tree)
    videos = {
        "u": video(root, "DF40/newswap/ff/frames/u", "simswap_Fake"),
        "v": video(root, "elsewhere/x/y", "simswap_Fake"),
        "w": {"label": "simswap_Fake", "frames": ["DF40/simswap/ff/frames/w/0.png"]},
        "x": video(root, "DF40/heygen/real/x", "heygen_Fake"),
        "y": video(root, "DF40/simswap/ff/frames/000_003", "simswap_Fake"),
    }
    write_list(root, {"simswap_Fake": {"train": videos}}, "zz")
    reading = read("df40", tree)
    assert len(reading.videos) == tree.num_real + tree.num_fake
    assert [(kind, path.rpartition("/")[2]) for kind, path in found(reading)] == [
        ("missing", "w"),
        ("name", "u"),
        ("name", "y"),
        ("polarity", "x"),
        ("split", "000_003"),
    ]
    unknown = next(p.text for p in reading.problems if "newswap" in p.path)
    assert "unknown method 'newswap'" in unknown
    assert "simswap" in unknown
