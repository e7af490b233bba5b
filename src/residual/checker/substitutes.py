"""The reference's blocks in place of those of a learner that are wrong, while a network is built from them."""

import contextlib
import inspect
from collections.abc import Callable, Mapping

from residual.checker.candidates import Candidate, list_codes, unwrap
from residual.checker.plans import Plan
from residual.models import course_blocks

Wrong = Mapping[str, tuple[Callable | None, Plan | None]]


def find_called(candidate: Candidate, wrong: Wrong) -> Wrong:
    """Those of the wrong blocks that the network's function calls."""
    names = set().union(*(code.co_names for code in list_codes(candidate.original)))
    return {name: value for name, value in wrong.items() if name in names}


@contextlib.contextmanager
def replace_blocks(function: Callable, wrong: Wrong):
    """The reference's blocks under the learner's names, for as long as the network is built."""
    namespace = getattr(unwrap(function), "__globals__", {})
    before = {name: namespace[name] for name in wrong if name in namespace}
    for name in before:
        namespace[name] = _make_substitute(*wrong[name])
    try:
        yield
    finally:
        namespace.update(before)


def _make_substitute(theirs: Callable, plan: Plan) -> Callable:
    """The reference's block with the parameters of the learner's."""
    roles = {own: role for role, own in plan.signature.names.items()}
    reference = {
        "identity": course_blocks.identity_block,
        "convolutional": course_blocks.convolutional_block,
    }[plan.role]
    taken = ("filters", "s", "training") if plan.role == "convolutional" else ("filters", "training")

    def block(*args, **kwargs):
        bound = inspect.signature(theirs).bind(*args, **kwargs)
        bound.apply_defaults()
        values = {roles[own]: value for own, value in bound.arguments.items() if own in roles}
        x = (
            bound.arguments[plan.signature.first]
            if plan.signature.first
            else next(iter(bound.arguments.values()))
        )
        return reference(x, values.get("f", 3), **{role: values[role] for role in taken if role in values})

    return block
