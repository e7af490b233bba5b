"""Differences of accuracies against published intervals and binomial sums done by hand."""

import numpy as np
import pytest

from residual.errors import DataError
from residual.evaluation.significance import compare_paired, compare_unpaired


@pytest.mark.parametrize(
    ("second", "first", "interval"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_two_sets_of_images_as_newcombe_has_them(second, first, interval):
    """Table II of Newcombe 1998, method 10."""
    difference = compare_unpaired(first, second)
    assert difference.interval == pytest.approx(interval, abs=5e-5)
    assert difference.value == pytest.approx(second[0] / second[1] - first[0] / first[1])
    assert difference.beyond_chance == (interval[0] > 0)
    assert (difference.paired, difference.p, difference.only_first) == (False, None, None)


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    table = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, only_first, only_second, neither], axis=0)
    return table[:, 0].astype(bool), table[:, 1].astype(bool)


@pytest.mark.parametrize(
    ("table", "interval"),
    [
        ((36, 12, 2, 0), (-0.3404, -0.0569)),
        ((20, 12, 2, 16), (-0.3292, -0.0562)),
        ((53, 1, 0, 0), (-0.0977, 0.0496)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
    ],
)
def test_the_same_images_as_newcombe_has_them(table, interval):
    assert compare_paired(*answers(*table)).interval == pytest.approx(interval, abs=5e-5)


def test_mcnemars_test_is_that_of_a_coin():
    # 14 against 3 of 17: P(at most 3 heads) = (1 + 17 + 136 + 680) / 2^17, on either side.
    found = compare_paired(*answers(100, 3, 14, 3))
    assert (found.only_first, found.only_second, found.paired) == (3, 14, True)
    assert found.p == pytest.approx(2 * (1 + 17 + 136 + 680) / 2**17)
    assert found.value == pytest.approx(11 / 120)
    assert found.beyond_chance
    # 5 against 0: 2 / 2^5 = 0.0625, which chance gives more often than once in twenty.
    found = compare_paired(*answers(100, 0, 5, 15))
    assert found.p == pytest.approx(0.0625)
    assert not found.beyond_chance


def test_images_that_both_have_right_or_wrong_say_nothing():
    assert compare_paired(*answers(0, 3, 14, 0)).p == compare_paired(*answers(900, 3, 14, 83)).p
    same = compare_paired(*answers(50, 0, 0, 5))
    assert (same.value, same.p, same.beyond_chance) == (0, 1, False)
    assert same.interval[0] < 0 < same.interval[1]


def test_exchanging_the_two_turns_the_sign():
    first, second = answers(90, 4, 12, 6)
    one, other = compare_paired(first, second), compare_paired(second, first)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert (one.value, one.p) == (-other.value, other.p)


def test_several_comparisons_share_the_risk():
    first, second = answers(100, 3, 14, 3)  # p = 0.0127
    assert [compare_paired(first, second, k).beyond_chance for k in (1, 3, 4)] == [True, True, False]
    assert compare_paired(first, second, 4).interval == compare_paired(first, second).interval, (
        "what is shown stays at 95%"
    )
    assert [compare_unpaired((48, 80), (56, 70), k).beyond_chance for k in (1, 20)] == [True, False]


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"must be of one length, at least 1; got \(2,\) and \(3,\)"):
        compare_paired(np.ones(2, bool), np.ones(3, bool))
    with pytest.raises(DataError, match="at least 1"):
        compare_paired(np.ones(0, bool), np.ones(0, bool))
