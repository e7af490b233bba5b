"""The check of ResNet-18 to -152 and the CIFAR networks: what the learner's functions build."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from residual.checker import numbers
from residual.checker.apply_rules import apply_rules, find_network_differences
from residual.checker.block_check import Checked
from residual.checker.calling import Outcome, Signature, SignatureError, call
from residual.checker.candidates import ANY_NETWORK, Candidate
from residual.checker.difference import Difference, has_mistake, soften_difference
from residual.checker.findings import NO_EVIDENCE, Evidence, group_differences, make_finding
from residual.checker.graph import list_items
from residual.checker.layout import network_layout
from residual.checker.network_reference import BASIC, CIFAR, CLASSES, COUNTS, build_reference
from residual.checker.own_blocks import find_in_own_blocks
from residual.checker.pairs import DepthTrial, Result
from residual.checker.reasons import explain_stop
from residual.checker.rules.arguments import WrongSignature
from residual.checker.rules.rule import Rule
from residual.checker.rules.running import NumbersDiffer, Raises
from residual.checker.rules.shortcut import ShortcutNotProjected, ShortcutTakenLate
from residual.checker.rules.stage import StageFilters, StageStride
from residual.checker.rules.stem import PoolKind, PoolMissing, PoolSize, StemSettingRule
from residual.checker.stages import NetworkPair, split_stages
from residual.checker.steps import letters, pick_steps
from residual.checker.substitutes import Wrong, find_called, replace_blocks
from residual.checker.wording import describe_error

# Two depths tell a rule from a number; the third fits neither 6n+2 nor 9n+2.
DEPTHS = {"resnet_v1": (14, 8), "resnet_v2": (20, 11)}
NO_DEPTH = 10
# What differs in a network that is not meant to be one of the paper's.
_OF_ANOTHER = (StemSettingRule, PoolMissing, PoolKind, PoolSize, StageFilters, StageStride)


@dataclass
class _Attempt:
    """A network that the learner's function built, and how it differs from the reference."""

    shape: tuple[int, int, int]
    signature: Signature
    outcome: Outcome
    differences: list[Difference] = field(default_factory=list)
    evidence: Evidence = NO_EVIDENCE
    pair: NetworkPair | None = None
    sources: tuple[Any, Any] | None = None
    reason: str = ""

    @property
    def rank(self) -> tuple[bool, int]:
        mistakes = sum(not difference.is_note for difference in self.differences)
        return (self.outcome.error is None, -mistakes)


def check_network(candidate: Candidate, wrong: Wrong | None = None, plain: Wrong | None = None) -> Checked:
    """Compare the networks that a learner's function builds with the reference's.

    Args:
        candidate: the learner's function.
        wrong: the learner's blocks that are known to be wrong. The reference's stand in for them, so that
            a fault of a block is not reported again for each of its uses.
        plain: functions of the learner's that are called like convolutional blocks and add nothing.
    """
    order = ("input_shape", "depth", "classes") if candidate.network in CIFAR else ("input_shape", "classes")
    signature = Signature.of(candidate.function, is_block=False)
    if candidate.network not in CIFAR and "depth" in signature and "depth" not in signature.defaults:
        return Checked(reason=f"it is not clear what to give for its argument {signature.names['depth']!r}")
    try:
        signatures = list(signature.assign(order))
    except SignatureError as error:
        if not candidate.by_course_name:
            return Checked(reason=str(error))
        return Checked(
            [make_finding(candidate.name, WrongSignature().find_in_error(candidate.name, order, error))]
        )
    calls = find_called(candidate, wrong or {})
    opaque = [name for name, (_, plan) in calls.items() if plan is None or plan.style.count != 3]
    opaque += [name for name in calls if inspect.isclass(candidate.original) and name not in opaque]
    if opaque:
        return Checked(reason=f"{', '.join(opaque)}, which it calls, has a mistake: mend that first")
    with replace_blocks(candidate.function, calls):
        attempt = _find_best(candidate, signatures)
        reason = attempt.reason or explain_stop(
            candidate, attempt.signature, attempt.outcome, attempt.differences
        )
        if reason:
            return Checked(reason=reason)
        found = attempt.differences
        if any(isinstance(one.rule, ShortcutTakenLate | ShortcutNotProjected) for one in found):
            for name in find_called(candidate, plain or {}):
                return Checked(
                    reason=f"{name}, which it calls, adds nothing to its input: it has no shortcut"
                )
        if not has_mistake(found):
            found = found + _look_closer(attempt)
            if "depth" in attempt.signature and candidate.network in DEPTHS:
                found += _try_depths(candidate, attempt.signature)
    findings = group_differences(candidate.name, found, attempt.evidence)
    return Checked(findings, attempt.outcome.printed, roles=("network",))


def _find_best(candidate: Candidate, signatures: list[Signature]) -> _Attempt:
    """The network, built for the size at which it differs least: a head may be made for one size alone."""
    best = None
    for signature in signatures:
        for shape in _list_shapes(candidate.network, signature):
            attempt = _attempt(candidate, signature, shape)
            if best is None or attempt.rank > best.rank:
                best = attempt
            if not has_mistake(attempt.differences) and attempt.outcome.error is None:
                return best
            keras.utils.clear_session(free_memory=False)
    return best


def _list_shapes(network: str, signature: Signature) -> list[tuple[int, int, int]]:
    if network in CIFAR:
        return [(32, 32, 3)]
    is_free = "input_shape" in signature or signature.first
    shapes = [(64, 64, 3), (224, 224, 3), (32, 32, 3)] if is_free else [(224, 224, 3)]
    own = signature.defaults.get("input_shape")
    if isinstance(own, tuple | list) and len(own) == 3 and all(isinstance(n, int) for n in own):
        shapes.insert(1, tuple(own))
    return list(dict.fromkeys(shapes))


def _build(function: Callable, signature: Signature, shape, depth: int | None) -> Outcome:
    def build(**arguments):
        source = keras.Input(shape)
        if signature.first:
            arguments[signature.first] = source
        model = function(**arguments)
        if isinstance(model, tuple | list):  # the model and more of what the caller needs
            model = next((one for one in model if isinstance(one, keras.Model)), model)
        if signature.first and isinstance(model, keras.KerasTensor):
            return keras.Model(source, model)
        if isinstance(model, keras.Model) and not getattr(model, "outputs", None):
            model = keras.Model(
                source, model(source)
            )  # a class of the learner's: its layers show when called
        return model

    values = {"input_shape": shape, "classes": CLASSES, "training": None}
    values |= {"depth": depth} if depth is not None else {}
    build.__wrapped__ = function
    return call(build, **signature.arguments(**values))


def _attempt(candidate: Candidate, signature: Signature, shape) -> _Attempt:
    depth = DEPTHS.get(candidate.network, (None,))[0]
    outcome = _build(candidate.function, signature, shape, depth)
    attempt = _Attempt(shape, signature, outcome)
    if outcome.error is None:
        attempt.differences = apply_rules(
            Rule.find_in_result, Result(outcome.result, keras.Model, "a keras.Model")
        )
        if attempt.differences:
            return attempt
        attempt.shape = tuple(outcome.result.inputs[0].shape[1:])
    items = list_items(outcome, outcome.result.outputs[0] if outcome.error is None else None)
    if items is None:
        attempt.differences = [Raises().find_in_outcome(candidate.function, outcome)]
        return attempt
    network, depth, attempt.reason = _recognize(candidate, attempt, items)
    if not attempt.reason:
        _compare(candidate, attempt, items, network, depth)
    if attempt.reason and candidate.network == ANY_NETWORK and outcome.error is None:
        found = find_in_own_blocks(network_layout(items, activates=True))
        attempt.differences, attempt.reason = (found, "") if found else (attempt.differences, attempt.reason)
    return attempt


def _recognize(candidate: Candidate, attempt: _Attempt, items) -> tuple[str, int | None, str]:
    """(network, depth, why it is not checked) by the blocks that were built: a name may say neither of the two."""
    network = candidate.network
    depth = DEPTHS.get(network, (None,))[0] if "depth" in attempt.signature else None
    blocks = network_layout(items, activates=False).blocks
    if not blocks or attempt.outcome.error is not None:
        reason = "it builds no residual blocks" if network == ANY_NETWORK else ""
        return network, depth or DEPTHS.get(network, (None,))[0], reason
    is_v2 = sum(letters(block.main).startswith("NA") for block in blocks) > len(blocks) / 2
    sizes, is_basic = tuple(map(len, split_stages(blocks))), len(blocks[0].convs) == 2
    if network == ANY_NETWORK and len(sizes) == 3 and len(set(sizes)) == 1 and is_basic != is_v2:
        network = CIFAR[is_v2]
    elif network == ANY_NETWORK:
        known = [n for n, counts in COUNTS.items() if counts == sizes and (n in BASIC) == is_basic]
        if not known:
            words = ", ".join(map(str, sizes))
            return network, None, f"its stages have {words} blocks, as no network does that the checker knows"
        network = f"ResNet{known[0]}"
    if is_v2 and network not in CIFAR:
        return (
            network,
            None,
            "its blocks have the order of v2, and the checker knows such networks for CIFAR alone",
        )
    if network in CIFAR and depth is None:
        depth = len(blocks) // 3 * (9 if network == CIFAR[1] else 6) + 2
    return network, depth, ""


def _compare(candidate: Candidate, attempt: _Attempt, items, network: str, depth: int | None) -> None:
    """Set the attempt's differences and evidence."""
    outcome = attempt.outcome
    got = network_layout(items, activates=network != "resnet_v2", complete=outcome.error is None)
    is_cifar = network in CIFAR
    stem_end = "norm-relu" if is_cifar or pick_steps(got.stem, "act") else "norm"
    dense = pick_steps(got.head, "dense")
    classes = CLASSES if "classes" in attempt.signature or not dense else dense[-1].values["units"]
    source, ref = build_reference(network, depth, attempt.shape, classes, stem_end)
    pair = NetworkPair(ref, got, first_stage=1 if is_cifar else 2, relu_in_stem=is_cifar)
    found = [
        one if candidate.by_course_name and not one.block else soften_difference(one)
        for one in find_network_differences(pair)
    ]
    is_own = candidate.network == ANY_NETWORK
    if is_own and any(not one.is_note and isinstance(one.rule, _OF_ANOTHER) for one in found):
        attempt.reason = f"it has the blocks of {network} and other sizes, so it is a network of its own"
    if outcome.error is not None and has_mistake(found):
        attempt.evidence = Evidence(f"Keras stops there: {describe_error(outcome.error)}", is_error=True)
    elif outcome.error is not None:
        found.append(Raises().find_in_outcome(candidate.function, outcome))
    else:
        attempt.pair, attempt.sources = pair, (source, outcome.result.inputs[0])
    attempt.differences = found


def _look_closer(attempt: _Attempt) -> list[Difference]:
    """What shows in a network without mistakes: its weight decay, and its numbers."""
    pair = attempt.pair
    found = apply_rules(Rule.find_in_right_network, pair)
    if any(difference.changes_numbers for difference in attempt.differences) or not _pads_alike(pair):
        return found
    ref, got = attempt.sources
    text = _describe_disagreement((ref, pair.ref), (got, pair.got))
    return found + NumbersDiffer().find_in_numbers(text)


def _pads_alike(pair: NetworkPair) -> bool:
    """Whether the zeros around the images are the reference's: two kinds of padding are right."""
    there, here = ([step.values["pads"] for step in pick_steps(layout.steps, "conv", "pool")]
                   for layout in (pair.ref, pair.got))  # fmt: skip
    return there == here


def _describe_disagreement(ref: tuple, got: tuple) -> str:
    numbers.equalize_weights(ref[1], got[1])
    comparison = numbers.Comparison(ref, got)
    texts = (comparison.first_difference(training) for training in (False, True))
    return next((text for text in texts if text), "")


def _try_depths(candidate: Candidate, signature: Signature) -> list[Difference]:
    """Build a network of another depth, and one of a depth that there is not."""
    if "depth" not in signature:
        return []
    name, function = candidate.network, candidate.function
    depth, shape = DEPTHS[name][1], (32, 32, 3)
    outcome = _build(function, signature, shape, depth)
    if outcome.error is not None:
        return [Raises().find_in_outcome(function, outcome)]
    items = list_items(outcome, outcome.result.outputs[0]) or []
    got = network_layout(items, activates=name != "resnet_v2")
    _, ref = build_reference(name, depth, shape, CLASSES, "norm-relu")
    accepted = _build(function, signature, shape, NO_DEPTH).error is None
    trial = DepthTrial(depth, len(ref.blocks), len(got.blocks), NO_DEPTH, accepted)
    return apply_rules(Rule.find_in_depths, trial)
