"""What turns features into a logit, and logits into a loss: pieces that several detectors share."""

import torch
from torch import nn
from torch.nn import functional as F


class NormalisedLinear(nn.Module):
    """A linear layer on the feature's direction: its length says nothing.

    Yermakov, Cech & Matas, "Deepfake Detection that Generalizes Across Benchmarks", 2025.
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, in_features) -> (B, 1)."""
        logits: torch.Tensor = self.linear(F.normalize(features, dim=-1))
        return logits


def cross_entropy(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of (B,) logits and (B,) labels, the mean.

    >>> round(cross_entropy(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 1.0])).item(), 4)
    0.6931
    """
    return F.binary_cross_entropy_with_logits(logits, label)
