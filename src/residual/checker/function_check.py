"""`check`: blocks and networks of a file, a namespace or by themselves against the reference."""

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from residual.checker.candidates import (
    Candidate,
    Names,
    classify_name,
    find_home,
    find_names,
    make_candidate,
    unwrap,
)
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
_GAP = re.compile(r"^(\s*)(\w+)\s*=\s*None\s*(?:#.*)?$")
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
    return check_names(_gather(what, named))


def _gather(what, named: Mapping[str, Callable]) -> Names:
    names = Names([], {}, {})
    for one in what:
        if isinstance(one, Mapping):
            found = find_names(one)
            names.candidates.extend(found.candidates)
            names.unknown.update(found.unknown)
            names.imported.update(found.imported)
        else:
            named = {getattr(one, "__name__", repr(one)): one, **named}
    for name, function in named.items():
        known = classify_name(name)
        if known is None:
            raise ResidualError(
                f"check knows {', '.join(NAMES)}; got {name}. Name the function, as in "
                f"check(identity_block={name})."
            )
        candidate = make_candidate(name, function, *known)
        if find_home(function).split(".")[0] in ("residual", "keras"):
            names.imported[name] = f"it comes from {find_home(function)}, and is not yours"
        elif candidate is None:
            names.unknown[name] = "it is a class, and not a Keras layer"
        else:
            names.candidates.append(candidate)
    taken = {candidate.name for candidate in names.candidates}
    used = [block for one in names.candidates if not one.is_block for block in _find_used(one)]
    names.candidates[:0] = [block for block in used if block.name not in taken]
    return names


def _find_used(network: Candidate) -> list[Candidate]:
    """The blocks that a network's function calls."""
    target = unwrap(network.function)
    code = getattr(target, "__code__", None)
    candidates = find_names(getattr(target, "__globals__", {})).candidates
    return [one for one in candidates if one.is_block and code and one.name in code.co_names]


@dataclass
class _Progress:
    """What the check of several functions has found so far."""

    findings: list[Finding] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    wrong: dict[str, tuple] = field(default_factory=dict)
    plain: dict[str, tuple] = field(default_factory=dict)


def check_names(
    names: Names, on_start: Callable[[str], None] | None = None, broken: Sequence[str] = ()
) -> Report:
    """Check each candidate; no error of the checker itself gets out.

    Args:
        names: from `find_names`.
        on_start: called with the name of each function before it is checked.
        broken: blocks that could not be defined: a network that calls them is not checked.
    """
    progress = _Progress(unchecked=dict(names.unknown), wrong=dict.fromkeys(broken, (None, None)))
    for candidate in names.candidates:
        if on_start:
            on_start(candidate.name)
        try:
            _check_one(candidate, progress)
        except Exception as error:  # whatever the learner's code makes of the checker: say so, and go on
            reason = f"the checker cannot read it ({type(error).__name__}: {error})"
            progress.unchecked[candidate.name] = " ".join(reason.split())[:300]
    if not progress.roles and not progress.findings:
        others = {**progress.unchecked, **names.imported}
        progress.findings.append(make_finding("", NothingToCheck().find_in_names(NAMES, others)))
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
        done = network_check.check_network(candidate, progress.wrong, progress.plain)
    progress.printed += done.printed
    if done.reason:
        progress.unchecked[candidate.name] = done.reason
        if done.reason == block_check.ADDS_NOTHING and candidate.role == "convolutional":
            progress.plain[candidate.name] = (None, None)
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
    end = next((line for line in reversed(lines) if line.strip()), "")
    depth = len(end) - len(end.lstrip())  # `else: model = None` is no gap
    gaps = [
        (first + i, line)
        for i, line in enumerate(lines)
        if (m := _GAP.match(line)) and m[2] in _TENSORS and len(m[1]) == depth
    ]
    return [make_finding(candidate.name, gap) for gap in Unfinished().find_in_lines(gaps)]
