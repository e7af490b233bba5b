"""The ResNets of keras.applications, layer by layer, so that its weights fit."""

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family
from residual.models.zoo.imagenet import describe_imagenet

_EPSILON = 1.001e-5


def _describe_v1(depth: int) -> NetworkSpec:
    return describe_imagenet(
        depth,
        f"keras-resnet{depth}",
        "keras.applications.resnet",
        stride_on="1x1",
        bias="all",
        epsilon=_EPSILON,
    )


def _describe_v2(depth: int) -> NetworkSpec:
    return describe_imagenet(
        depth,
        f"keras-resnet{depth}v2",
        "keras.applications.resnet_v2",
        preactivation=True,
        stem_end="none",
        strides=(2, 2, 2, 1),
        stride_block="last",
        bias="unnormalised",
        epsilon=_EPSILON,
    )


V1 = Family(
    "keras-resnet{d}",
    [50, 101, 152],
    ("keras-resnet50",),
    _describe_v1,
    "as keras.applications.ResNet50",
)
V2 = Family(
    "keras-resnet{d}v2", [50, 101, 152], ("keras-resnet50v2",), _describe_v2, "as keras.applications V2"
)
