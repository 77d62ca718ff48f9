"""What every registered detector must do. A new one is tested by being registered, and by small
arguments in `detector_arguments`."""

import numpy as np
import pytest
import torch
from detector_arguments import LENGTHS, SMALL, batch_for, clips_for, small_detector

from unswap.datasets.types import SamplingSpec
from unswap.detectors.architectures import create_detector
from unswap.detectors.cards import Card
from unswap.detectors.checkpoints import load_checkpoint, save_checkpoint
from unswap.detectors.exporting import export_onnx
from unswap.detectors.headers import identify
from unswap.detectors.protocols import crop_detectors

RATES = {"gend": 1e-2, "landmark-gru": 2e-2}  # where little is trained, or little is seen
CARD = Card("test", "1", "a test's", "none", "none")


@pytest.fixture(params=crop_detectors.names())
def name(request):
    return request.param


@pytest.fixture
def detector(name):
    return small_detector(name)


def test_one_finite_logit_a_clip(detector):
    with torch.inference_mode():
        logits = detector.eval()(clips_for(detector, 3))
    assert logits.shape == (3,)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    assert logits.unique().numel() == 3


def test_evaluation_is_deterministic_and_independent_of_batch_mates(detector):
    clips = clips_for(detector.eval(), 4)
    with torch.inference_mode():
        together, again = detector(clips), detector(clips)
        alone = torch.cat([detector(clips[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, again, rtol=0, atol=0)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_the_input_is_left_as_it_was(detector):
    clips = clips_for(detector.eval(), 2)
    before = clips.clone()
    with torch.inference_mode():
        detector(clips)
    assert torch.equal(clips, before)


def test_training_moves_what_is_to_be_trained_and_nothing_else(detector, name):
    detector.train()
    before = {n: p.detach().clone() for n, p in detector.named_parameters()}
    trained = {n for n, p in detector.named_parameters() if p.requires_grad}
    assert trained
    optimiser = torch.optim.AdamW(
        [p for p in detector.parameters() if p.requires_grad], 1e-3, weight_decay=0
    )
    for step in range(3):
        optimiser.zero_grad()
        loss = detector.loss(batch_for(detector, 4, seed=step))
        assert loss.shape == ()
        assert torch.isfinite(loss)
        loss.backward()
        optimiser.step()
    without = [n for n, p in detector.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    assert all(p.grad is None for n, p in detector.named_parameters() if n not in trained)
    moved = {n for n, p in detector.named_parameters() if not torch.equal(p, before[n])}
    assert moved - trained == set()
    assert trained - moved == set()


def test_overfits_sixteen_crops(detector, name):
    batch = batch_for(detector, 16)
    trained = [p for p in detector.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, RATES.get(name, 3e-3))
    detector.train()
    for _ in range(60):
        optimiser.zero_grad()
        detector.loss(batch).backward()
        optimiser.step()
        with torch.no_grad():  # as it trains: running statistics lag behind
            logits = detector(batch["clips"])
        if logits[1::2].min() > logits[::2].max():
            break
    assert logits[1::2].min() > logits[::2].max()  # every fake above every real one


def test_save_and_load_give_the_same_logits_and_specs(detector, name, tmp_path):
    path = tmp_path / "saved.safetensors"
    detector.train()  # so that running statistics are not those of the constructor
    detector.loss(batch_for(detector, 4))
    save_checkpoint(
        path, detector, CARD, architecture=name, arguments=SMALL[name], dtype=torch.float32
    )
    loaded = load_checkpoint(path)
    clips = clips_for(detector.eval(), 3)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.detector(clips), detector(clips), rtol=1e-5, atol=1e-5)
    assert loaded.detector.crop_spec == detector.crop_spec
    assert loaded.detector.sampling_spec == detector.sampling_spec
    assert loaded.card == CARD
    assert loaded.id == identify(path)


def test_onnx_runtime_agrees(detector, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    detector.train()
    detector.loss(batch_for(detector, 4))
    path = tmp_path / "detector.onnx"
    export_onnx(detector, path)
    session = onnxruntime.InferenceSession(str(path))
    clips = clips_for(detector, 3)  # another number than it was exported with
    single = detector.sampling_spec.clip_length == 1
    (given,) = session.get_inputs()
    assert given.name == ("image" if single else "clip")
    assert [o.name for o in session.get_outputs()] == ["logit"]
    values = clips[:, 0].numpy() if single else clips.numpy()
    (logits,) = session.run(["logit"], {given.name: values})
    with torch.inference_mode():
        expected = detector.eval()(clips).numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)


def test_clips_of_a_length_it_can_not_take_are_refused(name):
    wrong = 1 if name in LENGTHS else 2
    with pytest.raises(ValueError, match=rf"{name}.*got {wrong}"):
        create_detector(
            name,
            **SMALL[name],
            crop_spec=small_detector(name).crop_spec,
            sampling_spec=SamplingSpec(4, wrong),
        )


def test_what_it_is_and_from_where_stands_in_its_docstring(name):
    text = crop_detectors.get(name).__doc__
    assert text
    assert "Args:" in text
    if name != "frame":
        assert "20" in text  # the year of a publication
