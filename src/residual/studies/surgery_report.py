"""What the study surgery found, in words and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from residual.evaluation.metrics import wilson_interval
from residual.studies.drawing import Drawing, Table
from residual.studies.plots import Axis, Row, Series, draw_dots, draw_lines
from residual.studies.spread import Spread, judge_difference
from residual.studies.study import Findings

_COLOURS = {"residual": "blue", "plain": "orange", "given": "blue"}
_ERROR = Axis("validation error", percent=True)


@dataclass(frozen=True)
class Operated:
    """The networks that were operated on.

    Attributes:
        pieces: "residual" and "plain", or "given" -> what `surgery.operate` returned for each seed.
        given: the user's run or file; None if the networks were trained here.
        plan: how they were trained; None for the user's network.
    """

    pieces: dict[str, tuple[dict[str, Any], ...]]
    given: str | None
    plan: dict[str, Any] | None

    @property
    def first(self) -> dict[str, Any]:
        """A piece of the first kind of network."""
        return next(iter(self.pieces.values()))[0]

    def find(self, kind: str, key: str) -> Spread:
        """One figure over the seeds, such as "intact"."""
        return Spread.of([piece[key] for piece in self.pieces[kind] if piece[key] is not None])

    def find_deleted(self, kind: str, block: str) -> Spread:
        """The error without a block."""
        return Spread.of(
            [piece["deleted"][block] for piece in self.pieces[kind] if block in piece["deleted"]]
        )

    def find_rises(self, kind: str, blocks: Sequence[str]) -> Spread:
        """For each seed, how much the error rises if one block is deleted, on average over blocks."""
        return Spread.of(
            [
                sum(piece["deleted"][block] - piece["intact"] for block in blocks) / len(blocks)
                for piece in self.pieces[kind]
            ]
        )

    @property
    def common(self) -> list[str]:
        """Blocks that can be deleted in all kinds."""
        names = [set(found[0]["deleted"]) for found in self.pieces.values()]
        return [block for block in self.first["blocks"] if all(block in one for one in names)]

    def find_prunable(self, kind: str) -> list[str]:
        """Blocks that could be pruned with every seed."""
        found = self.pieces[kind]
        return [block for block in found[0]["blocks"] if all(block in piece["prunable"] for piece in found)]


def report(found: Operated) -> Findings:
    """Findings in words and charts.

    Args:
        found: the networks that were operated on.
    """
    charts = [_draw_deleted(found), _draw_together(found), _draw_scaled(found)]
    if any(piece["swapped"] for kind in found.pieces.values() for piece in kind):
        charts.append(_draw_swapped(found))
    return Findings(
        title=_write_title(found),
        closing=_write_given(found) if found.given else _write_closing(found),
        method=_describe_method(found),
        charts=tuple(charts),
        table=_make_table(found),
        limits=(
            "Nothing is trained after an operation. A short further training would win back some of the loss.",
            "Blocks that could be pruned were chosen on the validation images, so the error without them is a little "
            "too good there; the test images decide.",
            "The batch-norm statistics of the layers behind an operation are those of the whole network.",
        ),
        claim=(
            "A residual network behaves like many shallow ones together: without one of its blocks it loses little, a "
            "plain network loses all.",
            "Veit, Wilber, Belongie 2016 (arXiv:1605.06431), with 110 layers and a full training",
        ),
        figures=_list_figures(found),
    )


def format_error(value: float) -> str:
    """An error as a percentage: "41.2%"."""
    return f"{value:.1%}"


def _points(spread: Spread) -> str:
    """ "3.1 points (2.8 to 3.3 over 2 seeds)"."""
    return spread.describe(lambda value: f"{100 * value:.1f}") + " points"


def _write_title(found: Operated) -> str:
    if found.given:
        rises = {
            b: found.find_deleted("given", b).mean - found.find("given", "intact").mean for b in found.common
        }
        least = min(rises, key=lambda block: rises[block])
        return (
            f"{len(found.find_prunable('given'))} of {len(rises)} blocks could be pruned; the least needed is {least} "
            f"({100 * rises[least]:+.1f} points of error)"
        )
    residual, plain = (found.find_rises(kind, found.common) for kind in ("residual", "plain"))
    return (
        f"Without one block the error rises by {100 * residual.mean:.1f} points in a residual network, by "
        f"{100 * plain.mean:.1f} in a plain one"
    )


def _write_closing(found: Operated) -> tuple[str, ...]:
    common = found.common
    residual, plain = (found.find_rises(kind, common) for kind in ("residual", "plain"))
    verdict = judge_difference(residual, plain).split()[0]
    intact = {kind: found.find(kind, "intact").describe(format_error) for kind in found.pieces}
    compared = {
        "higher": "so the plain network depends more on each of its blocks",
        "lower": "so here the residual network depends more on each of its blocks, against the textbook",
        "unclear": "a difference that the seeds do not tell apart",
    }[verdict]
    first = (
        f"The networks err on {intact['residual']} (residual) and {intact['plain']} (plain) of the validation images. "
        f"If one of the {len(common)} blocks that keep their shape is deleted, the error rises by {_points(residual)} "
        f"in the residual network and by {_points(plain)} in the plain one, {compared}."
    )
    ends = {kind: Spread.of([piece["together"][-1] for piece in found.pieces[kind]]) for kind in found.pieces}
    second = (
        f"Without all {len(common)} together they err on {ends['residual'].describe(format_error)} and "
        f"{ends['plain'].describe(format_error)}."
    )
    return first, second, _describe_pruning(found, "residual", "the residual network")


def _write_given(found: Operated) -> tuple[str, ...]:
    rises = {
        b: found.find_deleted("given", b).mean - found.find("given", "intact").mean for b in found.common
    }
    most, least = max(rises, key=lambda b: rises[b]), min(rises, key=lambda b: rises[b])
    error = format_error(found.find("given", "intact").mean)
    first = (
        f"The network errs on {error} of {found.first['validation_images']:,} validation images. Without {most} the "
        f"error rises most, by {100 * rises[most]:.1f} points; without {least} it changes by {100 * rises[least]:+.1f}."
    )
    return first, _describe_pruning(found, "given", "the network")


def _describe_pruning(found: Operated, kind: str, words: str) -> str:
    names, pieces = found.find_prunable(kind), found.pieces[kind]
    seeds = " with every seed" if len(pieces) > 1 else ""
    if not names:
        return f"No block of {words} can be deleted for 1 point of validation error or less{seeds}."
    n = found.first["test_images"]
    whole, pruned = pieces[0]["test"], pieces[0]["pruned_test"]
    ends = wilson_interval(round(pruned * n), n)
    which = "Without all that it names with the first seed" if len(pieces) > 1 else "Without all of them"
    listed = ", ".join(names)
    return (
        f"For 1 point of validation error or less each{seeds}, {listed} of {words} can be deleted. {which} it "
        f"errs on {format_error(pruned)} of {n:,} test images (95% interval {format_error(ends[0])} to "
        f"{format_error(ends[1])}), with them on {format_error(whole)}."
    )


def _describe_method(found: Operated) -> tuple[tuple[str, str], ...]:
    operations = (
        "a deleted block passes its input on; a scaled one has F multiplied by a factor, in a plain network its whole "
        "output; swapped blocks exchange their weights. Nothing is trained afterwards"
    )
    if found.plan is None:
        return (
            ("network", str(found.given)),
            ("operations", operations),
            ("images", found.first["images"]),
        )
    plan = found.plan
    return (
        (
            "networks",
            f"cifar-resnet{plan['depth']} with shortcuts without parameters (option A), and its plain twin",
        ),
        (
            "training",
            f"{plan['epochs']} epochs in steps of {plan['batch']} images, SGD with momentum 0.9, one cycle up to "
            f"{plan['rate']:g}; a step took {1000 * plan['step']:.0f} ms when the sizes were chosen",
        ),
        ("operations", operations),
        ("images", found.first["images"]),
        ("seeds", ", ".join(str(seed) for seed in plan["seeds"][: len(found.pieces["residual"])])),
    )


def _list_figures(found: Operated) -> dict[str, float | int | str | None]:
    figures: dict[str, float | int | str | None] = {}
    for kind in found.pieces:
        figures[f"{kind} intact error"] = found.find(kind, "intact").mean
        figures[f"{kind} rise without a block"] = found.find_rises(kind, found.common).mean
        figures[f"{kind} test error"] = found.find(kind, "test").mean
        figures[f"{kind} pruned test error"] = found.find(kind, "pruned_test").mean
        figures[f"{kind} prunable"] = ", ".join(found.find_prunable(kind))
    return figures


def _draw_deleted(found: Operated) -> Drawing:
    rows = []
    for kind in found.pieces:
        rows.append(Row(f"{_label(kind)}whole", found.find(kind, "intact").values, "faint"))
        for block in found.pieces[kind][0]["deleted"]:
            name = f"{_label(kind)}without {block.replace('stage', '').replace('_block', '.')}"
            rows.append(Row(name, found.find_deleted(kind, block).values, _COLOURS[kind]))
    worst = max(
        ((kind, block) for kind in found.pieces for block in found.pieces[kind][0]["deleted"]),
        key=lambda pair: found.find_deleted(*pair).mean,
    )
    title = f"The error is highest without {worst[1]} of the {_word(worst[0])}"
    return draw_dots("deleted", title, rows, _ERROR, format_error)


def _label(kind: str) -> str:
    return "" if kind == "given" else f"{kind}, "


def _word(kind: str) -> str:
    return "network" if kind == "given" else f"{kind} network"


def _draw_together(found: Operated) -> Drawing:
    series = []
    for kind, pieces in found.pieces.items():
        spreads = [Spread.of(values) for values in zip(*(piece["together"] for piece in pieces), strict=True)]
        series.append(_make_series(kind, range(len(spreads)), spreads))
    count = int(series[0].x[-1])
    ends = ", ".join(f"{one.name} {format_error(one.y[-1])}" for one in series)
    title = f"Without {count} blocks, deleted in random order: {ends}"
    x_axis = Axis("blocks deleted", low=0, high=max(1, count))
    return draw_lines("together", title, series, x_axis, _ERROR)


def _make_series(kind: str, x: Sequence[float], spreads: Sequence[Spread]) -> Series:
    return Series(
        _word(kind).removesuffix(" network"),
        tuple(map(float, x)),
        tuple(one.mean for one in spreads),
        _COLOURS[kind],
        tuple(one.low for one in spreads),
        tuple(one.high for one in spreads),
        dashed=kind == "plain",
    )


def _draw_scaled(found: Operated) -> Drawing:
    series = []
    for kind, pieces in found.pieces.items():
        points = {1.0: found.find(kind, "intact")}
        for factor in pieces[0]["scaled"]:
            points[float(factor)] = Spread.of(
                [sum(piece["scaled"][factor].values()) / len(piece["scaled"][factor]) for piece in pieces]
            )
        factors = sorted(points)
        series.append(_make_series(kind, factors, [points[factor] for factor in factors]))
    ends = ", ".join(f"{one.name} {format_error(one.y[-1])}" for one in series)
    title = f"With one block scaled by {series[0].x[-1]:g}, on average over blocks: {ends}"
    x_axis = Axis("factor of one block", low=0, high=series[0].x[-1])
    return draw_lines("scaled", title, series, x_axis, _ERROR)


def _draw_swapped(found: Operated) -> Drawing:
    rows = []
    for kind, pieces in found.pieces.items():
        rows.append(Row(f"{_label(kind)}whole", found.find(kind, "intact").values, "faint"))
        for pair in pieces[0]["swapped"]:
            short = pair.replace("stage", "").replace("_block", ".").replace(" and ", "/")
            values = tuple(piece["swapped"][pair] for piece in pieces)
            rows.append(Row(f"{_label(kind)}{short}", values, _COLOURS[kind]))
    rises = {
        kind: Spread.of([_mean(piece["swapped"].values()) - piece["intact"] for piece in pieces]).mean
        for kind, pieces in found.pieces.items()
    }
    ends = ", ".join(f"{_word(kind)} {100 * rise:+.1f}" for kind, rise in rises.items())
    return draw_dots(
        "swapped", f"Two neighbours swapped, points of error on average: {ends}", rows, _ERROR, format_error
    )


def _mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def _make_table(found: Operated) -> Table:
    rows = []
    for kind, pieces in found.pieces.items():
        whole = found.find(kind, "intact")
        rows.append((f"{_label(kind)}whole", whole.mean, None, "", len(pieces)))
        for block in pieces[0]["deleted"]:
            error = found.find_deleted(kind, block)
            prunable = "yes" if block in found.find_prunable(kind) else "no"
            rows.append(
                (f"{_label(kind)}without {block}", error.mean, error.mean - whole.mean, prunable, len(pieces))
            )
    return Table(("network", "validation error", "rise", "could be pruned", "seeds"), tuple(rows))
