"""Three detectors over a small forged benchmark: the one that ships, an ONNX file, a faulty service."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import yaml
from clips import write_video
from face_clips import background, head, paste
from onnx import TensorProto, helper
from vendor_stub import ENVIRONMENT, KEY, VendorStub

from unswap.cli import main
from unswap.datasets.faces import create_face_detector
from unswap.datasets.manifests import Manifest, Video
from unswap.datasets.pseudo_fakes import self_blend

PEOPLE = 10
FRAMES = 2


def write_benchmark(folder: Path) -> list[Video]:
    """A genuine and a blended clip of each of some people, who are one portrait in other colours."""
    (folder / "videos").mkdir(parents=True)
    still = head(128)
    face = create_face_detector().detect(still, 40)[0]
    rows = []
    for number in range(PEOPLE):
        hsv = cv2.cvtColor(still, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + 3 * number) % 180
        person = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
        rng = np.random.default_rng(number)
        fake, _ = self_blend(person, face.landmarks_xy, face.box_xyxy, rng)
        for label, picture in enumerate((person, fake)):
            name = f"{'fake' if label else 'real'}-{number:02d}"
            canvas = background(160, 144)
            frames = [paste(canvas, picture, 10 + 2 * i, 8) for i in range(FRAMES)]
            write_video(folder / "videos" / f"{name}.mp4", frames, crf=20)
            rows.append(
                Video(
                    f"forged/{'blend' if label else 'real'}/-/{name}", f"{name}.mp4", label,
                    kind="swap" if label else None, method="blend" if label else None,
                    split="test", target_id=f"p{number}",
                )
            )  # fmt: skip
    Manifest.from_videos(rows).write(folder / "manifest.csv")
    return rows


def write_onnx(path: Path) -> None:
    """A model that gives each crop's mean as its logit, and says so itself."""
    node = helper.make_node("ReduceMean", ["crops"], ["logit"], axes=[1, 2, 3], keepdims=0)
    crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["B", 3, 32, 32])
    logit = helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["B"])
    graph = helper.make_graph([node], "mean", [crops], [logit])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    entry = model.metadata_props.add()
    entry.key = "unswap"
    entry.value = json.dumps(
        {"crop": {"size": 32, "margin": 1.3}, "output": "logit", "sampling": {"num_clips": 2}}
    )
    onnx.save(model, str(path))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run's folder, its rows, its exit code, and what the service saw."""
    folder = tmp_path_factory.mktemp("end")
    rows = write_benchmark(folder)
    write_onnx(folder / "mean.onnx")
    scores = {}
    for row in rows:
        sha256 = hashlib.sha256((folder / "videos" / row.path).read_bytes()).hexdigest()
        scores[sha256] = 0.9 - 0.01 * len(scores) if row.label else 0.1 + 0.01 * len(scores)
    faults = {
        "submit": ["429:0.05", "500", "ok", "cut"],
        "poll": ["429:0.05", "malformed", "ok", "500", "no_face", "ok", "off_scale"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with VendorStub("reality-defender", scores=scores, faults=faults) as stub:
            stub.describe(folder)
            protocol = {
                "name": "three detectors",
                "resamples": 60,
                "jobs": 1,
                "min_slice": 5,
                "thresholds": ["value=0.5"],
                "policy": ["all=real"],
                "detectors": [
                    {"name": "ships", "detector": "sbi-lite0", "num_frames": 2},
                    {"name": "mean", "detector": "mean.onnx"},
                    {"name": "service", "detector": "reality-defender.yaml"},
                ],
                "benchmarks": [
                    {
                        "name": "forged",
                        "manifest": "manifest.csv",
                        "roots": {"": "videos"},
                        "split": "test",
                    }
                ],
            }
            (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol))
            code = main(
                ["benchmark", str(folder / "protocol.yaml"), "--out", str(folder / "out"),
                 "--consent-upload"]
            )  # fmt: skip
            sold = dict(stub.sold)
    return folder, rows, code, sold


def test_all_three_are_scored_and_ranked(finished: Any) -> None:
    folder, _, code, sold = finished
    results = json.loads((folder / "out" / "results.json").read_text())
    (found,) = results["evaluations"]
    assert (found["real"], found["fake"], found["groups"]) == (10, 10, 10)
    by = {d["detector"].partition("@")[0]: d for d in found["detectors"]}
    assert set(by) == {"ships", "mean", "service"}
    assert set(by["ships"]["other_levels"]) == {"frame", "track"}
    service = by.pop("service")
    for result in by.values():
        assert result["failures"]["coverage"] == 1
        assert result["scorings"]["wrong"]["real"] == 10
    # its faults are failures, counted; what was answered is told apart without an error
    statuses = service["failures"]["by_status"]
    failed = sum(c["real"] + c["fake"] for s, c in statuses.items() if s != "scored")
    assert failed >= 1
    assert code == 3
    assert service["scorings"]["answered"]["figures"]["auc"]["value"] == 1
    assert service["scorings"]["wrong"]["figures"]["auc"]["value"] < 1
    assert max(sold.values()) == 1  # however often it failed, no video was paid for twice
    places = {
        r["scoring"]: [p["detector"].partition("@")[0] for p in r["places"]]
        for r in found["rankings"]
    }
    assert set(places) == {"answered", "wrong", "policy"}
    assert set(places["wrong"]) == {"ships", "mean", "service"}
    assert len(found["rankings"][0]["pairs"]) == 3


def test_no_key_got_into_what_was_written(finished: Any) -> None:
    folder = finished[0]
    for path in (folder / "out").rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_the_report_opens_in_chromium(open_page: Callable[..., Any], finished: Any) -> None:
    (path,) = (finished[0] / "out" / "report").glob("*.html")
    page = open_page(path)
    assert page.inner_text("h1") == "three detectors"
    assert page.locator(".leaderboard tbody tr").count() == 3
