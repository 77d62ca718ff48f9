"""Optimisers by name, and the two passes of sharpness-aware minimisation."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ....datasets.registry import Registry

optimisers: Registry[Callable[..., torch.optim.Optimizer]] = Registry("optimiser")


@optimisers.register("adam")
def adam(
    parameters: Iterable[nn.Parameter],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """Adam; the weight decay is added to the gradient. Kingma & Ba, ICLR 2015."""
    return torch.optim.Adam(_groups(parameters, weight_decay, all_alike=True), lr, betas)


@optimisers.register("adamw")
def adamw(
    parameters: Iterable[nn.Parameter],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.01,
) -> torch.optim.Optimizer:
    """Adam whose weight decay is apart, and spares biases and norms. Loshchilov & Hutter, 2019."""
    return torch.optim.AdamW(_groups(parameters, weight_decay, all_alike=False), lr, betas)


@optimisers.register("sgd")
def sgd(
    parameters: Iterable[nn.Parameter],
    lr: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent."""
    return torch.optim.SGD(
        _groups(parameters, weight_decay, all_alike=True), lr, momentum, nesterov=nesterov
    )


def _groups(
    parameters: Iterable[nn.Parameter], weight_decay: float, *, all_alike: bool
) -> list[dict[str, Any]]:
    trained = [p for p in parameters if p.requires_grad]
    if not trained:
        raise ValueError("nothing is to be trained: every parameter is frozen")
    decayed = [p for p in trained if all_alike or p.ndim > 1]
    plain = [p for p in trained if not all_alike and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}]
    groups += [{"params": plain, "weight_decay": 0.0}]
    return [g for g in groups if g["params"]]


@contextmanager
def ascended(module: nn.Module, rho: float) -> Iterator[None]:
    """Inside, the weights stand where the loss is about highest within `rho` of them.

    Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR
    2021: the gradient taken there is applied to the weights as they were. Norms' running statistics
    are of the first pass alone.
    """
    trained = [p for p in module.parameters() if p.grad is not None]
    norm = torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(p.grad) for p in trained if p.grad is not None])
    )
    before = [p.detach().clone() for p in trained]
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [m.momentum for m in norms]
    with torch.no_grad():
        for p in trained:
            assert p.grad is not None
            p.add_(p.grad * (rho / (norm + 1e-12)))
    for m in norms:
        m.momentum = 0.0
    try:
        yield
    finally:
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
        with torch.no_grad():
            for p, value in zip(trained, before, strict=True):
                p.copy_(value)
