"""The networks of the benchmarks in PyTorch, layer for layer those of `residual` with the same names."""

import torch.nn.functional as F
from torch import nn


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with biases; the first strides."""

    def __init__(self, channels: int, width: int, stride: int, projects: bool):
        super().__init__()
        out = 4 * width
        self.path = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1),
            nn.BatchNorm2d(out),
        )
        projection = nn.Sequential(nn.Conv2d(channels, out, 1, stride), nn.BatchNorm2d(out))
        self.shortcut = projection if projects else nn.Identity()

    def forward(self, x):
        return F.relu(self.path(x) + self.shortcut(x), inplace=True)


class StridedBottleneck(nn.Module):
    """1x1, 3x3, 1x1 without biases; the 3x3 strides."""

    def __init__(self, channels: int, width: int, stride: int, projects: bool):
        super().__init__()
        out = 4 * width
        self.path = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        projection = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.shortcut = projection if projects else nn.Identity()

    def forward(self, x):
        return F.relu(self.path(x) + self.shortcut(x), inplace=True)


class Basic(nn.Module):
    """Two 3x3 without biases; the shortcut is subsampled and padded with zero channels."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.stride, self.missing = stride, width - channels
        self.path = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        skipped = x[:, :, :: self.stride, :: self.stride] if self.stride > 1 else x
        if self.missing:
            skipped = F.pad(skipped, (0, 0, 0, 0, 0, self.missing))
        return F.relu(self.path(x) + skipped, inplace=True)


def resnet50(classes: int) -> nn.Module:
    """The course's ResNet-50."""
    layers = [
        nn.Conv2d(3, 64, 7, 2, padding=3),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
    ]
    channels = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(count):
            layers.append(Bottleneck(channels, width, stride if i == 0 else 1, projects=i == 0))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def resnet50_imagenet(classes: int) -> nn.Module:
    """The ImageNet ResNet-50 whose 3x3 convolutions stride, "v1.5"."""
    layers = [nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, padding=1))
    channels = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(count):
            layers.append(StridedBottleneck(channels, width, stride if i == 0 else 1, projects=i == 0))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def resnet20(classes: int) -> nn.Module:
    """The CIFAR ResNet-20 with parameter-free shortcuts."""
    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    channels = 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        for i in range(3):
            layers.append(Basic(channels, width, stride if i == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class Projected(nn.Module):
    """Two 3x3 without biases; the shortcut is projected if the size or the width changes."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.path = Basic(channels, width, stride).path
        projection = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        self.shortcut = nn.Identity() if stride == 1 and channels == width else projection

    def forward(self, x):
        return F.relu(self.path(x) + self.shortcut(x), inplace=True)


def resnet10(classes: int) -> nn.Module:
    """The ImageNet ResNet with one block in each stage."""
    layers = [nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, padding=1))
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers.append(Projected(channels, width, stride))
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


NETWORKS = {
    "course-resnet50": resnet50,
    "resnet50v1.5": resnet50_imagenet,
    "cifar-resnet20": resnet20,
    "resnet10": resnet10,
}
