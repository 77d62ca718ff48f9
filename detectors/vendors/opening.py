"""What `--detector` means: a detector that ships, a checkpoint, or one of those from outside."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .. import pretrained
from ..headers import identify
from ..scores import DetectorId
from .binding import BadDescription
from .calls import CallLog
from .descriptions import (
    Description,
    Function,
    OnnxModel,
    Program,
    ScoreTable,
    digest,
    read_description,
)
from .functions import FunctionScorer, source_of
from .keys import Keys
from .locks import CAN_LOCK
from .programs import ProgramScorer
from .service import ServiceScorer
from .service_description import HttpService
from .tables import TableScorer

YAML_SUFFIXES = (".yaml", ".yml")
TABLE_SUFFIXES = (".csv", ".parquet")
FORMS = (
    "or give a checkpoint, FILE.safetensors; a model, FILE.onnx; a description, FILE.yaml; a table of "
    "scores, FILE.csv or FILE.parquet; or a function, package.module:function"
)
_KINDS: dict[type[Any], Literal["http", "command", "python", "table", "onnx"]] = {
    HttpService: "http",
    Program: "command",
    Function: "python",
    ScoreTable: "table",
    OnnxModel: "onnx",
}


@dataclass(frozen=True)
class Source:
    """Where a detector comes from.

    `place`: its file, or the name of its function. `description`: None for a checkpoint, and for an
    ONNX file that describes itself. `folder`: that relative paths in a description start at.
    `uploads_to`: the host that videos are sent to. `at_a_time`: the most videos that it takes at once.
    `file`: the ONNX file.
    """

    kind: Literal["checkpoint", "http", "command", "python", "table", "onnx"]
    place: str
    detector: DetectorId
    description: Description | None = None
    folder: Path = Path()
    uploads_to: str | None = None
    at_a_time: int | None = None
    file: Path | None = None

    @property
    def has_crops(self) -> bool:
        """Whether it goes through the cropping pipeline: number of frames, persons, reports."""
        return self.kind in ("checkpoint", "onnx")


def locate(name: str | Path) -> Source:
    """The detector that a name, a file or a function stands for; nothing is loaded yet.

    Raises:
        KeyError: an unknown name. BadCheckpoint, BadDescription: a file that can't be used.
    """
    path, text = Path(name), str(name)
    end = path.suffix.lower()
    if end in YAML_SUFFIXES:
        return _described(path, read_description(path))
    if end == ".onnx":
        return _described(path, None)
    if end in TABLE_SUFFIXES:
        return _described(path, ScoreTable("table", path.name, name=path.stem))
    if ":" in text and not path.exists():
        try:
            return _described(path, Function("python", text))
        except ValueError as error:
            raise BadDescription(f"--detector {text}: {error}") from None
    try:
        checkpoint = pretrained.locate(name)
    except KeyError as error:
        raise KeyError(f"{str(error.args[0]).partition('; or give')[0]}; {FORMS}") from None
    return Source("checkpoint", str(checkpoint), identify(checkpoint))


def _described(path: Path, description: Description | None) -> Source:
    folder = path.parent
    place, uploads_to, at_a_time = str(path), None, None
    if description is None or isinstance(description, OnnxModel):
        return _onnx(path, description)
    if isinstance(description, HttpService):
        detector = DetectorId(description.name, description.sha256(), description.version)
        uploads_to = description.origin
        at_a_time = description.limits.at_a_time if CAN_LOCK else 1
    elif isinstance(description, Program):
        named = [folder / part for part in description.argv if (folder / part).is_file()]
        detector = DetectorId(description.name, digest(description, *named), description.version)
        uploads_to = description.uploads_to
    elif isinstance(description, Function):
        file = source_of(description.function)
        detector = DetectorId(description.name, digest(description, file), description.version)
        uploads_to = description.uploads_to
    else:
        file = folder / description.file
        if not file.is_file():
            raise BadDescription(f"{file}: no such file")
        name = description.name or Path(description.file).stem
        detector = DetectorId(name, digest(description, file), description.version)
        at_a_time = 1  # looking up is quick, reading the table is not
    kind = _KINDS[type(description)]
    return Source(kind, place, detector, description, folder, uploads_to, at_a_time)


def _onnx(path: Path, description: OnnxModel | None) -> Source:
    from .onnx_file import onnx_files, open_session, read_metadata

    file = path
    if description is not None:
        if not description.file:
            raise BadDescription(f"{path}: missing key 'file', the ONNX file")
        file = path.parent / description.file
    if not file.is_file():
        raise BadDescription(f"{file}: no such file")
    told = description or read_metadata(file, open_session(file))
    detector = DetectorId(told.name or file.stem, digest(told, *onnx_files(file)), told.version)
    return Source("onnx", str(path), detector, told, path.parent, file=file)


def open_scorer(
    source: Source, *, calls: Path | None = None, seed: int = 0
) -> ServiceScorer | ProgramScorer | FunctionScorer | TableScorer:
    """The scorer itself, for all but those with crops.

    Args:
        source: from `locate`.
        calls: the log of calls, for a service.
        seed: of a service's waits.

    Raises:
        BadDescription: it can't be used. OSError: the log can't be written.
    """
    description = source.description
    if isinstance(description, HttpService):
        if calls is None:
            raise ValueError("a service needs a log of its calls")
        return ServiceScorer(description, CallLog(calls), Keys(description), seed=seed)
    if isinstance(description, Program):
        return ProgramScorer(description, Path(os.path.abspath(source.folder)), source.detector)
    if isinstance(description, Function):
        return FunctionScorer(description, source.detector)
    if isinstance(description, ScoreTable):
        return TableScorer(description, source.folder, source.detector)
    raise ValueError(f"a detector of the kind {source.kind!r} is opened by the cropping pipeline")
