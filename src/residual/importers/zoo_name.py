"""Compare specs by what their networks compute, and find the name that one has in the zoo."""

from typing import Any

from msgspec.structs import asdict

from residual.errors import NetworkError
from residual.models import zoo
from residual.models.spec import NetworkSpec

_FREE = ("name", "source", "initializer", "start", "l2")  # do not change what a network with weights computes


def name_spec(spec: NetworkSpec) -> NetworkSpec:
    """The spec of the zoo that builds the same network; the spec itself if there is none."""
    for family in zoo.FAMILIES:
        for name in family.list_names():
            try:
                found = zoo.find_spec(name)
            except NetworkError:  # an example with a suffix that this depth does not have
                continue
            if are_same(found, spec):
                return found
    return spec


def are_same(one: NetworkSpec, other: NetworkSpec) -> bool:
    """Whether two specs build networks that compute the same from the same weights."""
    return _list_fields(one) == _list_fields(other)


def _list_fields(spec: NetworkSpec) -> dict[str, Any]:
    idle = [*_FREE]
    if spec.block == "basic":
        idle.append("stride_on")
    if not spec.preactivation:
        idle.append("project_from")
    return {name: value for name, value in asdict(spec).items() if name not in idle}
