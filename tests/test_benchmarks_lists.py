"""The adapters that read lists: what they do with damaged, odd and contradictory trees."""

import json
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from trees import TREES, Tree, put
from trees.deepfakebench import video
from trees.fakeavceleb import HEADER, row
from trees.kodf import FAKE_HEADER
from trees.wilddeepfake import archive

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import BadBenchmark, Reading
from unswap.datasets.benchmarks.deepfakebench_labels import LABELS
from unswap.datasets.benchmarks.df40_methods import METHODS
from unswap.datasets.manifests import Manifest, Video
from unswap.datasets.sequences import ImageSequence

Make = Callable[[str], Tree]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda name: TREES[name](tmp_path / name)


def read(name: str, tree: Tree | Path) -> Reading:
    roots = tree.roots if isinstance(tree, Tree) else tree
    return benchmarks.read_with_problems(name, roots)[1]


def root_of(tree: Tree) -> Path:
    return next(iter(tree.roots.values()))


def found(reading: Reading) -> list[tuple[str, str]]:
    return sorted((p.kind, p.path) for p in reading.problems)


def change_json(path: Path, change: Callable[[dict], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def ids(reading: Reading) -> set[str]:
    return {v.video_id for v in reading.videos}


# DFDC


def change_part(tree: Tree, change: Callable[[dict], None]) -> Path:
    path = root_of(tree) / "dfdc_train_part_0" / "metadata.json"
    change_json(path, change)
    return path


@pytest.mark.parametrize(
    ("change", "problems", "left"),
    [
        (lambda d: d["aaaaaaaaaa.mp4"].update(original="x.mp4"), ["polarity"], 8),
        (lambda d: d["bbbbbbbbbb.mp4"].update(original="cccccccccc.mp4"), ["polarity"], 8),
        (lambda d: d["bbbbbbbbbb.mp4"].update(original="nowhere.mp4"), ["pair"], 9),
        (lambda d: d["bbbbbbbbbb.mp4"].pop("original"), ["pair"], 9),
        (lambda d: d.update({"zz.mp4": {"label": "REAL"}}), ["missing"], 9),
        (lambda d: d.pop("cccccccccc.mp4"), ["split"], 8),
        (lambda d: d["cccccccccc.mp4"].update(split="test"), ["split"], 8),
    ],
)
def test_dfdc_problems(make: Make, change, problems: list[str], left: int) -> None:
    tree = make("dfdc")
    change_part(tree, change)
    reading = read("dfdc", tree)
    assert [p.kind for p in reading.problems] == problems
    assert reading.problems[0].path.startswith("dfdc_train_part_0/")
    assert len(reading.videos) == left


def test_dfdc_a_missing_original_leaves_the_group(make: Make) -> None:
    tree = make("dfdc")
    (root_of(tree) / "dfdc_train_part_0" / "aaaaaaaaaa.mp4").unlink()
    reading = read("dfdc", tree)
    assert [p.kind for p in reading.problems] == ["missing", "pair", "pair"]
    fakes = [v for v in reading.videos if v.group == "dfdc-aaaaaaaaaa"]
    assert [v.original for v in fakes] == [None, None]


@pytest.mark.parametrize("label", ["fake", None, 1])
def test_dfdc_unknown_label(make: Make, label: object) -> None:
    tree = make("dfdc")
    path = change_part(tree, lambda d: d["bbbbbbbbbb.mp4"].update(label=label))
    with pytest.raises(BadBenchmark) as error:
        read("dfdc", tree)
    assert str(error.value) == (
        f"{path}: bbbbbbbbbb.mp4: expected the label REAL or FAKE, got {label!r}"
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"a.mp4"'])
def test_dfdc_damaged_metadata(make: Make, content: str) -> None:
    tree = make("dfdc")
    path = put(root_of(tree) / "dfdc_train_part_0" / "metadata.json", content)
    with pytest.raises(BadBenchmark, match=str(path)):
        read("dfdc", tree)


def test_dfdc_labels_with_mark_and_windows_line_ends(make: Make) -> None:
    tree = make("dfdc")
    path = root_of(tree) / "test" / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert read("dfdc", tree).problems == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,fake\nx.mp4,0\n", "expected the columns filename, label, got name, fake"),
        ("filename,label\n", "is empty"),
        ("", "got none"),
        ("filename,label\nx.mp4,FAKE\n", "line 2: expected the label 0 or 1, got 'FAKE'"),
        ("filename,label\nx.mp4,0,3,4\n", "line 2 .* has 4 values for 2 columns"),
        (b"filename,label\n\xff.mp4,0\n", "not UTF-8"),
    ],
)
def test_dfdc_damaged_labels(make: Make, content: str | bytes, said: str) -> None:
    tree = make("dfdc")
    path = put(root_of(tree) / "test" / "labels.csv", content)
    with pytest.raises(BadBenchmark, match=f"{path}.*{said}"):
        read("dfdc", tree)


def test_dfdc_in_other_arrangements(make: Make, tmp_path: Path) -> None:
    root = root_of(make("dfdc"))
    plain = ids(read("dfdc", root))
    other = tmp_path / "other"
    shutil.move(
        root / "dfdc_train_part_0", other / "train" / "dfdc_train_part_00" / "dfdc_train_part_0"
    )
    shutil.move(root / "dfdc_train_part_11", other / "train" / "dfdc_train_part_11")
    for path in (root / "test").glob("*.mp4"):
        put(other / "videos" / path.name)
    put(other / "labels.csv", (root / "test" / "labels.csv").read_text())
    reading = read("dfdc", other)
    assert ids(reading) == plain
    assert reading.problems == []
    assert {v.path for v in reading.videos if v.split == "test"} == {
        f"videos/{n * 10}.mp4" for n in "xyz"
    }


def test_dfdc_the_same_part_twice(make: Make) -> None:
    tree = make("dfdc")
    root = root_of(tree)
    shutil.copytree(root / "dfdc_train_part_0", root / "dfdc_train_part_00")
    with pytest.raises(BadBenchmark, match=r"the part 0?0 lies in .*dfdc_train_part_0"):
        read("dfdc", tree)


# DFDC preview

REAL = "original_videos/643049/643049_A_001.mp4"
FAKE = "method_A/643049/643049_C/1224068_643049_C_001.mp4"


@pytest.mark.parametrize(
    ("change", "expected", "left"),
    [
        (lambda d: d[FAKE].update(label="real"), [("polarity", FAKE)], 4),
        (lambda d: d[REAL].update(label="fake"), [("polarity", REAL)], 4),
        (lambda d: d[FAKE].update(set="dev"), [("split", FAKE)], 4),
        (lambda d: d.pop(FAKE), [("split", FAKE)], 4),
        (lambda d: d.update({"method_A/x.mp4": d[FAKE]}), [("missing", "method_A/x.mp4")], 5),
        (lambda d: d.update({"method_C/x.mp4": d[FAKE]}), [("name", "method_C/x.mp4")], 5),
        (lambda d: d.update({"method_A/../../x": d[FAKE]}), [("missing", "method_A/../../x")], 5),
    ],
)
def test_dfdcp_problems(make: Make, change, expected: list, left: int) -> None:
    tree = make("dfdcp")
    change_json(root_of(tree) / "dataset.json", change)
    reading = read("dfdcp", tree)
    assert found(reading) == expected
    assert len(reading.videos) == left


def test_dfdcp_backslashes_and_a_level_of_videos(make: Make) -> None:
    tree = make("dfdcp")
    root = root_of(tree)
    plain = ids(read("dfdcp", tree))
    path = root / "dataset.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({k.replace("/", "\\"): v for k, v in data.items()}))
    shutil.move(root / "method_A", root / "kept")
    shutil.move(root / "kept", root / "method_A" / "videos")
    reading = read("dfdcp", tree)
    assert ids(reading) == plain
    assert reading.problems == []
    assert FAKE.replace("method_A/", "method_A/videos/") in {v.path for v in reading.videos}


@pytest.mark.parametrize("entry", [{"label": "FAKE"}, {}, "fake", None])
def test_dfdcp_unknown_label(make: Make, entry: object) -> None:
    tree = make("dfdcp")
    change_json(root_of(tree) / "dataset.json", lambda d: d.update({FAKE: entry}))
    with pytest.raises(BadBenchmark, match=f"dataset.json: {FAKE}: expected the label"):
        read("dfdcp", tree)


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


# FakeAVCeleb


def write_meta(root: Path, rows: list[str], header: str = HEADER) -> Path:
    return put(root / "meta_data.csv", "\n".join([header, *rows]) + "\n")


def test_fakeavceleb_with_a_column_for_the_file_and_its_own_folder(make: Make) -> None:
    tree = make("fakeavceleb")
    root = root_of(tree)
    before = ids(read("fakeavceleb", tree))
    path = root / "meta_data.csv"
    lines = path.read_text().splitlines()
    header = lines[0].replace("path,", "filename,path")
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *lines[1:]]).encode())
    for name in [p.name for p in root.iterdir() if p.is_dir()]:
        shutil.move(root / name, root / "FakeAVCeleb" / name)
    reading = read("fakeavceleb", tree)
    assert ids(reading) == before
    assert reading.problems == []


def test_fakeavceleb_problems(make: Make) -> None:
    tree = make("fakeavceleb")
    root = root_of(tree)
    top = "FakeVideo-RealAudio/African/men/id00076"
    put(root / top / "stray.mp4")
    put(root / top / "1.mp4")
    put(root / top / "2.mp4")
    lines = (root / "meta_data.csv").read_text().splitlines()[1:]
    more = [
        row("id00076", "id00166", "fsgan", "FR", "gone.mp4"),
        row("id00076", "id00166", "roop", "FR", "1.mp4"),
        row("id00076", "id00166", "fsgan", "FR", "2.mp4").replace(",FakeVideo-", ",RealVideo-", 1),
        lines[0],
        row("nobody", "-", "real", "RR", "x.mp4"),
    ]
    write_meta(root, [*lines, *more])
    reading = read("fakeavceleb", tree)
    real = "RealVideo-RealAudio/African/men"
    assert found(reading) == [
        ("missing", f"{top}/gone.mp4"),
        ("name", f"{top}/1.mp4"),
        ("name", f"{real}/id00076/00109.mp4"),
        ("name", f"{real}/nobody/x.mp4"),
        ("polarity", f"{top}/2.mp4"),
        ("split", f"{top}/stray.mp4"),
    ]
    assert len(reading.videos) == tree.num_real + tree.num_fake


def test_fakeavceleb_without_the_real_video_there_is_no_original(make: Make) -> None:
    tree = make("fakeavceleb")
    (root_of(tree) / "RealVideo-RealAudio/African/men/id00076/00109.mp4").unlink()
    reading = read("fakeavceleb", tree)
    originals = {v.group: v.original for v in reading.videos if v.label}
    assert originals["favc-id00076"] is None
    assert originals["favc-id00166"] is not None


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        ("a,b", "1,2", "expected the columns source, method, type, path, got a, b"),
        (
            HEADER,
            row("id1", "-", "x", "RR", "1.mp4").replace("RealVideo-", "Real-", 1),
            "line 2: .*Real-",
        ),
    ],
)
def test_fakeavceleb_damaged_list(make: Make, header: str, line: str, said: str) -> None:
    tree = make("fakeavceleb")
    path = write_meta(root_of(tree), [line], header)
    with pytest.raises(BadBenchmark, match=f"{path}.*{said}"):
        read("fakeavceleb", tree)


# KoDF


def test_kodf_names_in_decomposed_hangul(make: Make) -> None:
    tree = make("kodf")
    root = root_of(tree)
    before = ids(read("kodf", tree))
    for path in sorted(root.rglob("*"), key=lambda p: -len(p.parts)):
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    reading = read("kodf", tree)
    assert ids(reading) == before
    assert reading.problems == []


def test_kodf_problems(make: Make) -> None:
    tree = make("kodf")
    root = root_of(tree)
    path = next(root.rglob("변조영상_training_메타데이터.csv"))
    put(root / "more" / "odd.mp4")
    put(root / "more" / "alone.mp4")
    put(root / "more" / "stray.mp4")
    put(root / "more" / "aaa_001.mp4")
    lines = [
        "odd.mp4,aaa_001.mp4,aaa,bbb,newmodel,2020,",
        "alone,nowhere.mp4,aaa,bbb,dffs,2020,",
        "gone.mp4,aaa_001.mp4,aaa,bbb,dfl,2020,",
        "aaa_bbb_dfl_1.mp4,aaa_001.mp4,aaa,bbb,dfl,2020,",
    ]
    path.write_text(path.read_text() + "\n" + "\n".join(lines))
    reading = read("kodf", tree)
    assert found(reading) == [
        ("missing", "gone.mp4"),
        ("name", "aaa_bbb_dfl_1.mp4"),
        ("name", "more/aaa_001.mp4"),
        ("name", "more/odd.mp4"),
        ("pair", "more/alone.mp4"),
        ("split", "more/stray.mp4"),
    ]
    assert len(reading.videos) == tree.num_real + tree.num_fake + 1


def test_kodf_another_header_and_an_empty_list(make: Make) -> None:
    tree = make("kodf")
    path = next(root_of(tree).rglob("변조영상_training_메타데이터.csv"))
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadBenchmark, match=f"{path}.*타겟UUID.*, got a, b"):
        read("kodf", tree)
    path.write_text(FAKE_HEADER)
    with pytest.raises(BadBenchmark, match=f"{path}.*empty"):
        read("kodf", tree)


# A folder of one's own


def test_folder_stray_files_and_loose_pictures(make: Make) -> None:
    tree = make("folder")
    root = root_of(tree)
    put(root / "real" / "notes.txt")
    put(root / "fake" / "loose.png")
    put(root / "fake" / "myswap" / "loose.png")
    put(root / "real" / "back\\slash.mp4")
    put(root / "elsewhere.mp4")
    reading = read("folder", tree)
    assert [kind for kind, _ in found(reading)] == ["name"] * 4
    assert len(reading.videos) == tree.num_real + tree.num_fake


def test_folder_symbolic_links(make: Make) -> None:
    tree = make("folder")
    root = root_of(tree)
    (root / "real" / "loop").symlink_to(root / "real")
    (root / "real" / "nowhere.mp4").symlink_to(root / "not there.mp4")
    (root / "real" / "link.mp4").symlink_to(root / "real" / "a.mp4")
    reading = read("folder", tree)
    assert len(reading.videos) == tree.num_real + tree.num_fake + 2


def test_folder_that_may_not_be_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = make("folder")
    locked = root_of(tree) / "fake" / "myswap"
    real = os.scandir

    def scandir(path):
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(BadBenchmark, match=f"{locked}: this folder can't be read"):
        read("folder", tree)


def test_folder_without_videos(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    with pytest.raises(BadBenchmark, match="no video of a folder of one's own lies there"):
        read("folder", tmp_path)


def test_folder_is_no_benchmark_of_compressions(make: Make) -> None:
    with pytest.raises(BadBenchmark, match="leave --compression out"):
        benchmarks.read("folder", make("folder").roots, compression="c23")


# A manifest of one's own


def test_manifest_files_that_are_not_there(tmp_path: Path) -> None:
    put(tmp_path / "b.mp4")
    rows = [
        Video("a", "a.mp4", 0),
        Video("b", "b.mp4", 1, original="a", mask="m.mp4"),
        Video("c", "c.tar!/x", 0),
    ]
    Manifest.from_videos(rows).write(tmp_path / "manifest.parquet")
    reading = read("manifest", tmp_path)
    assert found(reading) == [
        ("mask", "m.mp4"),
        ("missing", "a.mp4"),
        ("missing", "c.tar!/x"),
        ("pair", "b.mp4"),
    ]
    assert reading.videos == [Video("b", "b.mp4", 1, root="manifest")]


def test_manifest_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadBenchmark, match="neither lies there"):
        read("manifest", tmp_path)
    path = put(tmp_path / "manifest.csv", "video_id,path,label\na,a.mp4,2\n")
    with pytest.raises(BadBenchmark, match=f"{path}: row 1: a: expected label 0 or 1, got 2"):
        read("manifest", tmp_path)
    put(tmp_path / "manifest.parquet", b"PAR1")
    with pytest.raises(BadBenchmark, match="both lie there"):
        read("manifest", tmp_path)


def test_manifest_with_mark_and_windows_line_ends(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "manifest.csv", b"\xef\xbb\xbfvideo_id,path,label\r\na,a.mp4,0\r\n")
    assert read("manifest", tmp_path).videos == [Video("a", "a.mp4", 0, root="manifest")]
