"""The reference's numbers against the learner's: equal weights by role, equal inputs, layer after layer."""

import keras
import numpy as np

from residual.checker.layout import Block, Layout, list_convs, list_norms
from residual.checker.rules.norm_settings import EPSILONS, MOMENTA
from residual.checker.steps import Step, ordinal, pick_steps

# float32 sums of a few thousand terms in another order part by about 1e-5 of their size.
TOLERANCE = 2e-4


def list_roles(layout: Layout) -> dict[str, Step]:
    """Every layer with weights, by what it is for: ("block 2, 1st convolution", the step)."""
    found: dict[str, Step] = {}
    for part, steps in (("stem", layout.stem), ("head", layout.head)):
        for kind in ("conv", "norm", "dense"):
            found |= {f"{part}, {kind} {i}": step for i, step in enumerate(pick_steps(steps, kind), 1)}
    for i, block in enumerate(layout.blocks, 1):
        found |= {f"block {i}, {name}": step for name, step in list_convs(block) + list_norms(block)}
    return found


def equalize_weights(ref: Layout, got: Layout, seed: int = 0) -> None:
    """Give layers of the same role the same random weights and moving statistics.

    The reference takes over the learner's epsilon and momentum if those are among the right ones.
    """
    random, theirs = np.random.RandomState(seed), list_roles(got)
    for role, step in list_roles(ref).items():
        here = theirs.get(role)
        pair = (
            [step.operation] if here is None or here.kind != step.kind else [step.operation, here.operation]
        )
        _set_equal(pair, random)
        if len(pair) == 2 and step.kind == "norm":
            for name, allowed in (("epsilon", EPSILONS), ("momentum", MOMENTA)):
                value = getattr(pair[1], name, None)
                if value in allowed:
                    setattr(pair[0], name, value)


def _set_equal(layers: list, random) -> None:
    for name in ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"):
        variables = [getattr(layer, name, None) for layer in layers]
        if variables[0] is None:
            continue
        value = _draw_weights(name, tuple(variables[0].shape), random)
        if any(variable is None for variable in variables):
            # A learner's use_bias=False is a note: without a bias is with a bias of zero (gamma: of one).
            value[:] = name in ("gamma", "moving_variance")
        for variable in variables:
            if variable is not None and tuple(variable.shape) == value.shape:
                variable.assign(value)


def _draw_weights(name: str, shape: tuple[int, ...], random) -> np.ndarray:
    if name in ("gamma", "moving_variance"):
        value = random.uniform(0.5, 1.5, shape)
    elif name == "kernel":
        value = random.standard_normal(shape) / np.sqrt(max(np.prod(shape[:-1]), 1))
    else:
        value = random.standard_normal(shape) / 2
    return value.astype("float32")


def list_probes(layout: Layout) -> dict[str, object]:
    """Tensors to compare, in order, by where they are: after each convolution, each component, the sum."""
    found: dict[str, object] = {}
    if layout.stem:
        found["after the stem"] = layout.stem[-1].output
    for i, block in enumerate(layout.blocks, 1):
        before = f"in block {i}, " if len(layout.blocks) > 1 else ""
        found |= {f"{before}{label}": tensor for label, tensor in _list_block_probes(block).items()}
    if layout.head:
        found["at the output"] = layout.head[-1].output
    return found


def _list_block_probes(block: Block) -> dict[str, object]:
    found: dict[str, object] = {}
    count = 0
    for step in block.main:
        if step.kind == "conv":
            count += 1
            found[f"after the {ordinal(count)} convolution"] = step.output
        elif count:
            found[f"at the end of the {ordinal(count)} component"] = step.output
    if block.shortcut:
        found["at the end of the shortcut"] = block.shortcut[-1].output
    end = block.tail[-1] if block.tail else block.merge
    if block.merge is not None:
        found["after the addition"] = block.merge.output
    if end is not None:
        found["at the end of the block"] = end.output
    return {label: tensor for label, tensor in found.items() if tensor is not None}


class Comparison:
    """The reference's and the learner's values at the probes that both have.

    Args:
        ref: (input, layout) of the reference.
        got: (input, layout) of the learner's.
    """

    def __init__(self, ref: tuple, got: tuple):
        there, here = list_probes(ref[1]), list_probes(got[1])
        self.labels = [label for label in there if label in here]
        self.models = [
            keras.Model(source, [found[label] for label in self.labels])
            for source, found in ((ref[0], there), (got[0], here))
        ]
        self.shape = tuple(ref[0].shape[1:])

    def first_difference(self, training: bool, seed: int = 0) -> str:
        """Where the values part, with three numbers of each; "" if they are equal.

        Args:
            training: whether the models are called as in training.
            seed: of the input, 4 standard normal images, shifted and scaled.
        """
        x = np.random.RandomState(seed).normal(0.3, 2.0, (4, *self.shape)).astype("float32")
        there, here = (self._values(model, x, training) for model in self.models)
        for label, ours, theirs in zip(self.labels, there, here, strict=True):
            text = _describe_gap(ours, theirs)
            if text:
                return f"first difference {label}: {text}"
        return ""

    def _values(self, model, x, training: bool) -> list[np.ndarray]:
        values = model(x, training=training)
        values = values if isinstance(values, list | tuple) else [values]
        return [np.asarray(keras.ops.convert_to_numpy(value)) for value in values]


def _describe_gap(ours: np.ndarray, theirs: np.ndarray) -> str:
    if ours.shape != theirs.shape:
        return f"shape {_format_shape(ours)} in the reference, {_format_shape(theirs)} in yours"
    scale = max(float(np.abs(ours).max()), 1.0)
    off = ~np.isclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE * scale)
    if not off.any():
        return ""
    at = tuple(np.argwhere(off)[0][:-1])
    place = ", ".join(str(int(i)) for i in at)
    return (
        f"[{place}, :3] is {_format_three(ours[at])} in the reference, {_format_three(theirs[at])} in yours"
    )


def _format_shape(values: np.ndarray) -> str:
    return f"(n, {', '.join(map(str, values.shape[1:]))})"


def _format_three(values: np.ndarray) -> str:
    return "[" + " ".join(f"{value:.4g}" for value in np.ravel(values)[:3]) + "]"


def compare_statistics(ref: Layout, got: Layout) -> str:
    """Where the moving statistics part, after the same training call; "" if they are equal."""
    theirs = list_roles(got)
    for role, step in list_roles(ref).items():
        here = theirs.get(role)
        if step.kind != "norm" or here is None:
            continue
        for name in ("moving_mean", "moving_variance"):
            pair = [getattr(layer, name, None) for layer in (step.operation, here.operation)]
            if any(value is None for value in pair):
                continue
            text = _describe_gap(*(np.asarray(keras.ops.convert_to_numpy(value)) for value in pair))
            if text:
                return f"{role}: {name} after a training step {text}"
    return ""


def count_weights(layout: Layout) -> tuple[int, int]:
    """(trainable, fixed) numbers in the layers of a layout, each layer once."""
    layers = {id(step.operation): step.operation for step in layout.steps}
    trainable = fixed = 0
    for layer in layers.values():
        trainable += sum(int(np.prod(w.shape)) for w in getattr(layer, "trainable_weights", []))
        fixed += sum(int(np.prod(w.shape)) for w in getattr(layer, "non_trainable_weights", []))
    return trainable, fixed
