"""Which layer of a keras-hub ResNet is which layer of ours, and in which order Keras numbers them in a file."""

import re
from collections.abc import Iterator

from residual.models.spec import NetworkSpec

_BLOCK = re.compile(r"stack(\d+)_block(\d+)_(\w+)")


def list_convolutions(spec: NetworkSpec) -> list[str]:
    """The convolutions as keras-hub calls them, in the order in which a file numbers them.

    A file numbers the layers of a network by their distance from its output; of two as far from it, the one on the
    shortcut comes first. So the convolution of a shortcut stands before the last one of its block.
    """
    stem = [f"conv{number}_conv" for number in range(1, _count_stem(spec) + 1)]
    return [*stem, *_list_in_blocks(spec, "conv")]


def list_norms(spec: NetworkSpec) -> list[str]:
    """The batch norms as keras-hub calls them, in the order in which a file numbers them."""
    count = _count_stem(spec) - (spec.stem_end == "none")
    stem = [f"conv{number}_bn" for number in range(1, count + 1)]
    return [*stem, *_list_in_blocks(spec, "bn"), *(["post_bn"] if spec.preactivation else [])]


def _count_stem(spec: NetworkSpec) -> int:
    return 3 if spec.stem == "deep" else 1


def _list_in_blocks(spec: NetworkSpec, kind: str) -> Iterator[str]:
    depth = 3 if spec.block == "bottleneck" else 2
    channels = spec.stem_width
    for stack, count in enumerate(spec.blocks):
        for block in range(count):
            projects = channels != spec.outputs[stack]
            place = f"stack{stack}_block{block}"
            if kind == "conv" or not spec.preactivation:
                numbers = [*range(1, depth), *([0] if projects else []), depth]
                yield from (f"{place}_{number}_{kind}" for number in numbers)
            else:
                yield f"{place}_pre_activation_bn"
                yield from (f"{place}_{number}_bn" for number in range(1, depth))
            channels = spec.outputs[stack]


def name_here(theirs: str, spec: NetworkSpec) -> str:
    """Our name of a layer of keras-hub."""
    fixed = {"post_bn": "head_norm", "predictions": "head_dense"}
    if theirs in fixed:
        return fixed[theirs]
    if stem := re.fullmatch(r"conv(\d)_(conv|bn)", theirs):
        number, kind = stem[1], "conv" if stem[2] == "conv" else "norm"
        last = spec.stem != "deep" or (kind == "norm" and number == "3")
        return f"stem_{kind}" if last else f"stem_{kind}{number}"
    stack, block, part = _BLOCK.fullmatch(theirs).groups()
    place = f"stage{int(stack) + 1}_block{int(block) + 1}"
    if part == "pre_activation_bn":
        return f"{place}_norm1"
    number, kind = int(part[0]), "conv" if part.endswith("conv") else "norm"
    if number == 0:
        return f"{place}_shortcut_{kind}"
    return f"{place}_{kind}{number + (spec.preactivation and kind == 'norm')}"
