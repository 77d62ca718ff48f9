"""The part of a backbone that gives the logit."""

from torch import nn


def head_of(backbone: nn.Module) -> nn.Linear:
    """A timm backbone's classifier."""
    head = backbone.get_classifier()  # type: ignore[operator]
    assert isinstance(head, nn.Linear)
    return head
