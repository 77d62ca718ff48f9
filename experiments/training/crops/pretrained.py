"""The detector that training begins with."""

from dataclasses import replace

from ....detectors.protocols import CropDetector
from ..errors import BadRecipe
from .recipe import Plan


def with_pretrained(made: Plan, *, fresh: bool) -> CropDetector:
    """The recipe's detector, with pretrained weights where it asks for them.

    Args:
        made: the checked recipe.
        fresh: False where other weights are going to be loaded anyway: nothing is fetched then.

    Raises:
        BadRecipe: the weights can't be had; the message says where to put them. KeyError, ValueError:
            what the detector's constructor says of its arguments.
    """
    arguments = made.detector_arguments
    if not arguments.get("pretrained"):
        return made.create_detector()
    if not fresh:
        return replace(
            made, detector_arguments={**arguments, "pretrained": False}
        ).create_detector()
    try:
        return made.create_detector()
    except OSError as error:
        raise BadRecipe(
            f"detector.arguments.pretrained: {error}. Or begin from a checkpoint (detector.start_from), "
            "or without them (pretrained: false), which trains worse"
        ) from error
