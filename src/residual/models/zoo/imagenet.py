"""The ResNets for ImageNet: v1, v1.5, v2, with other stems (C, D, S, T) and with group norm."""

from typing import Any

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family

PAPER_V1 = "He et al. 2015, arXiv:1512.03385"
PAPER_V2 = "He et al. 2016, arXiv:1603.05027"

_BLOCKS = {
    10: (1, 1, 1, 1),
    14: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
_BASIC = (10, 18, 34)
_WIDTHS = (64, 128, 256, 512)

PAPER_D = "He et al. 2018, arXiv:1812.01187"
D_CHANGES: dict[str, Any] = {"stem": "deep", "shortcut": "pooled-projection"}


def describe_imagenet(depth: int, name: str, source: str, **changes: Any) -> NetworkSpec:
    """A ResNet of four stages: basic blocks for 10, 18 and 34 layers, else bottlenecks.

    Args:
        depth: a key of `_BLOCKS`.
        name, source: of the spec.
        changes: further fields of the spec.
    """
    block = "basic" if depth in _BASIC else "bottleneck"
    fields = {"widths": _WIDTHS, "block": block, "source": source, **changes}
    return NetworkSpec(name, _BLOCKS[depth], **fields)


def _describe_v1(depth: int) -> NetworkSpec:
    source = PAPER_V1 if depth >= 18 else f"{PAPER_V1}, one block a stage"
    return describe_imagenet(depth, f"resnet{depth}", source, stride_on="1x1")


def _describe_v1_5(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}v1.5", "facebookarchive/fb.resnet.torch")


def _describe_v2(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}v2", PAPER_V2, preactivation=True)


def _describe_c(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}c", PAPER_D, stem="deep")


def _describe_d(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}d", PAPER_D, **D_CHANGES)


def _describe_s(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}s", "GluonCV resnet v1s", stem="deep", stem_width=128)


def _describe_t(depth: int) -> NetworkSpec:
    changes = {**D_CHANGES, "stem": "tiered"}
    return describe_imagenet(depth, f"resnet{depth}t", "timm resnet t", **changes)


def _describe_group_norm(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"resnet{depth}-gn", "Wu & He 2018, arXiv:1803.08494", norm="group")


_DEPTHS, _DEEP = [18, 34, 50, 101, 152], [50, 101, 152]

V1 = Family(
    "resnet{d}",
    [10, *_DEPTHS],
    ("resnet18", "resnet50"),
    _describe_v1,
    "ImageNet v1, stride on the first 1x1",
)
V1_5 = Family(
    "resnet{d}v1.5",
    [26, *_DEEP, 200],
    ("resnet50v1.5",),
    _describe_v1_5,
    "ImageNet v1.5, stride on the 3x3: torchvision's and timm's",
)
V2 = Family("resnet{d}v2", _DEPTHS, ("resnet50v2",), _describe_v2, "ImageNet v2, pre-activation")
C = Family("resnet{d}c", _DEEP, ("resnet50c",), _describe_c, "C: deep stem")
D = Family(
    "resnet{d}d",
    [18, 26, 34, 50, 101, 152, 200],
    ("resnet50d",),
    _describe_d,
    "D: deep stem, pooled shortcuts",
)
S = Family("resnet{d}s", _DEEP, ("resnet50s",), _describe_s, "S: deep stem of 128 channels")
T = Family("resnet{d}t", [10, 14, 26, 50], ("resnet10t",), _describe_t, "T: as D, stem of 24, 32, 64")
GROUP_NORM = Family("resnet{d}-gn", [50], ("resnet50-gn",), _describe_group_norm, "v1.5 with group norm")
