"""What may happen to a video on its way to a detector, by code and level: `VC:3`, `GB:2`.

Seven codes are those of DeeperForensics-1.0 (Jiang et al., CVPR 2020), with its parameters; the
others are what platforms and people do to videos. `CODES` lists all of them.

A condition stands for one thing done to a whole video in the same way, so that detectors can be
compared under it; the random chains that training uses are in `unswap.datasets.degradations`.
Randomness comes from `seed` alone: the same seed gives the same bytes.
"""

from . import codecs, geometry, overlays, pictures, published, screen  # noqa: F401  (they register)
from .catalogue import (
    ALIASES,
    PERTURBATIONS,
    CodecPerturbation,
    Condition,
    Kind,
    Perturbation,
    get,
    parse,
)
from .chains import apply, perturb
from .degrading import Degraded, degrade
from .encoding import SizeChangeError
from .writing import CannotWrite

__all__ = [
    "ALIASES",
    "CODES",
    "PUBLISHED",
    "CannotWrite",
    "CodecPerturbation",
    "Condition",
    "Degraded",
    "Kind",
    "Perturbation",
    "SizeChangeError",
    "apply",
    "degrade",
    "get",
    "parse",
    "perturb",
]

CODES = {code: PERTURBATIONS.get(code).description for code in PERTURBATIONS.names()}
PUBLISHED = ("CS", "CC", "BW", "GNC", "GB", "DS", "VC")
