"""Numbers, durations and names as people read them."""

import pytest
from rich.cells import cell_len

from residual._text import (
    escape_control,
    first_line,
    format_bytes,
    format_clock,
    format_duration,
    format_magnitude,
    format_shape,
    truncate_middle,
)

LONG_NAMES = ("a_long_name_one", "数字数字数字数字数字", "e\u0301" * 20, "", "a")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (2e6, "2.0 MB"), (1.5e12, "1,500.0 GB")],
)
def test_bytes_in_powers_of_ten(size, text):
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 MiB"), (700 * 2**20, "700 MiB"), (2**30, "1.0 GiB"), (3 * 2**40, "3,072.0 GiB")]
)
def test_bytes_in_powers_of_two(size, text):
    assert format_bytes(size, binary=True) == text


def test_durations_and_clocks():
    times = (14.2, 59.6, 200, 7510)
    assert [format_duration(seconds) for seconds in times] == ["14 s", "1 min 0 s", "3 min 20 s", "2 h 5 min"]
    assert [format_clock(seconds) for seconds in times] == ["0:14", "1:00", "3:20", "2:05:10"]


def test_shapes():
    assert format_shape((56, None, 256)) == "56x?x256"
    assert format_shape([3, 3]) == "3x3"
    assert format_shape(7) == "7"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (999, "999"), (1000, "1.00k"), (9_995, "10.0k"), (25_557_032, "25.6M"),
        (999_499, "999k"), (999_600, "1.00M"), (3_857_973_248, "3.86G"), (11_282_415_616, "11.3G"),
    ],
)  # fmt: skip
def test_magnitudes(number, text):
    assert format_magnitude(number) == text


def test_the_first_line_of_an_error():
    assert first_line(ValueError("\n one \ntwo")) == "one "
    assert first_line(ValueError()) == "ValueError"


def test_characters_that_do_not_print_are_replaced():
    assert escape_control("tab\tand\x1b[31m é数") == "tab?and?[31m é数"


@pytest.mark.parametrize("width", range(30))
def test_a_truncated_name_keeps_the_width(width):
    for name in LONG_NAMES:
        assert cell_len(truncate_middle(name, width)) <= width


def test_a_truncated_name_keeps_both_ends_and_drops_what_does_not_print():
    assert truncate_middle("a_long_name_one", 12) == "a_lon..e_one"
    assert truncate_middle("tab\tand\x1b[31m", 20) == "tab?and?[31m"
