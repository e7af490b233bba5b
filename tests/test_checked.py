"""Frozen values: what is checked when they are made, and what errors say."""

import pickle
from typing import Annotated, ClassVar, Literal

import numpy as np
import pytest
from msgspec import Meta
from msgspec.structs import replace

from residual._checked import Checked, Count, Whole, describe_type, read_kind, read_table
from residual.errors import NetworkError, RecipeError, ResidualError


class Coat(Checked, frozen=True, tag="coat", tag_field="kind"):
    """A coat of paint."""

    layers: Count
    drops: Whole = 0
    shade: Literal["dark", "light", "none"] = "none"
    share: Annotated[float, Meta(ge=0, le=1, description="a share from 0 to 1")] | None = None
    name: str | None = None

    def describe_kind(self) -> str:
        return "coat"


class Wall(Checked, frozen=True):
    """A wall, whose fields need conversions."""

    error: ClassVar[type[ResidualError]] = NetworkError

    sides: tuple[Count, ...]
    height: float = 1.0
    is_dry: bool = True
    coat: Coat | None = None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "a whole number"),
        (Count, "a whole number from 1"),
        (Annotated[int, Meta(ge=0, le=2**32 - 1)], "a whole number from 0 to 4294967295"),
        (Annotated[float, Meta(ge=0, lt=1)], "a number from 0 to below 1"),
        (Annotated[float, Meta(gt=0, lt=1)], "a number above 0 and below 1"),
        (Annotated[float, Meta(gt=0, le=0.5)], "a number above 0 and at most 0.5"),
        (Annotated[float, Meta(le=0.5)], "a number at most 0.5"),
        (Annotated[Count, Meta(description="a count of coats")], "a count of coats"),
        (bool, "true or false"),
        (str, "text"),
        (Annotated[str, Meta(min_length=1)], "text that is not empty"),
        (Literal["a", "b"], "a or b"),
        (Literal["b", "c", "a"], "one of b, c, a"),
        (tuple[Count, ...], "a list, each entry a whole number from 1"),
        (Count | None, "a whole number from 1"),
        (Count | Literal["auto", "none"], "a whole number from 1 or auto or none"),
        (Coat | str, ""),
        (tuple[Coat, ...], ""),
    ],
)
def test_what_is_allowed_in_words(kind, words):
    assert describe_type(kind) == words


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"layers": 0}, "coat: layers must be a whole number from 1; got 0."),
        ({"layers": True}, "coat: layers must be a whole number from 1; got True."),
        ({"layers": 1.0}, "coat: layers must be a whole number from 1; got 1.0."),
        ({"layers": 1, "drops": -1}, "coat: drops must be a whole number from 0; got -1."),
        ({"layers": 1, "shade": "red"}, "coat: shade must be one of dark, light, none; got 'red'."),
        ({"layers": 1, "share": float("nan")}, "coat: share must be a share from 0 to 1; got nan."),
        ({"layers": 1, "share": "much"}, "coat: share must be a share from 0 to 1; got 'much'."),
        ({"layers": 1, "name": 3}, "coat: name must be text; got 3."),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(values, text):
    with pytest.raises(RecipeError) as caught:
        Coat(**values)
    assert str(caught.value) == text


def test_replacing_a_value_checks_it():
    with pytest.raises(RecipeError, match="layers must be a whole number from 1; got 0"):
        replace(Coat(1), layers=0)


def test_numbers_of_numpy_become_plain_ones():
    coat = Coat(np.int64(2), share=np.float32(0.5))
    assert (type(coat.layers), type(coat.share)) == (int, float)
    assert coat == Coat(2, share=0.5)


@pytest.mark.parametrize("sides", [[3, 4], (3, 4), (np.int64(3), np.int32(4)), np.array([3, 4])])
def test_values_are_converted_to_the_type_of_their_field(sides):
    assert repr(Wall(sides, 2, np.True_)) == "Wall(sides=(3, 4), height=2.0, is_dry=True, coat=None)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (([3, 0],), "sides must be a list, each entry a whole number from 1; got [3, 0]."),
        ((np.array([0.5]),), "sides must be a list, each entry a whole number from 1; got [0.5]."),
        (([3], "2"), "height must be a number; got '2'."),
        (([3], 1.0, 1), "is_dry must be true or false; got 1."),
    ],
)
def test_a_class_has_its_own_error(values, text):
    with pytest.raises(NetworkError) as caught:
        Wall(*values)
    assert str(caught.value) == text


def test_a_field_that_holds_an_object_is_left_as_it_is():
    coat = Coat(1)
    assert Wall([3], coat=coat).coat is coat


def test_values_are_frozen_and_can_be_pickled():
    coat = Coat(2, shade="dark")
    assert pickle.loads(pickle.dumps(coat)) == coat
    with pytest.raises(AttributeError):
        coat.layers = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"layer": 1}, "coat: unknown key layer; did you mean layers?"),
        ({"drops": 1}, "coat: lacks layers."),
        ([1], "coat: must be a table such as {layers = 1}; got [1]."),
    ],
)
def test_a_wrong_table_is_refused(table, text):
    with pytest.raises(RecipeError) as caught:
        read_table(Coat, table, "coat", "{layers = 1}")
    assert str(caught.value) == text


def test_the_kind_of_a_table_chooses_the_class():
    assert read_kind((Coat,), {"kind": "coat", "layers": 2}, "paint", "{}") == Coat(2)
    with pytest.raises(RecipeError, match="paint: kind must be one of coat; got 'wall'"):
        read_kind((Coat,), {"kind": "wall"}, "paint", "{}")


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"side": 1}, "wall: unknown key side; did you mean sides?"),
        ({}, "wall: lacks sides."),
        (3, "wall: must"),
    ],
)
def test_a_wrong_table_raises_the_error_of_the_class(table, text):
    with pytest.raises(NetworkError, match=text):
        read_table(Wall, table, "wall")
