"""ResNeXt: bottlenecks whose 3x3 convolution is split into groups. And wide ResNets for ImageNet."""

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family
from residual.models.zoo.imagenet import describe_imagenet

PAPER = "Xie et al. 2017, arXiv:1611.05431"
OUTPUTS = (256, 512, 1024, 2048)


def count_widths(groups: int, k: int) -> tuple[int, ...]:
    """Channels of the 3x3 convolutions: `k` for each group in the first stage, twice as many in each further one."""
    return tuple(groups * k * 2**stage for stage in range(4))


def _describe(depth: int, groups: int, k: int) -> NetworkSpec:
    name = f"resnext{depth}-{groups}x{k}d"
    widths = count_widths(groups, k)
    return describe_imagenet(depth, name, PAPER, widths=widths, outputs=OUTPUTS, groups=groups)


def _describe_wide(depth: int, k: int) -> NetworkSpec:
    source = "Zagoruyko & Komodakis 2016, arXiv:1605.07146, as torchvision"
    name, widths = f"wide-resnet{depth}-{k}", count_widths(1, 64 * k)
    return describe_imagenet(depth, name, source, widths=widths, outputs=OUTPUTS)


RESNEXT_32 = Family(
    "resnext{d}-32x{k}d",
    [26, 50, 101],
    ("resnext50-32x4d", "resnext101-32x8d"),
    lambda depth, k: _describe(depth, 32, k),
    "ResNeXt, 32 groups of K channels",
)
RESNEXT_64 = Family(
    "resnext{d}-64x{k}d",
    [101],
    ("resnext101-64x4d",),
    lambda depth, k: _describe(depth, 64, k),
    "ResNeXt, 64 groups of K channels",
)
WIDE = Family(
    "wide-resnet{d}-{k}",
    [50, 101],
    ("wide-resnet50-2", "wide-resnet101-2"),
    _describe_wide,
    "ImageNet v1.5, inside K times as wide",
)
