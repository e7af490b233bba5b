"""Rules for the epoch whose weights are kept, compared on the trainings of `epoch_choice.py`.

A rule sees the validation accuracy and loss of every epoch and the learning rates, and answers with an epoch. Its test
accuracy is read here alone, after it has chosen.
"""

import math
import statistics
from collections.abc import Callable

import numpy as np


def keep_last(case: dict) -> int:
    return len(case["val_loss"]) - 1


def keep_best_accuracy(case: dict) -> int:
    """Highest validation accuracy, then lowest loss, then latest: the rule of version 0.1."""
    return max(range(len(case["val_loss"])), key=lambda e: (case["val_correct"][e], -case["val_loss"][e], e))


def keep_best_accuracy_after_peak(case: dict) -> int:
    """The same among the epochs after the learning rate has peaked."""
    peak = int(np.argmax(case["rates"]))
    return peak + keep_best_accuracy({name: case[name][peak:] for name in ("val_loss", "val_correct")})


def keep_best_loss(case: dict) -> int:
    return max(range(len(case["val_loss"])), key=lambda e: (-case["val_loss"][e], e))


def keep_smoothed_loss(case: dict) -> int:
    """Lowest mean loss of three neighbouring epochs, none before the learning rate has peaked."""
    loss, peak = np.asarray(case["val_loss"]), int(np.argmax(case["rates"]))
    smooth = [loss[max(0, e - 1) : e + 2].mean() for e in range(len(loss))]
    return max(range(peak, len(loss)), key=lambda e: (-smooth[e], e))


def keep_within(case: dict, errors: float) -> int:
    """The latest epoch whose accuracy is at most so many standard errors below the best so far."""
    n, correct = case["validation_n"], case["val_correct"]
    best, kept = -1, 0
    for epoch, count in enumerate(correct):
        best = max(best, count)
        share = (best + 2) / (n + 4)  # as in Agresti-Coull's interval: not 0 if all are correct
        if (best - count) / n <= errors * math.sqrt(share * (1 - share) / n):
            kept = epoch
    return kept


def keep_auto(case: dict) -> int:
    """The rule of `keep = "auto"`, as `BestWeights` applies it."""
    return keep_within(case, 3)


RULES: dict[str, Callable[[dict], int]] = {
    "the last": keep_last,
    "the highest validation accuracy": keep_best_accuracy,
    "the same, after the peak of the rate": keep_best_accuracy_after_peak,
    "the lowest validation loss": keep_best_loss,
    "the lowest loss, mean of three epochs, after the peak of the rate": keep_smoothed_loss,
    "the latest within one standard error of the best accuracy": lambda case: keep_within(case, 1),
    'the latest within three, `keep = "auto"`': keep_auto,
}


def find_correct(case: dict) -> dict[str, int]:
    """Test images that are classified correctly with what each rule keeps, averages of the last epochs among them."""
    chosen = {name: case["test_correct"][str(rule(case))] for name, rule in RULES.items()}
    averages = {f"the mean weights of the last {k}": n for k, n in case["average_test_correct"].items()}
    return chosen | averages


def compare_with_last(cases: list[dict]) -> dict[str, list[float]]:
    """What each rule gains in test accuracy over the last epoch of the same training, a number for each training."""
    found = [find_correct(case) for case in cases]
    return {
        name: [(row[name] - row["the last"]) / case["test_n"] for row, case in zip(found, cases, strict=True)]
        for name in found[0]
    }


def mean_and_half(values: list[float]) -> tuple[float, float]:
    """Mean, and half of its 95% interval by Student's t; nan for a single value."""
    from scipy.stats import t

    if len(values) < 2:
        return statistics.mean(values), math.nan
    error = statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), float(t.ppf(0.975, len(values) - 1)) * error


def select(record: dict, **facts) -> list[dict]:
    """The cases with these facts; those with a size of their own are left out."""
    usual = [case for name, case in record["cases"].items() if not name.endswith("pixels")]
    return [case for case in usual if all(case[key] == value for key, value in facts.items())]


def format_rules(record: dict) -> str:
    """Each rule against the last epoch, over all trainings of a number of images, as a Markdown table."""
    counts = sorted({case["n"] for case in record["cases"].values()})
    groups = [[case for case in record["cases"].values() if case["n"] == n] for n in counts]
    heads = [f"{n:,} images ({len(cases)} trainings)" for n, cases in zip(counts, groups, strict=True)]
    rows = [
        ["epoch that is kept", *heads, "worse, equal, better", "worst"],
        ["---", *["---:"] * (len(heads) + 2)],
    ]
    gains = [compare_with_last(cases) for cases in groups]
    for name in gains[0]:
        every = [gain for group in gains for gain in group[name]]
        signs = [sum(gain < 0 for gain in every), every.count(0), sum(gain > 0 for gain in every)]
        cells = [format_gain(group[name], 2) for group in gains]
        rows.append([name, *cells, ", ".join(map(str, signs)), f"{100 * min(every):+.1f}"])
    return format_rows(rows)


def format_gain(values: list[float], digits: int = 1) -> str:
    """Mean gain and half its interval in percentage points."""
    mean, half = mean_and_half(values)
    return f"{100 * mean:+.{digits}f}" + ("" if math.isnan(half) else f" ± {100 * half:.{digits}f}")


def format_expected(record: dict, augment: str) -> str:
    """What recipe `images` reaches with one augmentation and the rule that it has, as a Markdown table."""
    rows = [
        [
            "photos",
            "pixels",
            "to train and validate",
            "seeds",
            "test accuracy",
            "lowest-highest",
            "n, 95% interval",
            "time",
        ],
        ["---", *["---:"] * 7],
    ]
    for name in dict.fromkeys(case["set"] for case in record["cases"].values()):
        for n in sorted({case["n"] for case in select(record, set=name, augment=augment)}):
            cases = select(record, set=name, augment=augment, n=n)
            shares = [find_kept(case) for case in cases]
            rows.append([name, *describe_cases(cases, shares)])
    return format_rows(rows)


def describe_cases(cases: list[dict], shares: list[float]) -> list[str]:
    """Cells on the trainings of one set with one number of images."""
    from residual.evaluation.metrics import wilson_interval

    first, middle = cases[0], statistics.median(shares)
    low, high = wilson_interval(round(middle * first["test_n"]), first["test_n"])
    return [
        str(first["image_size"]),
        f"{first['train_n']:,} + {first['validation_n']:,}",
        str(len(cases)),
        f"**{middle:.1%}**",
        f"{min(shares):.1%}-{max(shares):.1%}",
        f"{first['test_n']}: {100 * low:.1f}-{100 * high:.1f}%",
        f"{statistics.median(case['seconds'] for case in cases):.0f} s",
    ]


def format_augments(record: dict) -> str:
    """Two augmentations on the same images with the same seeds, with the rule of the recipe, as a Markdown table."""
    rows = [["photos", "images", "seeds", "affine", "resized crops", "difference"], ["---", *["---:"] * 5]]
    for name in dict.fromkeys(case["set"] for case in record["cases"].values()):
        for n in sorted({case["n"] for case in select(record, set=name)}):
            by_seed = [
                {c["seed"]: c for c in select(record, set=name, n=n, augment=a)} for a in ("affine", "crop")
            ]
            seeds = sorted(set(by_seed[0]) & set(by_seed[1]))
            shares = [[find_kept(by[seed]) for seed in seeds] for by in by_seed]
            if seeds:
                gains = [crop - affine for affine, crop in zip(*shares, strict=True)]
                means = [f"{statistics.mean(values):.1%}" for values in shares]
                rows.append([name, f"{n:,}", str(len(seeds)), *means, format_gain(gains)])
    return format_rows(rows)


def format_sizes(record: dict) -> str:
    """Other sizes than the usual one on the same photos with the same seeds, as a Markdown table."""
    rows = [["photos", "images", "seeds", "usual size", "other size", "difference"], ["---", *["---:"] * 5]]
    others = [
        case | {"usual": name.rpartition(" ")[0].rpartition(" ")[0]}
        for name, case in record["cases"].items()
        if name.endswith("pixels")
    ]
    for group in dict.fromkeys((case["set"], case["n"], case["image_size"]) for case in others):
        cases = [case for case in others if (case["set"], case["n"], case["image_size"]) == group]
        usual = [record["cases"][case["usual"]] for case in cases]
        shares = [[find_kept(case) for case in side] for side in (usual, cases)]
        means = [
            f"{side[0]['image_size']} pixels: {statistics.mean(values):.1%}"
            for side, values in zip((usual, cases), shares, strict=True)
        ]
        gains = [other - before for before, other in zip(*shares, strict=True)]
        rows.append([group[0], f"{group[1]:,}", str(len(cases)), *means, format_gain(gains)])
    return format_rows(rows)


def find_kept(case: dict) -> float:
    """Test accuracy of the epoch that the rule of recipe `images` keeps."""
    return case["test_correct"][str(keep_auto(case))] / case["test_n"]


def format_rows(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table."""
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


PARTS: dict[str, Callable[[dict], str]] = {
    "rules": format_rules,
    "expected": lambda record: format_expected(record, "affine"),
    "augments": format_augments,
    "sizes": format_sizes,
}


def format_tables(record: dict) -> str:
    """All tables."""
    return "\n".join(part(record) for part in PARTS.values())
