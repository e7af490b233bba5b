"""The ResNet-50 of the course's notebooks."""

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family
from residual.models.zoo.imagenet import describe_imagenet


def _describe(depth: int) -> NetworkSpec:
    return describe_imagenet(
        depth,
        f"course-resnet{depth}",
        "the course's ResNet-50: conv biases, unpadded stem pool",
        stem="course",
        stride_on="1x1",
        bias="all",
        epsilon=1e-3,
        initializer="glorot_uniform",
        names="course",
    )


COURSE = Family("course-resnet{d}", [50], ("course-resnet50",), _describe, "the notebooks' ResNet-50")
