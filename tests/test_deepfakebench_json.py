"""DeepfakeBench's JSON form, both ways."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unswap.datasets.deepfakebench_json import BadDocument, Entry, build, parse

NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["label", "frames", "c23", "000_003"])
ENTRIES = st.lists(
    st.builds(
        Entry,
        dataset=NAMES,
        label_name=NAMES,
        split=st.sampled_from(["train", "val", "test"]),
        compression=st.none() | st.sampled_from(["raw", "c23", "c40"]),
        video=NAMES.filter(lambda name: name not in ("raw", "c23", "c40")),
        label=NAMES,
        frames=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    ),
    max_size=12,
    unique_by=lambda e: (e.dataset, e.label_name, e.split, e.compression, e.video),
)


@given(ENTRIES)
def test_what_is_built_is_parsed_back(entries: list[Entry]) -> None:
    document = json.loads(json.dumps(build(entries)))
    assert sorted(parse(document), key=repr) == sorted(entries, key=repr)
    assert build(parse(document)) == document


def test_the_form_of_deepfakebench() -> None:
    video = {"label": "FF-DF", "frames": ["a/000.png"], "masks": ["m/000.png"]}
    document = {"FaceForensics++": {"FF-DF": {"test": {"c23": {"000_003": video}}, "val": {}}}}
    entry = Entry("FaceForensics++", "FF-DF", "test", "c23", "000_003", "FF-DF", ("a/000.png",))
    assert parse(document) == [entry]


def test_without_compression() -> None:
    document = {"UADFV": {"UADFV_Real": {"test": {"0008": {"label": "UADFV_Real", "frames": []}}}}}
    assert parse(document) == [Entry("UADFV", "UADFV_Real", "test", None, "0008", "UADFV_Real", ())]


def test_the_slip_in_the_list_of_dfdc_is_passed_over() -> None:
    video = {"label": "DFDC_Real", "frames": ["a.png"]}
    document = {"DFDC": {"DFDC_Real": {"val": {**video, "abc": video}}}}
    assert [e.video for e in parse(document)] == ["abc"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the document: expected an object of data sets, got []"),
        ({"A": 3}, "A: expected an object of label names, got 3"),
        ({"A": {"r": {"test": []}}}, "A/r/test: expected an object of videos"),
        ({"A": {"r": {"test": {"v": 1}}}}, "A/r/test/v: expected an object of videos"),
        (
            {"A": {"r": {"test": {"c23": {"v": {"label": "r"}}}}}},
            "A/r/test/c23/v: expected a video",
        ),
        ({"A": {"r": {"test": {"v": {"frames": []}}}}}, "A/r/test/v: expected a label, got None"),
        (
            {"A": {"r": {"test": {"v": {"label": "r", "frames": [1]}}}}},
            "A/r/test/v: expected paths of frames, got 1",
        ),
    ],
)
def test_another_form_is_named(document: object, said: str) -> None:
    with pytest.raises(BadDocument, match="^" + said.replace("[", r"\[").replace("]", r"\]")):
        parse(document)


def test_two_entries_in_one_place() -> None:
    entry = Entry("A", "r", "test", None, "v", "r", ())
    with pytest.raises(ValueError, match="A/r/test/v"):
        build([entry, entry])
    with pytest.raises(ValueError, match="A/r/test/v/w"):
        build([entry, Entry("A", "r", "test", "v", "w", "r", ())])
    with pytest.raises(ValueError, match="A/r/test/v"):
        build([Entry("A", "r", "test", "v", "w", "r", ()), entry])
