"""The CIFAR-10 networks of the Keras example, which many notebooks copy."""

from typing import Any

from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family


def _describe(name: str, n: int, widths: tuple[int, ...], source: str, **changes: Any) -> NetworkSpec:
    return NetworkSpec(
        name,
        (n, n, n),
        widths,
        stem="cifar",
        stem_width=16,
        shortcut="projection",
        shortcut_norm=False,
        bias="all",
        padding="same",
        epsilon=1e-3,
        l2=1e-4,
        source=f"the Keras CIFAR-10 example: {source}",
        **changes,
    )


def _describe_v1(depth: int) -> NetworkSpec:
    name, n = f"notebook-resnet{depth}", (depth - 2) // 6
    return _describe(name, n, (16, 32, 64), "conv biases, shortcuts without norm")


def _describe_v2(depth: int) -> NetworkSpec:
    return _describe(
        f"notebook-resnet{depth}v2",
        (depth - 2) // 9,
        (16, 64, 128),
        "inner widths 16, 64, 128",
        outputs=(64, 128, 256),
        block="bottleneck",
        preactivation=True,
        project_from="raw",
        stride_on="1x1",
    )


V1 = Family("notebook-resnet{d}", (6, 2), ("notebook-resnet20",), _describe_v1, "CIFAR v1 as the notebook")
V2 = Family(
    "notebook-resnet{d}v2", (9, 2), ("notebook-resnet20v2",), _describe_v2, "CIFAR v2 as the notebook"
)
