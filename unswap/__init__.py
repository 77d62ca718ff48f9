"""unswap: says whether a video was face-swapped, and how far that answer can be trusted.

>>> import unswap
>>> unswap.score("clip.mp4").score  # doctest: +SKIP
1.73
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unswap.detectors.scores import Status, VideoScore
    from unswap.experiments.comparison.compare import compare
    from unswap.experiments.comparison.types import Comparison
    from unswap.experiments.evaluation.evaluate import evaluate
    from unswap.experiments.evaluation.results import Evaluation
    from unswap.experiments.scoring.one import score

__all__ = [
    "Comparison",
    "Evaluation",
    "Status",
    "VideoScore",
    "__version__",
    "compare",
    "evaluate",
    "score",
]

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "unswap.experiments.comparison.types",
    "compare": "unswap.experiments.comparison.compare",
    "Evaluation": "unswap.experiments.evaluation.results",
    "evaluate": "unswap.experiments.evaluation.evaluate",
    "score": "unswap.experiments.scoring.one",
    "VideoScore": "unswap.detectors.scores",
    "Status": "unswap.detectors.scores",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for, so that `import unswap` stays light."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'unswap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
