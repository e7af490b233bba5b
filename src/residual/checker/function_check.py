"""`check`: the functions of a namespace against the reference, in this process."""

import inspect
from collections.abc import Callable, Mapping

from residual.checker.findings import make_finding
from residual.checker.report import Finding, Report
from residual.checker.rules.running import NothingToCheck
from residual.errors import ResidualError

BLOCKS = ("identity_block", "convolutional_block")
NETWORKS = ("ResNet50", "resnet_v1", "resnet_v2")
NAMES = BLOCKS + NETWORKS


def check(
    *functions: Callable | Mapping, on_start: Callable[[str], None] | None = None, **named: Callable
) -> Report:
    """Compare functions with the reference and name what is wrong with them.

        check(identity_block)
        check(identity_block=my_block, convolutional_block=my_other)
        check(globals())

    Args:
        functions: functions called by the course's names, or mappings of names to functions (others in a
            mapping are passed over). With `ResNet50` the blocks that it calls are checked too.
        on_start: called with the name of each function before it is checked.
        named: functions by the course's names: identity_block, convolutional_block, ResNet50, resnet_v1,
            resnet_v2.

    Returns:
        The report; `report.ok` is False if there is a mistake or nothing to check.

    Raises:
        ResidualError: for a function whose name is none of the course's.
    """
    given = _gather_functions(functions, named)
    if not given:
        return Report((), (make_finding("", NothingToCheck().find_in_names(NAMES)),))
    findings: list[Finding] = []
    printed: list[str] = []
    wrong: dict[str, Callable] = {}
    for name in (name for name in NAMES if name in given):
        if on_start:
            on_start(name)
        found, text = _check_one(name, given[name], wrong)
        if name in BLOCKS and any(finding.severity == "mistake" for finding in found):
            wrong[name] = given[name]
        findings += found
        printed.append(text)
    checked = tuple(name for name in NAMES if name in given)
    return Report(checked, tuple(findings), printed="".join(printed)[-4000:])


def _check_one(name: str, function: Callable, wrong: dict[str, Callable]) -> tuple[list[Finding], str]:
    # Keras is needed from here on only: the command line's parent process never loads it.
    from residual.checker import block_check, network_check

    if name in BLOCKS:
        return block_check.check_block(name, function)
    return network_check.check_network(name, function, wrong)


def _gather_functions(functions, named: Mapping[str, Callable]) -> dict[str, Callable]:
    given: dict[str, Callable] = {}
    for one in functions:
        if isinstance(one, Mapping):
            given |= {name: one[name] for name in NAMES if inspect.isfunction(one.get(name))}
        else:
            given[getattr(one, "__name__", repr(one))] = one
    given |= named
    unknown = [name for name in given if name not in NAMES]
    if unknown:
        raise ResidualError(
            f"check knows {', '.join(NAMES)}; got {', '.join(unknown)}. Name the function, as in "
            f"check(identity_block={unknown[0]})."
        )
    namespace = getattr(inspect.unwrap(given["ResNet50"]), "__globals__", {}) if "ResNet50" in given else {}
    used = {
        name: namespace[name]
        for name in BLOCKS
        if name not in given and inspect.isfunction(namespace.get(name))
    }
    return given | used
