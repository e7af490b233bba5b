"""ResNets in torch with the key names of torchvision and timm, small or large, to compare imported networks with."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

GROUPS = 32


class StandardizedConv(nn.Conv2d):
    """A convolution whose kernels get mean 0 and variance 1 whenever it is used, as in BiT."""

    def forward(self, x):
        kernel = self.weight.double()
        variance, mean = torch.var_mean(kernel, (1, 2, 3), correction=0, keepdim=True)
        kernel = ((kernel - mean) / torch.sqrt(variance + 1e-8)).float()
        return functional.conv2d(x, kernel, self.bias, self.stride, self.padding)


def conv(inputs: int, outputs: int, side: int, stride: int = 1, groups: int = 1, kind: Any = nn.Conv2d):
    return kind(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)


def norm(channels: int, kind: str = "batch"):
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(GROUPS, channels)


class Squeeze(nn.Module):
    def __init__(self, channels: int, inner: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

    def forward(self, x):
        s = self.fc2(functional.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(s)


class Block(nn.Module):
    """relu(shortcut(x) + F(x)), as torchvision and timm name its parts."""

    def __init__(self, inputs, width, outputs, stride, groups=1, squeeze=0, pooled=False, kind="batch"):
        super().__init__()
        if width != outputs:
            self.conv1, self.bn1 = conv(inputs, width, 1), norm(width, kind)
            self.conv2, self.bn2 = conv(width, width, 3, stride, groups), norm(width, kind)
            self.conv3, self.bn3 = conv(width, outputs, 1), norm(outputs, kind)
        else:
            self.conv1, self.bn1 = conv(inputs, width, 3, stride), norm(width, kind)
            self.conv2, self.bn2 = conv(width, outputs, 3), norm(outputs, kind)
        if squeeze:
            self.se = Squeeze(outputs, squeeze)
        if stride > 1 or inputs != outputs:
            if pooled:
                pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
                parts = [pool if stride > 1 else nn.Identity(), conv(inputs, outputs, 1), norm(outputs, kind)]
            else:
                parts = [conv(inputs, outputs, 1, stride), norm(outputs, kind)]
            self.downsample = nn.Sequential(*parts)

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if hasattr(self, "conv3"):
            y = self.bn3(self.conv3(functional.relu(y)))
        if hasattr(self, "se"):
            y = self.se(y)
        return functional.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet(nn.Module):
    """A v1 network: `stem` is "imagenet", "deep" or "tiered"; `conv_pool` is the stem of ResNet-RS."""

    def __init__(
        self,
        blocks=(1, 2),
        widths=(8, 16),
        outputs=(32, 64),
        classes=5,
        stem="imagenet",
        stem_width=16,
        conv_pool=False,
        kind="batch",
        **options,
    ):
        super().__init__()
        if stem == "imagenet":
            self.conv1 = conv(3, stem_width, 7, 2)
        else:
            first = 3 * stem_width // 8 if stem == "tiered" else stem_width // 2
            second = stem_width // 2
            self.conv1 = nn.Sequential(
                conv(3, first, 3, 2), norm(first, kind), nn.ReLU(), conv(first, second, 3), norm(second, kind),
                nn.ReLU(), conv(second, stem_width, 3),
            )  # fmt: skip
        self.bn1 = norm(stem_width, kind)
        pool = [conv(stem_width, stem_width, 3, 2), norm(stem_width), nn.ReLU()]
        self.maxpool = nn.Sequential(*pool) if conv_pool else nn.MaxPool2d(3, 2, 1)
        inputs = stem_width
        for stage, (count, width, output) in enumerate(zip(blocks, widths, outputs, strict=True)):
            stride = 1 if stage == 0 else 2
            squeeze = max(8, (output // options["squeeze"] + 4) // 8 * 8) if options.get("squeeze") else 0
            made = []
            for block in range(count):
                more = {**options, "squeeze": squeeze, "kind": kind}
                made.append(Block(inputs, width, output, stride if block == 0 else 1, **more))
                inputs = output
            setattr(self, f"layer{stage + 1}", nn.Sequential(*made))
        self.count = len(blocks)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        for stage in range(self.count):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class PreactBlock(nn.Module):
    """shortcut(a) + F(a), a = relu(norm(x)), as timm's resnetv2 names its parts."""

    def __init__(self, inputs, width, outputs, stride, pooled, kind, make):
        super().__init__()
        self.norm1 = norm(inputs, kind)
        if width != outputs:
            self.conv1, self.norm2 = conv(inputs, width, 1, kind=make), norm(width, kind)
            self.conv2, self.norm3 = conv(width, width, 3, stride, kind=make), norm(width, kind)
            self.conv3 = conv(width, outputs, 1, kind=make)
        else:
            self.conv1, self.norm2 = conv(inputs, width, 3, stride, kind=make), norm(width, kind)
            self.conv2 = conv(width, outputs, 3, kind=make)
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Module()
            self.downsample.conv = conv(inputs, outputs, 1, 1 if pooled else stride, kind=make)
        self.pool = (
            nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if pooled and stride > 1 else None
        )

    def forward(self, x):
        a = functional.relu(self.norm1(x))
        if hasattr(self, "downsample"):
            x = self.downsample.conv(a if self.pool is None else self.pool(a))
        y = self.conv2(functional.relu(self.norm2(self.conv1(a))))
        if hasattr(self, "conv3"):
            y = self.conv3(functional.relu(self.norm3(y)))
        return x + y


class ResNetV2(nn.Module):
    """A v2 network of timm; `is_bit` has group norm, standardized kernels and a pool over zeros."""

    def __init__(
        self,
        blocks=(1, 2),
        widths=(16, 24),
        outputs=(64, 96),
        classes=5,
        deep=False,
        is_bit=False,
    ):
        super().__init__()
        kind, make = ("group", StandardizedConv) if is_bit else ("batch", nn.Conv2d)
        width = 32 if is_bit else 16
        self.stem = nn.Module()
        if deep:
            self.stem.conv1, self.stem.norm1 = conv(3, width // 2, 3, 2), norm(width // 2)
            self.stem.conv2, self.stem.norm2 = conv(width // 2, width // 2, 3), norm(width // 2)
            self.stem.conv3 = conv(width // 2, width, 3)
        else:
            self.stem.conv = conv(3, width, 7, 2, kind=make)
        self.is_bit, inputs, stages = is_bit, width, []
        for stage, (count, inner, output) in enumerate(zip(blocks, widths, outputs, strict=True)):
            made = []
            for block in range(count):
                stride = 2 if stage and not block else 1
                made.append(PreactBlock(inputs, inner, output, stride, deep, kind, make))
                inputs = output
            stages.append(nn.Module())
            stages[-1].blocks = nn.Sequential(*made)
        self.stages = nn.Sequential(*stages)
        self.norm = norm(inputs, kind)
        self.head = nn.Module()
        self.head.fc = nn.Conv2d(inputs, classes, 1)

    def forward(self, x):
        if hasattr(self.stem, "conv"):
            x = self.stem.conv(x)
        else:
            x = functional.relu(self.stem.norm1(self.stem.conv1(x)))
            x = self.stem.conv3(functional.relu(self.stem.norm2(self.stem.conv2(x))))
        x = (
            functional.max_pool2d(functional.pad(x, (1,) * 4), 3, 2)
            if self.is_bit
            else functional.max_pool2d(x, 3, 2, 1)
        )
        for stage in self.stages:
            x = stage.blocks(x)
        x = functional.relu(self.norm(x)).mean((2, 3), keepdim=True)
        return self.head.fc(x)[..., 0, 0]


def settle(model: nn.Module, seed: int = 0, side: int = 64) -> nn.Module:
    """Random weights with statistics of batch norm that fit them, and betas and gammas that are not 0 and 1."""
    torch.manual_seed(seed)
    for name, value in model.named_parameters():
        if value.ndim > 1:
            nn.init.kaiming_normal_(value)
        elif name.endswith("bias"):
            nn.init.normal_(value, 0, 0.3)
        else:
            nn.init.uniform_(value, 0.5, 1.5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    model.train()
    with torch.no_grad():
        for _ in range(2):
            model(torch.randn(8, 3, side, side))
    return model.eval()


def draw_photo(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A synthetic photo, uint8 (height, width, 3): gradients, an edge and grain, so that scaling and cutting show."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x * 255 / width, y * 255 / height, 127 + 120 * np.sin(x / 9 + y / 13)], -1)
    smooth[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2] = (230, 40, 90)
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def normalize(pixels: np.ndarray, mean, std) -> torch.Tensor:
    """uint8 (n, height, width, 3) as torchvision's to_tensor and normalize make it: float32 (n, 3, height, width)."""
    x = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
