"""`unswap evaluate`, `rank`, `seal`: what a user types, sees and gets."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from evaluation_fixtures import forged_manifest, scores_of, write_manifest, write_scores

from unswap.cli import main
from unswap.experiments.evaluation.score_tables import ScoreTable

ROWS = forged_manifest(30, splits=("val", "test", "test"))
FAST = ["--resamples", "40"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_manifest(tmp_path, ROWS)
    status = {True: "refused", False: "scored"}
    write_scores(tmp_path / "ours.csv", scores_of(ROWS, "ours@00ff", seed=1))
    write_scores(
        tmp_path / "vendor.parquet",
        scores_of(ROWS, "vendor@11ee", seed=2, kind="probability",
                  status=lambda v: status[v.video_id.endswith("4")]),
    )  # fmt: skip
    return tmp_path


def unswap(folder: Path, command: str, *words: str) -> int:
    return main(
        [command, *[w.replace("@@", str(folder)) for w in words],
         *(FAST if command != "seal" else [])]
    )  # fmt: skip


def test_evaluate_prints_and_writes(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = unswap(
        files, "evaluate", "@@/ours.csv", "--manifest", "@@/manifest.csv", "--split", "test",
        "--dev-split", "val", "--threshold", "fpr=0.1", "--threshold", "value=1", "--policy", "all=real",
        "--json", "@@/o.json", "--csv", "@@/o.csv", "--latex", "@@/o.tex", "--report", "@@/report",
    )  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert "20 real and 40 manipulated videos in 20 groups" in out
    assert "answered only" in out
    assert "failure counted as wrong" in out
    assert "failure by the stated policy" in out
    assert "threshold fpr=0.1 (frozen on development scores)" in out
    assert "threshold value=1 (stated)" in out
    assert "video level, logit, mean-logit/max-track" in out
    document = json.loads((files / "o.json").read_text())
    auc = document["detectors"][0]["scorings"]["wrong"]["figures"]["auc"]
    assert f"{auc['value']:.3f}"[1:] in out
    with (files / "o.csv").open() as file:
        table = list(csv.DictReader(file))
    row = next(r for r in table if r["figure"] == "auc" and r["scoring"] == "wrong")
    assert float(row["value"]) == auc["value"]
    assert float(row["low"]) == auc["interval"]["low"]
    assert {r["scoring"] for r in table} == {"answered", "wrong", "policy"}
    tex = (files / "o.tex").read_text()
    assert tex.count("\\\\") == 4
    assert tex.count("&") == 4 * 6
    assert "operating point chosen on the test set" in tex
    assert (files / "report" / "evaluation-manifest.html").exists()


def test_rank_orders_and_says_what_is_certain(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = unswap(
        files, "rank", "@@/ours.csv", "@@/vendor.parquet", "--manifest", "@@/manifest.csv"
    )
    out = capsys.readouterr().out
    assert code == 0
    assert re.search(r"ranking by AUC on 90 videos, failure counted as wrong", out)
    assert re.search(r"(is better than|is not told apart from).*\(Holm\)", out)


def test_two_runs_of_one_detector_are_named_apart(files, capsys) -> None:
    write_scores(files / "again.csv", scores_of(ROWS, "ours@00ff", seed=5))
    words = ["@@/ours.csv", "@@/again.csv", "--manifest", "@@/manifest.csv"]
    assert unswap(files, "rank", *words) == 2
    assert "name them apart (--name, one a table)" in capsys.readouterr().err
    assert unswap(files, "rank", *words, "--name", "first") == 2
    assert "expected a name for each of 2 tables, got 1" in capsys.readouterr().err
    assert unswap(files, "rank", *words, "--name", "first", "--name", "second") == 0
    assert re.search(r"(first|second) is .* (first|second)", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["@@/gone.csv"], "gone.csv: no such file"),
        (["@@/ours.csv", "--split", "tset"], "unknown split 'tset'; did you mean 'test'"),
        (["@@/ours.csv", "--threshold", "fpr=2"], "expected a share between 0 and 1"),
        (["@@/ours.csv", "--threshold", "fpr=0.1"], "give --dev-scores FILE or --dev-split val"),
        (["@@/ours.csv", "--policy", "no_face=real"], "nothing is said of"),
        (["@@/ours.csv", "--slice", "colour"], "unknown column 'colour'"),
        (["@@/ours.csv", "--prevalence", "2"], "prevalence between 0 and 1"),
        (["@@/ours.csv", "--key", "@@/key"], "not a sealed set"),
        (["@@/ours.csv", "--json", "@@/none/x.json"], "there is no folder"),
        (["@@/ours.csv", "--report", "@@/ours.csv"], "exists, and is not a folder"),
        (["@@/manifest.csv"], "no column score"),
        (["@@/vendor.parquet", "--threshold", "value=7"], "states probabilities"),
        (["@@/ours.csv", "--deepfakebench", "@@/d.json"], "hold probabilities"),
    ],
)
def test_wrong_usage_is_told_in_one_line(files, capsys, words, said) -> None:
    code = unswap(files, "evaluate", *words, "--manifest", "@@/manifest.csv")
    err = capsys.readouterr().err
    assert code == 2
    assert said in err
    assert err.startswith("unswap evaluate: ")
    assert err.count("\n") == 1


def test_a_manifest_is_needed_and_must_be_one(files, capsys) -> None:
    assert unswap(files, "evaluate", "@@/ours.csv", "--manifest", "@@/ours.csv") == 2
    assert "not a manifest: no column label, path" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["evaluate", str(files / "ours.csv")])


def test_an_old_output_stays_when_the_new_one_can_not_be_written(files, capsys) -> None:
    target = files / "locked"
    target.mkdir()
    (target / "o.json").mkdir()
    code = unswap(
        files,
        "evaluate",
        "@@/ours.csv",
        "--manifest",
        "@@/manifest.csv",
        "--json",
        "@@/locked/o.json",
    )
    assert code == 2
    assert "it is a folder" in capsys.readouterr().err


def test_deepfakebench_results_go_out_and_come_back(files, capsys) -> None:
    code = unswap(
        files, "evaluate", "@@/vendor.parquet", "--manifest", "@@/manifest.csv", "--title", "Mine",
        "--deepfakebench", "@@/results.json", "--json", "@@/o.json",
    )  # fmt: skip
    assert code == 0
    results = json.loads((files / "results.json").read_text())
    mine = json.loads((files / "o.json").read_text())["detectors"][0]["scorings"]["answered"]
    assert set(results["Mine"]) >= {"acc", "auc", "eer", "ap", "video_auc", "pred", "label"}
    assert results["Mine"]["auc"] == pytest.approx(mine["figures"]["auc"]["value"])
    assert results["Mine"]["eer"] == pytest.approx(mine["figures"]["eer-nearest"]["value"])
    assert len(results["Mine"]["pred"]) == mine["real"] + mine["fake"]
    # as their frames' paths have it, one folder a video
    results["Mine"]["image"] = [f"x/{name}/000.png" for name in results["Mine"]["image"]]
    (files / "back.json").write_text(json.dumps(results))
    assert unswap(files, "evaluate", "@@/back.json", "--manifest", "@@/manifest.csv",
                  "--json", "@@/again.json") == 0  # fmt: skip
    again = json.loads((files / "again.json").read_text())["detectors"][0]["scorings"]["answered"]
    assert again["figures"]["auc"]["value"] == pytest.approx(mine["figures"]["auc"]["value"])
    assert len(ScoreTable.read(files / "back.json")) == len(results["Mine"]["pred"])


def test_seal_score_evaluate(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = files / "media"
    for row in ROWS:
        (media / row.path).parent.mkdir(parents=True, exist_ok=True)
        (media / row.path).write_bytes(row.video_id.encode())
    code = unswap(
        files, "seal", "@@/manifest.csv", "--root", "@@/media", "--out", "@@/sealed", "--key", "@@/key",
        "--note", "our hold-out",
    )  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert "sealed 90 videos" in out
    assert f"--manifest {files / 'sealed'} --key {files / 'key'}" in out
    names = (files / "sealed" / "videos.csv").read_text().splitlines()[1:]
    copies = {line.split(",")[0]: (files / "sealed" / "videos" / line.split(",")[1]).read_bytes().decode()
              for line in names}  # fmt: skip
    assert sorted(copies.values()) == sorted(v.video_id for v in ROWS)
    by_id = {r["video_id"]: r for r in scores_of(ROWS)}
    scores = [{**by_id[true], "video_id": hidden} for hidden, true in copies.items()]
    write_scores(files / "s.csv", scores)
    assert unswap(files, "evaluate", "@@/s.csv", "--manifest", "@@/sealed") == 2
    assert "give its key with --key FILE" in capsys.readouterr().err
    assert unswap(files, "evaluate", "@@/s.csv", "--manifest", "@@/sealed", "--key", "@@/key") == 0
    assert "sealed set: look number 1; the ledger now ends in" in capsys.readouterr().out
    assert len((files / "sealed" / "ledger.jsonl").read_text().splitlines()) == 1
    export = ["--deepfakebench", "@@/d.json"]
    assert (
        unswap(files, "evaluate", "@@/s.csv", "--manifest", "@@/sealed", "--key", "@@/key", *export)
        == 2
    )
    assert "labels of a sealed set" in capsys.readouterr().err
    assert len((files / "sealed" / "ledger.jsonl").read_text().splitlines()) == 1


def test_what_can_not_be_sealed(files, capsys) -> None:
    words = ["@@/manifest.csv", "--out", "@@/sealed", "--key", "@@/key"]
    assert unswap(files, "seal", *words, "--root", "@@") == 2
    assert "no file or folder that could be laid out" in capsys.readouterr().err
    assert not (files / "sealed").exists()
    assert unswap(files, "seal", *words) == 0
    assert unswap(files, "seal", *words) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_help_comes_without_torch() -> None:
    code = (
        "import sys\nfrom unswap.cli import build_parser\nbuild_parser()\n"
        "assert not {'torch', 'scipy', 'sklearn', 'cryptography'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
