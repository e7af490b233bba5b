"""The ResNets for CIFAR-10 as in the papers: v1 of depth 6n+2, v2 of depth 9n+2."""

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family
from residual.models.zoo.imagenet import PAPER_V1, PAPER_V2

_WIDTHS = (16, 32, 64)


def _describe_v1(depth: int) -> NetworkSpec:
    n = (depth - 2) // 6
    return NetworkSpec(
        f"cifar-resnet{depth}",
        (n, n, n),
        _WIDTHS,
        stem="cifar",
        stem_width=16,
        shortcut="zero-pad",
        source=f"{PAPER_V1}, section 4.2",
    )


def _describe_v2(depth: int) -> NetworkSpec:
    n = (depth - 2) // 9
    return NetworkSpec(
        f"cifar-resnet{depth}v2",
        (n, n, n),
        _WIDTHS,
        block="bottleneck",
        preactivation=True,
        stem="cifar",
        stem_width=16,
        source=PAPER_V2,
    )


V1 = Family(
    "cifar-resnet{d}", (6, 2), ("cifar-resnet20", "cifar-resnet110"), _describe_v1, "CIFAR v1, zero-pad"
)
V2 = Family("cifar-resnet{d}v2", (9, 2), ("cifar-resnet164v2",), _describe_v2, "CIFAR v2, bottlenecks")
