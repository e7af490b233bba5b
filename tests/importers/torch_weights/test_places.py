"""The arrays of each network: as many numbers as torchvision and timm publish, under their names."""

import math

import numpy as np
import pytest

from residual.importers.tensor_files import Tensor
from residual.importers.torch_weights.places import list_places
from residual.importers.torch_weights.shapes import find_spec
from residual.models import zoo


def count(name: str) -> int:
    """Learned numbers of a network with 1000 classes, by the shapes of its tensors in torch."""
    return sum(
        math.prod(place.find_shape(suffix))
        for place in list_places(zoo.find_spec(name), 1000)
        for suffix in place.roles
        if not suffix.startswith("running_")
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50v1.5", 25_557_032),
        ("resnet101v1.5", 44_549_160),
        ("resnet152v1.5", 60_192_808),
        ("resnext50-32x4d", 25_028_904),
        ("resnext101-32x8d", 88_791_336),
        ("resnext101-64x4d", 83_455_272),
        ("wide-resnet50-2", 68_883_240),
        ("wide-resnet101-2", 126_886_696),
    ],
)
def test_the_counts_that_torchvision_publishes(name, parameters):
    assert count(name) == parameters


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("resnet26t", 16.01),
        ("resnet50d", 25.58),
        ("resnet50s", 25.68),
        ("resnet50-gn", 25.56),
        ("se-resnet50", 28.09),
        ("se-resnext50-32x4d", 27.56),
        ("resnet-rs50", 35.69),
        ("resnet-rs270", 129.86),
        ("resnet-rs420", 191.89),
        ("timm-resnet18v2d", 11.71),
        ("bit-resnet50x3", 217.32),
        ("bit-resnet152x4", 936.53),
    ],
)
def test_the_counts_that_timm_publishes(name, millions):
    assert round(count(name) / 1e6, 2) == millions


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50v1.5", "se-resnet50", "timm-resnet18v2d"])
def test_the_network_is_known_by_its_arrays(name):
    tensors = [
        Tensor(f"{place.theirs}.{suffix}", place.find_shape(suffix), "float32", lambda: np.zeros(0))
        for place in list_places(zoo.find_spec(name), 1000)
        for suffix in place.roles
    ]
    assert find_spec({tensor.name: tensor for tensor in tensors}).name == name


def test_names_are_those_of_the_libraries():
    names = [place.theirs for place in list_places(zoo.find_spec("resnet-rs50"), 10)]
    assert names[:8] == [
        "conv1.0",
        "conv1.1",
        "conv1.3",
        "conv1.4",
        "conv1.6",
        "bn1",
        "maxpool.0",
        "maxpool.1",
    ]
    assert "layer1.0.downsample.2" in names
    assert "layer4.2.se.fc2" in names
    v2 = [place.theirs for place in list_places(zoo.find_spec("bit-resnet50x1"), 10)]
    assert (v2[:3], v2[-2:]) == (
        ["stem.conv", "stages.0.blocks.0.conv1", "stages.0.blocks.0.norm1"], ["norm", "head.fc"]
    )  # fmt: skip
