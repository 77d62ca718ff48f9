"""From a published file of weights to one of our checkpoints."""

from pathlib import Path

import torch

from ..architectures import create_detector
from ..cards import Card
from ..checkpoints import save_checkpoint
from ..ids import loose_id
from . import cnn, effort, keras_mesonet  # noqa: F401
from .sources import sources
from .weights import BadWeights, State, read_weights

SHOWN = 3  # names in an error


def convert(name: str, path: Path, out: Path) -> Path:
    """Writes the weights of `path` as a checkpoint that scores.

    Args:
        name: a registered kind of weights.
        path: the file, as its authors publish it.
        out: of the checkpoint; ends in .safetensors.

    Returns:
        `out`.

    Raises:
        KeyError: an unknown name.
        ValueError: `out` has another ending.
        BadWeights: a file that can't be read, or whose tensors are not those of the architecture.
    """
    source = sources.get(name)
    if out.suffix != ".safetensors":
        raise ValueError(f"expected a file FILE.safetensors to write, got {out}")
    theirs = read_weights(path)
    try:
        state = source.rename(theirs)
    except KeyError as error:
        raise BadWeights(f"{path}: no {name} weights: {error.args[0]} is not there") from error
    except ValueError as error:
        raise BadWeights(f"{path}: no {name} weights: {error}") from error
    detector = create_detector(
        source.architecture,
        crop_spec=source.crop_spec,
        **source.arguments,
    )
    _check(path, name, state, detector.state_dict())
    detector.load_state_dict(state)
    card = Card(
        name=name,
        version="converted",
        summary=f"Converted from {source.summary}.",
        licence="not stated here: that of the weights' authors",
        command=f"unswap convert {name} {path.name}",
        limits=(
            *source.limits,
            "What it was trained on stands in its publication; nothing was measured here.",
        ),
        recipe={"converted_from": loose_id(path)},
    )
    save_checkpoint(
        out,
        detector,
        card,
        architecture=source.architecture,
        arguments=source.arguments,
        aggregation=source.aggregation,
        dtype=torch.float32,
    )
    return out


def _check(path: Path, name: str, given: State, wanted: State) -> None:
    """Every tensor there, none too many, each of its shape. Raises BadWeights."""
    # counts of batches, which evaluation does not use, are not in all files
    missing = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    for k in wanted.keys() - given.keys() - set(missing):
        given[k] = wanted[k]
    unknown = [k for k in given if k not in wanted]
    shapes = [
        f"{k} {tuple(given[k].shape)}, expected {tuple(wanted[k].shape)}"
        for k in wanted
        if k in given and given[k].shape != wanted[k].shape
    ]
    problems = [
        f"{len(found)} {what}: {'; '.join(found[:SHOWN])}{' ...' if len(found) > SHOWN else ''}"
        for what, found in (
            ("missing", missing), ("unknown", unknown), ("of another shape", shapes)
        )
        if found
    ]  # fmt: skip
    if problems:
        raise BadWeights(f"{path}: not the tensors of {name}: " + ". ".join(problems))
