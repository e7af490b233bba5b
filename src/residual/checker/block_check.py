"""The check of `identity_block` and `convolutional_block`: cases, differences, findings."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from residual.checker import numbers
from residual.checker.apply_rules import apply_rules, find_block_differences, merge_cases
from residual.checker.calling import Outcome, Signature, SignatureError, call
from residual.checker.difference import Difference, has_mistake
from residual.checker.findings import NO_EVIDENCE, Evidence, group_differences, make_finding
from residual.checker.graph import depends_on, list_items
from residual.checker.layout import Layout, block_layout, list_convs, list_norms
from residual.checker.marker import Marker
from residual.checker.pairs import BlockPair, CallArguments, Result
from residual.checker.report import Finding
from residual.checker.rules.arguments import WrongSignature
from residual.checker.rules.rule import Rule
from residual.checker.rules.running import NumbersDiffer, Raises
from residual.checker.wording import describe_error
from residual.models import course_blocks


@dataclass(frozen=True)
class Case:
    """One call of a block: window, filters, stride, input (height, width, channels)."""

    f: int
    filters: tuple[int, int, int]
    s: int
    shape: tuple[int, int, int]


# The first case tells every role from every other: three different filter counts, f, s, height and width.
CASES: dict[str, tuple[Case, ...]] = {
    "identity_block": (
        Case(3, (4, 5, 6), 1, (9, 8, 6)),
        Case(2, (2, 4, 3), 1, (4, 4, 3)),
        Case(5, (3, 2, 5), 1, (7, 6, 5)),
        Case(1, (5, 3, 4), 1, (4, 5, 4)),
    ),
    "convolutional_block": (
        Case(3, (4, 5, 6), 2, (9, 8, 3)),
        Case(2, (2, 4, 6), 1, (4, 4, 3)),
        Case(5, (5, 3, 2), 3, (10, 9, 4)),
        Case(1, (3, 2, 7), 2, (6, 6, 7)),
    ),
}
ORDER = {"identity_block": ("X", "f", "filters"), "convolutional_block": ("X", "f", "filters", "s")}


@dataclass
class Attempt:
    """A case run on the learner's block: what came of it, and how it differs from the reference."""

    case: Case
    passed: bool | None
    source: Any
    outcome: Outcome
    differences: list[Difference] = field(default_factory=list)
    layout: Layout | None = None
    reference: tuple[Any, Layout] | None = None

    @property
    def compared(self) -> bool:
        return self.layout is not None and self.outcome.error is None


def check_block(name: str, function: Callable) -> tuple[list[Finding], str]:
    """Compare a learner's block with the reference: (findings, what it printed).

    Args:
        name: "identity_block" or "convolutional_block".
        function: the learner's.
    """
    order = ORDER[name]
    try:
        signature = Signature.of(function, order)
    except SignatureError as error:
        more = ", what else it takes with a default."
        return [make_finding(name, WrongSignature().find_in_error(name, order, error, more))], ""
    try:
        signature.require(order[1:])
    except SignatureError as error:
        return [make_finding(name, WrongSignature().find_in_error(name, order, error))], ""
    attempts: list[Attempt] = []
    for i, case in enumerate(CASES[name]):
        attempts.append(_attempt(name, function, signature, i, case))
        # Two cases tell a fault from a hard-coded number, True from False: more say the same again.
        if i > 0 and any(has_mistake(attempt.differences) for attempt in attempts):
            break
    found = merge_cases(attempts)
    if not has_mistake(found):
        found += _compare_numbers(attempts)
    found += apply_rules(Rule.find_in_defaults, signature.defaults)
    findings = group_differences(name, found, _find_evidence(attempts))
    return findings, "".join(attempt.outcome.printed for attempt in attempts)


def _attempt(name: str, function: Callable, signature: Signature, i: int, case: Case) -> Attempt:
    passed = i % 2 == 0 if "training" in signature else None
    source = keras.Input(case.shape)
    values = {"f": case.f, "filters": list(case.filters), "s": case.s, "training": passed,
              "initializer": Marker(), "stage": 2 + i, "block": "a"}  # fmt: skip
    outcome = call(function, source, **signature.arguments(**values))
    attempt = Attempt(case, passed, source, outcome)
    if outcome.error is None:
        connected = functools.partial(depends_on, outcome.result, source)
        result = Result(outcome.result, keras.KerasTensor, "a tensor", connected)
        attempt.differences = apply_rules(Rule.find_in_result, result)
        if attempt.differences:
            return attempt
    items = list_items(outcome, outcome.result)
    attempt.reference = build_reference(name, case, passed)
    if items is not None:
        attempt.layout = block_layout(items, outcome.error is None)
        attempt.differences = _compare(attempt, signature)
    if outcome.error is not None and not has_mistake(attempt.differences):
        attempt.differences.append(Raises().find_in_outcome(function, outcome))
    return attempt


@functools.cache
def build_reference(name: str, case: Case, training: bool | None) -> tuple[Any, Layout]:
    """(input, layout) of the reference's block; kept, since every comparison sets all its weights anew."""
    source = keras.Input(case.shape)
    values = {"f": case.f, "filters": list(case.filters), "training": training}
    if name == "convolutional_block":
        values["s"] = case.s
    outcome = call(getattr(course_blocks, name), source, **values)
    return source, block_layout(list_items(outcome, outcome.result) or [])


def _compare(attempt: Attempt, signature: Signature) -> list[Difference]:
    ref, got = attempt.reference[1].blocks[0], attempt.layout.blocks[0]
    default = signature.defaults.get("initializer")
    arguments = CallArguments(
        list_norms(got),
        list_convs(got),
        attempt.passed,
        initializer="initializer" in signature,
        seeded=not isinstance(default, str | keras.initializers.Initializer),
    )
    return find_block_differences(BlockPair(ref, got)) + apply_rules(Rule.find_in_call, arguments)


def _compare_numbers(attempts: list[Attempt]) -> list[Difference]:
    """The last word: equal weights, equal inputs, both modes, moving statistics, counts."""
    texts = (_describe_disagreement(attempt) for attempt in attempts)
    return NumbersDiffer().find_in_numbers(next((text for text in texts if text), ""))


def _describe_disagreement(attempt: Attempt) -> str:
    source, ref = attempt.reference
    numbers.equalize_weights(ref, attempt.layout)
    comparison = numbers.Comparison((source, ref), (attempt.source, attempt.layout))
    for training in (False, True):
        text = comparison.first_difference(training)
        if text:
            return text
    text = numbers.compare_statistics(ref, attempt.layout)
    if text:
        return text
    biases = all(conv.values["bias"] for _, conv in list_convs(attempt.layout.blocks[0]))
    ours, theirs = numbers.count_weights(ref), numbers.count_weights(attempt.layout)
    if biases and ours != theirs:
        return f"the number of weights, (trainable, fixed) {theirs}, but {ours} in the reference,"
    return ""


def _find_evidence(attempts: list[Attempt]) -> Evidence:
    """Numbers or shapes at which the first wrong case parts from the reference, or the error that ended it."""
    for attempt in attempts:
        if not has_mistake(attempt.differences) or attempt.layout is None:
            continue
        if attempt.outcome.error is not None:
            is_reported = any(isinstance(difference.rule, Raises) for difference in attempt.differences)
            error = describe_error(attempt.outcome.error)
            return NO_EVIDENCE if is_reported else Evidence(f"Keras stops there: {error}", is_error=True)
        source, ref = attempt.reference
        numbers.equalize_weights(ref, attempt.layout)
        comparison = numbers.Comparison((source, ref), (attempt.source, attempt.layout))
        texts = (comparison.first_difference(training) for training in (False, True))
        text = next((text for text in texts if text), "")
        if text:
            case = attempt.case
            called = f"f={case.f}, filters={list(case.filters)}, s={case.s}, input {case.shape}"
            return Evidence(f"{text} ({called})")
    return NO_EVIDENCE
