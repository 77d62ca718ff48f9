"""Whether both faces are one person's, as far as a face-embedding model tells.

No model comes with the package and none is fetched: the user names a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...datasets.crops import CANONICAL_POINTS
from ...datasets.probing import hash_file
from ...datasets.types import Float32, Float64, Uint8
from .canvas import READ_SIDE, scale_matrix
from .faces import Person
from .reading import paired_frames
from .scanning import Scan
from .types import Identity

FRAMES = 24  # pairs of each person that are compared
APART_SECONDS = 0.4  # two pictures of the reference this far apart show one person in two poses
SIDE_SHARE = 1.25  # of the canonical face's side: how wide a face is cut


class BadIdentityWeights(Exception):
    """A file that is no face-embedding model. Names the file, the reason, and what to do."""


@dataclass(frozen=True)
class Embedder:
    """`embed`: (n, side, side, 3) uint8 RGB faces -> (n, d) float32 unit vectors."""

    name: str
    sha256: str
    side: int
    embed: Callable[[Uint8], Float32]
    same_range: tuple[float, float] | None = None
    different_range: tuple[float, float] | None = None
    ranges_from: str = ""


def load_embedder(path: str | Path) -> Embedder:
    """A model from its file: `.onnx`, or facenet-pytorch's InceptionResnetV1 as `.pt` or `.safetensors`.

    Beside it may lie `NAME.ranges.json` with `same` and `different`, each [5th, 95th percentile] of
    the model's cosine similarities, and `from`, a sentence that says where these come from.

    Raises:
        BadIdentityWeights: no such file, not such a model, or wrong ranges.
    """
    file = Path(path)
    if not file.is_file():
        raise _bad(file, "there is no such file", "give the model's file, .onnx or .pt")
    if file.suffix.lower() == ".onnx":
        side, embed = _onnx(file)
    elif file.suffix.lower() in (".pt", ".pth", ".safetensors"):
        side, embed = _facenet(file)
    else:
        raise _bad(
            file, f"the ending {file.suffix!r} is unknown", "give .onnx, .pt or .safetensors"
        )
    same, different, source = _ranges(file)
    return Embedder(file.name, hash_file(file), side, embed, same, different, source)


def _bad(file: Path, reason: str, remedy: str) -> BadIdentityWeights:
    return BadIdentityWeights(f"{file}: {reason}. What to do: {remedy}.")


def _ranges(
    file: Path,
) -> tuple[tuple[float, float] | None, tuple[float, float] | None, str]:
    beside = file.with_name(file.name + ".ranges.json")
    if not beside.exists():
        return None, None, ""
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
        same, different = (tuple(map(float, told[k])) for k in ("same", "different"))
        if (
            len(same) != 2
            or len(different) != 2
            or same[0] > same[1]
            or different[0] > different[1]
        ):
            raise ValueError("each range needs two rising numbers")
        return (same[0], same[1]), (different[0], different[1]), str(told["from"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = 'write {"same": [low, high], "different": [low, high], "from": "..."}'
        raise _bad(beside, f"it is no table of ranges ({error})", remedy) from error


def _onnx(file: Path) -> tuple[int, Callable[[Uint8], Float32]]:
    try:
        import onnxruntime
    except ImportError as error:
        remedy = 'pip install "unswap[identity]"'
        raise _bad(file, "ONNX models need onnxruntime, which is not installed", remedy) from error
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, which are not exported
        raise _bad(file, f"it can't be read as ONNX ({error})", "get the file again") from error
    wanted = session.get_inputs()
    shape = wanted[0].shape
    if len(wanted) != 1 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        reason = f"it takes {[(i.name, i.shape) for i in wanted]}"
        raise _bad(file, reason, "give a model of one input (n, 3, side, side)")
    side = shape[2] if isinstance(shape[2], int) else 112

    def embed(faces: Uint8) -> Float32:
        values = (faces.astype(np.float32).transpose(0, 3, 1, 2) - 127.5) / 127.5
        out = [session.run(None, {wanted[0].name: v[None]})[0][0] for v in values]
        return _unit(np.stack(out))

    return side, embed


def _facenet(file: Path) -> tuple[int, Callable[[Uint8], Float32]]:
    import torch
    from facenet_pytorch import InceptionResnetV1

    state: dict[str, Any]
    try:
        if file.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"expected a table of weights, got {type(state).__name__}")
        # the classifier's layer is not needed to embed
        state = {k: v for k, v in state.items() if not k.startswith("logits.")}
        network = InceptionResnetV1(pretrained=None, classify=False).eval()
        network.load_state_dict(state)
    except Exception as error:  # torch raises pickle, zip, key and runtime errors here
        text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        remedy = "give facenet-pytorch's InceptionResnetV1 (such as 20180402-114759-vggface2.pt)"
        raise _bad(file, f"it holds no weights of InceptionResnetV1 ({text})", remedy) from error

    def embed(faces: Uint8) -> Float32:
        values = (torch.from_numpy(faces).permute(0, 3, 1, 2).float() - 127.5) / 128.0
        with torch.inference_mode():
            return _unit(network(values).numpy())

    return 160, embed


def _unit(vectors: np.ndarray) -> Float32:
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return np.asarray(vectors / norms, dtype=np.float32)


def compare_faces(
    embedder: Embedder,
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    people: Sequence[Person],
    pairs: Sequence[tuple[int, int]],
) -> tuple[Identity, ...]:
    """For each person seen in both: how alike the two faces are.

    Where no range of one person's faces is known for the model, that of the reference's own face at
    other moments stands for it; `ranges_from` says so.
    """
    out = []
    for person in people:
        if person.suspect is None or person.reference is None:
            continue
        places, i, j = np.intersect1d(
            person.suspect.places[person.suspect.seen],
            person.reference.places[person.reference.seen],
            return_indices=True,
        )
        if not len(places):
            continue
        chosen = np.unique(np.linspace(0, len(places) - 1, FRAMES).astype(int))
        own_points = person.suspect.landmarks_xy[person.suspect.seen][i]
        their_points = person.reference.landmarks_xy[person.reference.seen][j]
        wanted = [pairs[int(places[k])] for k in chosen]
        own, theirs, seconds = [], [], []
        for k, a, b in paired_frames(suspect.info.path, reference.info.path, wanted, READ_SIDE):
            row = chosen[k]
            own.append(_cut(a.image, own_points[row], suspect, None, embedder.side))
            theirs.append(_cut(b.image, their_points[row], reference, matrix, embedder.side))
            seconds.append(b.pts_seconds)
        if not own:
            continue
        first, second = embedder.embed(np.stack(own)), embedder.embed(np.stack(theirs))
        alike = np.sum(first * second, axis=1)
        same, source = embedder.same_range, embedder.ranges_from
        if same is None:
            same, source = _own_range(second, np.array(seconds))
        low, middle, high = (float(v) for v in np.quantile(alike, [0.05, 0.5, 0.95]))
        out.append(
            Identity(
                model=embedder.name,
                model_sha256=embedder.sha256,
                person=person.number,
                similarity=middle,
                interval=(low, high),
                num_frames=len(alike),
                same_range=same,
                different_range=embedder.different_range,
                ranges_from=source,
            )
        )
    return tuple(out)


def _own_range(vectors: Float32, seconds: Float64) -> tuple[tuple[float, float] | None, str]:
    alike = vectors @ vectors.T
    far = np.abs(seconds[:, None] - seconds[None]) >= APART_SECONDS
    values = alike[np.triu(far, 1)]
    if len(values) < 10:
        return None, "no range is known for this model"
    low, high = np.quantile(values, [0.05, 0.95])
    text = (
        "the reference's own face at different moments of this recording, which differ less than "
        "pictures of one person from different days do"
    )
    return (float(low), float(high)), text


def _cut(image: Uint8, points: Float64, scan: Scan, matrix: Float64 | None, side: int) -> Uint8:
    """(side, side, 3) the face, upright, eyes and mouth at the usual places.

    `points`: (5, 2) suspect pixels; `matrix`: from the picture's own full pixels to the suspect's.
    """
    if matrix is not None:
        inverse = cv2.invertAffineTransform(matrix)
        points = points @ inverse[:, :2].T + inverse[:, 2]
        if np.linalg.det(matrix[:, :2]) < 0:
            points = points[[1, 0, 2, 4, 3]]
    read = scale_matrix(scan.size, (image.shape[1], image.shape[0]))
    points = points @ read[:2, :2].T + read[:2, 2]
    aim = ((CANONICAL_POINTS - 0.5) / SIDE_SHARE + 0.5) * side
    move, _ = cv2.estimateAffinePartial2D(
        points.astype(np.float32), aim.astype(np.float32), method=cv2.LMEDS
    )
    if move is None:
        move = np.eye(2, 3)
    return np.asarray(cv2.warpAffine(image, move, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
