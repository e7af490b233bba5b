"""The probability from which on a network is right as often as somebody wants, and what n images can promise."""

import numpy as np
import pytest
from scipy.stats import binom

from residual.errors import DataError
from residual.trust.judge import describe_threshold
from residual.trust.thresholds import choose_threshold, count_needed, find_least_share, parse_precision


def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences that can be taken at their word."""
    rng = np.random.default_rng(1)
    confidence = 1 - rng.beta(0.5, 3, n)
    return confidence, rng.random(n) < confidence


def test_a_threshold_keeps_its_word_on_other_images():
    confidence, correct = draw(4000)
    chosen = choose_threshold(confidence[:2000], correct[:2000], 0.95)
    kept = confidence[2000:] >= chosen.probability
    assert correct[2000:][kept].mean() == pytest.approx(0.95, abs=0.02)
    assert 0.3 < kept.mean() < 1
    assert chosen.reached
    assert chosen.correct / chosen.n >= 0.95


def test_the_lowest_threshold_is_taken_and_ties_are_not_split():
    confidence, correct = np.array([0.9, 0.8, 0.8, 0.7]), np.array([True, True, False, False])
    assert choose_threshold(confidence, correct, 0.6).probability == pytest.approx(0.8)
    assert choose_threshold(confidence, correct, 0.85).n == 1
    everyone = choose_threshold(confidence, correct, 0.5)
    assert (everyone.n, everyone.probability) == (4, 0.7)


def test_probabilities_that_are_all_low_leave_the_precision_itself():
    chosen = choose_threshold(np.full(30, 0.5), np.ones(30, bool), 0.9)
    assert (chosen.probability, chosen.n, chosen.reached, chosen.is_promised) == (0.9, 0, False, False)
    assert "no validation image of 30 reaches 90.0%" in describe_threshold(chosen)


def test_few_images_promise_little():
    few = choose_threshold(np.full(96, 0.999), np.ones(96, bool), 0.99)
    assert few.reached
    assert not few.is_promised
    assert "takes 299 validation images without a mistake, or more" in describe_threshold(few)
    many = choose_threshold(np.full(299, 0.999), np.ones(299, bool), 0.99)
    assert many.is_promised
    assert "at least 99.0% with 95% certainty" in describe_threshold(many)


def test_the_exact_bound():
    assert find_least_share(24, 24) == pytest.approx(0.05 ** (1 / 24))
    assert find_least_share(0, 5) == 0.0
    assert find_least_share(9, 10) == pytest.approx(0.6058, abs=1e-4)  # Clopper and Pearson's table
    assert find_least_share(1, 1) == pytest.approx(0.05)
    for correct, n in (
        (1, 300),
        (150, 300),
        (4800, 5000),
    ):  # as many successes or more then come in 5% of cases
        assert binom.sf(correct - 1, n, find_least_share(correct, n)) == pytest.approx(0.05)
    assert count_needed(0.95) == 59


@pytest.mark.parametrize(
    ("text", "share"), [("99%", 0.99), ("0.99", 0.99), (0.99, 0.99), (" 97.5 % ", 0.975)]
)
def test_shares(text, share):
    assert parse_precision(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["99", 0, 1, "100%", "high", True, "nan", "-5%", None])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(
        DataError, match="precision_at must be a share such as 99% or 0.99, above 0 and below 1"
    ):
        parse_precision(text)
