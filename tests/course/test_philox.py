"""Philox4x32-10 and TensorFlow's stream of uniforms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.course.philox import UniformStream, counters_from, philox4x32, unit_floats


def test_philox_known_answers():
    """Counters and keys of zeros, of ones and of pi's digits: the paper's own test vectors."""
    ones = 0xFFFFFFFF
    pi = np.array([[0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]])
    got = [
        philox4x32(np.zeros((1, 4), np.uint32), (0, 0)),
        philox4x32(np.full((1, 4), ones), (ones, ones)),
        philox4x32(pi, (0xA4093822, 0x299F31D0)),
    ]
    assert [" ".join(f"{word:08x}" for word in block[0]) for block in got] == [
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ]


def test_rows_are_scrambled_independently():
    counters = counters_from(7, 5)
    alone = [philox4x32(row[None], (3, 4))[0] for row in counters]
    np.testing.assert_array_equal(philox4x32(counters, (3, 4)), alone)


@pytest.mark.parametrize("bits", [32, 64, 96, 128])
def test_counter_carries_into_every_word(bits):
    words = counters_from(2**bits - 2, 4)
    as_integers = [sum(int(word) << (32 * i) for i, word in enumerate(row)) for row in words]
    assert as_integers == [(2**bits - 2 + i) % 2**128 for i in range(4)]


def test_unit_floats_use_the_low_23_bits():
    got = unit_floats(np.array([0, 1, 0x7FFFFF, 0x800000, 0xFFFFFFFF], np.uint32))
    assert got.dtype == np.float32
    assert got.tolist() == [0, 2.0**-23, 1 - 2.0**-23, 0, 1 - 2.0**-23]


@pytest.mark.parametrize(
    ("seed", "first"),
    [
        (87654321, [0.10086262, 0.9701668, 0.8487642, 0.048281312]),
        (2, [0.829064, 0.60742176, 0.1587187, 0.54357314]),
    ],
)
def test_first_uniforms(seed, first):
    np.testing.assert_array_equal(UniformStream(seed, 0).draw(4), np.float32(first))


def test_seeds_fill_key_and_upper_counter():
    stream = UniformStream(0x1_0000_0002, 0x3_0000_0004)
    expected = philox4x32(np.array([[0, 0, 4, 3]]), (2, 1))
    np.testing.assert_array_equal(stream.draw(4), unit_floats(expected[0]))


@pytest.mark.parametrize("count", [0, 1, 6, 9408, 70001])
def test_counter_grows_by_256_per_value(count):
    stream = UniformStream(2, 5)
    assert stream.draw(count).shape == (count,)
    assert stream.counter == (5 << 64) + 256 * count


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 40), m=st.integers(0, 40), seed=st.integers(-(2**63), 2**64 - 1))
def test_two_draws_are_two_windows_of_one(n, m, seed):
    """A draw of n reserves 256 n blocks of four values, where the next draw then starts."""
    stream, whole = UniformStream(seed, 1), UniformStream(seed, 1).draw(1024 * n + m)
    np.testing.assert_array_equal(stream.draw(n), whole[:n])
    np.testing.assert_array_equal(stream.draw(m), whole[1024 * n :])


def test_a_draw_of_many_chunks_has_no_seams():
    """Blocks either side of a chunk's edge are those of their own counters."""
    values = UniformStream(2, 0).draw(300_000)
    for first in (16383, 16384, 65535, 65536):
        block = unit_floats(philox4x32(counters_from(first, 1), (2, 0)))[0]
        np.testing.assert_array_equal(values[4 * first : 4 * first + 4], block)
