"""Wide and shallow networks for small images: the most accuracy for the arithmetic."""

from residual.models.spec import WHITENED_WIDTH, NetworkSpec
from residual.models.zoo.family import Family

_BLOCKS = {8: ("single", (1, 1, 1)), 11: ("basic", (1, 1, 1))}  # depth -> block and blocks of a stage


def _describe(depth: int) -> NetworkSpec:
    block, blocks = _BLOCKS[depth]
    return NetworkSpec(
        f"fast-resnet{depth}",
        blocks,
        (64, 256, 256),
        strides=(2, 2, 2),
        block=block,
        entry="pooled",
        stem="whitened",
        stem_width=WHITENED_WIDTH,
        start="identity",
        head_pool="max",
        feature_scale=1 / 9,
        source="after Jordan 2024, arXiv:2404.00498, with the shortcuts of He et al. 2015",
    )


FAST = Family(
    "fast-resnet{d}", list(_BLOCKS), ("fast-resnet8",), _describe, "wide and shallow, whitened stem"
)
