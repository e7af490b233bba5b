"""The check of `identity_block` and `convolutional_block`: cases, differences, findings."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from residual import blocks
from residual.course.checker import attributes, numbers
from residual.course.checker.calling import Outcome, Signature, UnknownParameter, call
from residual.course.checker.findings import any_mistake, finding, grouped, raised
from residual.course.checker.graph import depends_on, items_of
from residual.course.checker.layout import Difference, Layout, block_layout
from residual.course.checker.order import order_differences
from residual.course.checker.report import Finding
from residual.course.checker.wording import described


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
    try:
        signature = Signature.of(function, ORDER[name])
    except UnknownParameter as error:
        ways = f"write def {name}({', '.join(ORDER[name])}): ..., what else it takes with a default."
        return [finding(name, Difference("signature", got=str(error), expected=ways))], ""
    missing = [role for role in ORDER[name][1:] if role not in signature]
    if missing:
        takes = f"it does not take {' and '.join(missing)}"
        ways = f"write def {name}({', '.join(ORDER[name])}): ..."
        return [finding(name, Difference("signature", got=takes, expected=ways))], ""
    attempts: list[Attempt] = []
    for i, case in enumerate(CASES[name]):
        attempts.append(_attempt(name, function, signature, i, case))
        # Two cases tell a fault from a hard-coded number, True from False: more say the same again.
        if i > 0 and any(any_mistake(attempt.differences) for attempt in attempts):
            break
    found = _settled(attempts)
    if not any_mistake(found):
        found += _numbers_differ(attempts)
    found += _notes(signature)
    evidence = _evidence(attempts)
    findings = grouped(name, found, evidence)
    return findings, "".join(attempt.outcome.printed for attempt in attempts)


def _attempt(name: str, function: Callable, signature: Signature, i: int, case: Case) -> Attempt:
    passed = i % 2 == 0 if "training" in signature else None
    source = keras.Input(case.shape)
    values = {"f": case.f, "filters": list(case.filters), "s": case.s, "training": passed,
              "initializer": attributes.Marker(), "stage": 2 + i, "block": "a"}  # fmt: skip
    outcome = call(function, source, **signature.arguments(**values))
    attempt = Attempt(case, passed, source, outcome)
    if outcome.error is None and not _is_tensor(outcome.result):
        got = _type_in_words(outcome.result)
        attempt.differences = [Difference("wrong-type", got=got, expected="a tensor")]
        return attempt
    if outcome.error is None and not depends_on(outcome.result, source):
        attempt.differences = [Difference("disconnected")]
        return attempt
    items = items_of(outcome, outcome.result)
    attempt.reference = reference(name, case, passed)
    if items is not None:
        attempt.layout = block_layout(items, outcome.error is None)
        attempt.differences = _differences(attempt, signature)
    if outcome.error is not None and not any_mistake(attempt.differences):
        attempt.differences.append(raised(function, outcome))
    return attempt


@functools.cache
def reference(name: str, case: Case, training: bool | None) -> tuple[Any, Layout]:
    """(input, layout) of the reference's block; kept, since every comparison sets all its weights anew."""
    source = keras.Input(case.shape)
    values = {"f": case.f, "filters": list(case.filters), "training": training}
    if name == "convolutional_block":
        values["s"] = case.s
    outcome = call(getattr(blocks, name), source, **values)
    return source, block_layout(items_of(outcome, outcome.result) or [])


def _differences(attempt: Attempt, signature: Signature) -> list[Difference]:
    ref, got = attempt.reference[1].blocks[0], attempt.layout.blocks[0]
    found = order_differences(ref, got) + attributes.attribute_differences(ref, got)
    found += attributes.training_differences(attributes.named_norms(got), attempt.passed)
    if "initializer" in signature:
        default = signature.defaults.get("initializer")
        makes = not isinstance(default, str | keras.initializers.Initializer)
        found += attributes.initializer_differences(got, makes)
    return found


def _settled(attempts: list[Attempt]) -> list[Difference]:
    """The differences of all cases, each once; hard-coded numbers and inverted flags by their own names."""
    seen: dict[tuple[str, str], Difference] = {}
    flags: dict[str, set[str]] = {}
    for i, attempt in enumerate(attempts):
        for difference in attempt.differences:
            if difference.mistake == "training-baked-in":
                flags.setdefault(difference.place, set()).add(difference.got)
            key = difference.mistake, difference.place
            if key in seen or ("hard-coded", difference.place) in seen:
                continue
            if i > 0 and attempts[0].compared and difference.mistake in _FOLLOWING:
                difference = Difference(
                    "hard-coded", difference.place, difference.expected, difference.got, difference.step
                )
                key = "hard-coded", difference.place
            seen[key] = difference
    for place, values in flags.items():
        if len(values) == 2:
            wrong = seen.pop(("training-baked-in", place))
            seen["training-inverted", place] = Difference(
                "training-inverted", place, wrong.expected, wrong.got, wrong.step
            )
    if any(mistake == "relu-before-addition" for mistake, _ in seen):
        seen = {key: value for key, value in seen.items() if key[0] != "relu-on-last-component"}
    return list(seen.values())


# What is right in the first case and wrong in another does not follow the function's arguments.
_FOLLOWING = (
    "wrong-stride", "wrong-kernel", "wrong-filters", "wrong-kernel-shortcut", "wrong-filters-shortcut"
)  # fmt: skip


def _numbers_differ(attempts: list[Attempt]) -> list[Difference]:
    """The last word: equal weights, equal inputs, both modes, moving statistics, counts."""
    for attempt in attempts:
        text = _disagreement(attempt)
        if text:
            return [Difference("numbers-differ", expected="the reference's numbers", got=text)]
    return []


def _disagreement(attempt: Attempt) -> str:
    source, ref = attempt.reference
    numbers.equalise(ref, attempt.layout)
    comparison = numbers.Comparison((source, ref), (attempt.source, attempt.layout))
    for training in (False, True):
        text = comparison.first_difference(training)
        if text:
            return text
    text = numbers.statistics_difference(ref, attempt.layout)
    if text:
        return text
    biases = all(conv.values["bias"] for _, conv in attributes.named_convs(attempt.layout.blocks[0]))
    ours, theirs = numbers.counts(ref), numbers.counts(attempt.layout)
    if biases and ours != theirs:
        return f"the number of weights, (trainable, fixed) {theirs} where the reference has {ours},"
    return ""


def _evidence(attempts: list[Attempt]) -> str:
    """Numbers or shapes where the first wrong case parts from the reference, or the error that ended it."""
    for attempt in attempts:
        if not any_mistake(attempt.differences) or attempt.layout is None:
            continue
        if attempt.outcome.error is not None:
            raised = any(difference.mistake == "raises" for difference in attempt.differences)
            return "" if raised else f"Keras stops there: {described(attempt.outcome.error)}"
        source, ref = attempt.reference
        numbers.equalise(ref, attempt.layout)
        comparison = numbers.Comparison((source, ref), (attempt.source, attempt.layout))
        texts = (comparison.first_difference(training) for training in (False, True))
        text = next((text for text in texts if text), "")
        if text:
            case = attempt.case
            return f"{text} (f={case.f}, filters={list(case.filters)}, s={case.s}, input {case.shape})"
    return ""


def _notes(signature: Signature) -> list[Difference]:
    if signature.defaults.get("training") is True:
        return [Difference("training-default", "training", "training=None", "training=True")]
    return []


def _is_tensor(value) -> bool:
    return isinstance(value, keras.KerasTensor)


def _type_in_words(value) -> str:
    return "None (nothing)" if value is None else f"a {type(value).__name__}"
