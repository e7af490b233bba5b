"""Wide residual networks: few layers, k times as many channels."""

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family


def _describe(depth: int, k: int) -> NetworkSpec:
    n = (depth - 4) // 6
    return NetworkSpec(
        f"wide-resnet{depth}-{k}",
        (n, n, n),
        (16 * k, 32 * k, 64 * k),
        preactivation=True,
        stem="cifar",
        stem_width=16,
        stem_end="none",
        source="Zagoruyko & Komodakis 2016, arXiv:1605.07146",
    )


WIDE = Family(
    "wide-resnet{d}-{k}",
    (6, 4),
    ("wide-resnet16-4", "wide-resnet28-10"),
    _describe,
    "wide, N layers, K times as wide",
)
