"""ResNets with squeeze-and-excitation: SE-ResNet, SE-ResNeXt and ResNet-RS."""

from msgspec.structs import replace

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family
from residual.models.zoo.grouped import OUTPUTS, count_widths
from residual.models.zoo.imagenet import D_CHANGES, describe_imagenet

PAPER = "Hu et al. 2018, arXiv:1709.01507"
PAPER_RS = "Bello et al. 2021, arXiv:2103.07579"

_RS_BLOCKS = {
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
    270: (4, 29, 53, 4),
    350: (4, 36, 72, 4),
    420: (4, 44, 87, 4),
}


def _describe(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"se-resnet{depth}", PAPER, squeeze=16)


def _describe_d(depth: int) -> NetworkSpec:
    return describe_imagenet(depth, f"se-resnet{depth}d", PAPER, squeeze=16, **D_CHANGES)


def _describe_grouped(depth: int, k: int) -> NetworkSpec:
    widths = count_widths(32, k)
    name = f"se-resnext{depth}-32x{k}d"
    return describe_imagenet(depth, name, PAPER, widths=widths, outputs=OUTPUTS, groups=32, squeeze=16)


def _describe_rs(depth: int) -> NetworkSpec:
    spec = describe_imagenet(50, f"resnet-rs{depth}", PAPER_RS, squeeze=4, stem_pool="conv", **D_CHANGES)
    return replace(spec, blocks=_RS_BLOCKS[depth])


SE = Family(
    "se-resnet{d}",
    [18, 34, 50, 101, 152],
    ("se-resnet50",),
    _describe,
    "v1.5 with squeeze-and-excitation",
)
SE_D = Family(
    "se-resnet{d}d", [50, 152, 200], ("se-resnet50d",), _describe_d, "D with squeeze-and-excitation"
)
SE_GROUPED = Family(
    "se-resnext{d}-32x{k}d",
    [26, 50, 101],
    ("se-resnext50-32x4d",),
    _describe_grouped,
    "ResNeXt with squeeze-and-excitation",
)
RS = Family(
    "resnet-rs{d}", list(_RS_BLOCKS), ("resnet-rs50",), _describe_rs, "ResNet-RS: D, squeeze, no max-pool"
)
