"""Every dependency has a lower bound that can be installed and tested."""

import pytest

from tests.support.minimums import PYPROJECT, list_requirements, pin_to_minimum


@pytest.mark.parametrize(
    "requirement",
    list_requirements("jax", "torch", "parquet", "hub", "heif", "tensorboard", "export", "serve", "test"),
)
def test_every_requirement_has_a_lower_bound(requirement):
    name, _, rest = pin_to_minimum(requirement).partition("==")
    assert requirement.startswith(f"{name}>={rest.partition(';')[0]}")


def test_the_upper_bound_goes_and_the_marker_stays():
    assert pin_to_minimum("keras>=3.10,<4") == "keras==3.10"
    assert pin_to_minimum("a[x]>=1.2; os_name == 'nt'") == "a[x]==1.2; os_name == 'nt'"


def test_the_file_for_other_backends_lists_all_but_tensorflow():
    lines = (
        PYPROJECT.with_name("requirements").joinpath("without-tensorflow.txt").read_text("utf-8").splitlines()
    )
    listed = [line for line in lines if not line.startswith("#")]
    assert listed == [line for line in list_requirements() if not line.startswith(("tensorflow", "jax"))]


def test_the_extra_for_tests_does_not_bring_a_second_tensorflow():
    assert not [line for line in list_requirements("test") if line.startswith(("tf_keras", "tf-keras"))]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy==2.0", "numpy>1"])
def test_a_requirement_without_a_lower_bound_is_refused(requirement):
    with pytest.raises(ValueError, match="has no lower bound"):
        pin_to_minimum(requirement)
