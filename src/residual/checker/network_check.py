"""The check of `ResNet50`, `resnet_v1` and `resnet_v2`: the networks that the learner's functions build."""

import contextlib
import functools
import inspect
from collections.abc import Callable

import keras
from msgspec.structs import replace

from residual.checker import numbers
from residual.checker.apply_rules import apply_rules, find_network_differences
from residual.checker.block_check import ORDER
from residual.checker.calling import Outcome, Signature, SignatureError, call
from residual.checker.difference import Difference, has_mistake
from residual.checker.findings import NO_EVIDENCE, Evidence, group_differences, make_finding
from residual.checker.graph import list_items
from residual.checker.layout import Layout, network_layout
from residual.checker.pairs import DepthTrial, Result
from residual.checker.report import Finding
from residual.checker.rules.arguments import WrongSignature
from residual.checker.rules.rule import Rule
from residual.checker.rules.running import NumbersDiffer, Raises
from residual.checker.stages import NetworkPair
from residual.checker.steps import pick_steps
from residual.checker.wording import describe_error
from residual.models import course_blocks, zoo
from residual.models.build import build_network

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
            a fault of a block is not reported again for each of its uses.
    """
    order = _ORDER.get(name, _ORDER["resnet_v1"])
    try:
        signature = Signature.of(function, order)
    except SignatureError as error:
        return [make_finding(name, WrongSignature().find_in_error(name, order, error))], ""
    with _replace_blocks(function, wrong or {}):
        depth = DEPTHS.get(name, (None,))[0]
        outcome = _build(function, signature, SIZES[name], depth)
        found, evidence = _compare(name, function, signature, outcome, depth)
        if name in DEPTHS and not has_mistake(found):
            found += _try_depths(name, function, signature)
    return group_differences(name, found, evidence), outcome.printed


def _build(function: Callable, signature: Signature, shape, depth: int | None) -> Outcome:
    values = {"input_shape": shape, "depth": depth, "classes": CLASSES}
    return call(function, **signature.arguments(**values))


def _compare(name, function, signature, outcome: Outcome, depth) -> tuple[list[Difference], Evidence]:
    if outcome.error is None:
        result = Result(outcome.result, keras.Model, "a keras.Model")
        found = apply_rules(Rule.find_in_result, result)
        if found:
            return found, NO_EVIDENCE
    tensor = outcome.result.outputs[0] if outcome.error is None else None
    items = list_items(outcome, tensor)
    classes = CLASSES if "classes" in signature else {"ResNet50": 6}.get(name, 10)
    shape = tuple(outcome.result.inputs[0].shape[1:]) if tensor is not None else SIZES[name]
    if items is None:
        return [Raises().find_in_outcome(function, outcome)], NO_EVIDENCE
    got = network_layout(items, activates=name != "resnet_v2", complete=outcome.error is None)
    is_course = name == "ResNet50"
    stem_end = "norm-relu" if not is_course or pick_steps(got.stem, "act") else "norm"
    source, ref = build_reference(name, depth, shape, classes, stem_end)
    pair = NetworkPair(ref, got, first_stage=2 if is_course else 1, relu_in_stem=not is_course)
    found = find_network_differences(pair)
    if outcome.error is not None:
        if has_mistake(found):
            return found, Evidence(f"Keras stops there: {describe_error(outcome.error)}", is_error=True)
        return [*found, Raises().find_in_outcome(function, outcome)], NO_EVIDENCE
    if not has_mistake(found):
        found += apply_rules(Rule.find_in_right_network, pair)
        text = _describe_disagreement((source, ref), (outcome.result.inputs[0], got))
        found += NumbersDiffer().find_in_numbers(text)
    return found, NO_EVIDENCE


@functools.cache
def build_reference(
    name: str, depth: int | None, shape, classes: int, stem_end: str
) -> tuple[object, Layout]:
    """(input, layout) of the reference's network; kept, since ResNet-50 takes a second to build."""
    names = {
        "ResNet50": "course-resnet50",
        "resnet_v1": f"notebook-resnet{depth}",
        "resnet_v2": f"notebook-resnet{depth}v2",
    }
    spec = replace(zoo.find_spec(names[name]), stem_end=stem_end)
    model = build_network(spec, shape, classes)
    items = list_items(Outcome(), model.outputs[0])
    return model.inputs[0], network_layout(items or [], activates=name != "resnet_v2")


def _describe_disagreement(ref: tuple, got: tuple) -> str:
    numbers.equalize_weights(ref[1], got[1])
    comparison = numbers.Comparison(ref, got)
    texts = (comparison.first_difference(training) for training in (False, True))
    return next((text for text in texts if text), "")


def _try_depths(name: str, function: Callable, signature: Signature) -> list[Difference]:
    """Build a network of another depth, and one of a depth that there is not."""
    if "depth" not in signature:
        return []
    depth = DEPTHS[name][1]
    outcome = _build(function, signature, SIZES[name], depth)
    if outcome.error is not None:
        return [Raises().find_in_outcome(function, outcome)]
    items = list_items(outcome, outcome.result.outputs[0]) or []
    got = network_layout(items, activates=name != "resnet_v2")
    _, ref = build_reference(name, depth, SIZES[name], CLASSES, "norm-relu")
    accepted = _build(function, signature, SIZES[name], NO_DEPTH).error is None
    trial = DepthTrial(depth, len(ref.blocks), len(got.blocks), NO_DEPTH, accepted)
    return apply_rules(Rule.find_in_depths, trial)


@contextlib.contextmanager
def _replace_blocks(function: Callable, wrong: dict[str, Callable]):
    """The reference's blocks under the learner's names, for as long as the network is built."""
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    before = {name: namespace[name] for name in wrong if name in namespace}
    for name, theirs in before.items():
        namespace[name] = _make_substitute(name, theirs)
    try:
        yield
    finally:
        namespace.update(before)


def _make_substitute(name: str, theirs: Callable) -> Callable:
    """The reference's block with the parameters of the learner's."""
    try:
        roles = {own: role for role, own in Signature.of(theirs, ORDER[name]).names.items()}
    except SignatureError:
        return theirs
    taken = ("f", "filters", "s", "training")

    def block(*args, **kwargs):
        bound = inspect.signature(theirs).bind(*args, **kwargs)
        bound.apply_defaults()
        values = {roles[own]: value for own, value in bound.arguments.items() if own in roles}
        x = next(iter(bound.arguments.values()))
        return getattr(course_blocks, name)(x, **{role: values[role] for role in taken if role in values})

    return block
