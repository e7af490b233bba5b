"""Shortcuts: which kind is best, and what do a zero-initialized norm and pre-activation change?"""

from residual.studies.comparison import Candidate, Comparison, compare
from residual.studies.comparison_charts import draw_curves, draw_test_errors, format_error, make_table
from residual.studies.context import Context
from residual.studies.spread import judge_difference
from residual.studies.study import Findings, Study

_DEEP = 110
_SHALLOW_SHARE = 0.5  # of the time, for the networks with 20 layers
_COLOURS = {
    "option-A": "blue",
    "option-B": "green",
    "option-C": "purple",
    "none": "orange",
    "A-zero-norm": "ink",
    f"post-{_DEEP}": "blue",
    f"pre-{_DEEP}": "green",
}
_WORDS = {
    "option-B": "option B (projections where the shape changes)",
    "option-C": "option C (projections everywhere)",
    "none": "no shortcut",
    "A-zero-norm": "option A with a zero-initialized last norm",
}


def run(context: Context) -> Findings:
    """Compare kinds of shortcuts at 20 layers, and the order of the layers at 110."""
    from msgspec.structs import replace

    from residual.models.zoo import find_spec
    from residual.studies.trial import zero_last_norms

    base, deep = find_spec("cifar-resnet20"), find_spec(f"cifar-resnet{_DEEP}")
    shallow = [
        Candidate("option-A", base),
        Candidate("option-B", replace(base, shortcut="projection")),
        Candidate("option-C", replace(base, shortcut="projection-all")),
        Candidate("none", replace(base, shortcut="none")),
        Candidate("A-zero-norm", base, zero_last_norms),
    ]
    orders = [
        Candidate(f"post-{_DEEP}", deep),
        Candidate(f"pre-{_DEEP}", replace(deep, preactivation=True)),
    ]
    first = compare(context, shallow, name="kinds", share=_SHALLOW_SHARE)
    return report(first, compare(context, orders, name="orders"))


def report(kinds: Comparison, orders: Comparison) -> Findings:
    """Findings in words and charts.

    Args:
        kinds: the networks with 20 layers, option A first.
        orders: post- and pre-activation with 110 layers.
    """
    return Findings(
        title=_write_title(kinds),
        closing=_write_closing(kinds, orders),
        method=(
            (
                "kinds",
                "20 layers: option A has no parameters (subsample, pad with zeros), B a projection where the shape "
                "changes, C one around every block, none is the plain twin; A-zero-norm is option A, the last batch "
                "norm of each block starting at 0",
            ),
            (
                "order",
                f"{_DEEP} layers, option A: norm and relu after the addition (post) or before each convolution (pre)",
            ),
            ("training, 20 layers", kinds.describe_training()),
            (f"training, {_DEEP} layers", orders.describe_training()),
            ("images, 20 layers", kinds.images),
            (f"images, {_DEEP} layers", orders.images),
            ("seeds", f"{_join(kinds.seeds)} with 20 layers; {_join(orders.seeds)} with {_DEEP}"),
            ("choice", f"{kinds.describe_plan()} {orders.describe_plan()}"),
        ),
        charts=(
            draw_curves(
                kinds, "train", _title_curves(kinds, "20 layers"), _COLOURS, ("none", "A-zero-norm"), "kinds-"
            ),
            draw_test_errors(kinds, _title_tests(kinds, "20 layers"), _COLOURS, "kinds-"),
            draw_curves(orders, "train", _title_curves(orders, f"{_DEEP} layers"), _COLOURS, (), "orders-"),
            draw_test_errors(orders, _title_tests(orders, f"{_DEEP} layers"), _COLOURS, "orders-"),
        ),
        table=make_table(kinds, orders),
        limits=(
            "The papers train for 64,000 steps; in a short training a network that starts faster looks better.",
            "Options B and C have more parameters than A, as the table says.",
            "The bands and hollow dots show the lowest and highest of the seeds, which is no confidence interval.",
        ),
        claim=(
            "B is slightly better than A, and C than B; the differences are small, and any shortcut is far better than "
            "none. With 110 layers and more, pre-activation is easier to train.",
            "He et al. 2015 (arXiv:1512.03385, section 4.1) on ImageNet, and 2016 (arXiv:1603.05027) on CIFAR-10",
        ),
        figures={
            f"{name} {key} error": outcome.spread(key).mean
            for part in (kinds, orders)
            for name, outcome in part.outcomes.items()
            for key in ("train", "validation", "test")
        },
    )


def _join(numbers) -> str:
    return ", ".join(map(str, numbers))


def _compare_tests(found: Comparison, first: str, second: str) -> str:
    return judge_difference(found.outcomes[first].spread("test"), found.outcomes[second].spread("test"))


def _write_title(kinds: Comparison) -> str:
    verdict = _compare_tests(kinds, "option-A", "none")
    errors = [format_error(kinds.outcomes[name].spread("test").mean) for name in ("option-A", "none")]
    ends = f"{errors[0]} test error with option A, {errors[1]} without any shortcut"
    if verdict.startswith("higher"):
        return f"A shortcut helps already at 20 layers: {ends}"
    if verdict.startswith("lower"):
        return f"At this budget 20 layers learn faster without a shortcut: {ends}"
    return f"At 20 layers and this budget a shortcut makes no clear difference: {ends}"


def _write_closing(kinds: Comparison, orders: Comparison) -> tuple[str, ...]:
    base = kinds.outcomes["option-A"].spread("test")
    parts: dict[str, list[str]] = {"higher": [], "lower": [], "unclear": []}
    for name, words in _WORDS.items():
        verdict = _compare_tests(kinds, "option-A", name).split()[0]
        parts[verdict].append(f"{words} {kinds.outcomes[name].spread('test').describe(format_error)}")
    heads = {
        "higher": "Clearly worse",
        "lower": "Clearly better",
        "unclear": "Not told apart from it by the seeds",
    }
    if len(kinds.seeds) < 2:
        heads = {"higher": "Worse with the one seed", "lower": "Better with the one seed", "unclear": "Equal"}
    rest = " ".join(f"{head}: {'; '.join(parts[key])}." for key, head in heads.items() if parts[key])
    error = base.describe(format_error)
    first = f"With 20 layers option A has a test error of {error}, of {kinds.test_images:,} images."
    return first, rest, _describe_orders(orders)


def _describe_orders(orders: Comparison) -> str:
    names = (f"post-{_DEEP}", f"pre-{_DEEP}")
    errors = [orders.outcomes[name].spread("test") for name in names]
    verdict = judge_difference(*errors)
    ends = f"{errors[1].describe(format_error)} against {errors[0].describe(format_error)}"
    start = f"With {_DEEP} layers pre-activation has a test error of {ends} for post-activation"
    if verdict == "unclear":
        return f"{start}; the seeds do not tell them apart, so its advantage does not show at this budget."
    better = "better" if verdict.startswith("lower") else "worse"
    alone = ", but with one seed the spread is not known" if verdict.endswith("once") else ""
    return f"{start}: {better}{alone}."


def _title_curves(found: Comparison, where: str) -> str:
    name = min(found.outcomes, key=lambda one: _or_one(found.outcomes[one].spread("train").mean))
    error = format_error(found.outcomes[name].spread("train").mean)
    return f"{where}: the training error ends lowest for {name}, at {error}"


def _title_tests(found: Comparison, where: str) -> str:
    name = min(found.outcomes, key=lambda one: _or_one(found.outcomes[one].spread("test").mean))
    error = format_error(found.outcomes[name].spread("test").mean)
    return f"{where}: {name} has the lowest test error, {error} of {found.test_images:,} images"


def _or_one(value: float) -> float:
    return 1.0 if value != value else value


SHORTCUTS = Study(
    "shortcuts", "Which kind of shortcut is best, and does the order of the layers matter?", run
)
