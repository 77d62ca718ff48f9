"""Xception in its parts, for detectors that work between them.

Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017. Names and shapes
are those of timm's `legacy_xception`, whose weights fit.
"""

import torch
from timm.models.xception import Block, SeparableConv2d
from torch import nn

from .backbones import create_backbone

BACKBONE = "legacy_xception"
MIDDLE = 8  # blocks of the middle flow


class XceptionTrunk(nn.Module):
    """The convolutions of Xception, in five stages; no head.

    Args:
        in_channels: of the input.
        width: share of the published channels, for small copies.
        middle_blocks: of the middle flow.
        pretrained: as for `create_backbone`; needs the published width. Where the input has other than
            three channels, the first filters are the mean over the colours, three times over the
            number of channels.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        width: float = 1.0,
        middle_blocks: int = MIDDLE,
        pretrained: bool | str = False,
    ) -> None:
        super().__init__()
        a, b, c, d, e, f, g, h = (
            max(4, round(n * width)) for n in (32, 64, 128, 256, 728, 1024, 1536, 2048)
        )
        self.num_features, self.middle_channels, self.stem_channels = h, e, (a, b)
        self.conv1 = nn.Conv2d(in_channels, a, 3, 2, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(a)
        self.conv2 = nn.Conv2d(a, b, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(b)
        self.block1 = Block(b, c, 2, 2, start_with_relu=False)
        self.block2 = Block(c, d, 2, 2)
        self.block3 = Block(d, e, 2, 2)
        self.middle_blocks = middle_blocks
        for i in range(middle_blocks):
            setattr(self, f"block{4 + i}", Block(e, e, 3, 1))
        self.block12 = Block(e, f, 2, 2, grow_first=False)
        self.conv3 = SeparableConv2d(f, g, 3, 1, 1)
        self.bn3 = nn.BatchNorm2d(g)
        self.conv4 = SeparableConv2d(g, h, 3, 1, 1)
        self.bn4 = nn.BatchNorm2d(h)
        self.relu = nn.ReLU()
        if pretrained:
            self._load(pretrained, in_channels)

    def stem1(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) -> (B, 32, about H / 2, W / 2)."""
        out: torch.Tensor = self.relu(self.bn1(self.conv1(x)))
        return out

    def stem2(self, x: torch.Tensor) -> torch.Tensor:
        """-> (B, 64, about H / 2, W / 2)."""
        out: torch.Tensor = self.relu(self.bn2(self.conv2(x)))
        return out

    def entry(self, x: torch.Tensor) -> torch.Tensor:
        """-> (B, 728, about H / 16, W / 16)."""
        out: torch.Tensor = self.block3(self.block2(self.block1(x)))
        return out

    def middle(self, x: torch.Tensor, first: int = 0, last: int | None = None) -> torch.Tensor:
        """The middle flow's blocks from `first` up to `last`; all of them by default."""
        for i in range(first, self.middle_blocks if last is None else last):
            x = getattr(self, f"block{4 + i}")(x)
        return x

    def exit(self, x: torch.Tensor) -> torch.Tensor:
        """-> (B, 2048, about H / 32, W / 32), before the last ReLU."""
        x = self.relu(self.bn3(self.conv3(self.block12(x))))
        out: torch.Tensor = self.bn4(self.conv4(x))
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) -> (B, 2048), the mean over the last map."""
        last = self.exit(self.middle(self.entry(self.stem2(self.stem1(x)))))
        mean: torch.Tensor = self.relu(last).mean(dim=(2, 3))
        return mean

    def _load(self, pretrained: bool | str, in_channels: int) -> None:
        state = create_backbone(BACKBONE, pretrained, num_classes=0).state_dict()
        if in_channels != 3:
            colours = state["conv1.weight"].mean(dim=1, keepdim=True)
            state["conv1.weight"] = colours.repeat(1, in_channels, 1, 1) * (3 / in_channels)
        wanted = self.state_dict().keys()
        self.load_state_dict({k: v for k, v in state.items() if k in wanted})


def sizes(size: int) -> tuple[int, int, int, int, int]:
    """The maps' sides after `stem1`, `stem2` and the three blocks of `entry`.

    >>> sizes(256)
    (127, 125, 63, 32, 16)
    """
    first = (size - 3) // 2 + 1
    second = first - 2
    third = (second - 1) // 2 + 1
    fourth = (third - 1) // 2 + 1
    return first, second, third, fourth, (fourth - 1) // 2 + 1
