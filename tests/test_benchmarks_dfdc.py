"""DFDC and its preview: damaged, odd and contradictory trees."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from adapter_trees import Make, change_json, found, ids, read, root_of
from trees import Tree, put

from unswap.datasets.benchmarks import BadBenchmark

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
