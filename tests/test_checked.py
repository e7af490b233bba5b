"""Frozen values: what is checked when they are made, and what errors say."""

import pickle
from typing import Annotated, Literal

import numpy as np
import pytest
from msgspec import Meta
from msgspec.structs import replace

from residual._checked import Checked, Count, Whole, read_kind, read_table
from residual.errors import RecipeError


class Coat(Checked, frozen=True, tag="coat", tag_field="kind"):
    """A coat of paint."""

    layers: Count
    drops: Whole = 0
    shade: Literal["dark", "light", "none"] = "none"
    share: Annotated[float, Meta(ge=0, le=1, description="a share from 0 to 1")] | None = None
    name: str | None = None

    def describe_kind(self) -> str:
        return "coat"


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


def test_values_are_frozen_and_can_be_pickled():
    coat = Coat(2, shade="dark")
    assert pickle.loads(pickle.dumps(coat)) == coat
    with pytest.raises(AttributeError):
        coat.layers = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"layer": 1}, "coat: has layers, drops, shade, share, name, not layer."),
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
