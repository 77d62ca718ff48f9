"""The kinds of detectors from outside, and what a YAML file says of each."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...datasets.registry import unknown_name
from ...datasets.types import CropSpec, SamplingSpec
from .answers import PLAIN
from .binding import BadDescription, bind, read_yaml
from .scales import ScoreRule
from .service_description import HttpService


def _check_name(name: str) -> None:
    if not name or "@" in name or not name.isprintable():
        raise ValueError(f"name: expected a name without '@', got {name!r}")


@dataclass(frozen=True)
class Program:
    """A program that reads a line of JSON for each video, `{"video_id": ..., "path": ...}`, and writes
    one: `{"score": 0.7}`, or `{"status": "no_face", "reason": "..."}`.

    `argv`: the program and its arguments; no shell reads them. It is started in the description's
    folder, once for many videos, and killed when a video takes too long. `uploads_to`: the host that it
    sends videos to, if it does.
    """

    kind: Literal["command"]
    name: str
    argv: tuple[str, ...]
    score: ScoreRule = PLAIN
    version: str = ""
    uploads_to: str | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not self.argv or not self.argv[0]:
            raise ValueError("argv: expected a program, got nothing")


@dataclass(frozen=True)
class Function:
    """A Python function, `package.module:function`, called with a path; see `as_video_score` for what
    it returns. `uploads_to`: the host that it sends videos to, if it does."""

    kind: Literal["python"]
    function: str
    name: str = ""
    score: ScoreRule = PLAIN
    version: str = ""
    uploads_to: str | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        module, colon, name = self.function.partition(":")
        if not colon or not all(p.isidentifier() for p in (*module.split("."), name)):
            raise ValueError(f"expected package.module:function, got {self.function!r}")
        if not self.name:
            object.__setattr__(self, "name", self.function)
        _check_name(self.name)


@dataclass(frozen=True)
class ScoreTable:
    """A table of scores that somebody has already, .csv or .parquet.

    `id_column`, `score_column`: what they are called; `status` and `reason` are read where they are
    there. `failed_where`: words in the score column, and the status that they stand for.
    """

    kind: Literal["table"]
    file: str
    name: str = ""
    id_column: str = "video_id"
    score_column: str = "score"
    score: ScoreRule | None = None
    failed_where: dict[str, str] = field(default_factory=dict)
    version: str = ""
    notes: str = ""


Layout = Literal["BCHW", "BHWC", "BTCHW", "BCTHW", "BTHWC"]
Output = Literal["logit", "probability", "two_logits", "two_probabilities"]


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file that scores face crops, or clips of them.

    `crop`, `sampling`: what is cut out and sampled (see `CropSpec`, `SamplingSpec`). `layout`: of its
    input, B clips of T frames. `channels`: their order. `output`: what comes out, for each clip: one
    number that is a logit or a probability of fake, or two (`fake_index` says which is fake's).
    `output_name`: which output, the first by default. `aggregation`: see `aggregation`.
    """

    kind: Literal["onnx"]
    crop: CropSpec
    output: Output
    file: str = ""
    name: str = ""
    sampling: SamplingSpec = field(default_factory=SamplingSpec)
    layout: Layout = "BCHW"
    channels: Literal["RGB", "BGR"] = "RGB"
    fake_index: int = 1
    output_name: str | None = None
    aggregation: str = "mean-logit/max-track"
    version: str = ""
    licence: str = "not stated"
    notes: str = ""

    def __post_init__(self) -> None:
        if self.fake_index not in (0, 1):
            raise ValueError(f"fake_index: expected 0 or 1, got {self.fake_index}")
        if "T" not in self.layout and self.sampling.clip_length != 1:
            raise ValueError(
                f"layout {self.layout} holds single frames, and sampling.clip_length is "
                f"{self.sampling.clip_length}; for clips: BTCHW, BCTHW or BTHWC"
            )


Description: TypeAlias = HttpService | Program | Function | ScoreTable | OnnxModel
KINDS: dict[str, type[Any]] = {
    "http": HttpService,
    "command": Program,
    "python": Function,
    "table": ScoreTable,
    "onnx": OnnxModel,
}


def read_description(path: Path) -> Description:
    """What a YAML file says. Raises BadDescription, which names the file and every problem."""
    data = read_yaml(path)
    kind = data.get("kind")
    if kind is None:
        raise BadDescription(f"{path}: missing key 'kind'; known kinds: {', '.join(sorted(KINDS))}")
    if kind not in KINDS:
        raise BadDescription(f"{path}: {unknown_name('kind', str(kind), KINDS)}")
    made: Description = bind(KINDS[str(kind)], data, str(path))
    return made


def digest(description: Any, *files: Path) -> str:
    """SHA-256 of all that a description says but for notes, and of the bytes of files."""
    data = {k: v for k, v in asdict(description).items() if k != "notes"}
    whole = hashlib.sha256(json.dumps(data).encode())
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()
