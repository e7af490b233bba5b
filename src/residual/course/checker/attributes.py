"""Rules about what a layer is given: windows, strides, filters, padding, norms, `training`, initializers."""

from collections.abc import Iterator, Sequence

import keras

from residual.course.checker.layout import Block, Difference, of_kind, ordinal
from residual.course.checker.steps import Step

EPSILONS = (1e-3, 1e-6)  # Keras's default, and the batch norm of the course's own
MOMENTA = (0.99, 0.9)  # the same two


class Marker(keras.initializers.Initializer):
    """An initializer that can be recognised in a layer, whichever way a block uses its argument.

    It is a function (`initializer(seed=0)` gives one that knows its seed) and an initializer at once,
    so that blocks written for either take it.
    """

    def __init__(self, seed="uncalled"):
        self.seed = seed

    def __call__(self, shape=None, dtype=None, *, seed=None, **kwargs):
        if shape is None or isinstance(shape, int):
            return Marker(seed if shape is None else shape)
        # Distinct values, so that no two channels hide a fault from each other.
        return keras.random.uniform(shape, -0.5, 0.5, dtype=dtype or "float32", seed=11)

    def get_config(self):
        return {"seed": self.seed}


def attribute_differences(ref: Block, got: Block) -> list[Difference]:
    """All differences between the settings of layers that have the same role in both blocks."""
    found = [*_main_convs(ref, got), *_shortcut_convs(ref, got)]
    for name, conv in named_convs(got):
        found += _other_settings(name, conv)
    for name, norm in named_norms(got):
        found += norm_settings(name, norm)
    return found


def named_convs(block: Block) -> list[tuple[str, Step]]:
    """(role, step) of every convolution."""
    named = [(f"{ordinal(i)} convolution", step) for i, step in enumerate(block.convs, 1)]
    return named + [("shortcut's convolution", step) for step in of_kind(block.shortcut, "conv")]


def named_norms(block: Block) -> list[tuple[str, Step]]:
    """(role, step) of every normalization."""
    named = [(f"{ordinal(i)} batch norm", step) for i, step in enumerate(of_kind(block.main, "norm"), 1)]
    return named + [("shortcut's batch norm", step) for step in of_kind(block.shortcut, "norm")]


def _main_convs(ref: Block, got: Block) -> Iterator[Difference]:
    pairs = list(zip(ref.convs, got.convs, strict=False))
    complete = len(ref.convs) == len(got.convs)
    if not complete and not got.stopped:
        return  # there is no telling which convolution is which
    yield from _strides(pairs, complete)
    yield from _kernels(pairs, complete)
    yield from _filters(pairs, complete)
    for i, (there, here) in enumerate(pairs, 1):
        yield from padding_difference("padding", f"{ordinal(i)} convolution", there, here)


def _strides(pairs: list, complete: bool) -> Iterator[Difference]:
    wanted, found = _column(pairs, "stride"), _column(pairs, "stride", 1)
    if wanted == found:
        return
    striding, still = wanted[0], (1, 1)
    if complete and striding != still and all(stride == still for stride in found):
        yield Difference(
            "stride-missing-main",
            "1st convolution",
            _by("stride", striding),
            _by("stride", still),
            pairs[0][1],
        )
    elif complete and striding != still and sorted(found) == sorted(wanted):
        i = found.index(striding)
        yield Difference(
            "stride-on-wrong-convolution",
            f"{ordinal(i + 1)} convolution",
            "stride on the 1st",
            f"stride {_by('', striding).strip()} on the {ordinal(i + 1)}",
            pairs[i][1],
        )
    elif striding != still and found[0] == striding and all(stride in (striding, still) for stride in found):
        i = next(i for i in range(1, len(found)) if found[i] == striding)
        yield Difference(
            "stride-on-every-convolution",
            "main path",
            _all("stride", wanted),
            _all("stride", found),
            pairs[i][1],
        )
    else:
        yield from _one_by_one("wrong-stride", "stride", pairs)


def _kernels(pairs: list, complete: bool) -> Iterator[Difference]:
    wanted, found = _column(pairs, "kernel"), _column(pairs, "kernel", 1)
    if complete and len(set(wanted)) == 2 and wanted != found and sorted(wanted) == sorted(found):
        i = found.index(max(found))
        yield Difference(
            "kernel-on-wrong-convolution",
            f"{ordinal(i + 1)} convolution",
            _all("window", wanted),
            _all("window", found),
            pairs[i][1],
        )
        return
    yield from _one_by_one("wrong-kernel", "kernel", pairs)


def _filters(pairs: list, complete: bool) -> Iterator[Difference]:
    wanted, found = _column(pairs, "filters"), _column(pairs, "filters", 1)
    if complete and wanted != found and sorted(wanted) == sorted(found):
        i = next(i for i in range(len(wanted)) if wanted[i] != found[i])
        yield Difference("filters-permuted", "main path", str(wanted), str(found), pairs[i][1])
        return
    yield from _one_by_one("wrong-filters", "filters", pairs)


def _shortcut_convs(ref: Block, got: Block) -> Iterator[Difference]:
    pairs = list(zip(of_kind(ref.shortcut, "conv"), of_kind(got.shortcut, "conv"), strict=False))
    for there, here in pairs:
        name = "shortcut's convolution"
        if there.values["filters"] != here.values["filters"]:
            yield _unequal("wrong-filters-shortcut", name, "filters", there, here)
        if there.values["kernel"] != here.values["kernel"]:
            yield _unequal("wrong-kernel-shortcut", name, "kernel", there, here)
        if there.values["stride"] != here.values["stride"]:
            missing = here.values["stride"] == (1, 1)
            yield _unequal(
                "stride-missing-shortcut" if missing else "wrong-stride", name, "stride", there, here
            )
        if there.values["kernel"] == here.values["kernel"]:
            yield from padding_difference("padding", name, there, here)


def padding_difference(mistake: str, name: str, there: Step, here: Step) -> Iterator[Difference]:
    """A difference in padding, by what it does: "same" and "valid" are alike for a 1x1 window.

    Nothing is said where the windows or strides differ, or the inputs' sizes: the amounts follow from those.
    """
    alike = all(there.values[key] == here.values[key] for key in ("kernel", "stride"))
    sizes = [step.node.inputs[0].shape[1:3] for step in (there, here)]
    ours, theirs = (_unpadded_size(size, step) for size, step in zip(sizes, (there, here), strict=True))
    if alike and ours == theirs and there.values["pads"] != here.values["pads"]:
        yield Difference(mistake, name, _padding(there), _padding(here), here)


def _unpadded_size(size, step: Step) -> tuple[int, ...]:
    """The size before a ZeroPadding2D that was folded into the convolution."""
    top, bottom, left, right = step.values.get("padded_by", (0, 0, 0, 0))
    return (size[0] - top - bottom, size[1] - left - right)


def _padding(step: Step) -> str:
    if "padded_by" not in step.values:
        return f"padding '{step.values['padding']}'"
    top, bottom, left, right = step.values["pads"]
    return f"zeros: {top} above, {bottom} below, {left} left, {right} right"


def _other_settings(name: str, conv: Step) -> Iterator[Difference]:
    if not conv.values["bias"]:
        yield Difference("no-bias", name, "a bias", "use_bias=False", conv)
    if not conv.values["plain"]:
        yield Difference("unusual-convolution", name, "dilation 1, groups 1", "another", conv)
    if not conv.operation.trainable:
        yield Difference("frozen", name, "trainable", "trainable=False", conv)


def norm_settings(name: str, norm: Step) -> Iterator[Difference]:
    """Differences of one batch norm from what the course or Keras gives it."""
    values = norm.values
    if values["type"] != "BatchNormalization":
        yield Difference("other-normalization", name, "BatchNormalization", values["type"], norm)
        return
    channels = len(norm.node.inputs[0].shape) - 1
    if values["axis"] != channels:
        yield Difference("axis", name, "axis=3", f"axis={values['axis']}", norm)
    if not _near(values["epsilon"], EPSILONS):
        yield Difference("epsilon", name, "1e-3 (or 1e-6)", f"{values['epsilon']:g}", norm)
    if not _near(values["momentum"], MOMENTA):
        yield Difference("momentum", name, "0.99 (or 0.9)", f"{values['momentum']:g}", norm)
    if not values["affine"]:
        yield Difference("no-scale-or-shift", name, "scale and center", "one of them off", norm)
    if not norm.operation.trainable:
        yield Difference("frozen", name, "trainable", "trainable=False", norm)


def _near(value, allowed: Sequence[float]) -> bool:
    return value is None or any(abs(value - one) <= 1e-4 * one for one in allowed)


def training_differences(named: list[tuple[str, Step]], passed: bool | None) -> list[Difference]:
    """Batch norms whose `training` is not what the caller passed; None stands for nothing passed."""
    found = []
    for name, norm in named:
        flag = norm.values.get("training")
        if norm.values["type"] != "BatchNormalization" or flag == passed:
            continue
        if flag is None:
            found.append(Difference("training-not-passed", name, f"training={passed}", "no flag", norm))
        else:
            found.append(Difference("training-baked-in", name, f"training={passed}", str(flag), norm))
    return found


def initializer_differences(block: Block, called_with_seed: bool) -> list[Difference]:
    """Convolutions that do not take the Marker that was passed, or take it with another seed than 0."""
    found = []
    for name, conv in named_convs(block):
        given = conv.operation.kernel_initializer
        if not isinstance(given, Marker):
            found.append(Difference("initializer-ignored", name, "the argument", type(given).__name__, conv))
        elif called_with_seed and given.seed != 0:
            found.append(Difference("initializer-seed", name, "seed=0", f"seed={given.seed}", conv))
    return found


def _column(pairs: list, key: str, side: int = 0) -> list:
    return [pair[side].values[key] for pair in pairs]


def _one_by_one(mistake: str, key: str, pairs: list) -> Iterator[Difference]:
    for i, (there, here) in enumerate(pairs, 1):
        if there.values[key] != here.values[key]:
            yield _unequal(mistake, f"{ordinal(i)} convolution", key, there, here)


def _unequal(mistake: str, name: str, key: str, there: Step, here: Step) -> Difference:
    return Difference(mistake, name, _by(key, there.values[key]), _by(key, here.values[key]), here)


def _by(key: str, value) -> str:
    """A setting in words: "stride 2", "window 3x3", "4 filters"."""
    if key == "filters":
        return f"{value} filters"
    key = "window" if key == "kernel" else key
    height, width = value
    text = f"{height}x{width}" if key == "window" or height != width else f"{height}"
    return f"{key} {text}".strip()


def _all(key: str, values: list) -> str:
    words = [_by("kernel" if key == "window" else key, value).split()[-1] for value in values]
    return f"{key}s {', '.join(words)}"
