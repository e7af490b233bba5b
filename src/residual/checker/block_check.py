"""The check of one residual block: cases, differences, findings."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import keras

from residual.checker import numbers
from residual.checker.apply_rules import apply_rules, find_block_differences, merge_cases
from residual.checker.attempt import Attempt
from residual.checker.calling import Signature, SignatureError, call, makes_function
from residual.checker.candidates import Candidate
from residual.checker.difference import Difference, has_mistake, soften_difference
from residual.checker.findings import NO_EVIDENCE, Evidence, group_differences, make_finding
from residual.checker.graph import depends_on, list_items, list_lost_steps
from residual.checker.layout import Layout, block_layout, list_convs, list_norms
from residual.checker.pairs import BlockPair, CallArguments, Result
from residual.checker.plans import CASES, COURSE_ORDER, Case, Plan, Style, list_plans
from residual.checker.reasons import explain_stop
from residual.checker.report import Finding
from residual.checker.rules.arguments import WrongSignature
from residual.checker.rules.rule import Rule
from residual.checker.rules.running import NumbersDiffer, Raises
from residual.checker.rules.shortcut import NormMissingOnShortcut
from residual.checker.steps import pick_steps
from residual.checker.wording import describe_error
from residual.models import course_blocks

ADDS_NOTHING = "it adds nothing to its input, so it is a part of a block, or a plain one"


@dataclass(frozen=True)
class Checked:
    """What came of a check.

    Attributes:
        findings: mistakes and notes.
        printed: what the learner's function printed.
        reason: why it was not checked, or "".
        plan: how the block was called.
        roles: "identity", "convolutional", as which the block was checked.
    """

    findings: list[Finding] = field(default_factory=list)
    printed: str = ""
    reason: str = ""
    plan: Plan | None = None
    roles: tuple[str, ...] = ()


def check_block(candidate: Candidate) -> Checked:
    """Compare a learner's block with the reference."""
    roles = ("identity", "convolutional") if candidate.role == "residual" else (candidate.role,)
    if makes_function(candidate.function):
        return Checked(reason="it returns a function, and not a tensor: check the function that it returns")
    findings: list[Finding] = []
    printed, checked, plan = "", [], None
    for role in roles:
        try:
            attempts = _run_cases(candidate, role)
            reason = _find_reason(candidate, attempts)
            if reason:
                return Checked(reason=reason)
        except SignatureError as error:
            if candidate.by_course_name:
                return Checked([_make_signature_finding(candidate.name, role, error)])
            return Checked(reason=str(error))
        first = attempts[0]
        printed += "".join(attempt.outcome.printed for attempt in attempts)
        if role == "identity" and candidate.role == "residual" and _projects(first):
            continue
        if checked and not {"s", "project"} & set(first.plan.signature.names) and not _projects(first):
            continue
        known = {(finding.message, finding.line) for finding in findings}
        judged = _judge(candidate.name, attempts)
        findings += [finding for finding in judged if (finding.message, finding.line) not in known]
        checked.append(role)
        plan = first.plan
    return Checked(findings, printed, plan=plan, roles=tuple(checked))


def _projects(attempt: Attempt) -> bool:
    return attempt.layout is not None and attempt.layout.blocks[0].projects


def _make_signature_finding(name: str, role: str, error: Exception) -> Finding:
    order = ("X", *COURSE_ORDER[role])
    return make_finding(name, WrongSignature().find_in_error(name, order, error))


def _run_cases(candidate: Candidate, role: str) -> list[Attempt]:
    signature = Signature.of(candidate.function, is_block=True)
    first = _find_first_attempt(candidate, signature, role)
    attempts = [first]
    cases = CASES[role]
    if candidate.role == "residual" and role == "convolutional" and "s" in signature:
        cases = tuple(case for case in cases if case.s > 1)  # without a stride it may take its input as it is
    for i, case in list(enumerate(cases))[1:]:
        # Two cases tell a fault from a hard-coded number, True from False: more say the same again.
        if i > 1 and any(has_mistake(attempt.differences) for attempt in attempts):
            break
        attempt = _attempt(candidate, first.plan, i, case)
        if first.activates_first and not attempt.activates_first:
            continue  # the first block of a network in the order of v2: what precedes it has activated
        attempts.append(attempt)
    return attempts


def _find_first_attempt(candidate: Candidate, signature: Signature, role: str) -> Attempt:
    """The first case, called in the way in which the block gets furthest and differs least."""
    plans = list(list_plans(signature, role, candidate.by_course_name))
    if not plans:
        raise SignatureError("it does not take filters")
    best = _find_best(candidate, plans)
    return best if best.is_right else _find_best(candidate, best.plan.flip(), best)


def _find_best(candidate: Candidate, plans: Iterable[Plan], best: Attempt | None = None) -> Attempt:
    """The attempt with the highest rank; `best` is one that was made before."""
    for plan in plans:
        attempt = _attempt(candidate, plan, 0, CASES[plan.role][0])
        if plan.signature.guessed and attempt.is_right:  # with these values alone a guess may fit by chance
            attempt.is_chance = not _attempt(candidate, plan, 1, CASES[plan.role][1]).is_right
        if best is None or attempt.rank > best.rank:
            best = attempt
        if attempt.is_right:
            break
    return best


def _find_reason(candidate: Candidate, attempts: list[Attempt]) -> str:
    """Why the calls of a block say nothing about it, or ""."""
    first = attempts[0]
    for one in attempts:
        if reason := explain_stop(candidate, one.plan.signature, one.outcome, one.differences):
            return reason
    if candidate.by_course_name:
        return ""
    guessed = first.plan.signature.guessed
    if not first.has_addition and guessed:
        return f"it is not clear what to give for its argument {', '.join(map(repr, guessed))}"
    if not first.has_addition:
        return ADDS_NOTHING
    if first.layout is not None and first.layout.blocks[0].count > 1:
        return "it builds several blocks at once: check the block that it repeats"
    return ""


def _attempt(candidate: Candidate, plan: Plan, number: int, case: Case) -> Attempt:
    function = candidate.function
    passed = number % 2 == 0 if "training" in plan.signature else None
    source = keras.Input(plan.find_shape(case))
    arguments = plan.make_arguments(case, number, passed)
    outcome = call(function, **{plan.signature.first or "X": source}, **arguments)
    attempt = Attempt(plan, case, passed, source, outcome)
    if outcome.error is None:
        connected = functools.partial(depends_on, outcome.result, source)
        result = Result(outcome.result, keras.KerasTensor, "a tensor", connected)
        attempt.differences = apply_rules(Rule.find_in_result, result)
        if attempt.differences:
            return attempt
    items = list_items(outcome, outcome.result)
    if items is not None:
        lost = list_lost_steps(outcome, outcome.result, source)
        attempt.layout = block_layout(items, outcome.error is None, lost)
        attempt.reference = _find_reference(attempt)
        attempt.differences = _compare(attempt)
        is_course = candidate.by_course_name and "f" in plan.signature and plan.style.count == 3
        if not is_course:
            attempt.differences = [_soften(candidate, one) for one in attempt.differences]
    if outcome.error is not None and not has_mistake(attempt.differences):
        attempt.differences.append(Raises().find_in_outcome(function, outcome))
    return attempt


def _soften(candidate: Candidate, difference: Difference) -> Difference:
    """What is a note in a block of one's own; one that is called convolutional has a norm where it projects."""
    is_strict = candidate.role == "convolutional" and isinstance(difference.rule, NormMissingOnShortcut)
    return difference if is_strict else soften_difference(difference)


def _find_reference(attempt: Attempt) -> tuple[Any, Layout]:
    """The reference for a case: its window and stride are the learner's own if they are no arguments."""
    case, plan, block = attempt.case, attempt.plan, attempt.layout.blocks[0]
    count = len(block.convs) + len(pick_steps(block.lost, "conv"))
    style = plan.style
    if style.count == 1 and count == 3 and plan.role == "convolutional":
        # A single number says nothing of the last convolution: n or 4n are right.
        style = Style(
            1, 1 if block.convs[-1:] and block.convs[-1].values["filters"] == case.filters[0] else 4
        )
    filters = style.expect(case.filters, count)
    f = case.f if "f" in plan.signature else 3
    s = case.s
    if plan.role == "convolutional" and "s" not in plan.signature:
        convs = [*pick_steps(block.shortcut, "conv"), *block.convs]
        s = max((conv.values["stride"][0] for conv in convs), default=1)
    shape = tuple(attempt.source.shape[1:])
    return build_reference(plan.role, f, filters, s, shape, attempt.passed)


@functools.cache
def build_reference(
    role: str, f: int, filters: tuple[int, ...], s: int, shape, training
) -> tuple[Any, Layout]:
    """(input, layout) of the reference's block; kept, since every comparison sets all its weights anew."""
    source = keras.Input((*shape[:2], filters[-1]) if role == "identity" else shape)
    if role == "identity":
        outcome = call(course_blocks.identity_block, source, f, filters, training=training)
    else:
        outcome = call(course_blocks.convolutional_block, source, f, filters, s, training=training)
    return source, block_layout(list_items(outcome, outcome.result) or [])


def _compare(attempt: Attempt) -> list[Difference]:
    signature = attempt.plan.signature
    ref, got = attempt.reference[1].blocks[0], attempt.layout.blocks[0]
    default = signature.defaults.get("initializer")
    arguments = CallArguments(
        list_norms(got),
        list_convs(got),
        attempt.passed,
        initializer="initializer" in signature,
        seeded=not isinstance(default, str | keras.initializers.Initializer),
        has_stride=attempt.plan.role == "identity" or "s" in signature,
    )
    return find_block_differences(BlockPair(ref, got), arguments)


def _judge(name: str, attempts: list[Attempt]) -> list[Finding]:
    found = merge_cases(attempts)
    if not has_mistake(found) and not any(difference.changes_numbers for difference in found):
        found += _compare_numbers(attempts)
    found += apply_rules(Rule.find_in_defaults, attempts[0].plan.signature.defaults)
    return group_differences(name, found, _find_evidence(attempts))


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
            plan, case = attempt.plan, attempt.case
            arguments = plan.signature.arguments(f=case.f, filters=plan.style.give(case.filters), s=case.s)
            called = ", ".join(f"{name}={value}" for name, value in arguments.items())
            return Evidence(f"{text} ({called}, input {tuple(attempt.source.shape[1:])})")
    return NO_EVIDENCE
