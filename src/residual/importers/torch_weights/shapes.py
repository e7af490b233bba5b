"""The network that the names and shapes of torch tensors describe."""

import contextlib
import functools
import itertools
import re
from collections.abc import Mapping

from residual.errors import NetworkError, RunError
from residual.importers.tensor_files import Tensor
from residual.importers.zoo_name import are_same
from residual.models import zoo
from residual.models.blocks import count_squeezed
from residual.models.spec import NetworkSpec

_BLOCK = re.compile(r"(?:layer(\d+)|stages\.(\d+)\.blocks)\.(\d+)\.")
_DIVISORS = (16, 4, 8, 2, 32)  # of squeeze-and-excitation: that of SE-ResNet first, then ResNet-RS's
_FACTORS = (1, 2, 3, 4, 8, 16, 32, 48)  # K of families such as resnext101-32x8d
_OWN = "torch-resnet"

Tensors = Mapping[str, Tensor]


def find_spec(tensors: Tensors) -> NetworkSpec | None:
    """The network whose tensors these are, by name if it is one of the zoo; None if they are of no ResNet.

    Raises:
        RunError: they are of a ResNet that cannot be built. The message names the tensor.
    """
    is_v2 = "stages.0.blocks.0.conv1.weight" in tensors
    if not is_v2 and "layer1.0.conv1.weight" not in tensors:
        return None
    return _name(_describe(tensors, is_v2))


def block_prefix(is_v2: bool, stage: int, block: int) -> str:
    """What the names of a block's tensors begin with; `stage` and `block` count from 0."""
    return f"stages.{stage}.blocks.{block}." if is_v2 else f"layer{stage + 1}.{block}."


def _describe(tensors: Tensors, is_v2: bool) -> NetworkSpec:
    blocks = _count_blocks(tensors)
    for stage, count in enumerate(blocks):
        for block in range(count):
            _shape(tensors, f"{block_prefix(is_v2, stage, block)}conv1.weight", 4)
    prefixes = [block_prefix(is_v2, stage, 0) for stage in range(len(blocks))]
    is_bottleneck = f"{prefixes[0]}conv3.weight" in tensors
    last = "conv3" if is_bottleneck else "conv2"
    wide = "conv2" if is_bottleneck else "conv1"  # with the width of the block
    norm = "norm1" if is_v2 else "bn1"
    is_group = f"{prefixes[0]}{norm}.running_mean" not in tensors
    shapes = [_shape(tensors, f"{prefix}{wide}.weight", 4) for prefix in prefixes]
    first = _shape(tensors, f"{prefixes[0]}conv1.weight", 4)
    stem = _describe_stem(tensors, is_v2, is_group)
    try:
        return NetworkSpec(
            _OWN,
            tuple(blocks),
            tuple(shape[0] for shape in shapes),
            tuple(_shape(tensors, f"{prefix}{last}.weight", 4)[0] for prefix in prefixes),
            block="bottleneck" if is_bottleneck else "basic",
            groups=max(1, first[0] // max(shapes[0][1], 1)) if is_bottleneck else 1,
            squeeze=_find_divisor(tensors, prefixes, last),
            preactivation=is_v2,
            shortcut="pooled-projection" if _is_pooled(tensors, is_v2, prefixes) else "projection",
            norm="group" if is_group else "batch",
            source="the names and shapes of its arrays",
            **stem,
        )
    except NetworkError as error:
        raise RunError(f"the arrays describe a network that cannot be built: {error}") from None


def _shape(tensors: Tensors, name: str, length: int) -> tuple[int, ...]:
    found = tensors.get(name)
    if found is None:
        raise RunError(f"{name} is missing; expected the {length} sizes of a convolution.")
    if len(found.shape) != length or 0 in found.shape:
        raise RunError(f"{name} has shape {found.shape}; expected (outputs, inputs, height, width).")
    return found.shape


def _count_blocks(tensors: Tensors) -> list[int]:
    """Blocks of each stage: the highest number in the names, and one."""
    counts: dict[int, int] = {}
    for name in tensors:
        match = _BLOCK.match(name)
        if match:
            layer, stage, block = match.groups()
            place = int(layer) - 1 if layer else int(stage)
            counts[place] = max(counts.get(place, 0), int(block) + 1)
    missing = [stage for stage in range(max(counts) + 1) if stage not in counts]
    if missing or max(counts) > 9 or max(counts.values()) > 1000:
        raise RunError(f"the names of the blocks are not those of a ResNet: stages {sorted(counts)}.")
    return [counts[stage] for stage in sorted(counts)]


def _describe_stem(tensors: Tensors, is_v2: bool, is_group: bool) -> dict:
    """The fields of the spec that say what the stem is."""
    single, deep = ("stem.conv", "stem.conv{}") if is_v2 else ("conv1", "conv1.{}")
    if f"{single}.weight" in tensors:
        fields = {"stem": "imagenet", "stem_width": _shape(tensors, f"{single}.weight", 4)[0]}
    else:
        names = [f"{deep.format(i)}.weight" for i in ((1, 2, 3) if is_v2 else (0, 3, 6))]
        widths = [_shape(tensors, name, 4)[0] for name in names]
        kind = "deep" if widths[0] * 2 == widths[2] else "tiered"
        fields = {"stem": kind, "stem_width": widths[2]}
    if is_v2:
        # BiT, which has group norm and one convolution, pads its pool with zeros; the others do not count the border.
        is_bit = is_group and fields["stem"] == "imagenet"
        return {**fields, "stem_end": "none", "stem_pool": "max" if is_bit else "max-inside"}
    return {**fields, "stem_pool": "conv" if "maxpool.0.weight" in tensors else "max"}


def _is_pooled(tensors: Tensors, is_v2: bool, prefixes: list[str]) -> bool:
    """Whether average pooling divides the size in the shortcuts."""
    if is_v2:  # the pooling has no arrays: timm pools if the stem is deep
        return "stem.conv1.weight" in tensors
    return any(len(_shape_of(tensors, f"{prefix}downsample.1.weight")) == 4 for prefix in prefixes)


def _shape_of(tensors: Tensors, name: str) -> tuple[int, ...]:
    return tensors[name].shape if name in tensors else ()


def _find_divisor(tensors: Tensors, prefixes: list[str], last: str) -> int:
    """What squeeze-and-excitation divides the channels by; 0 without it."""
    names = [f"{prefix}se.fc1.weight" for prefix in prefixes]
    if names[0] not in tensors:
        return 0
    inner = [_shape(tensors, name, 4)[0] for name in names]
    outer = [_shape(tensors, f"{prefix}{last}.weight", 4)[0] for prefix in prefixes]
    for divisor in _DIVISORS:
        if inner == [count_squeezed(channels, divisor) for channels in outer]:
            return divisor
    raise RunError(f"{names[0]} has {inner[0]} outputs, which is none of {_DIVISORS} parts of its input.")


def _name(spec: NetworkSpec) -> NetworkSpec:
    """The spec of the zoo that describes the same network; `spec` itself if there is none."""
    return next((known for known in _list_specs() if are_same(known, spec)), spec)


@functools.cache
def _list_specs() -> tuple[NetworkSpec, ...]:
    """The networks that torch weights may be of: those of families with listed depths."""
    specs = []
    for family in zoo.FAMILIES:
        if isinstance(family.depths, list):
            factors = [(k,) for k in _FACTORS] if "{k}" in family.pattern else [()]
            for depth, factor in itertools.product(family.depths, factors):
                with contextlib.suppress(NetworkError):  # a family need not have every width
                    specs.append(family.make_spec(depth, *factor))
    return tuple(specs)
