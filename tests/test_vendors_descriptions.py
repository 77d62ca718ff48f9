"""Descriptions: all problems at once, paths into answers, scales; and what `unswap vendors` says."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from unswap.cli import main
from unswap.detectors.vendors import examples
from unswap.detectors.vendors.binding import BadDescription
from unswap.detectors.vendors.descriptions import read_description
from unswap.detectors.vendors.json_paths import NotThere, find
from unswap.detectors.vendors.opening import locate
from unswap.detectors.vendors.scales import NotAScore, ScoreRule
from unswap.detectors.vendors.service_description import HttpService

MINIMAL: dict[str, Any] = {
    "kind": "http",
    "name": "a-vendor",
    "base_url": "https://api.vendor.example",
    "submit": {"path": "/detect", "upload": "multipart", "file_field": "file"},
    "score": {"path": "score", "kind": "probability"},
}
POLL = {"path": "/jobs/{request_id}", "state": "s", "running": ["r"], "done": ["d"]}


def _write(folder: Path, data: Any) -> Path:
    path = folder / "vendor.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize("name", examples.names())
def test_every_example_is_a_description_that_says_it_was_not_tried(name: str) -> None:
    path = examples.locate(name)
    description = read_description(path)
    assert isinstance(description, HttpService)
    assert description.name == name
    assert "not tried against the service" in path.read_text().splitlines()[0]
    assert description.auth is not None


def test_there_is_an_example_for_each_flow() -> None:
    assert examples.names() == [
        "authenta",
        "behavioral-signals",
        "cyberette",
        "neural-defend",
        "reality-defender",
        "sealed-rose",
    ]
    with pytest.raises(KeyError, match="did you mean 'authenta'"):
        examples.locate("authentta")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "htp"}, "unknown kind 'htp'; did you mean 'http'?"),
        ({"kind": None}, "missing key 'kind'"),
        ({"name": "a@b"}, "expected a name without '@'"),
        ({"base_url": "http://api.vendor.example"}, "expected https"),
        ({"base_url": "https://me:secret@api.vendor.example"}, "must not hold a password"),
        ({"base_url": "api.vendor.example"}, "begins with https://"),
        ({"socre": {}}, "unknown key 'socre'; did you mean 'score'?"),
        (
            {"submit": {"path": "/x", "upload": "carrier"}},
            "'multipart' or 'presigned', got 'carrier'",
        ),
        ({"submit": {"path": "/x", "upload": "multipart"}}, "needs file_field"),
        ({"submit": {"path": "/x", "upload": "presigned"}}, "needs upload_url and request_id"),
        ({"submit": {"upload": "multipart", "file_field": "f"}}, "missing key 'submit.path'"),
        ({"submit": {"path": "/{who}", "upload": "multipart", "file_field": "f"}}, "unknown {who}"),
        ({"poll": POLL}, "poll and submit.request_id go together"),
        ({"poll": {**POLL, "done": ["r"]}}, 'the state "r" stands in two lists'),
        ({"result": {"path": "/r"}}, "result goes with poll"),
        ({"finalise": {"path": "/f"}}, "finalise goes with upload: presigned"),
        ({"auth": {"env": "not a name"}}, "the name of an environment variable"),
        ({"auth": {"env": "KEY", "header": "X: y"}}, "a header's name"),
        ({"score": {"path": "a[", "kind": "probability"}}, "can't read the path"),
        ({"score": {"path": "a", "kind": "percent"}}, "score.kind: expected 'probability' or"),
        ({"score": {"path": "a", "kind": "logit", "scale": [1, 0]}}, "[lowest, highest]"),
        ({"score": {"path": "a[*]", "kind": "logit"}}, "add combine"),
        ({"score": {"path": "a", "kind": "logit", "combine": "max"}}, "leave out combine"),
        ({"statuses": [{"status": "no_face"}]}, "statuses[0]: expected path with equals"),
        ({"statuses": [{"status": "scored", "http": [4]}]}, "statuses[0].status"),
        ({"limits": {"rate": {"requests": 0, "per_seconds": 1}}}, "limits.rate: expected 1 to"),
        ({"limits": {"retry": {"times": "often"}}}, "times: expected a whole number, got 'often'"),
        ({"limits": {"budget": {"calls": True}}}, "calls: expected a whole number, got True"),
        ({"price": {"per_call": -1, "currency": "EUR"}}, "per_call: expected 0 or more"),
        ({"variables": {"sha256": "X"}}, "sha256 has a meaning already"),
    ],
)
def test_a_wrong_description_says_what_is_wrong(
    changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    path = _write(tmp_path, {**MINIMAL, **changes})
    with pytest.raises(BadDescription) as told:
        read_description(path)
    assert str(told.value).startswith(f"{path}: ")
    assert says in str(told.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    data = {**MINIMAL, "nmae": 1, "score": {"path": 3, "kind": "x"}, "limits": {"at_a_time": "two"}}
    with pytest.raises(BadDescription) as told:
        read_description(_write(tmp_path, data))
    for words in ("'nmae'", "score.path: expected text", "score.kind", "limits.at_a_time"):
        assert words in str(told.value)


@pytest.mark.parametrize("text", ["a: [", "just words", "- a\n- b"])
def test_a_file_that_is_no_description(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(BadDescription, match=r"x\.yaml: "):
        read_description(path)
    with pytest.raises(BadDescription, match="no such file"):
        read_description(tmp_path / "y.yaml")


def test_which_detector_it_is_does_not_hang_on_limits_and_prices(tmp_path: Path) -> None:
    def sha256(**changes: Any) -> str:
        return locate(_write(tmp_path, {**MINIMAL, **changes})).detector.sha256

    first = sha256()
    assert sha256(limits={"budget": {"calls": 9}}, notes="x") == first
    assert sha256(price={"per_call": 1, "currency": "EUR"}) == first
    assert sha256(score={"path": "score", "kind": "probability", "higher_means": "real"}) != first
    assert sha256(base_url="https://eu.vendor.example") != first


ANSWER = {"a": {"b": [{"c": 1, "d": "x"}, {"c": 2, "d": "y"}, {"c": 3, "d": "x"}]}, "n": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[0].c", 1),
        ("a.b[-1].c", 3),
        ("a.b[*].c", [1, 2, 3]),
        ("a.b[d=x].c", [1, 3]),
        ("n", None),
    ],
)
def test_a_path_leads_to_its_value(path: str, found: Any) -> None:
    assert find(ANSWER, path) == found


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("a.x", "no 'x' at 'a'; there is b"),
        ("a.b[7]", "no entry 7 at 'a.b': the list has 3"),
        ("a.b.c", "expected an object with 'c' at 'a.b', got a list"),
        ("a[0]", "expected a list at 'a', got an object"),
        ("n.x", "got null"),
        ("a.b[d=z].c", "nothing at 'a.b[d=z]'"),
    ],
)
def test_a_path_that_leads_nowhere_says_how_far_it_went(path: str, says: str) -> None:
    with pytest.raises(NotThere) as told:
        find(ANSWER, path)
    assert says in str(told.value)


@given(st.floats(0, 100))
def test_a_percentage_of_real_is_the_rest_of_a_probability(value: float) -> None:
    fake = ScoreRule("s", "probability", (0.0, 100.0))
    real = ScoreRule("s", "probability", (0.0, 100.0), higher_means="real")
    assert fake.read({"s": value}) == pytest.approx(value / 100)
    assert fake.read({"s": value}) + real.read({"s": value}) == pytest.approx(1)


@given(st.floats(-50, 50), st.sampled_from(["logit", "llr", "ordinal"]))
def test_other_kinds_are_turned_round_and_not_scaled(value: float, kind: Any) -> None:
    assert ScoreRule("s", kind).read({"s": value}) == value
    assert ScoreRule("s", kind, higher_means="real").read({"s": value}) == -value
    scaled = ScoreRule("s", kind, (-50.0, 50.0), higher_means="real")
    assert scaled.read({"s": value}) == pytest.approx(-value)


@pytest.mark.parametrize(
    "value", [True, None, "0.5", [0.5], {}, math.nan, math.inf, -0.001, 1.001, "x" * 1000]
)
def test_what_is_no_score_is_none(value: Any) -> None:
    with pytest.raises(NotAScore) as told:
        ScoreRule("s", "probability").read({"s": value})
    assert len(str(told.value)) < 200


def test_words_and_booleans_are_told_apart() -> None:
    rule = ScoreRule("s", "ordinal", values={True: 1.0, False: 0.0})
    assert [rule.read({"s": True}), rule.read({"s": False})] == [1, 0]
    for value in (1, 0, "true", None):
        with pytest.raises(NotAScore, match="expected one of True, False"):
            rule.read({"s": value})
    words = ScoreRule("s", "ordinal", values={"FAKE": 2.0, "UNSURE": 1.0, "REAL": 0.0})
    assert words.read({"s": "UNSURE"}) == 1


def test_segments_are_combined_by_name() -> None:
    answer = {"s": [{"p": "0.25"}, {"p": "0.75"}]}
    assert ScoreRule("s[*].p", "probability", text=True, combine="max").read(answer) == 0.75
    assert ScoreRule("s[*].p", "probability", text=True, combine="mean").read(answer) == 0.5
    with pytest.raises(NotAScore, match="a number as text"):
        ScoreRule("s[*].p", "probability", text=True, combine="max").read({"s": [{"p": "high"}]})


def test_the_command_lists_shows_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["vendors", "list"]) == 0
    assert capsys.readouterr().out.split() == examples.names()
    assert main(["vendors", "show", "behavioral-signals"]) == 0
    path = tmp_path / "x.yaml"
    path.write_text(capsys.readouterr().out)
    video = tmp_path / "a name.MOV"
    video.write_bytes(b"bytes")
    monkeypatch.setenv("BEHAVIORAL_SIGNALS_API_KEY", "the-key-itself")
    assert main(["vendors", "check", str(path), "--video", str(video)]) == 0
    said = capsys.readouterr().out
    assert "BEHAVIORAL_SIGNALS_API_KEY, which is set" in said
    assert "the-key-itself" not in said
    assert (
        "file = the file, as 277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9.mov"
        in said
    )
    assert "a name" not in said
    path.write_text(path.read_text().replace("text: true", "txt: true"))
    assert main(["vendors", "check", str(path)]) == 2
    assert "unknown key of score 'txt'; did you mean 'text'?" in capsys.readouterr().err
    assert main(["vendors", "show", "nobody"]) == 2
    assert "unknown example 'nobody'" in capsys.readouterr().err
