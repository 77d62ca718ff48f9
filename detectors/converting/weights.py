"""Reading foreign files of weights: in a process of its own, which runs nothing that they hold.

`.pth` files are pickles; they are read with `weights_only=True`, which builds tensors and plain
containers and refuses all else. `.h5` files are read with h5py. The process that reads writes bare
tensors as safetensors, and only those come back.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...datasets.registry import unknown_name

State = dict[str, torch.Tensor]

SUFFIXES = (".pth", ".pt", ".bin", ".tar", ".h5", ".hdf5", ".safetensors")
SECONDS = 600  # for the largest: 1.2 GB from a slow disk


class BadWeights(Exception):
    """A file whose weights can't be used; the message names the file, the reason, what to do."""


def read_weights(path: Path, *, seconds: float = SECONDS) -> State:
    """The tensors of a file by name, in the order of the file.

    For `.h5` a name is `layer/variable`, as Keras writes it. A `module.` before all names, which
    data-parallel training leaves, is taken off.

    Args:
        path: .pth (.pt, .bin, .tar), .h5 (.hdf5) or .safetensors.
        seconds: the reading process is ended after these.

    Raises:
        BadWeights: no such file, of another kind, damaged, or holding more than tensors.
    """
    if not path.is_file():
        raise BadWeights(f"{path}: no such file")
    if path.suffix.lower() not in SUFFIXES:
        raise BadWeights(f"{path}: {unknown_name('kind of file', path.suffix, SUFFIXES)}")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "weights.safetensors"
        try:
            done = subprocess.run(
                [sys.executable, "-m", f"{__package__}.reading", str(path.absolute()), str(out)],
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BadWeights(f"{path}: could not be read within {seconds:g} s") from None
        if done.returncode or not out.is_file():
            lines = done.stderr.strip().splitlines()
            reason = lines[-1] if lines else f"the reader ended with code {done.returncode}"
            raise BadWeights(f"{path}: {reason}")
        try:
            state = load_file(out)
        except SafetensorError as error:
            raise BadWeights(f"{path}: its tensors can't be passed on ({error})") from error
    return unwrapped(state)


def unwrapped(state: State) -> State:
    """Names without the `module.` that data-parallel training puts before all of them."""
    if not all(name.startswith("module.") for name in state):
        return state
    return {name.removeprefix("module."): value for name, value in state.items()}
