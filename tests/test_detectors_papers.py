"""Each architecture against its publication: parameters, shapes, and losses worked out by hand.

Full-size networks are built on torch's "meta" device, where they cost nothing.
"""

import inspect
import math
import warnings

import numpy as np
import pytest
import timm
import torch
from detector_arguments import batch_for, small_detector
from torch.nn import functional as F

from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.detectors import backbones, effort, gend, landmark_gru, srm
from unswap.detectors.architectures import create_detector
from unswap.detectors.f3net import FrequencyBands
from unswap.detectors.heads import NormalisedLinear
from unswap.detectors.spsl import PhasePicture
from unswap.detectors.xception_trunk import XceptionTrunk, sizes


def full(name, **arguments):
    """The published size, without its weights."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # O-Net's own weights can't be copied to "meta"
        return create_detector(name, **arguments)


def count(module, trained=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


# ---- sizes


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mesonet4", 27_977),  # the paper's abstract
        ("mesoinception4", 28_615),  # the paper's abstract
        # timm's, 1000 classes of ImageNet: 22,855,952, with one output in their place
        ("xception", 22_855_952 - 2049 * 1000 + 2049),
        # the paper: 19 M; efficientnet_pytorch: 19,341,616 with 1000 classes
        ("efficientnet-b4", 19_341_616 - 1793 * 1000 + 1793),
        # Xception with a fourth input channel: 32 filters of 3 x 3 more
        ("spsl", 22_855_952 - 2049 * 1000 + 2049 + 32 * 9),
        # DeepfakeBench: 12 input channels, and four learned maps of 256 x 256
        ("f3net", 22_855_952 - 2049 * 1000 + 2049 + 9 * 32 * 9 + 4 * 256 * 256),
        # torchvision's r2plus1d_18: 31,505,325 with 400 classes
        ("video", 31_505_325 - 513 * 400 + 513),
        # Swin-B of 87,768,224 with 1000 classes and windows of 7; windows of 14 have 27^2 in place of
        # 13^2 places in 2, 2 and 18 layers of 4, 8 and 16 heads; four embeddings of 128
        ("tall", 87_768_224 - 1025 * 1000 + 1025 + 560 * (2 * 4 + 2 * 8 + 18 * 16) + 4 * 128),
    ],
)
def test_parameters_are_the_published_number(name, parameters):
    assert count(full(name)) == parameters


def test_the_shallow_spsl_leaves_out_the_eight_middle_blocks():
    block = 3 * (728 * 9 + 728 * 728 + 2 * 728)
    assert count(full("spsl")) - count(full("spsl", shallow=True)) == 8 * block


def test_gend_trains_three_hundredths_of_a_percent():
    detector = full("gend")
    # 24 layers with two normalisations, one before and one after them, of 1024 features; the head
    assert count(detector, trained=True) == (24 * 2 + 2) * 2 * 1024 + 1025
    assert count(detector) == 303_179_776 + 1025  # CLIP's ViT-L/14 without its projection
    assert round(100 * count(detector, trained=True) / count(detector), 2) == 0.03


def test_effort_trains_the_number_of_the_paper():
    detector = full("effort")
    split = count(detector, trained=True) - 1025
    assert split == 24 * 4 * (1024 + 1 + 1024)  # 196,704: .19 M in the paper's table
    # the frozen part is the whole of CLIP's ViT-L/14
    assert count(detector) - count(detector, trained=True) == 303_179_776


def test_face_xray_joins_the_four_branches_of_hrnet():
    detector = full("face-xray")
    assert detector.channels == [48, 96, 192, 384]
    assert detector.boundary.in_channels == 720  # as in DeepfakeBench
    # hrnet_w48 has 77,469,864 with the layers that classification adds; those are not here
    assert count(detector.backbone) == 65_325_120
    assert count(detector) == 65_325_120 + 721 + 2


def test_srm_has_the_parts_of_the_authors_code():
    detector = full("srm")
    trunk = 22_855_952 - 2049 * 1000
    residuals = (3 * 32 * 32 + 2 * 32) + (3 * 64 * 64 + 2 * 64)
    guide = (3 * 32 * 9 + 64) + (32 * 64 * 9 + 128) + 2 * 49 + 128
    few, cells = 91, 16 * 16
    cross = (
        2 * (728 * few + few) + (few * few + few) + 2 * (cells * cells + cells)
        + 2 * (728 * 728 + 728) + 2
    )  # fmt: skip
    fusion = 4096 * 2048 + 2 * 2048 + 2 * 2048 * 128
    assert count(detector) == 2 * trunk + residuals + guide + 2 * cross + fusion + 2 * 2048
    assert 53e6 < count(detector) < 56e6


def test_recce_has_the_size_of_the_authors_code():
    detector = full("recce")

    def separable(a, b):
        return a * 9 + a * b

    def block(n):
        return 3 * (separable(n, n) + 2 * n)

    drawing = (
        separable(728, 256) + 512 + block(256) + separable(256, 128) + 256 + block(128)
        + separable(128, 64) + 128 + 64 * 3
    )  # fmt: skip
    reasoning = (
        728 * 256 + 256 * 256 + 2 * 728 * 256 + 2 * 256 * 256 + 128 * 256 + 256 * 256 + 2 * 512
        + 768 * 728 + 728 * 728
    )  # fmt: skip
    attention = 3 * 3 * 9 + 3 + 728 * 728 + 2 * 728
    trunk = 22_855_952 - 2049 * 1000
    assert count(detector) == trunk + drawing + reasoning + attention + 2049


def test_the_clip_transformer_is_vivits_factorised_encoder():
    detector = full("clip-transformer")
    # ViViT-B "model 2": 115.1 M with tubelets of 2 frames, 400 classes and ViT's biased patches
    tubelets, classes, bias = 3 * 16 * 16 * 768, 769 * 399, 768
    in_common = count(detector) + tubelets + classes + bias
    assert round(in_common / 1e6, 1) == 115.1


def test_a_stream_of_the_landmark_network_has_the_size_of_the_authors_code():
    stream = landmark_gru.PointStream(136, 32, 0.1, 0.5)
    gru = 2 * 3 * (136 * 32 + 32 * 32 + 2 * 32)
    dense = 64 * 64 + 64 + 64 * 64 + 64
    # their last layer has two outputs
    assert count(stream) + 65 == gru + 2 * 32 + dense + 130


# ---- shapes


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mesonet4", 256), ("xception", 256), ("efficientnet-b4", 256), ("spsl", 256), ("srm", 256),
        ("f3net", 256), ("face-xray", 256), ("recce", 299), ("gend", 224), ("effort", 224),
        ("tall", 112), ("clip-transformer", 224), ("video", 112),
    ],
)  # fmt: skip
def test_the_full_size_takes_the_published_crops(name, size):
    detector = full(name).eval()
    assert detector.crop_spec.size == size
    clips = torch.zeros(2, detector.sampling_spec.clip_length, 3, size, size, device="meta")
    assert detector(clips).shape == (2,)


def test_mesonets_features_are_eight_by_eight():
    detector = full("mesonet4").eval()
    assert detector.features(torch.zeros(1, 3, 256, 256, device="meta")).shape == (1, 16, 8, 8)


def test_the_trunk_is_timms_xception():
    torch.manual_seed(0)
    reference = timm.create_model("legacy_xception", num_classes=0).eval()
    trunk = XceptionTrunk().eval()
    trunk.load_state_dict(reference.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(trunk(images), reference(images), rtol=1e-4, atol=1e-4)
        assert trunk.entry(trunk.stem2(trunk.stem1(images))).shape[-1] == sizes(64)[-1]


def test_tall_lays_frames_out_row_by_row():
    detector = small_detector("tall")
    frames = torch.arange(4.0).reshape(1, 4, 1, 1, 1).expand(1, 4, 3, 32, 32)
    picture = detector.layout(frames)[0, 0]
    assert picture.shape == (64, 64)
    np.testing.assert_array_equal(picture[::32, ::32], [[0, 1], [2, 3]])
    detector.place.data[:] = torch.arange(4.0)[None, :, None]
    places = detector._places()[0, :, :, 0].detach()
    np.testing.assert_array_equal(
        places[:: detector.cells[0], :: detector.cells[1]], [[0, 1], [2, 3]]
    )


def test_the_swins_windows_reach_across_frames():
    layers = full("tall").backbone.layers
    assert [layer.blocks[0].attn.window_size for layer in layers] == [(14, 14)] * 3 + [(7, 7)]


# ---- what is computed


def test_the_phase_picture_is_that_of_the_fast_fourier_transform():
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    spectrum = torch.fft.fft2(images.mean(dim=1, keepdim=True))
    expected = torch.fft.ifft2(torch.exp(1j * spectrum.angle())).real
    ours = PhasePicture(32)(images.float())
    torch.testing.assert_close(ours, expected.float(), rtol=1e-3, atol=1e-4)


def test_a_flat_picture_has_no_phase_but_an_impulse():
    picture = PhasePicture(16)(torch.full((1, 3, 16, 16), 0.3))[0, 0]
    assert picture[0, 0].item() == pytest.approx(1, abs=1e-4)
    assert picture.flatten()[1:].abs().max().item() < 1e-4


def test_the_bands_without_learning_add_up_to_the_picture():
    bands = FrequencyBands(32)
    torch.nn.init.zeros_(bands.learned)
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        low, middle, high, whole = bands(images).unflatten(1, (4, 3)).unbind(1)
    torch.testing.assert_close(whole, images, rtol=1e-4, atol=1e-4)
    # bands share their edges: the sums of frequencies that are just an edge
    edges = [i + j in (32 // 2.82, 32 // 2) for i in range(32) for j in range(32)]
    assert (bands.fixed[:3].sum(dim=0).flatten() == 1 + torch.tensor(edges).float()).all()
    assert low.std() < whole.std()
    assert middle.std() < whole.std()
    assert high.std() < whole.std()


def test_high_pass_filters_see_nothing_in_a_ramp():
    ramp = torch.arange(16.0).expand(1, 3, 16, 16)
    inner = srm.Residual(3)(ramp)[:, :, 3:-3, 3:-3]
    assert inner.abs().max().item() < 1e-5


def test_am_softmax_by_hand():
    cosines = torch.tensor([[0.2, 0.5], [-0.3, 0.1]])
    label = torch.tensor([1.0, 0.0])
    # right - margin against wrong, times the scale
    one = math.log(1 + math.exp(30 * (0.2 - (0.5 - 0.45))))
    two = math.log(1 + math.exp(30 * (0.1 - (-0.3 - 0.45))))
    got = srm.am_softmax(cosines, label, margin=0.45, scale=30.0).item()
    assert got == pytest.approx((one + two) / 2, rel=1e-5)


def test_without_margin_am_softmax_is_cross_entropy_of_the_logit():
    detector = small_detector("srm", margin=0.0).eval()
    batch = batch_for(detector, 4)
    with torch.inference_mode():
        expected = F.binary_cross_entropy_with_logits(detector(batch["clips"]), batch["label"])
        torch.testing.assert_close(detector.loss(batch), expected)


def test_uniformity_and_alignment_by_hand():
    directions = F.normalize(torch.tensor([[1.0, 0], [1, 0], [1, 1], [0, 1], [0, 1]]), dim=1)
    label = torch.tensor([0.0, 0, 0, 1, 1])
    near, far = 2 - math.sqrt(2), 2.0  # squared distances at 45 and 90 degrees
    assert gend.alignment(directions, label).item() == pytest.approx(2 * near / 4, rel=1e-5)
    mean = (2 + 4 * math.exp(-2 * near) + 4 * math.exp(-2 * far)) / 10
    assert gend.uniformity(directions).item() == pytest.approx(math.log(mean), rel=1e-5)


def test_one_picture_alone_has_neither():
    one = torch.tensor([[1.0, 0.0]])
    assert gend.uniformity(one).item() == 0
    assert gend.alignment(one, torch.tensor([1.0])).item() == 0


def test_gends_loss_is_the_sum_of_its_three_terms():
    detector = small_detector("gend").eval()
    batch = batch_for(detector, 4)
    with torch.inference_mode():
        features = F.normalize(detector.backbone(batch["clips"][:, 0]), dim=1)
        expected = (
            F.binary_cross_entropy_with_logits(detector(batch["clips"]), batch["label"])
            + 0.5 * gend.uniformity(features)
            + 0.1 * gend.alignment(features, batch["label"])
        )
        torch.testing.assert_close(detector.loss(batch), expected)


def test_the_head_sees_directions_only():
    head = NormalisedLinear(4)
    features = torch.randn(3, 4)
    torch.testing.assert_close(head(features), head(7 * features))
    frame = create_detector(
        "frame", backbone="test_vit", crop_spec=CropSpec(160), head="normalised"
    )
    assert isinstance(frame.head, NormalisedLinear)


def test_a_split_matrix_is_the_whole_one_and_its_rest_the_least_directions():
    torch.manual_seed(0)
    linear = torch.nn.Linear(12, 8)
    split = effort.SplitLinear(linear, rank=2, decompose=True)
    torch.testing.assert_close(split.matrix(), linear.weight, rtol=1e-5, atol=1e-6)
    values = torch.linalg.svdvals(linear.weight.detach())
    torch.testing.assert_close(split.scale.detach(), values[-2:], rtol=1e-4, atol=1e-5)
    main = torch.linalg.svdvals(split.main.detach())
    torch.testing.assert_close(main[:6], values[:6], rtol=1e-4, atol=1e-5)
    assert main[6:].max().item() < 1e-5  # nothing of the rest is left in the frozen part
    x = torch.randn(3, 12)
    torch.testing.assert_close(split(x), linear(x), rtol=1e-5, atol=1e-6)


def test_splitting_an_attention_changes_nothing_at_first():
    torch.manual_seed(0)
    qkv = torch.nn.Linear(12, 36)
    x = torch.randn(2, 5, 12)
    for decompose in (True, False):
        split = effort.SplitQkv(qkv, 1, decompose)
        torch.testing.assert_close(split(x), qkv(x), rtol=1e-5, atol=1e-6)


def test_face_xrays_loss_by_hand():
    detector = small_detector("face-xray").eval()
    torch.nn.init.zeros_(detector.boundary.weight)  # the drawing is one half all over
    torch.nn.init.zeros_(detector.boundary.bias)
    batch = batch_for(detector, 4)
    verdict = [F.softplus(torch.tensor(0.5)), F.softplus(torch.tensor(-0.5))]  # logit 1 x 1/2 + 0
    expected = (verdict[0] + verdict[1]).item() / 2 + 100 * math.log(2)
    assert detector.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def test_face_xray_says_what_it_misses():
    detector = small_detector("face-xray")
    batch = batch_for(detector, 2)
    del batch["boundary"]
    with pytest.raises(ValueError, match=r"learns from 'boundary'.*clips, label.*pseudo-fakes"):
        detector.loss(batch)
    batch["boundary"] = torch.zeros(2, 5, 5)
    with pytest.raises(ValueError, match=r"expected boundaries \(2, 32, 32\), got \(2, 5, 5\)"):
        detector.loss(batch)


def test_mesonets_loss_is_the_squared_error_of_the_probability():
    detector = small_detector("mesonet4").eval()
    batch = batch_for(detector, 4)
    with torch.inference_mode():
        expected = F.mse_loss(torch.sigmoid(detector(batch["clips"])), batch["label"])
        torch.testing.assert_close(detector.loss(batch), expected)


def test_the_landmark_networks_probabilities_are_averaged():
    detector = small_detector("landmark-gru").eval()
    clips = batch_for(detector, 3)["clips"]
    with torch.inference_mode():
        place, motion = detector._streams(clips)
        expected = (torch.sigmoid(place) + torch.sigmoid(motion)) / 2
        torch.testing.assert_close(torch.sigmoid(detector(clips)), expected)


def test_five_points_are_found_in_a_crop_where_the_face_detector_finds_them():
    data = pytest.importorskip("skimage.data")
    from unswap.datasets.crops import as_input, crop_face, square_around
    from unswap.datasets.faces import create_face_detector

    image = data.astronaut()
    faces = create_face_detector("mtcnn").detect(image, 60)
    face = max(faces, key=lambda f: f.confidence)
    spec = landmark_gru.CROP
    crop = crop_face(image, face, spec)
    finder = landmark_gru.PointFinder(spec)
    with torch.inference_mode():
        found = finder(torch.from_numpy(as_input(crop[None], spec).copy()))[0].numpy()
    square = square_around(face.box_xyxy, spec.margin)
    side = square[2] - square[0]
    start = square[:2] + side * finder.first / spec.size
    points = start + found * side * finder.side / spec.size
    assert np.abs(points - face.landmarks_xy).max() < 0.06 * side


# ---- weights from elsewhere, and wrong arguments


def test_weights_from_a_file_are_taken(tmp_path):
    torch.manual_seed(0)
    source = timm.create_model("test_vit", num_classes=0, img_size=32)
    path = tmp_path / "weights.pth"
    torch.save(source.state_dict(), path)
    small = {"crop_spec": CropSpec(32), "backbone": "test_vit", "pretrained": str(path)}
    detector = create_detector("gend", **small)
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(detector.backbone.eval()(images), source.eval()(images))
        split = create_detector("effort", rank=2, **small)
        torch.testing.assert_close(
            split.backbone.eval()(images), source(images), rtol=1e-4, atol=1e-5
        )
    assert split.backbone.blocks[0].attn.proj.scale.min() > 0  # decomposed


def test_weights_that_can_not_be_fetched_say_where_to_put_the_file(monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(backbones.timm, "create_model", offline)
    with pytest.raises(OSError, match=r"no route.*timm/.*clip.*pretrained: FILE"):
        create_detector("gend", pretrained=True)


def test_a_file_of_weights_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        create_detector("xception", pretrained=str(tmp_path / "none.safetensors"))


def test_a_video_models_own_weights_fit_all_but_the_head(tmp_path):
    import torchvision

    source = torchvision.models.get_model("mc3_18", weights=None, num_classes=7)
    path = tmp_path / "mc3.pth"
    torch.save(source.state_dict(), path)
    detector = create_detector("video", backbone="mc3_18", pretrained=str(path))
    torch.testing.assert_close(detector.backbone.stem[0].weight, source.stem[0].weight)
    torch.save({"other": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="no weights of 'mc3_18'"):
        create_detector("video", backbone="mc3_18", pretrained=str(path))


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("mesonet4", {"crop_spec": CropSpec(100)}, "32 n, got 100"),
        ("gend", {"backbone": "test_resnet", "crop_spec": CropSpec(32)}, "no vision transformer"),
        ("effort", {"backbone": "test_vit", "crop_spec": CropSpec(32), "rank": 65}, "got 65"),
        ("tall", {"rows": 3, "columns": 3, "crop_spec": CropSpec(30)}, "do not divide"),
        (
            "clip-transformer",
            {"backbone": "test_vit", "crop_spec": CropSpec(32), "heads": 7},
            "heads",
        ),
        ("landmark-gru", {"crop_spec": CropSpec(125, align="similarity")}, "align 'box'"),
        ("recce", {"flood": -1.0}, "flood of at least 0"),
        ("srm", {"scale": 0.0}, "scale > 0"),
        (
            "frame",
            {"backbone": "test_vit", "crop_spec": CropSpec(160), "head": "round"},
            "unknown head",
        ),
        (
            "efficientnet-b4",
            {"backbone": "test_efficientnet", "padding": "wide"},
            "unknown padding",
        ),
    ],
)
def test_arguments_that_can_not_be_are_refused(name, arguments, says):
    with pytest.raises(ValueError, match=says):
        full(name, **arguments)


def test_an_unknown_video_model_lists_the_known_ones():
    with pytest.raises(KeyError, match="did you mean 'r2plus1d_18'"):
        create_detector("video", backbone="r2plus1_18")


def test_constructors_take_plain_arguments():
    from unswap.detectors.protocols import crop_detectors

    for name in crop_detectors.names():
        for parameter in inspect.signature(crop_detectors.get(name)).parameters.values():
            assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD, (name, parameter)
            assert (
                parameter.default is inspect.Parameter.empty
                or parameter.default is None
                or (isinstance(parameter.default, (bool, int, float, str, dict)))
            ), (name, parameter)


def test_specs_come_as_dicts_too():
    detector = create_detector(
        "mesonet4", crop_spec={"size": 64, "margin": 1.5}, sampling_spec={"num_clips": 8}
    )
    assert detector.crop_spec == CropSpec(64, margin=1.5)
    assert detector.sampling_spec == SamplingSpec(8)
