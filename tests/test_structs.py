"""Fields of structs: what is allowed, in words, and errors of the caller's class."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from residual._structs import check_fields, describe_type
from residual.errors import RecipeError


class Point(msgspec.Struct):
    """Two numbers and a label."""

    x: Annotated[float, Meta(ge=0)]
    label: str | None = None

    def __post_init__(self):
        check_fields(self, RecipeError, "point")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "a whole number"),
        (Annotated[int, Meta(ge=1)], "a whole number of at least 1"),
        (Annotated[int, Meta(ge=0, le=4)], "a whole number from 0 to 4"),
        (Annotated[float, Meta(gt=0, lt=1)], "a number above 0 and below 1"),
        (Annotated[float, Meta(le=0.5)], "a number at most 0.5"),
        (bool, "true or false"),
        (str, "a text"),
        (Annotated[str, Meta(min_length=1)], "a text that is not empty"),
        (Literal["a", "b"], "one of a, b"),
        (list[str], "a list, each entry a text"),
        (tuple[Annotated[int, Meta(ge=1)], ...], "a list, each entry a whole number of at least 1"),
        (int | None, "a whole number or none"),
        (dict[str, int], "a dict"),
    ],
)
def test_what_is_allowed_in_words(kind, words):
    assert describe_type(kind) == words


def test_fields_are_converted():
    assert repr(Point(2)) == "Point(x=2.0, label=None)"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1,), "point: x must be a number of at least 0; got -1."),
        (("2",), "point: x must be a number of at least 0; got '2'."),
        ((1, 3), "point: label must be a text or none; got 3."),
    ],
)
def test_a_wrong_field_is_an_error_of_the_class_that_was_asked_for(values, message):
    with pytest.raises(RecipeError) as error:
        Point(*values)
    assert str(error.value) == message
