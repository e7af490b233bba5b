"""The comparison of rules for the epoch to keep: the rules themselves, and its tables from a made result."""

import sys
from pathlib import Path

import numpy as np
import pytest

from residual.training.callbacks.best_weights import BestWeights

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def rules(monkeypatch):
    """The module `epoch_rules`, in one test only."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield pytest.importorskip("epoch_rules")
    sys.modules.pop("epoch_rules", None)


def make_case(val_correct, val_loss, **facts) -> dict:
    rates = [0.1, 1.0, *np.linspace(0.9, 0, len(val_loss) - 2)]
    tests = {str(epoch): 50 + epoch for epoch in range(len(val_loss))}
    case = {"val_correct": list(val_correct), "val_loss": list(val_loss), "validation_n": 20, "rates": rates}
    averages = {"3": 60, "5": 40}
    return case | facts | {"test_n": 100, "test_correct": tests, "average_test_correct": averages}


def test_each_rule_by_hand(rules):
    case = make_case((15, 5, 14, 14, 12, 12), (0.5, 2.0, 1.0, 0.9, 1.5, 1.2))
    expected = {
        "the last": 5,
        "the highest validation accuracy": 0,
        "the same, after the peak of the rate": 3,
        "the lowest validation loss": 0,
        "the lowest loss, mean of three epochs, after the peak of the rate": 3,  # of 1.0, 0.9 and 1.5
        "the latest within one standard error of the best accuracy": 3,  # 2 of 20 are one error, 3 are more
        'the latest within three, `keep = "auto"`': 5,
    }
    assert {name: rule(case) for name, rule in rules.RULES.items()} == expected


@pytest.mark.parametrize("n", [5, 24, 96, 5_000])
def test_the_rule_of_the_benchmark_is_that_of_the_training(rules, n):
    rng = np.random.default_rng(n)
    for _ in range(50):
        correct = rng.binomial(n, np.linspace(0.3, 0.8, 12))
        best = BestWeights("auto", n)
        best.set_model(type("Network", (), {"get_weights": list})())
        for epoch, count in enumerate(correct):
            best.on_epoch_end(epoch, {"val_accuracy": np.float32(count / n), "val_loss": 1.0})
        assert best.epoch == 1 + rules.keep_auto({"validation_n": n, "val_correct": correct.tolist()})


def test_the_tables_of_a_made_result(rules):
    cases = {}
    for seed, gain in ((0, 3), (1, 5)):
        for augment in ("affine", "crop"):
            facts = {"set": "signs", "n": 20, "seed": seed, "augment": augment}
            facts |= {"image_size": 64, "train_n": 18, "seconds": 6.6}
            case = make_case((9, 8, 9), (1.0, 1.0, 1.0), **facts)
            case["test_correct"]["2"] += gain if augment == "crop" else 0
            cases[f"signs n=20 seed={seed} {augment}"] = case
    other = {**make_case((9,) * 3, (1.0,) * 3), "n": 20, "set": "signs", "image_size": 96}
    cases["signs n=20 seed=0 affine 96 pixels"] = other | {"test_correct": {"2": 57}}
    text = rules.format_tables({"cases": cases})
    assert "| the last | +0.00 ± 0.00 | 0, 5, 0 | +0.0 |" in text
    assert "| the mean weights of the last 5 | -14.60 ± 3.12 | 5, 0, 0 | -17.0 |" in text
    assert "| signs | 20 | 2 | 52.0% | 56.0% | +4.0 ± 12.7 |" in text
    assert "| signs | 64 | 18 + 20 | 2 | **52.0%** | 52.0%-52.0% | 100: 42.3-61.5% | 7 s |" in text
    assert "| signs | 20 | 1 | 64 pixels: 52.0% | 96 pixels: 57.0% | +5.0 |" in text
