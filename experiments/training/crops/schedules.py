"""How the learning rate moves: a factor of the optimiser's rate for every step, a pure function."""

import math
from collections.abc import Callable

from ....datasets.registry import Registry

Schedule = Callable[[int, int], float]  # (step from 0, steps of the run) -> factor

schedules: Registry[Callable[..., Schedule]] = Registry("schedule")


@schedules.register("constant")
def constant(warm_up_steps: int = 0) -> Schedule:
    """The full rate, after a linear warm-up.

    >>> [constant(warm_up_steps=2)(step, 4) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
    """
    return _warmed(lambda along: 1.0, warm_up_steps)


@schedules.register("cosine")
def cosine(warm_up_steps: int = 0, final: float = 0.0) -> Schedule:
    """Half a cosine from 1 down to `final`. Loshchilov & Hutter, "SGDR", ICLR 2017.

    >>> [round(cosine()(step, 4), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    _share("final", final)
    return _warmed(lambda x: final + (1 - final) * (1 + math.cos(math.pi * x)) / 2, warm_up_steps)


@schedules.register("linear")
def linear(warm_up_steps: int = 0, begin: float = 0.0, final: float = 0.0) -> Schedule:
    """The full rate until the share `begin` of the steps after the warm-up, then a line to `final`.

    >>> [linear(begin=0.5)(step, 8) for step in range(8)]
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    _share("final", final)
    if not 0 <= begin < 1:
        raise ValueError(f"expected begin from 0 to below 1, got {begin}")
    return _warmed(
        lambda x: 1.0 if x <= begin else 1 - (1 - final) * (x - begin) / (1 - begin), warm_up_steps
    )


@schedules.register("cyclic")
def cyclic(cycles: int, warm_up_steps: int = 0, final: float = 0.0) -> Schedule:
    """Cosines with restarts: `cycles` of equal length, each from 1 down to `final`.

    >>> [round(cyclic(cycles=2)(step, 4), 3) for step in range(4)]
    [1.0, 0.5, 1.0, 0.5]
    """
    _share("final", final)
    if cycles < 1:
        raise ValueError(f"expected at least 1 cycle, got {cycles}")
    return _warmed(
        lambda x: final + (1 - final) * (1 + math.cos(math.pi * (x * cycles % 1))) / 2,
        warm_up_steps,
    )


@schedules.register("steps")
def drops(at: tuple[float, ...], factor: float = 0.1, warm_up_steps: int = 0) -> Schedule:
    """Multiplied by `factor` at each of the shares `at` of the steps after the warm-up.

    >>> [drops(at=(0.5,))(step, 4) for step in range(4)]
    [1.0, 1.0, 0.1, 0.1]
    """
    for share in at:
        _share("at", share)
    return _warmed(lambda x: factor ** sum(x >= share for share in at), warm_up_steps)


def _warmed(curve: Callable[[float], float], warm_up_steps: int) -> Schedule:
    """The curve over what follows a linear rise that reaches 1 with its last step."""
    if warm_up_steps < 0:
        raise ValueError(f"expected warm_up_steps of at least 0, got {warm_up_steps}")

    def at(step: int, steps: int) -> float:
        if step < warm_up_steps:
            return (step + 1) / warm_up_steps
        return curve((step - warm_up_steps) / max(1, steps - warm_up_steps))

    return at


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"expected {name} from 0 to 1, got {value}")
