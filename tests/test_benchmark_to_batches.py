"""From a benchmark's folder to batches: check, manifest, prepare with both engines, load."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from unswap.cli import main
from unswap.datasets.manifests import Manifest
from unswap.datasets.shards.layout import BadShards
from unswap.datasets.shards.reader import PreparedCrops
from unswap.datasets.shards.samplers import BalancedSampler
from unswap.datasets.shards.torch_data import CropDataset, loader
from unswap.datasets.types import CropSpec
from unswap.experiments.practice import make_practice_benchmark

NAME = "faceforensics++"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_practice_benchmark(tmp_path_factory.mktemp("ff"), num_pairs=3, num_frames=8)


@pytest.fixture(scope="module")
def manifest(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("manifest") / "ff.parquet"
    arguments = ["datasets", "manifest", NAME, "--root", str(root), "--out", str(out)]
    assert main(arguments) == 0
    return out


@pytest.fixture(scope="module")
def crops(root: Path, manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crops") / "local"
    assert main(_prepare(manifest, root, out)) == 0
    return out


def _prepare(manifest: Path, root: Path, out: Path, *more: str) -> list[str]:
    start = ["prepare", str(manifest), "--root", str(root), "--out", str(out)]
    return [*start, "--num-frames", "3", "--faces", "mask", *more]


def test_check_counts_what_is_short_of_a_whole_copy_and_finds_nothing_else(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "check.json"
    arguments = ["datasets", "check", NAME, "--root", str(root), "--json", str(out)]
    assert main([*arguments, "--report", str(tmp_path / "report"), "--jobs", "2"]) == 3
    result = json.loads(out.read_text())
    wrong = {f["kind"] for f in result["findings"] if f["severity"] == "wrong"}
    assert wrong == {"count-short"}  # six originals are not a thousand
    (report,) = (tmp_path / "report").glob("*.html")
    assert "FaceForensics++" in report.read_text()
    assert "wrong" in capsys.readouterr().out


def test_the_manifest_has_every_clip_with_its_pair_split_and_mask(manifest: Path) -> None:
    videos = {v.video_id: v for v in Manifest.read(manifest).videos()}
    assert len(videos) == 2 * (6 + 12)
    fake = videos[f"{NAME}/FaceSwap/c40/004_005"]
    assert (fake.split, fake.original) == ("test", f"{NAME}/real/c40/004")
    assert fake.mask == "manipulated_sequences/FaceSwap/masks/videos/004_005.mp4"
    assert {v.split for v in videos.values()} == {"train", "val", "test"}


def test_one_compression_and_an_identity_disjoint_split(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.csv"
    arguments = ["datasets", "manifest", NAME, "--root", str(root), "--out", str(out)]
    more = ["--compression", "c23", "--split", "identity-disjoint", "--seed", "1"]
    assert main([*arguments, *more]) == 0
    videos = list(Manifest.read(out).videos())
    assert {v.compression for v in videos} == {"c23"}
    of_person: dict[str, set[str]] = {}
    for video in videos:
        for person in (video.source_id, video.target_id):
            of_person.setdefault(str(person), set()).add(str(video.split))
    assert all(len(splits) == 1 for splits in of_person.values())
    dropped = 18 - len(videos)
    assert f"{dropped}" in capsys.readouterr().out


@pytest.mark.slow
def test_both_engines_give_the_same_crops(
    root: Path, manifest: Path, crops: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray.data")
    out = tmp_path / "ray"
    assert main(_prepare(manifest, root, out, "--engine", "ray", "--jobs", "2")) == 0
    files = sorted(p.relative_to(crops) for p in crops.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file())
    for name in files:
        assert (out / name).read_bytes() == (crops / name).read_bytes(), name


def test_batches_come_out_balanced_and_whole(crops: Path) -> None:
    prepared = PreparedCrops(crops)
    assert len(prepared) == 3 * 36
    dataset = CropDataset(prepared, CropSpec(64, 1.3), split="train", seed=5)
    assert len(dataset) == 3 * 12
    sampler = BalancedSampler(dataset, by=("label", "method"), num_samples=400, seed=0)
    drawn = [dataset[i] for i in list(sampler)[:120]]
    assert 40 <= sum(int(item["label"]) for item in drawn) <= 80
    batches = list(loader(dataset, batch_size=16, num_workers=0))
    assert sum(len(batch["label"]) for batch in batches) == len(dataset)
    image = batches[0]["image"]
    assert tuple(image.shape[1:]) == (3, 64, 64)
    assert np.isfinite(image.numpy()).all()


def test_export_to_deepfakebench_and_back(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    arguments = ["datasets", "export", str(crops), "--out", str(out), "--name", "FF-practice"]
    assert main([*arguments, "--size", "64"]) == 0
    document = json.loads((out / "FF-practice.json").read_text())
    videos = [
        video
        for label in document["FF-practice"].values()
        for split in label.values()
        for compression in split.values()
        for video in compression.values()
    ]
    assert len(videos) == 36
    assert all((out / frame).is_file() for video in videos for frame in video["frames"])


def test_check_reads_the_masks_too(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ff"
    shutil.copytree(root, copy)
    mask = copy / "manipulated_sequences/FaceSwap/masks/videos/004_005.mp4"
    mask.write_bytes(mask.read_bytes()[:100])
    out = tmp_path / "check.json"
    arguments = ["datasets", "check", NAME, "--root", str(copy), "--json", str(out)]
    assert main([*arguments, "--compression", "c23", "--jobs", "1"]) == 3
    findings = {f["kind"]: f for f in json.loads(out.read_text())["findings"]}
    assert findings["unreadable"]["count"] == 1
    assert str(mask) in findings["unreadable"]["examples"][0]


def test_the_index_tells_what_was_asked_for_and_belongs_to_its_crops(
    crops: Path, manifest: Path, tmp_path: Path
) -> None:
    told = json.loads(parquet.read_schema(crops / "index.parquet").metadata[b"unswap.prepared"])
    assert told == json.loads((crops / "prepared.json").read_text())
    assert told["manifest_sha256"] == hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert told["spec"]["margin"] == 2.0
    assert "mtcnn" in told["face_detector"]
    copy = tmp_path / "crops"
    shutil.copytree(crops, copy)
    (copy / "prepared.json").write_text(json.dumps({**told, "manifest_sha256": "00" * 32}))
    with pytest.raises(BadShards, match="index of other crops") as error:
        PreparedCrops(copy)
    assert "index.parquet" in str(error.value)
