"""Every dependency has a lower bound that can be installed and tested."""

import pytest

from tests.support.minimums import list_requirements, pin_to_minimum


@pytest.mark.parametrize(
    "requirement", list_requirements("jax", "torch", "parquet", "hub", "tensorboard", "test")
)
def test_every_requirement_has_a_lower_bound(requirement):
    name, _, rest = pin_to_minimum(requirement).partition("==")
    assert requirement.startswith(f"{name}>={rest.partition(';')[0]}")


def test_the_upper_bound_goes_and_the_marker_stays():
    assert pin_to_minimum("keras>=3.10,<4") == "keras==3.10"
    assert pin_to_minimum("a[x]>=1.2; os_name == 'nt'") == "a[x]==1.2; os_name == 'nt'"


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy==2.0", "numpy>1"])
def test_a_requirement_without_a_lower_bound_is_refused(requirement):
    with pytest.raises(ValueError, match="has no lower bound"):
        pin_to_minimum(requirement)
