"""Whose face it is, with models that the tests make: random weights, so the numbers mean nothing."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from comparison_pairs import change, filmed, head_and_shoulders, other_face, written
from facenet_pytorch import InceptionResnetV1
from onnx import TensorProto, helper, numpy_helper

import unswap
from unswap.experiments.comparison.identity import BadIdentityWeights, load_embedder
from unswap.experiments.comparison.types import Verdict


def _onnx(path: Path, side: int = 32, channels: int = 3) -> Path:
    """One input (n, 3, side, side), flattened and projected to 16 numbers by random weights."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((channels * side * side, 16)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["embedding"]),
        ],
        "face",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", channels, side, side])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_an_onnx_model_gives_unit_vectors(tmp_path: Path) -> None:
    embedder = load_embedder(_onnx(tmp_path / "face.onnx"))
    faces = np.random.default_rng(1).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    vectors = embedder.embed(faces)
    assert embedder.side == 32
    assert vectors.shape == (3, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_facenets_weights_are_read_with_or_without_their_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = InceptionResnetV1(pretrained=None, classify=False).eval()
    state = dict(network.state_dict())
    state["logits.weight"] = torch.zeros(8631, 512)
    torch.save(state, tmp_path / "facenet.pt")
    embedder = load_embedder(tmp_path / "facenet.pt")
    faces = np.random.default_rng(1).integers(0, 255, (2, 160, 160, 3), dtype=np.uint8)
    values = (torch.from_numpy(faces).permute(0, 3, 1, 2).float() - 127.5) / 128
    with torch.inference_mode():
        expected = network(values).numpy()
    assert embedder.embed(faces) == pytest.approx(expected, abs=1e-5)


def test_what_is_no_model_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BadIdentityWeights, match=r"none\.pt: there is no such file"):
        load_embedder(tmp_path / "none.pt")
    (tmp_path / "text.bin").write_text("hello")
    with pytest.raises(BadIdentityWeights, match=r"the ending '\.bin' is unknown"):
        load_embedder(tmp_path / "text.bin")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(BadIdentityWeights, match=r"text\.onnx: it can't be read as ONNX"):
        load_embedder(tmp_path / "text.onnx")
    torch.save({"layer": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(BadIdentityWeights, match="holds no weights of InceptionResnetV1"):
        load_embedder(tmp_path / "other.pt")
    with pytest.raises(BadIdentityWeights, match="give a model of one input"):
        load_embedder(_onnx(tmp_path / "grey.onnx", channels=1))
    good = _onnx(tmp_path / "face.onnx")
    (tmp_path / "face.onnx.ranges.json").write_text('{"same": [0.9, 0.1]}')
    with pytest.raises(BadIdentityWeights, match=r"ranges\.json: it is no table of ranges"):
        load_embedder(good)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    import pickle

    class Bad:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.write_text, (tmp_path / "ran", "yes"))

    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"w": Bad()}))
    with pytest.raises(BadIdentityWeights):
        load_embedder(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


def test_from_files_to_the_finding(tmp_path: Path) -> None:
    """The ranges are made so that any similarity is another person's: the way there is tested."""
    original = change(filmed(head_and_shoulders(), 60), 0, (200, 200))
    swapped = change(filmed(other_face(head_and_shoulders()).picture, 60), 0, (200, 200))
    reference = written(tmp_path / "original.mp4", original, 18)
    suspect = written(tmp_path / "suspect.mp4", swapped[5:55], 24)
    weights = _onnx(tmp_path / "face.onnx")
    ranges = {"same": [1.5, 1.6], "different": [-1.0, 1.1], "from": "this test"}
    (tmp_path / "face.onnx.ranges.json").write_text(json.dumps(ranges))
    comparison = unswap.compare(reference, suspect, identity_weights=weights)
    (identity,) = comparison.identity
    assert -1 <= identity.interval[0] <= identity.similarity <= identity.interval[1] <= 1
    assert identity.num_frames > 5
    assert identity.ranges_from == "this test"
    assert comparison.finding("e").verdict is Verdict.SUPPORTED
    assert comparison.settings["identity_weights"] == "face.onnx"
