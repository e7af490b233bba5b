"""Rules about whole networks: stem, stages, head."""

from collections.abc import Iterator
from dataclasses import replace

from residual.course.checker.attributes import (
    attribute_differences,
    named_norms,
    norm_settings,
    padding_difference,
    training_differences,
)
from residual.course.checker.layout import Block, Difference, Layout, of_kind
from residual.course.checker.order import order_differences
from residual.course.checker.steps import Step


def network_differences(ref: Layout, got: Layout, first_stage: int, course: bool) -> list[Difference]:
    """All differences between two networks, from the input to the output.

    Args:
        ref: the reference's layout.
        got: the learner's.
        first_stage: number of the first stage: 2 in the course's ResNet-50, 1 in the CIFAR networks.
        course: whether this is the course's ResNet-50, with blocks of three convolutions.
    """
    if got.complete and not got.blocks:
        return [Difference("shortcut-not-added", "network", "Add")]
    found = [*_stem(ref.stem, got.stem, course)] if got.blocks else []
    found += _blocks(ref, got, first_stage)
    if got.complete:
        found += _head(ref.head, got.head)
    norms = [("stem's batch norm", step) for step in of_kind(got.stem, "norm")]
    norms += [("last batch norm", step) for step in of_kind(got.head, "norm")] if got.complete else []
    for name, norm in norms:
        found += norm_settings(name, norm)
    for block in got.blocks:
        norms += named_norms(block)
    return _one_order(found + training_differences(norms, None))


# What the blocks of a v2 network show where they run in the order of v1.
_SIGNS_OF_V1_ORDER = (
    "norm-missing",
    "relu-missing",
    "relu-on-last-component",
    "relu-after-addition",
    "extra-layer",
)


def _one_order(found: list[Difference]) -> list[Difference]:
    """Where one block has the order of v1, the others' faults of order are the same mistake."""
    if all(difference.mistake != "post-activation-order" for difference in found):
        return found
    return [
        difference
        for difference in found
        if difference.mistake not in _SIGNS_OF_V1_ORDER or " of stage " not in difference.place
    ]


_STEM_ORDER = ("conv", "norm", "act", "pool")


def _stem(ref: list[Step], got: list[Step], course: bool) -> Iterator[Difference]:
    convs = of_kind(got, "conv")
    if convs:
        yield from _stem_conv(of_kind(ref, "conv")[0], convs[0])
    norms, acts, pools = (of_kind(got, kind) for kind in ("norm", "act", "pool"))
    if not norms:
        yield Difference("stem-norm-missing", "stem", "conv, norm", "conv", convs[0] if convs else None)
    if not acts:
        yield Difference(
            "stem-relu-left-out" if course else "stem-relu-missing",
            "stem",
            "relu",
            "",
            got[-1] if got else None,
        )
    elif acts[0].name != "relu":
        yield Difference("other-activation", "stem's ReLU", "relu", acts[0].name, acts[0])
    yield from _stem_pool(of_kind(ref, "pool"), pools, convs)
    order = [step.kind for step in got if step.kind in _STEM_ORDER]
    right = [kind for kind in _STEM_ORDER if kind in order]
    # A ReLU and a max pooling commute, so either may come first.
    if order not in (right, [*(kind for kind in right if kind != "act"), "act"]):
        yield Difference("stem-order", "stem", ", ".join(right), ", ".join(order), got[0])
    for step in got:
        if step.kind not in _STEM_ORDER:
            yield Difference("extra-layer", "stem", "", step.name, step)


def _stem_conv(there: Step, here: Step) -> Iterator[Difference]:
    words = {"kernel": "window {0[0]}x{0[1]}", "stride": "stride {0[0]}", "filters": "{0} filters"}
    for key, text in words.items():
        if there.values[key] != here.values[key]:
            yield Difference(
                f"stem-{key}", "stem", text.format(there.values[key]), text.format(here.values[key]), here
            )
    mistake = "padding" if there.values["kernel"] == (3, 3) else "stem-padding"
    yield from padding_difference(mistake, "first convolution", there, here)


def _stem_pool(ref: list[Step], got: list[Step], convs: list[Step]) -> Iterator[Difference]:
    anchor = convs[-1] if convs else None
    if ref and not got:
        yield Difference("pool-missing", "stem", "MaxPooling2D", "", anchor)
    elif got and not ref:
        yield Difference("extra-layer", "stem", "", got[0].name, got[0])
    elif ref and got[0].name != ref[0].name:
        yield Difference("pool-kind", "stem", ref[0].name, got[0].name, got[0])
    elif ref and any(ref[0].values[key] != got[0].values[key] for key in ("size", "stride")):
        yield Difference("pool-size", "stem", _pool(ref[0]), _pool(got[0]), got[0])
    elif ref and any(got[0].values["pads"]):
        yield Difference("pool-size", "stem", "padding 'valid'", "padding 'same'", got[0])


def _pool(step: Step) -> str:
    size, stride = step.values["size"], step.values["stride"]
    return f"MaxPooling2D(({size[0]}, {size[1]}), strides=({stride[0]}, {stride[1]}))"


def _head(ref: list[Step], got: list[Step]) -> Iterator[Difference]:
    pools, denses = of_kind(got, "pool"), of_kind(got, "dense")
    last = got[-1] if got else None
    before = [step.kind for step in got[: got.index(pools[0])]] if pools else [step.kind for step in got]
    if of_kind(ref, "norm"):
        if "norm" not in before:
            yield Difference("final-norm-missing", "head", "norm, relu", ", ".join(before), last)
        if "act" not in before:
            yield Difference("final-relu-missing", "head", "norm, relu", ", ".join(before), last)
    if not pools:
        yield Difference("head-pool-missing", "head", "AveragePooling2D", "", last)
    else:
        yield from _head_pool(of_kind(ref, "pool")[0], pools[0])
    if denses and len(denses[0].node.inputs[0].shape) != 2:
        yield Difference(
            "flatten-missing", "head", "(n, channels)", str(denses[0].node.inputs[0].shape), denses[0]
        )
    yield from _dense(of_kind(ref, "dense")[0], denses, got)
    for step in [*of_kind(got, "conv", "other", "pad", "merge"), *denses[:-1], *pools[1:]]:
        yield Difference("extra-layer", "head", "", step.name, step)


def _head_pool(ref: Step, pool: Step) -> Iterator[Difference]:
    maps = tuple(pool.node.inputs[0].shape[1:3])
    if pool.name == ref.name and maps != ref.values["size"]:
        return  # an earlier mistake changed the size of the maps
    if pool.name != "AveragePooling2D" or pool.values["size"] != maps:
        size = pool.values["size"]
        yield Difference("head-pool-kind", "head", f"AveragePooling2D({maps})", f"{pool.name}({size})", pool)


def _dense(ref: Step, denses: list[Step], got: list[Step]) -> Iterator[Difference]:
    if not denses:
        yield Difference("dense-missing", "head", "Dense", "", got[-1] if got else None)
        return
    units = denses[-1].values["units"]
    if units != ref.values["units"]:
        yield Difference("dense-units", "head", f"{ref.values['units']} units", f"{units} units", denses[-1])
    acts = [step.name for step in got[got.index(denses[-1]) + 1 :] if step.kind == "act"]
    if acts != ["softmax"]:
        yield Difference("dense-activation", "head", "softmax", ", ".join(acts) or "linear", denses[-1])


def _blocks(ref: Layout, got: Layout, first_stage: int) -> Iterator[Difference]:
    wanted, found = _stages(ref.blocks), _stages(got.blocks)
    pairs = list(zip(_places(wanted, first_stage), ref.blocks, got.blocks, strict=False))
    if got.complete and len(ref.blocks) != len(got.blocks):
        yield from _counts(wanted, found, first_stage)
        pairs = _paired(wanted, found, first_stage)
    seen = set()
    for (stage, i), there, here in pairs:
        for difference in _pair(f"stage {stage}", f"stage {stage}, block {i}", there, here):
            key = difference.mistake, difference.place
            if key not in seen:
                seen.add(key)
                yield difference


def _stages(blocks: list[Block]) -> list[list[Block]]:
    """Blocks by stage: a stage starts at the first block and at each that projects its shortcut."""
    stages: list[list[Block]] = []
    for block in blocks:
        if block.projects or not stages:
            stages.append([])
        stages[-1].append(block)
    return stages


def _places(stages: list[list[Block]], first: int) -> list[tuple[int, int]]:
    return [(first + n, i) for n, stage in enumerate(stages) for i in range(1, len(stage) + 1)]


def _paired(wanted, found, first: int) -> list[tuple[tuple[int, int], Block, Block]]:
    return [
        ((first + n, i), there, here)
        for n, (stage, other) in enumerate(zip(wanted, found, strict=False))
        for i, (there, here) in enumerate(zip(stage, other, strict=False), 1)
    ]


def _counts(wanted: list[list[Block]], found: list[list[Block]], first: int) -> Iterator[Difference]:
    if len(wanted) != len(found):
        yield Difference("stage-count", "network", f"{len(wanted)} stages", _many(len(found), "stage"))
        return
    for n, (there, here) in enumerate(zip(wanted, found, strict=True)):
        if len(there) != len(here):
            yield Difference(
                "block-count", f"stage {first + n}", _many(len(there), "block"), _many(len(here), "block")
            )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _pair(stage: str, block: str, there: Block, here: Block) -> Iterator[Difference]:
    found = order_differences(there, here) + attribute_differences(there, here)
    filters, stride = _filters(here), _stride(here)
    if _filters(there) != filters and filters is not None:
        yield Difference("stage-filters", stage, str(_filters(there)), str(filters), here.convs[0])
        found = [d for d in found if "filters" not in d.mistake]
    unprojected = any(d.mistake == "shortcut-not-projected" for d in found)
    if _stride(there) != stride and stride is not None and not unprojected:
        yield Difference("stage-stride", stage, str(_stride(there)), str(stride), here.convs[0])
    if unprojected or (_stride(there) != stride and stride is not None):
        found = [d for d in found if "stride" not in d.mistake]
    for difference in found:
        yield replace(difference, place=f"{difference.place} of {block}")


def _filters(block: Block) -> list[int] | None:
    """The filters of a block that is in itself consistent, None of one that is not."""
    filters = [conv.values["filters"] for conv in block.convs]
    ends = [conv.values["filters"] for conv in of_kind(block.shortcut, "conv")]
    return filters if filters and all(end == filters[-1] for end in ends) else None


def _stride(block: Block) -> int | None:
    """The stride of a block that takes it on its first convolution and its shortcut, else None."""
    strides = [conv.values["stride"][0] for conv in block.convs]
    ends = [conv.values["stride"][0] for conv in of_kind(block.shortcut, "conv")]
    agree = strides and all(stride == 1 for stride in strides[1:]) and all(end == strides[0] for end in ends)
    return strides[0] if agree else None
