"""The check of `ResNet50`, `resnet_v1` and `resnet_v2`: the networks that the learner's functions build."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from dataclasses import replace

import keras

from residual import blocks, networks, zoo
from residual.course.checker import numbers
from residual.course.checker.block_check import ORDER
from residual.course.checker.calling import Outcome, Signature, UnknownParameter, call
from residual.course.checker.findings import any_mistake, finding, grouped, raised
from residual.course.checker.graph import items_of
from residual.course.checker.layout import Difference, Layout, network_layout, of_kind
from residual.course.checker.network_rules import network_differences
from residual.course.checker.report import Finding
from residual.course.checker.wording import described

# Neither the 6 of the course nor the 10 of CIFAR: a number written into the code shows.
CLASSES = 5
SIZES = {"ResNet50": (64, 64, 3), "resnet_v1": (32, 32, 3), "resnet_v2": (32, 32, 3)}
# Two depths tell a rule from a number; the third fits neither 6n+2 nor 9n+2.
DEPTHS = {"resnet_v1": (14, 8), "resnet_v2": (20, 11)}
NO_DEPTH = 10
_ORDER = {"ResNet50": ("input_shape", "classes"), "resnet_v1": ("input_shape", "depth", "classes")}


def check_network(
    name: str, function: Callable, wrong: dict[str, Callable] | None = None
) -> tuple[list[Finding], str]:
    """Compare the networks that a learner's function builds with the reference's: (findings, printed).

    Args:
        name: "ResNet50", "resnet_v1" or "resnet_v2".
        function: the learner's.
        wrong: the learner's blocks that are known to be wrong. The reference's stand in for them, so that
            a fault of a block is not told again for each of its uses.
    """
    try:
        signature = Signature.of(function, _ORDER.get(name, _ORDER["resnet_v1"]))
    except UnknownParameter as error:
        ways = f"write def {name}({', '.join(_ORDER.get(name, _ORDER['resnet_v1']))}): ..."
        return [finding(name, Difference("signature", got=str(error), expected=ways))], ""
    with _standing_in(function, wrong or {}):
        depth = DEPTHS.get(name, (None,))[0]
        outcome = _build(function, signature, SIZES[name], depth)
        found, evidence = _differences(name, function, signature, outcome, depth)
        if name in DEPTHS and not any_mistake(found):
            found += _depth_rule(name, function, signature)
    return grouped(name, found, evidence), outcome.printed


def _build(function: Callable, signature: Signature, shape, depth: int | None) -> Outcome:
    values = {"input_shape": shape, "depth": depth, "classes": CLASSES}
    return call(function, **signature.arguments(**values))


def _differences(name, function, signature, outcome: Outcome, depth) -> tuple[list[Difference], str]:
    if outcome.error is None and not isinstance(outcome.result, keras.Model):
        got = "None (nothing)" if outcome.result is None else f"a {type(outcome.result).__name__}"
        return [Difference("wrong-type", got=got, expected="a keras.Model")], ""
    tensor = outcome.result.outputs[0] if outcome.error is None else None
    items = items_of(outcome, tensor)
    classes = CLASSES if "classes" in signature else {"ResNet50": 6}.get(name, 10)
    shape = tuple(outcome.result.inputs[0].shape[1:]) if tensor is not None else SIZES[name]
    if items is None:
        return [raised(function, outcome)], ""
    got = network_layout(items, activates=name != "resnet_v2", complete=outcome.error is None)
    stem_end = "norm-relu" if name != "ResNet50" or of_kind(got.stem, "act") else "norm"
    source, ref = reference(name, depth, shape, classes, stem_end)
    found = network_differences(ref, got, 2 if name == "ResNet50" else 1, name == "ResNet50")
    if outcome.error is not None:
        explained = any_mistake(found)
        return [*found, *([] if explained else [raised(function, outcome)])], (
            f"Keras stops there: {described(outcome.error)}" if explained else ""
        )
    if any_mistake(found):
        return found, ""
    text = _disagreement((source, ref), (outcome.result.inputs[0], got))
    return [*found, *_regularized(ref, got), *([Difference("numbers-differ", got=text)] if text else [])], ""


@functools.cache
def reference(name: str, depth: int | None, shape, classes: int, stem_end: str) -> tuple[object, Layout]:
    """(input, layout) of the reference's network; kept, since ResNet-50 takes a second to build."""
    names = {
        "ResNet50": "course-resnet50",
        "resnet_v1": f"notebook-resnet{depth}",
        "resnet_v2": f"notebook-resnet{depth}v2",
    }
    spec = replace(zoo.spec(names[name]), stem_end=stem_end)
    model = networks.network(spec, shape, classes)
    items = items_of(Outcome(), model.outputs[0])
    return model.inputs[0], network_layout(items or [], activates=name != "resnet_v2")


def _disagreement(ref: tuple, got: tuple) -> str:
    numbers.equalise(ref[1], got[1])
    comparison = numbers.Comparison(ref, got)
    texts = (comparison.first_difference(training) for training in (False, True))
    return next((text for text in texts if text), "")


def _regularized(ref: Layout, got: Layout) -> list[Difference]:
    theirs = {step.values["l2"] for step in of_kind(got.steps, "conv")}
    wanted = {step.values["l2"] for step in of_kind(ref.steps, "conv")}
    if wanted == {0.0} or all(abs(value - 1e-4) < 1e-9 for value in theirs):
        return []
    return [
        Difference("regularizer", "convolutions", "L2(1e-4)", ", ".join(f"{value:g}" for value in theirs))
    ]


def _depth_rule(name: str, function: Callable, signature: Signature) -> list[Difference]:
    """Another depth, and one that there is not."""
    if "depth" not in signature:
        return []
    depth = DEPTHS[name][1]
    outcome = _build(function, signature, SIZES[name], depth)
    if outcome.error is not None:
        return [raised(function, outcome)]
    got = network_layout(items_of(outcome, outcome.result.outputs[0]) or [], activates=name != "resnet_v2")
    _, ref = reference(name, depth, SIZES[name], CLASSES, "norm-relu")
    found = []
    if len(got.blocks) != len(ref.blocks):
        wanted, here = f"{len(ref.blocks)} blocks", f"{len(got.blocks)} blocks"
        found.append(Difference("depth-rule", f"depth {depth}", wanted, here))
    if _build(function, signature, SIZES[name], NO_DEPTH).error is None:
        found.append(Difference("depth-unchecked", "depth", "ValueError", f"depth={NO_DEPTH}"))
    return found


@contextlib.contextmanager
def _standing_in(function: Callable, wrong: dict[str, Callable]):
    """The reference's blocks under the learner's names, for as long as the network is built."""
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    before = {name: namespace[name] for name in wrong if name in namespace}
    for name, theirs in before.items():
        namespace[name] = _stand_in(name, theirs)
    try:
        yield
    finally:
        namespace.update(before)


def _stand_in(name: str, theirs: Callable) -> Callable:
    """The reference's block with the parameters of the learner's."""
    try:
        roles = {own: role for role, own in Signature.of(theirs, ORDER[name]).names.items()}
    except UnknownParameter:
        return theirs
    taken = ("f", "filters", "s", "training")

    def block(*args, **kwargs):
        bound = inspect.signature(theirs).bind(*args, **kwargs)
        bound.apply_defaults()
        values = {roles[own]: value for own, value in bound.arguments.items() if own in roles}
        x = next(iter(bound.arguments.values()))
        return getattr(blocks, name)(x, **{role: values[role] for role in taken if role in values})

    return block
