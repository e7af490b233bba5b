"""The v2 ResNets of timm, layer by layer, so that its weights fit: with batch norm, and BiT with group norm."""

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family
from residual.models.zoo.imagenet import D_CHANGES, describe_imagenet

_SOURCE = "timm resnetv2"
_PAPER_BIT = "Kolesnikov et al. 2020, arXiv:1912.11370"


def _describe_v2(depth: int) -> NetworkSpec:
    return describe_imagenet(
        depth,
        f"timm-resnet{depth}v2",
        _SOURCE,
        preactivation=True,
        stem_end="none",
        stem_pool="max-inside",
    )


def _describe_v2d(depth: int) -> NetworkSpec:
    return describe_imagenet(
        depth,
        f"timm-resnet{depth}v2d",
        _SOURCE,
        preactivation=True,
        stem_end="none",
        stem_pool="max-inside",
        **D_CHANGES,
    )


def _describe_bit(depth: int, k: int) -> NetworkSpec:
    return describe_imagenet(
        depth,
        f"bit-resnet{depth}x{k}",
        _PAPER_BIT,
        widths=tuple(64 * k * 2**stage for stage in range(4)),
        preactivation=True,
        stem_width=64 * k,
        stem_end="none",
        norm="group",
    )


V2 = Family(
    "timm-resnet{d}v2",
    [18, 34, 50, 101, 152],
    ("timm-resnet50v2",),
    _describe_v2,
    "as timm's resnetv2: no norm in the stem",
)
V2_D = Family(
    "timm-resnet{d}v2d", [18, 34, 50, 101, 152], ("timm-resnet50v2d",), _describe_v2d, "as timm's resnetv2 d"
)
BIT = Family(
    "bit-resnet{d}x{k}",
    [50, 101, 152],
    ("bit-resnet50x1",),
    _describe_bit,
    "BiT: v2, group norm, K times wide",
)
