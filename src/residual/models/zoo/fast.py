"""Wide and shallow networks for small images: the most accuracy for the arithmetic."""

from residual.errors import NetworkError
from residual.models.spec import WHITENED_WIDTH, NetworkSpec
from residual.models.zoo.family import Family

_BLOCKS = {8: ("single", (1, 1, 1)), 11: ("basic", (1, 1, 1))}  # depth -> block and blocks of a stage
_CHANNELS = 256


def _describe(depth: int) -> NetworkSpec:
    return _make_spec(f"fast-resnet{depth}", depth, _CHANNELS)


def _describe_wider(depth: int, k: int) -> NetworkSpec:
    name = f"fast-resnet{depth}-{k}"
    if k % 4:
        raise NetworkError(
            f"There is no {name}: the channels must be a multiple of 4, as the first stage has a quarter of them; got "
            f"{k}. Try fast-resnet{depth}-{k + -k % 4}."
        )
    return _make_spec(name, depth, k)


def _make_spec(name: str, depth: int, channels: int) -> NetworkSpec:
    block, blocks = _BLOCKS[depth]
    return NetworkSpec(
        name,
        blocks,
        (channels // 4, channels, channels),
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
WIDER = Family(
    "fast-resnet{d}-{k}",
    list(_BLOCKS),
    ("fast-resnet8-384",),
    _describe_wider,
    f"the same with K channels in place of {_CHANNELS}",
)
