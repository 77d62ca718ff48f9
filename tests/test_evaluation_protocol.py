"""Protocols: checked whole, run once, resumed; what is scored, held out, degraded and reported."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from evaluation_fixtures import forged_manifest, scores_of, write_manifest, write_scores

from unswap.cli import main
from unswap.datasets.manifests import Manifest, file_sha256
from unswap.datasets.types import UnreadableVideo
from unswap.experiments.evaluation import held_out, steps
from unswap.experiments.evaluation.protocol import BadProtocol, read_protocol
from unswap.experiments.evaluation.run_protocol import run_protocol
from unswap.experiments.evaluation.steps import ScoreStep, Stopped, as_written, train_by_program

FF = forged_manifest(36, splits=("train", "val", "test"), sets="ff")
CDF = forged_manifest(15, sets="cdf")
SKILL = {"good": 2.5, "bad": 0.4}


class Scorer:
    """In place of `unswap score`: made-up scores by the detector's name; remembers what it did."""

    def __init__(self, fail: str = "") -> None:
        self.steps: list[ScoreStep] = []
        self.fail = fail

    def __call__(self, step: ScoreStep) -> bool:
        if step.out.exists():
            return True
        self.steps.append(step)
        if self.fail and self.fail in str(step.out):
            raise Stopped("made up")
        rows = list(Manifest.read(step.manifest).videos())
        name = Path(step.detector).stem
        worse = 1.5 if step.out.parent.name.endswith("VC-5") else 0.0
        scores = scores_of(rows, f"{name}@{len(name)}", skill=SKILL.get(name, 1.5) - worse)
        sha256 = file_sha256(step.manifest)
        step.out.parent.mkdir(parents=True, exist_ok=True)
        columns = ("path", "crop_spec")
        write_scores(
            step.out,
            [{**r, "manifest_sha256": sha256, **dict.fromkeys(columns, "x")} for r in scores],
        )
        return True


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, rows in (("ff", FF), ("cdf", CDF)):
        write_manifest(tmp_path, rows, f"{name}.csv")
        for row in rows:
            target = tmp_path / name / row.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(row.video_id.encode())
    return tmp_path


def protocol(place: Path, **changes: Any) -> Path:
    data: dict[str, Any] = {
        "name": "made up",
        "resamples": 40,
        "min_slice": 5,
        "thresholds": ["fpr=0.2"],
        "detectors": [
            {"name": "good", "detector": "good.safetensors", "trained_on": ["ff"]},
            {"name": "bad", "detector": "bad"},
        ],
        "benchmarks": [
            {
                "name": "ff",
                "manifest": "ff.csv",
                "roots": {"": "ff"},
                "split": "test",
                "dev_split": "val",
            },
        ],
    }
    data.update(changes)
    path = place / "protocol.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in data.items() if v is not None}))
    return path


CDF_ENTRY = {"name": "cdf", "manifest": "cdf.csv", "roots": {"": "cdf"}}


def test_within_and_across_benchmarks(place: Path) -> None:
    entries = yaml.safe_load(protocol(place).read_text())["benchmarks"] + [CDF_ENTRY]
    path = protocol(place, benchmarks=entries, thresholds_from="ff")
    scorer = Scorer()
    evaluations, good = run_protocol(path, place / "out", scorer=scorer)
    assert good
    assert [e.title for e in evaluations] == ["ff", "cdf"]
    ff, cdf = evaluations
    assert (ff.real, ff.fake) == (12, 24)  # the test split alone
    assert (cdf.real, cdf.fake) == (15, 30)
    # scored is what is tested and developed on, no more
    assert [len(Manifest.read(s.manifest)) for s in scorer.steps] == [72, 72, 45, 45]
    assert scorer.steps[0].roots == {"": place / "ff"}
    assert ff.protocol["more"]["good here"] == "within: trained on this benchmark"
    assert cdf.protocol["more"]["good here"] == "cross: trained on ff"
    assert cdf.protocol["more"]["bad here"] == "not known: trained_on is not stated"
    assert ff.protocol["more"]["Protocol's SHA-256"] == file_sha256(path)
    # one threshold, frozen on ff's development videos, for both
    values = [
        {d.detector: d.of("answered").thresholds[0].threshold.value for d in e.detectors}
        for e in evaluations
    ]
    assert values[0] == values[1]
    threshold = cdf.detectors[0].of("answered").thresholds[0].threshold
    assert (threshold.chosen_on, threshold.real, threshold.fake) == ("development", 12, 24)
    assert ff.rankings[0].places[0].detector.startswith("good")


def test_what_lies_there_is_not_done_again(place: Path) -> None:
    path = protocol(place, benchmarks=[CDF_ENTRY], thresholds=["value=0"])
    with pytest.raises(Stopped, match="made up"):
        run_protocol(path, place / "out", scorer=Scorer(fail="bad"))
    again = Scorer()
    first, _ = run_protocol(path, place / "out", scorer=again)
    assert [s.out.name for s in again.steps] == ["bad.parquet"]
    third = Scorer()
    second, _ = run_protocol(path, place / "out", scorer=third)
    assert third.steps == []
    assert [e.to_dict() for e in first] == [e.to_dict() for e in second]


def test_the_sweep_degrades_each_video_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, tuple[str, ...]]] = []

    def degrade(source: str, target: Path, conditions: list[str], *, seed: int) -> None:
        assert seed == 3
        if source.endswith("real/002.mp4"):
            raise UnreadableVideo(f"{source}: made up")
        done.append((source, tuple(conditions)))
        shutil.copy(source, target)

    monkeypatch.setattr(steps, "degrade", degrade)
    sweep = {"benchmarks": ["ff"], "perturbations": ["VC", "GB"], "levels": [1, 5], "seed": 3}
    scorer = Scorer()
    (found,), _ = run_protocol(protocol(place, robustness=sweep), place / "out", scorer=scorer)
    assert found.conditions() == ["none", "VC:1", "VC:5", "GB:1", "GB:5"]
    assert len(done) == len(set(done)) == 4 * 35  # the test split, without the one that can't be
    assert len(scorer.steps) == 2 + 4 * 2
    assert not list((place / "out" / "degraded").iterdir())
    by = {(d.detector, d.condition): d for d in found.detectors}
    (good,) = {d for d, _ in by if d.startswith("good")}
    aucs = [by[good, c].of("wrong").figures["auc"].value for c in ("none", "VC:5")]
    assert aucs[0] > aucs[1]
    assert by[good, "VC:1"].failures.by_status["absent"] == (1, 0)
    assert any(
        "VC:1: not degraded, and so without a row: ff/real/c23/002" in n for n in found.notes
    )
    # thresholds are those of untouched development videos
    values = {by[good, c].of("answered").thresholds[0].threshold.value for c in found.conditions()}
    assert len(values) == 1


def test_leaving_one_manipulation_out_by_checkpoints(place: Path) -> None:
    held = {"benchmark": "ff", "detectors": [
        {"name": "good", "checkpoints": {"Deepfakes": "good.safetensors", "FaceSwap": "bad.safetensors"}},
    ]}  # fmt: skip
    scorer = Scorer()
    path = protocol(place, detectors=None, leave_one_manipulation_out=held)
    evaluations, _ = run_protocol(path, place / "out", scorer=scorer)
    assert [e.title for e in evaluations] == ["ff without Deepfakes", "ff without FaceSwap"]
    assert [(e.real, e.fake) for e in evaluations] == [(12, 12), (12, 12)]
    assert {s.value for s in evaluations[0].detectors[0].slices} & {
        "FaceSwap",
        "Deepfakes",
    } == set()
    given = [Manifest.read(s.manifest) for s in scorer.steps]
    for manifest, method in zip(given, ("Deepfakes", "FaceSwap"), strict=True):
        methods = {s: set() for s in ("val", "test")}
        for split, name in zip(manifest.column("split"), manifest.column("method"), strict=True):
            methods[split].add(name)
        other = {"Deepfakes": "FaceSwap", "FaceSwap": "Deepfakes"}[method]
        assert methods == {"test": {None, method}, "val": {None, other}}
    assert "held out" in evaluations[0].protocol["more"]["good"]
    held["methods"] = ["NeuralTextures"]
    with pytest.raises(
        BadProtocol, match="no test video of 'NeuralTextures'; known: Deepfakes, FaceSwap"
    ):
        run_protocol(
            protocol(place, detectors=None, leave_one_manipulation_out=held), place / "o2",
            scorer=Scorer(),
        )  # fmt: skip
    held["methods"], held["detectors"][0]["checkpoints"] = ["FaceSwap"], {"Deepfakes": "good"}
    with pytest.raises(BadProtocol, match="no checkpoint that 'FaceSwap' was held out of"):
        run_protocol(
            protocol(place, detectors=None, leave_one_manipulation_out=held), place / "o3",
            scorer=Scorer(),
        )  # fmt: skip


TRAINER = """
import csv, pathlib, sys
manifest, held_out, out = sys.argv[1:]
from unswap.datasets.manifests import Manifest
rows = Manifest.read(pathlib.Path(manifest))
assert held_out not in rows.column("method"), held_out
assert "test" not in rows.column("split")
assert set(rows.column("label")) == {0, 1}
pathlib.Path(out, "good.safetensors").write_text(held_out)
"""


def test_leaving_one_manipulation_out_by_a_program_that_trains(place: Path) -> None:
    (place / "train.py").write_text(TRAINER)
    argv = [sys.executable, "train.py", "{manifest}", "{held_out}", "{out}"]
    held = {"benchmark": "ff", "detectors": [
        {"name": "mine", "argv": argv, "checkpoint": "{out}/good.safetensors"}]}  # fmt: skip
    path = protocol(place, detectors=None, leave_one_manipulation_out=held)
    scorer = Scorer()
    run_protocol(path, place / "out", scorer=scorer)
    trained = [Path(s.detector) for s in scorer.steps]
    assert [p.read_text() for p in trained] == ["Deepfakes", "FaceSwap"]
    (place / "train.py").write_text("raise SystemExit(3)")
    run_protocol(path, place / "out", scorer=Scorer())  # finished: not trained again
    with pytest.raises(Stopped, match="exit code 3"):
        run_protocol(path, place / "new", scorer=Scorer())
    (place / "train.py").write_text("")
    with pytest.raises(Stopped, match="left no"):
        run_protocol(path, place / "newer", scorer=Scorer())
    with pytest.raises(Stopped, match="no-such-program"):
        train_by_program(["no-such-program"], "x", {}, place)


def test_leaving_one_manipulation_out_by_a_recipe(place: Path, monkeypatch) -> None:
    made: list[Path] = []

    def train(recipe: Path, out: Path) -> Path:
        made.append(recipe)
        return place / "good.safetensors"

    monkeypatch.setattr(held_out, "train_by_recipe", train)
    held = {"benchmark": "ff", "detectors": [{"name": "sbi", "recipe": "sbi-lite0.yaml"}]}
    path = protocol(place, detectors=None, leave_one_manipulation_out=held)
    evaluations, _ = run_protocol(path, place / "out", scorer=Scorer())
    assert set(map(str, made)) == {"sbi-lite0.yaml"}
    assert "trains on no manipulated video" in evaluations[0].protocol["more"]["sbi"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nmae": "x"}, "unknown key 'nmae'; did you mean 'name'"),
        ({"name": None}, "missing key 'name'"),
        ({"benchmarks": []}, "at least one benchmark"),
        ({"detectors": []}, "expected detectors, or leave_one_manipulation_out"),
        ({"thresholds": ["fpr=3"]}, "expected a share between 0 and 1"),
        ({"benchmarks": [CDF_ENTRY]}, "cdf has no dev_split"),
        (
            {"benchmarks": [{**CDF_ENTRY, "dev_split": "val"}]},
            "dev_split 'val' wants another split",
        ),
        ({"thresholds_from": "fff"}, "unknown benchmark 'fff'; did you mean 'ff'"),
        ({"rank_by": "best"}, "unknown scoring 'best'"),
        ({"rank_by": "policy"}, "rank_by policy wants a policy"),
        ({"policy": ["no_face=real"]}, "nothing is said of"),
        ({"slices": ["x=3,1"]}, "rising"),
        ({"detectors": [{"name": "a b", "detector": "x"}]}, "got 'a b'"),
        ({"detectors": [{"name": "a", "detector": "x"}] * 2}, "the detector 'a' stands twice"),
        (
            {"robustness": {"benchmarks": ["ff"], "perturbations": ["XX"]}},
            "unknown perturbation 'XX'",
        ),
        ({"robustness": {"benchmarks": ["ff"], "levels": [6]}}, "levels are 1 to 5"),
        ({"robustness": {"benchmarks": ["gg"]}}, "unknown benchmark 'gg'"),
        (
            {
                "detectors": [{"name": "t", "detector": "t.csv"}],
                "robustness": {"benchmarks": ["ff"]},
            },
            "t is a table of scores, which are of the untouched videos",
        ),
        (
            {"leave_one_manipulation_out": {"benchmark": "ff", "detectors": [{"name": "a"}]}},
            "expected one of checkpoints, recipe, argv for 'a', got 0",
        ),
        ({"benchmarks": [{"name": "x", "manifest": "gone.csv"}], "thresholds": []}, "no manifest"),
        (
            {"benchmarks": [{**CDF_ENTRY, "roots": {"dfo": "gone"}}], "thresholds": []},
            "its root 'dfo' .*gone is not a folder",
        ),
    ],
)
def test_a_bad_protocol_is_told_whole(place: Path, changes: dict[str, Any], said: str) -> None:
    path = protocol(place, **changes)
    with pytest.raises(BadProtocol, match=said) as caught:
        read_protocol(path)
    assert str(caught.value).startswith(str(path))


def test_all_problems_are_shown_together(place: Path) -> None:
    path = protocol(place, thresholds=["best"], rank_by="x", thresholds_from="y")
    with pytest.raises(BadProtocol) as caught:
        read_protocol(path)
    for said in ("threshold 'best'", "unknown scoring 'x'", "unknown benchmark 'y'"):
        assert said in str(caught.value)


def test_a_split_that_the_manifest_lacks(place: Path) -> None:
    entry = {**CDF_ENTRY, "split": "test"}
    with pytest.raises(BadProtocol, match=r"cdf: .* has no video of split 'test'"):
        run_protocol(
            protocol(place, benchmarks=[entry], thresholds=[]), place / "out", scorer=Scorer()
        )


def test_the_command_for_scoring_is_one_that_a_person_could_run(tmp_path: Path) -> None:
    out = tmp_path / "s.parquet"
    step = ScoreStep(
        Path("m.csv"), {"": Path("data"), "dfo": Path("more")}, "v.yaml", out, 8, 2, True
    )
    assert step.arguments() == [
        "score", "m.csv", "--detector", "v.yaml", "--out", str(out), "--root", "data", "--root",
        "dfo=more", "--num-frames", "8", "--jobs", "2", "--consent-upload",
    ]  # fmt: skip
    (tmp_path / "s.parquet.journal").touch()
    assert step.arguments()[-1] == "--resume"


def test_an_equal_manifest_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    first = as_written(Manifest.from_videos(CDF), path)
    before = path.stat().st_mtime_ns
    assert as_written(Manifest.from_videos(CDF), path).sha256 == first.sha256
    assert path.stat().st_mtime_ns == before
    other = as_written(Manifest.from_videos(CDF[1:]), path)
    assert other.sha256 != first.sha256


def test_the_command_writes_results_and_a_report(place, monkeypatch, capsys) -> None:
    monkeypatch.setitem(run_protocol.__kwdefaults__, "scorer", Scorer())
    path = protocol(place, benchmarks=[CDF_ENTRY], thresholds=["value=0"])
    out = place / "out"
    assert main(["benchmark", str(path), "--out", str(out), "--dry-run"]) == 0
    assert "score cdf with good (cross: trained on ff)" in capsys.readouterr().out
    assert not out.exists()
    assert main(["benchmark", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "ranking by AUC on 45 videos" in said
    results = json.loads((out / "results.json").read_text())
    auc = results["evaluations"][0]["detectors"][0]["scorings"]["wrong"]["figures"]["auc"]["value"]
    assert np.isfinite(auc)
    page = (out / "report" / "evaluation-made_up.html").read_text(encoding="utf-8")
    assert "cross: trained on ff" in page
    assert main(["benchmark", str(path), "--out", str(out)]) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert main(["benchmark", str(path), "--out", str(out), "--resume"]) == 0
    path.write_text("name: [")
    assert main(["benchmark", str(path), "--out", str(out)]) == 2
    assert "not YAML" in capsys.readouterr().err


def test_a_stop_is_an_exit_code_of_its_own(place, monkeypatch, capsys) -> None:
    monkeypatch.setitem(run_protocol.__kwdefaults__, "scorer", Scorer(fail="good"))
    path = protocol(place, benchmarks=[CDF_ENTRY], thresholds=[])
    assert main(["benchmark", str(path), "--out", str(place / "out")]) == 4
    assert "stopped: made up" in capsys.readouterr().err


def test_the_documented_protocol_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "protocols.md").read_text(encoding="utf-8")
    block = text.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "protocol.yaml").write_text(block)
    for name, rows in (("ff", FF), ("cdf", CDF)):
        write_manifest(tmp_path, rows, f"{name}.csv")
        (tmp_path / "data" / name).mkdir(parents=True)
    found = read_protocol(tmp_path / "protocol.yaml")
    assert found.robustness.conditions() == ["VC:1", "VC:3", "VC:5", "GB:1", "GB:3", "GB:5"]
    assert [h.name for h in found.leave_one_manipulation_out.detectors] == [
        "xception",
        "sbi",
        "mine",
    ]
    assert found.thresholds_from == "ff"
