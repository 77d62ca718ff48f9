"""The process that reads a foreign file: `python -m unswap.detectors.converting.reading FILE OUT`.

What goes wrong is the last line of the error output.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

Arrays = dict[str, NDArray[Any]]
CONTAINERS = ("state_dict", "model", "model_state_dict", "net")  # where training scripts put it


def read(path: Path) -> Arrays:
    """The tensors of a file by name. Raises ValueError."""
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return load_file(path)
    if suffix in (".h5", ".hdf5"):
        return _read_h5(path)
    import torch  # heavy, and for pickles alone

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's, zip's and torch's own
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"can't be read as weights alone ({first[:200]}); is the download complete? A file that holds "
            "more than tensors is not opened: save its state_dict by itself, where you trust it"
        ) from None
    return _tensors(found)


def _tensors(found: Any) -> Arrays:
    """The state dict itself, or the one inside what a training script saved."""
    import torch

    if not isinstance(found, dict):
        raise ValueError(f"holds a {type(found).__name__}, no tensors by name")
    tensors = {
        # as 32-bit floats, since numpy has no bfloat16
        str(k): (v.detach().float() if v.is_floating_point() else v.detach()).numpy()
        for k, v in found.items()
        if isinstance(v, torch.Tensor)
    }
    if tensors:
        return tensors
    for name in CONTAINERS:
        if isinstance(found.get(name), dict):
            return _tensors(found[name])
    raise ValueError(f"holds no tensors by name, but {', '.join(map(str, found)) or 'nothing'}")


def _read_h5(path: Path) -> Arrays:
    try:
        import h5py
    except ImportError:
        raise ValueError(
            "h5py is not installed; install it with: pip install 'unswap[convert]'"
        ) from None
    state: Arrays = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer_weights"):
            state[name.removeprefix("model_weights/")] = np.array(item[()])

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except (OSError, TypeError) as error:
        raise ValueError(f"not a readable .h5 file ({error})") from None
    return state


def main() -> int:
    """Reads, and writes the tensors as safetensors."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        state = read(source)
    except ValueError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return 1
    # copies, since a file may hold one tensor under two names
    save_file({name: np.array(value, order="C") for name, value in state.items()}, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
