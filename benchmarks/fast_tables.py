"""The tables of docs/fast.md, of the results of fast.py, fast_parts.py and fast_peer.py."""

import math
import statistics

from turns import format_ms, format_table

T95 = {3: 4.30, 4: 3.18, 5: 2.78}  # two-sided, by number of seeds
Z95 = 1.96
_MOST_EPOCHS = 12  # columns that a table of curves has room for
WHOLE = "nothing"  # what is left out of the whole recipe


def format_trainings(rows: list[dict]) -> str:
    """A row for each recipe: test accuracy over the seeds, medians of the times and their share of the first row."""
    lines, usual = [], None
    for name, own in group_by(rows, "recipe").items():
        n = own[0]["test"]["n"]
        shares = sorted(row["test"]["accuracy"] for row in own)
        medians = {
            key: statistics.median(row[key] for row in own) for key in ("training_seconds", "total_seconds")
        }
        usual = usual or medians
        lines.append(
            [
                name,
                str(len(own)),
                f"{statistics.median(shares):.1%} ({shares[0]:.1%} to {shares[-1]:.1%})",
                _pool(own, n),
                *(f"{medians[key]:,.0f} s ({medians[key] / usual[key]:.2f})" for key in medians),
            ]
        )
    head = ["recipe", "seeds", "test accuracy, median (range)", "right in all", "training", "whole command"]
    return format_table(head, lines)


def _pool(rows: list[dict], n: int) -> str:
    """'588 of 600': what all seeds got right on the same n images."""
    return f"{sum(row['test']['correct'] for row in rows):,} of {n * len(rows):,}"


def format_seeds(rows: list[dict]) -> str:
    """A row for each training of CIFAR-10, alone and in several views."""
    lines = []
    for row in sorted(rows, key=lambda row: (row["recipe"].casefold(), row["seed"])):
        test, views = row["test"], row["test"].get("with_views")
        lines.append(
            [
                row["recipe"],
                str(row["seed"]),
                _describe_accuracy(test),
                _describe_accuracy(views) if views else "",
                f"{row['validation']['accuracy']:.1%} of {row['validation']['n']:,}",
            ]
        )
    n = rows[0]["test"]["n"]
    return format_table(["recipe", "seed", f"test accuracy, n = {n:,}", "in six views", "validation"], lines)


def _describe_accuracy(found: dict) -> str:
    low, high = found["interval"]
    return f"{found['accuracy']:.2%} ({100 * low:.1f}-{high:.1%})"


def format_curves(rows: list[dict]) -> str:
    """A row for each short training of CIFAR-10: the validation accuracy after each epoch, and that of the end."""
    own = [row for row in rows if 0 < len(row.get("curve", ())) <= _MOST_EPOCHS]
    own.sort(key=lambda row: (row["recipe"].casefold(), row["seed"]))
    epochs = max(len(row["curve"]) for row in own)
    lines = []
    for row in own:
        curve = [f"{100 * accuracy:.1f}" for _, accuracy in row["curve"]]
        end = f"{100 * row['validation']['accuracy']:.1f}"
        lines.append([row["recipe"], str(row["seed"]), *curve, *[""] * (epochs - len(curve)), end])
    return format_table(["", "seed", *map(str, range(1, epochs + 1)), "end"], lines)


def format_peer(rows: list[dict]) -> str:
    """A row for each training of the published method."""
    lines = []
    for row in rows:
        cells = [str(row["seed"])]
        for key in ("test_correct", "test_correct_with_views"):
            low, high = wilson(row[key], row["test_n"])
            cells.append(f"{row[key] / row['test_n']:.2%} ({100 * low:.1f}-{high:.1%})")
        lines.append([*cells, f"{row['validation_correct'] / row['validation_n']:.1%}"])
    head = ["seed", f"test accuracy, n = {rows[0]['test_n']:,}", "in the paper's six views", "validation"]
    return format_table(head, lines)


def format_steps(rows: dict[str, dict]) -> str:
    """A row for each contender and side of the images, with the time of the whole training at its last one.

    The share is that of the first contender in the same turn, since the speed of a machine changes between turns.
    """
    lines = []
    first = _list_minutes(next(iter(rows.values())))
    for name, row in rows.items():
        for side, times in row["ms"].items():
            low, high = map(format_ms, (min(times), max(times)))
            ms = f"{format_ms(statistics.median(times))} ({low}-{high})"
            lines.append([name, f"{row['batch']:,} of {side} px", ms, f"{row['steps'][side]:,}", "", ""])
        minutes = _list_minutes(row)
        shares = [own / usual for own, usual in zip(minutes, first, strict=True)]
        lines[-1][-2:] = [
            f"{statistics.median(minutes):.1f} min",
            f"{statistics.median(shares):.2f} ({min(shares):.2f}-{max(shares):.2f})",
        ]
    head = [
        "recipe",
        "images a step",
        "ms a step (range)",
        "steps",
        "whole training",
        f"of {next(iter(rows))}",
    ]
    return format_table(head, lines)


def _list_minutes(row: dict) -> list[float]:
    """Of a whole training, by turn."""
    turns = zip(*row["ms"].values(), strict=True)
    return [sum(n * ms for n, ms in zip(row["steps"].values(), times, strict=True)) / 6e4 for times in turns]


def format_parts(rows: list[dict]) -> str:
    """A row for each part that was left out: the accuracy without it, and what it brings, paired by seed."""
    by_part = group_by(rows, "recipe")
    whole = {row["seed"]: row["accuracy"] for row in by_part[WHOLE]}
    lines = []
    for part, own in by_part.items():
        pairs = [100 * (whole[row["seed"]] - row["accuracy"]) for row in own if row["seed"] in whole]
        mean = 100 * statistics.mean(row["accuracy"] for row in own)
        lines.append(
            [part, str(len(own)), f"{mean:.1f}%", "" if part == WHOLE else _describe_difference(pairs)]
        )
    return format_table(
        ["left out", "seeds", "validation accuracy, mean", "what it brings, in points"], lines
    )


def _describe_difference(pairs: list[float]) -> str:
    if len(pairs) < 3:  # an interval of two values may be narrow by chance
        return ", ".join(f"{pair:+.1f}" for pair in pairs)
    reach = T95[len(pairs)] * statistics.stdev(pairs) / math.sqrt(len(pairs))
    return f"{statistics.mean(pairs):+.1f} ± {reach:.1f}"


def group_by(rows: list[dict], key: str) -> dict[str, list[dict]]:
    """The rows by the value of a key, in the order in which they come."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    share = correct / n
    middle, reach = share + Z95**2 / (2 * n), Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    return (middle - reach) / (1 + Z95**2 / n), (middle + reach) / (1 + Z95**2 / n)


# PART of a table -> the kind of rows in the results, and how they are written.
KINDS = {
    "signs": ("train-signs", format_trainings),
    "photos": ("train-sign_language_digits", format_trainings),
    "cifar10": ("train-cifar10", format_seeds),
    "curves": ("train-cifar10", format_curves),
    "peer": ("peer", format_peer),
    "steps": ("steps", format_steps),
    "parts": ("parts-cifar10", format_parts),
    "parts_sgd": ("parts-cifar10-sgd", format_parts),
}


def find_part(record: dict, part: str) -> tuple[str, dict]:
    """The table of a part of the results, and the record of the rows that it shows, with their machine and date."""
    kind, write = KINDS[part]
    return write(record[kind]["rows"]), record[kind]
