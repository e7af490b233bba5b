"""The reference's networks, built to be compared with a learner's."""

import functools

from msgspec.structs import replace

from residual.checker.calling import Outcome
from residual.checker.graph import list_items
from residual.checker.layout import Layout, network_layout
from residual.models import zoo
from residual.models.build import build_network

# Neither the 6 of the course nor the 10 of CIFAR: a number written into the code shows.
CLASSES = 5
CIFAR = ("resnet_v1", "resnet_v2")
COUNTS = {
    "18": (2, 2, 2, 2),
    "34": (3, 4, 6, 3),
    "50": (3, 4, 6, 3),
    "101": (3, 4, 23, 3),
    "152": (3, 8, 36, 3),
}

BASIC = ("18", "34")  # of two-layer blocks


@functools.cache
def build_reference(
    network: str, depth: int | None, shape, classes: int, stem_end: str
) -> tuple[object, Layout]:
    """(input, layout) of the reference's network; kept, since ResNet-50 takes a second to build."""
    if network == CIFAR[0]:
        spec = zoo.find_spec(f"notebook-resnet{depth}")
    elif network == CIFAR[1]:
        spec = zoo.find_spec(f"notebook-resnet{depth}v2")
    else:
        number = network.removeprefix("ResNet")
        spec = replace(zoo.find_spec("course-resnet50"), blocks=COUNTS[number], names="residual")
        if number in BASIC:
            spec = replace(spec, block="basic", outputs=(), padding="same")
    model = build_network(replace(spec, stem_end=stem_end), shape, classes)
    items = list_items(Outcome(), model.outputs[0])
    return model.inputs[0], network_layout(items or [], activates=network != "resnet_v2")
