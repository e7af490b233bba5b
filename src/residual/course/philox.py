"""Philox4x32-10, the random generator of TensorFlow's stateful ops, vectorised in NumPy.

A block of four 32-bit words is a keyed scramble of a 128-bit counter: no state beyond the counter,
so any stretch of a stream is computed at once, and the same on every machine.

Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), which
gives the rounds; TensorFlow's `RandomUniform` kernel gives the layout of seeds, counter and floats.
"""

from collections.abc import Iterator

import numpy as np

ROUNDS = 10
# A TensorFlow call reserves this many blocks per value it returns, used or not.
BLOCKS_RESERVED_PER_VALUE = 256

_WORD = 2**32
_COUNTER = 2**128
_LOW_WORD = np.uint64(_WORD - 1)
_WORD_BITS = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
# Blocks scrambled at a time: a round's arrays then stay in a core's cache, and a large kernel's
# draw takes a fraction of the memory.
_CHUNK = 16384


def philox4x32(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Scramble 128-bit counters into blocks of four random words.

    Args:
        counters: integers of shape (n, 4), each below 2**32; word 0 is the lowest.
        key: two integers below 2**32.

    Returns:
        uint32 array of shape (n, 4).
    """
    c0, c1, c2, c3 = np.asarray(counters).T.astype(np.uint64)
    for step in range(ROUNDS):
        k0, k1 = (np.uint64((k + step * bump) % _WORD) for k, bump in zip(key, _KEY_STEPS, strict=True))
        first, second = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1 = (second >> _WORD_BITS) ^ c1 ^ k0, second & _LOW_WORD
        c2, c3 = (first >> _WORD_BITS) ^ c3 ^ k1, first & _LOW_WORD
    return np.stack((c0, c1, c2, c3), axis=-1).astype(np.uint32)


def counters_from(first: int, count: int) -> np.ndarray:
    """The 128-bit counters first, first + 1, ... as words, with carries between all four.

    Args:
        first: any integer; taken modulo 2**128.
        count: how many.

    Returns:
        uint32 array of shape (count, 4), word 0 the lowest.
    """
    high, low = divmod(first % _COUNTER, 2**64)
    lows = np.arange(count, dtype=np.uint64) + np.uint64(low)
    # The sum has wrapped round 2**64 exactly where it came out below its start.
    highs = (lows < np.uint64(low)).astype(np.uint64) + np.uint64(high)
    words = (lows & _LOW_WORD, lows >> _WORD_BITS, highs & _LOW_WORD, highs >> _WORD_BITS)
    return np.stack(words, axis=-1).astype(np.uint32)


def unit_floats(words: np.ndarray) -> np.ndarray:
    """Random words as float32 in [0, 1): the low 23 bits times 2**-23, TensorFlow's way.

    Args:
        words: uint32 array of any shape.

    Returns:
        float32 array of the same shape.
    """
    return (words & np.uint32(0x7FFFFF)).astype(np.float32) * np.float32(2.0**-23)


class UniformStream:
    """The successive results of one TensorFlow op `RandomUniform(seed, seed2)` in float32.

    The key is the low and high word of `seed`; `seed2` fills the upper half of the counter. Value i
    of a call, in C order, is word i % 4 of block `counter + i // 4`. After a call of n values the
    counter has grown by 256 * n, so calls do not continue where the last one stopped reading.

    Args:
        seed: integer; taken modulo 2**64.
        seed2: integer; taken modulo 2**64.
    """

    def __init__(self, seed: int, seed2: int):
        high, low = divmod(seed % 2**64, _WORD)
        self.key = (low, high)
        self.counter = (seed2 % 2**64) << 64

    def draw(self, count: int) -> np.ndarray:
        """The next call's values: float32 array of shape (count,) in [0, 1)."""
        values = np.empty(4 * -(-count // 4), dtype=np.float32)
        for start, blocks in _chunks(values.size // 4):
            words = philox4x32(counters_from(self.counter + start, blocks), self.key)
            values[4 * start : 4 * (start + blocks)] = unit_floats(words).ravel()
        self.counter = (self.counter + BLOCKS_RESERVED_PER_VALUE * count) % _COUNTER
        return values[:count]


def _chunks(total: int) -> Iterator[tuple[int, int]]:
    """(start, length) of consecutive stretches that cover `total` blocks."""
    for start in range(0, total, _CHUNK):
        yield start, min(_CHUNK, total - start)
