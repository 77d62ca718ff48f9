"""An ONNX file, opened without torch: its session, and what it says of itself."""

import json
from pathlib import Path
from typing import Any

from .binding import BadDescription, bind
from .descriptions import OnnxModel

METADATA = "unswap"  # the key of the file's metadata that holds the description as JSON


def runtime() -> Any:
    """onnxruntime. Raises BadDescription where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise BadDescription(
            "onnxruntime is not installed; install it with: pip install 'unswap[onnx]'"
        ) from None
    return onnxruntime


def onnx_files(path: Path) -> list[Path]:
    """The file, and the one beside it that holds its weights, where there is one."""
    beside = [path.with_name(path.name + end) for end in (".data", "_data")]
    return [path, *(p for p in beside if p.is_file())]


def read_metadata(path: Path, session: Any) -> OnnxModel:
    """The description that a file carries in its own metadata. Raises BadDescription."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    if text is None:
        raise BadDescription(
            f"{path}: its metadata has no {METADATA!r} entry, which says what crops it wants; describe "
            "it in a YAML file (kind: onnx, file, crop, output), and give that"
        )
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadDescription(f"{path}: its {METADATA!r} metadata is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise BadDescription(f"{path}: its {METADATA!r} metadata holds no keys and values")
    return bind(OnnxModel, {"kind": "onnx", **data}, f"{path}, its metadata")


def open_session(path: Path, *, threads: int = 1, device: str = "cpu") -> Any:
    """An onnxruntime session. Raises BadDescription."""
    ort = runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu":
        kind, _, number = device.partition(":")
        if kind != "cuda" or "CUDAExecutionProvider" not in ort.get_available_providers():
            raise BadDescription(
                f"device {device!r}: this onnxruntime has {', '.join(ort.get_available_providers())}"
            )
        providers = [("CUDAExecutionProvider", {"device_id": number or "0"}), *providers]
    if not path.is_file():
        raise BadDescription(f"{path}: no such file")
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime raises classes of its own, one for each code
        raise BadDescription(f"{path}: not a usable ONNX file ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
