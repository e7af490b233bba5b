"""The networks of the zoo that torch weights are compared with."""

from residual.importers.torch_weights import shapes


def test_a_family_that_lacks_some_widths_is_compared_with_the_others():
    names = {spec.name for spec in shapes._list_specs()}
    assert {"resnet50", "fast-resnet8-4"} <= names
    assert "fast-resnet8-1" not in names  # the channels of that family are multiples of 4
