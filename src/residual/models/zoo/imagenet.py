"""The ResNets for ImageNet: v1, v1.5, v2 and D."""

from typing import Any

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family

PAPER_V1 = "He et al. 2015, arXiv:1512.03385"
PAPER_V2 = "He et al. 2016, arXiv:1603.05027"

_BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_WIDTHS = (64, 128, 256, 512)


def describe_imagenet(depth: int, name: str, source: str, **changes: Any) -> NetworkSpec:
    """A ResNet of four stages: basic blocks below 50 layers, bottlenecks from there on.

    Args:
        depth: 10, 18, 34, 50, 101 or 152.
        name, source: of the spec.
        changes: further fields of the spec.
    """
    block = "bottleneck" if depth >= 50 else "basic"
    return NetworkSpec(name, _BLOCKS[depth], _WIDTHS, **{"block": block, "source": source, **changes})


def _describe_v1(depth: int) -> NetworkSpec:
    source = PAPER_V1 if depth >= 18 else f"{PAPER_V1}, one block a stage"
    return describe_imagenet(depth, f"resnet{depth}", source, stride_on="1x1")


def _describe_v1_5(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}v1.5", "facebookarchive/fb.resnet.torch")


def _describe_v2(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}v2", PAPER_V2, preactivation=True)


def _describe_d(depth: int) -> NetworkSpec:
    source = "He et al. 2018, arXiv:1812.01187"
    return describe_imagenet(depth, f"resnet{depth}d", source, stem="deep", shortcut="pooled-projection")


_DEPTHS, _DEEP = [18, 34, 50, 101, 152], [50, 101, 152]

V1 = Family(
    "resnet{d}",
    [10, *_DEPTHS],
    ("resnet18", "resnet50"),
    _describe_v1,
    "ImageNet v1, stride on the first 1x1",
)
V1_5 = Family("resnet{d}v1.5", _DEEP, ("resnet50v1.5",), _describe_v1_5, "ImageNet v1.5, stride on the 3x3")
V2 = Family("resnet{d}v2", _DEPTHS, ("resnet50v2",), _describe_v2, "ImageNet v2, pre-activation")
D = Family("resnet{d}d", _DEPTHS, ("resnet50d",), _describe_d, "D: deep stem, pooled shortcuts")
