"""`check`: blocks and networks of a file, a namespace or by themselves against the reference."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from residual.checker.candidates import Candidate, classify_name, find_candidates, make_candidate, unwrap
from residual.checker.findings import make_finding
from residual.checker.report import Finding, Report
from residual.checker.rules.imports import Unfinished
from residual.checker.rules.running import NothingToCheck
from residual.errors import ResidualError

NAMES = (
    "identity_block",
    "convolutional_block",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "resnet_v1",
    "resnet_v2",
)
_ROLES = {"identity": "an identity block", "convolutional": "a convolutional block"}
_GAP = re.compile(r"^\s*(\w+)\s*=\s*None\s*(?:#.*)?$")
_TENSORS = {"X", "x", "X_shortcut", "x_shortcut", "A", "output", "outputs", "model"}


def check(
    *what: Callable | Mapping | str | os.PathLike,
    timeout: float = 120,
    **named: Callable,
) -> Report:
    """Compare blocks and networks with the reference and name what is wrong with them.

        check("my_blocks.py")                        a program or a notebook, in a process of its own
        check(identity_block)                        in a cell
        check(identity_block=mine, ResNet50=other)   whatever their names
        check(globals())                             all that this notebook defines

    Args:
        what: a path, functions, or a mapping of names to functions. Of a mapping, what was imported is passed over.
            With a network, the blocks that it calls are checked too.
        timeout: seconds for a file, loading Keras included. Functions have no limit.
        named: functions by what they are: identity_block, convolutional_block, residual_block, ResNet18, ResNet34,
            ResNet50, resnet_v1, resnet_v2.

    Returns:
        The report; `report.ok` is False if there is a mistake or nothing to check.

    Raises:
        ResidualError: a function's name is unknown.
        DataError: there is no such file, or it is neither a program nor a notebook.
    """
    if len(what) == 1 and isinstance(what[0], str | os.PathLike) and not named:
        from residual.checker.file_check import check_file

        return check_file(what[0], timeout=timeout)
    found, rest = _gather(what, named)
    return check_candidates(found, rest)


def _gather(what, named: Mapping[str, Callable]) -> tuple[list[Candidate], dict[str, str]]:
    found: list[Candidate] = []
    rest: dict[str, str] = {}
    for one in what:
        if isinstance(one, Mapping):
            candidates, others = find_candidates(one)
            found += candidates
            rest |= dict(others)
        else:
            named = {getattr(one, "__name__", repr(one)): one, **named}
    given = []
    for name, function in named.items():
        known = classify_name(name)
        if known is None:
            raise ResidualError(
                f"check knows {', '.join(NAMES)}; got {name}. Name the function, as in "
                f"check(identity_block={name})."
            )
        home = (getattr(unwrap(function), "__module__", None) or "").split(".")[0]
        candidate = make_candidate(name, function, *known)
        if home in ("residual", "keras") or candidate is None:
            rest[name] = (
                f"it comes from {home}, and is not defined here" if candidate else "it is not a Keras layer"
            )
        else:
            given.append(candidate)
    taken = {candidate.name for candidate in [*found, *given]}
    used = [block for network in given if not network.is_block for block in _find_used(network)]
    return [*(one for one in used if one.name not in taken), *found, *given], rest


def _find_used(network: Candidate) -> list[Candidate]:
    """The blocks that a network's function calls."""
    target = unwrap(network.function)
    code = getattr(target, "__code__", None)
    candidates, _ = find_candidates(getattr(target, "__globals__", {}))
    return [one for one in candidates if one.is_block and code and one.name in code.co_names]


@dataclass
class _Progress:
    """What the check of several functions has found so far."""

    findings: list[Finding] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    wrong: dict[str, tuple] = field(default_factory=dict)


def check_candidates(
    candidates: list[Candidate], rest: Mapping[str, str], on_start: Callable[[str], None] | None = None
) -> Report:
    """Check each candidate; no error of the checker itself gets out.

    Args:
        candidates: from `find_candidates`, blocks first.
        rest: names that cannot be checked, and why.
        on_start: called with the name of each function before it is checked.
    """
    progress = _Progress(unchecked=dict(rest))
    for candidate in candidates:
        if on_start:
            on_start(candidate.name)
        try:
            _check_one(candidate, progress)
        except Exception as error:  # whatever the learner's code makes of the checker: say so, and go on
            reason = f"the checker cannot read it ({type(error).__name__}: {error})"
            progress.unchecked[candidate.name] = " ".join(reason.split())[:300]
    if not progress.roles and not progress.findings:
        progress.findings.append(make_finding("", NothingToCheck().find_in_names(NAMES, progress.unchecked)))
    return Report(
        tuple(progress.roles),
        tuple(progress.findings),
        printed=progress.printed[-4000:],
        roles=progress.roles,
        unchecked=progress.unchecked,
    )


def _check_one(candidate: Candidate, progress: _Progress) -> None:
    # Keras is needed from here on only: the command line's parent process never loads it.
    from residual.checker import block_check, network_check

    if candidate.is_block:
        done = block_check.check_block(candidate)
    else:
        done = network_check.check_network(candidate, progress.wrong)
    progress.printed += done.printed
    if done.reason:
        progress.unchecked[candidate.name] = done.reason
        return
    found = done.findings
    if any(finding.severity == "mistake" for finding in found):
        found = _find_gaps(candidate) or found
        if candidate.is_block:
            progress.wrong[candidate.name] = (unwrap(candidate.original), done.plan)
    progress.findings += found
    expected = classify_name(candidate.name)
    roles = [_ROLES[role] for role in done.roles if role in _ROLES]
    is_plain = candidate.by_course_name or (expected and expected[0] == "network")
    progress.roles[candidate.name] = "" if is_plain else " and ".join(roles)


def _find_gaps(candidate: Candidate) -> list[Finding]:
    """The finding of a template that still assigns None to its tensors."""
    target = unwrap(candidate.original)
    try:
        lines, first = inspect.getsourcelines(target)
    except (OSError, TypeError):
        return []
    gaps = [(first + i, line) for i, line in enumerate(lines) if (m := _GAP.match(line)) and m[1] in _TENSORS]
    return [make_finding(candidate.name, gap) for gap in Unfinished().find_in_lines(gaps)]
