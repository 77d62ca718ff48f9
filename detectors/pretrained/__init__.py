"""The weights that come with the package."""

from pathlib import Path

from ...datasets.registry import unknown_name

DEFAULT = "sbi-lite0"


def names() -> list[str]:
    """The detectors that ship, by name."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.safetensors"))


def locate(name_or_file: str | Path) -> Path:
    """The checkpoint file that a detector's name, or a path, stands for.

    Raises KeyError for what is neither a file nor a known name.
    """
    path = Path(name_or_file)
    if path.suffix == ".safetensors":
        return path
    if str(name_or_file) not in names():
        raise KeyError(
            unknown_name("detector", str(name_or_file), names())
            + "; or give a checkpoint, FILE.safetensors"
        )
    return Path(__file__).parent / f"{name_or_file}.safetensors"
