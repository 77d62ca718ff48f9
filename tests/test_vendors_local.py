"""Detectors from outside that run here: programs, functions, ONNX files, tables of scores."""

import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper

from unswap.cli import main
from unswap.datasets.manifests import Manifest, Video
from unswap.detectors.scores import VideoScore
from unswap.detectors.vendors.binding import BadDescription
from unswap.detectors.vendors.opening import Source, locate, open_scorer
from unswap.detectors.vendors.programs import ProgramScorer

PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    question = json.loads(line)
    name = os.path.basename(question["path"])
    say = lambda answer: print(json.dumps(answer), flush=True)
    if name == "hang": time.sleep(60)
    elif name == "die": print("out of coffee", file=sys.stderr); sys.exit(7)
    elif name == "words": print("I think it is fake", flush=True)
    elif name == "no_face": say({"status": "no_face", "reason": "nobody there"})
    elif name == "status": say({"status": "unsure"})
    elif name == "nan": say({"score": float("nan")})
    elif name == "other": say({"video_id": "another", "score": 1})
    elif name == "number": say(0.25)
    elif name == "pid": say({"score": os.getpid(), "cost": 0.5})
    elif name == "once": say({"score": 3}); sys.exit(0)
    else: say({"score": 0.75, "video_id": question["video_id"], "more": 1})
"""


def _yaml(folder: Path, **data: Any) -> Path:
    path = folder / "detector.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.fixture
def program(tmp_path: Path) -> Iterator[ProgramScorer]:
    (tmp_path / "program.py").write_text(PROGRAM)
    argv = [sys.executable, "program.py"]
    scorer = open_scorer(locate(_yaml(tmp_path, kind="command", name="a-program", argv=argv)))
    assert isinstance(scorer, ProgramScorer)
    yield scorer
    scorer.close()


def _ask(scorer: Any, folder: Path, name: str, limit: float = 20) -> VideoScore:
    (folder / name).touch()
    score: VideoScore = scorer.score(folder / name, time_limit_seconds=limit)
    return score


@pytest.mark.parametrize(
    ("name", "status", "score", "says"),
    [
        ("good", "scored", 0.75, None),
        ("number", "scored", 0.25, None),
        ("no_face", "no_face", None, "nobody there"),
        ("status", "failed", None, "unknown status 'unsure'"),
        ("nan", "failed", None, "expected a finite number"),
        ("other", "failed", None, "it answered for another video, 'another'"),
        ("words", "failed", None, "expected a line of JSON, got 'I think it is fake'"),
        ("die", "failed", None, "ended without an answer (exit code 7; it said: out of coffee)"),
    ],
)
def test_a_programs_line_is_its_answer(
    name: str, status: str, score: float | None, says: str | None, program: Any, tmp_path: Path
) -> None:
    made = _ask(program, tmp_path, name)
    assert (made.status, made.score) == (status, score)
    assert (made.reason is None) == (says is None)
    assert says is None or (says in str(made.reason) and str(tmp_path / name) in str(made.reason))
    assert _ask(program, tmp_path, "good").score == 0.75  # whatever became of the one before


def test_a_program_stays_for_many_videos_and_is_killed_when_it_hangs(
    program: Any, tmp_path: Path
) -> None:
    first, second = (_ask(program, tmp_path, "pid") for _ in range(2))
    assert first.score == second.score
    assert first.cost == 0.5
    began = time.monotonic()
    hung = _ask(program, tmp_path, "hang", 0.2)
    assert time.monotonic() - began < 5
    assert (hung.status, hung.score) == ("timeout", None)
    assert "took longer than 0.2 s; killed" in str(hung.reason)
    with pytest.raises(ProcessLookupError):
        os.kill(int(first.score or 0), 0)
    assert _ask(program, tmp_path, "pid").score != first.score


def test_a_program_may_end_after_each_video(program: Any, tmp_path: Path) -> None:
    for _ in range(3):
        assert _ask(program, tmp_path, "once").score == 3


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    echo = "import json, sys; print(json.dumps({'status': 'failed', 'reason': sys.argv[1]}))"
    argv = [sys.executable, "-c", echo, "$HOME; touch pwned"]
    scorer = open_scorer(locate(_yaml(tmp_path, kind="command", name="x", argv=argv)))
    assert "$HOME; touch pwned" in str(_ask(scorer, tmp_path, "video").reason)
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(BadDescription, match="argv: expected a list, got 'python x'"):
        locate(_yaml(tmp_path, kind="command", name="x", argv="python x"))
    scorer = open_scorer(locate(_yaml(tmp_path, kind="command", name="x", argv=["no-such"])))
    assert "can't start 'no-such'" in str(_ask(scorer, tmp_path, "video").reason)


FUNCTION = """
def by_size(path):
    return len(open(path, "rb").read())

def careful(path):
    return {"status": "refused", "reason": "I would rather not"}

def broken(path):
    raise RuntimeError("no")

def array(path):
    import numpy
    return numpy.float32(0.5)

def nothing(path):
    return None

a_number = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a module in it."""
    name = f"mine_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(FUNCTION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path / f"{name}.py"


@pytest.mark.parametrize(
    ("name", "status", "score", "says"),
    [
        ("by_size", "scored", 3.0, ""),
        ("array", "scored", 0.5, ""),
        ("careful", "refused", None, "I would rather not"),
        ("broken", "failed", None, "RuntimeError: no"),
        ("nothing", "failed", None, "expected a number, or an object with 'score', got None"),
    ],
)
def test_a_functions_value_is_its_answer(
    name: str, status: str, score: float | None, says: str, here: Path
) -> None:
    video = here.parent / "x.mp4"
    video.write_bytes(b"abc")
    source = locate(f"{here.stem}:{name}")
    made = open_scorer(source).score(video)
    assert (made.status, made.score) == (status, score)
    assert says in str(made.reason)
    assert made.detector.name == f"{here.stem}:{name}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{here}:nobody", "has no function 'nobody'"),
        ("{here}:a_number", "has no function 'a_number'"),
        ("no_such_module:f", "there is no module no_such_module"),
        ("{here}:a:b", "expected package.module:function"),
        ("a-b:f", "expected package.module:function"),
    ],
)
def test_a_function_that_is_none(text: str, says: str, here: Path) -> None:
    with pytest.raises(BadDescription, match=says):
        open_scorer(locate(text.format(here=here.stem)))


def test_another_function_is_another_detector(here: Path) -> None:
    before = locate(f"{here.stem}:by_size").detector
    here.write_text(FUNCTION + "\n# changed\n")
    after = locate(f"{here.stem}:by_size").detector
    assert before.name == after.name
    assert before.sha256 != after.sha256


def _model(
    path: Path,
    *,
    shape: tuple[Any, ...] = ("B", 3, 32, 32),
    outputs: int = 1,
    sigmoid: bool = False,
    metadata: dict[str, Any] | None = None,
) -> Path:
    """A file whose logit is 4 * mean(red) - 1, over all pixels (and frames) of normalised crops; with
    two outputs, the first is its negative."""
    axis = shape.index(3)
    red = np.zeros([3 if i == axis else 1 for i in range(len(shape))], np.float32)
    red[tuple(0 for _ in shape)] = 1.0
    nodes = [
        helper.make_node("Mul", ["clips", "red"], ["masked"]),
        helper.make_node("Flatten", ["masked"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Gemm", ["mean", "weight", "bias"], ["logit"]),
    ]
    last = "logit"
    if sigmoid:
        nodes.append(helper.make_node("Sigmoid", ["logit"], ["probability"]))
        last = "probability"
    signs = [12.0] if outputs == 1 else [-12.0, 12.0]
    weight = np.array([signs], np.float32)
    bias = np.array([-1.0] if outputs == 1 else [1.0, -1.0], np.float32)
    graph = helper.make_graph(
        nodes,
        "made for tests",
        [helper.make_tensor_value_info("clips", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [shape[0], outputs])],
        [
            numpy_helper.from_array(a, n)
            for a, n in ((red, "red"), (weight, "weight"), (bias, "bias"))
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    if metadata is not None:
        helper.set_model_props(model, {"unswap": json.dumps(metadata)})
    onnx.save(model, str(path))
    return path


CROP = {"size": 32, "margin": 1.3, "mean": [0, 0, 0], "std": [1, 1, 1]}


def _network(source: Source) -> Any:
    from unswap.detectors.vendors.onnx_model import load_onnx

    assert source.file is not None
    return load_onnx(source.file, source.description, source.detector).detector  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layout", "shape", "length"),
    [
        ("BCHW", ("B", 3, 32, 32), 1),
        ("BCHW", (1, 3, 32, 32), 1),
        ("BHWC", ("B", 32, 32, 3), 1),
        ("BTCHW", ("B", 4, 3, 32, 32), 4),
        ("BCTHW", ("B", 3, 4, 32, 32), 4),
        ("BTHWC", ("B", 4, 32, 32, 3), 4),
    ],
)
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_an_onnx_file_gets_its_input_as_it_wants_it(
    layout: str, shape: tuple[Any, ...], length: int, channels: str, tmp_path: Path
) -> None:
    _model(tmp_path / "m.onnx", shape=shape)
    sampling = {"num_clips": 3, "clip_length": length}
    description = _yaml(
        tmp_path, kind="onnx", file="m.onnx", crop=CROP, sampling=sampling, layout=layout,
        channels=channels, output="logit",
    )  # fmt: skip
    network = _network(locate(description))
    clips = torch.rand(5, length, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    first = clips[:, :, 0 if channels == "RGB" else 2].mean(dim=(1, 2, 3))
    wanted = 4 * first - 1
    torch.testing.assert_close(network(clips), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("output", "options", "fake_index"),
    [
        ("logit", {}, 1),
        ("probability", {"sigmoid": True}, 1),
        ("two_logits", {"outputs": 2}, 1),
        ("two_logits", {"outputs": 2}, 0),
    ],
)
def test_what_an_onnx_file_gives_becomes_a_logit(
    output: str, options: dict[str, Any], fake_index: int, tmp_path: Path
) -> None:
    _model(tmp_path / "m.onnx", **options)
    description = _yaml(
        tmp_path, kind="onnx", file="m.onnx", crop=CROP, output=output, fake_index=fake_index
    )
    clips = torch.rand(2, 1, 3, 32, 32)
    logit = 4 * clips[:, :, 0].mean(dim=(1, 2, 3)) - 1
    wanted = logit if output != "two_logits" else (2 * logit if fake_index == 1 else -2 * logit)
    torch.testing.assert_close(_network(locate(description))(clips), wanted, atol=1e-4, rtol=1e-4)


def test_an_onnx_file_may_say_for_itself_what_it_wants(
    tmp_path: Path, face_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = {"name": "red", "version": "7", "crop": CROP, "output": "logit"}
    path = _model(tmp_path / "m.onnx", metadata={**metadata, "sampling": {"num_clips": 3}})
    source = locate(path)
    assert (source.detector.name, source.detector.version) == ("red", "7")
    out = tmp_path / "scores.json"
    command = ["score", str(face_clip), "--detector", str(path), "--out", str(out), "--report"]
    assert main([*command, str(tmp_path / "reports")]) == 0
    (record,) = json.loads(out.read_text())
    assert record["detector"] == {"name": "red", "sha256": source.detector.sha256, "version": "7"}
    assert record["status"] == "scored"
    assert len(record["tracks"][0]["frames"]) == 3
    assert record["crop_spec"]["size"] == 32
    assert "logits" in capsys.readouterr().out
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1


@pytest.mark.parametrize(
    ("model", "described", "says"),
    [
        ({}, {"crop": {**CROP, "size": 64}}, "the file takes ['B', 3, 32, 32]"),
        ({}, {"layout": "BHWC"}, "the description says BHWC of"),
        ({}, {"layout": "BTCHW"}, "the description says BTCHW of"),
        ({"shape": (8, 3, 32, 32)}, {}, "it takes 8 clips at once"),
        ({}, {"output_name": "other"}, "no output 'other'; there is logit"),
        (
            {},
            {"sampling": {"clip_length": 4}},
            "holds single frames, and sampling.clip_length is 4",
        ),
        ({}, {"file": "no.onnx"}, "no.onnx: no such file"),
        ({}, {"crop": {"size": 0}}, "crop: expected a crop size of at least 1 pixel, got 0"),
    ],
)
def test_an_onnx_file_that_is_not_what_is_said_of_it(
    model: dict[str, Any], described: dict[str, Any], says: str, tmp_path: Path
) -> None:
    _model(tmp_path / "m.onnx", **model)
    data = {"kind": "onnx", "file": "m.onnx", "crop": CROP, "output": "logit", **described}
    with pytest.raises(BadDescription) as told:
        _network(locate(_yaml(tmp_path, **data)))
    assert says in str(told.value)


def test_an_onnx_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("no model")
    with pytest.raises(BadDescription, match="not a usable ONNX file"):
        locate(tmp_path / "x.onnx")
    with pytest.raises(BadDescription, match=r"has no 'unswap' entry.*describe it in a YAML file"):
        locate(_model(tmp_path / "y.onnx"))
    with pytest.raises(BadDescription, match="no such file"):
        locate(tmp_path / "z.onnx")


@pytest.mark.parametrize(
    ("output", "says"),
    [("probability", "does it give logits?"), ("two_logits", "expected 1 x 2 numbers")],
)
def test_an_output_that_is_something_else_is_an_error(
    output: str, says: str, tmp_path: Path
) -> None:
    _model(tmp_path / "m.onnx")
    network = _network(
        locate(_yaml(tmp_path, kind="onnx", file="m.onnx", crop=CROP, output=output))
    )
    with pytest.raises(ValueError, match="numbers" if "two" in output else "probabilities") as told:
        network(torch.zeros(1, 1, 3, 32, 32))
    assert says in str(told.value)


def _table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_of_scores_is_a_detector(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    manifest = tmp_path / "manifest.csv"
    Manifest.from_videos(Video(f"x/real/-/{n}", f"{n}.mp4", 0) for n in "abc").write(manifest)
    rows = [
        {"video_id": "x/real/-/a", "score": "0.9", "status": "", "seconds": "2.5"},
        {"video_id": "x/real/-/b", "score": "", "status": "no_face", "seconds": ""},
        {"video_id": "elsewhere", "score": "0.1", "status": "scored", "seconds": ""},
    ]
    table = _table(tmp_path / "theirs.csv", rows)
    out = tmp_path / "scores.csv"
    command = ["score", str(manifest), "--root", str(tmp_path), "--detector", str(table)]
    assert main([*command, "--out", str(out)]) == 3
    with out.open(newline="", encoding="utf-8") as file:
        made = {r["video_id"][-1]: r for r in csv.DictReader(file)}
    assert [made[n]["status"] for n in "abc"] == ["scored", "no_face", "failed"]
    assert [made[n]["score"] for n in "abc"] == ["0.9", "", ""]
    assert made["a"]["seconds"] == "2.5"
    assert made["a"]["detector"].startswith("theirs@")
    assert f"no row for 'x/real/-/c' in {table}" in made["c"]["reason"]
    assert "scores are ordinal" in capsys.readouterr().out


def test_a_vendors_own_table_is_described(tmp_path: Path) -> None:
    _table(tmp_path / "t.csv", [{"File": "a", "Real %": "25"}, {"File": "b", "Real %": "N/A"}])
    description = _yaml(
        tmp_path, kind="table", file="t.csv", id_column="File", score_column="Real %",
        score={"path": "-", "kind": "probability", "scale": [0, 100], "higher_means": "real"},
        failed_where={"N/A": "no_face"},
    )  # fmt: skip
    scorer = open_scorer(locate(description))
    assert scorer.score("a.mp4", video_id="a").score == 0.75
    assert scorer.score("b.mp4", video_id="b").status == "no_face"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"video_id": "a", "score": "nan"}], "row 1: expected a finite score, got nan"),
        ([{"video_id": "a", "score": "inf"}], "row 1: expected a finite score, got inf"),
        ([{"video_id": "a", "score": "high"}], "row 1: expected a number as score, got 'high'"),
        ([{"video_id": "a", "score": ""}], "row 1: no score and no status"),
        ([{"video_id": "", "score": "1"}], "row 1 has no video_id"),
        ([{"video_id": "a", "score": "1"}] * 2, "row 2: 'a' stands twice"),
        ([{"video_id": "a", "scores": "1"}], "unknown column 'score'; did you mean 'scores'?"),
        ([{"id": "a", "score": "1"}], "unknown column 'video_id'"),
        ([{"video_id": "a", "score": "1", "status": "no_face"}], "a score, 1, with the status"),
        ([{"video_id": "a", "score": "1", "status": "fine"}], "unknown status 'fine'"),
        (
            [{"video_id": "a", "score": "1", "score_kind": "percent"}],
            "unknown score_kind 'percent'",
        ),
        (
            [{"video_id": v, "score": "1", "detector": v} for v in "ab"],
            "it holds 2 detectors (a, b); give a table of one",
        ),
    ],
)
def test_a_table_that_can_not_be_used(
    rows: list[dict[str, Any]], says: str, tmp_path: Path
) -> None:
    table = _table(tmp_path / "t.csv", rows)
    with pytest.raises(BadDescription) as told:
        open_scorer(locate(table))
    assert says in str(told.value)
    assert str(table) in str(told.value)


@pytest.mark.parametrize("detector", ["function", "program"])
def test_the_same_verb_resumes_repeats_and_counts(
    detector: str, here: Path, program: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here.parent / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(name.encode())
    name = f"{here.stem}:by_size" if detector == "function" else str(here.parent / "detector.yaml")
    out = here.parent / "out.csv"
    assert main(["score", str(folder), "--detector", name, "--out", str(out), "--repeat", "1"]) == 0
    said = capsys.readouterr().out
    assert "2 videos: 2 scored" in said
    assert "scored twice: 1 with a score both times, 0 of them with another one" in said
    assert len(out.read_text().splitlines()) == 3
    (again,) = (out.parent / "out.repeats.csv").read_text().splitlines()[1:]
    assert ",repeat," in again
    assert main(["score", str(folder), "--detector", name, "--out", str(out), "--resume"]) == 0
    assert "is finished: nothing to resume" in capsys.readouterr().out


def test_a_program_that_uploads_needs_consent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], program: Any
) -> None:
    argv = [sys.executable, "program.py"]
    path = _yaml(tmp_path, kind="command", name="x", argv=argv, uploads_to="api.vendor.example")
    (tmp_path / "good").touch()
    command = ["score", str(tmp_path / "good"), "--detector", str(path)]
    assert main([*command, "--out", str(tmp_path / "o.csv")]) == 2
    assert (
        "to api.vendor.example. If you may do that, add --consent-upload" in capsys.readouterr().err
    )
    assert main([*command, "--out", str(tmp_path / "o.csv"), "--consent-upload"]) == 0
    assert (tmp_path / "o.calls.jsonl.gz").exists()
