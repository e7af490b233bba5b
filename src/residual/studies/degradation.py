"""Degradation: does a deeper plain network train worse, and does a residual one not?"""

from residual.studies.comparison import Candidate, Comparison, Outcome, compare
from residual.studies.comparison_charts import draw_curves, draw_test_errors, format_error, make_table
from residual.studies.context import Context
from residual.studies.spread import Spread, judge_difference
from residual.studies.study import Findings, Study

_NAMES = ("plain-20", "residual-20", "plain-56", "residual-56")
_COLOURS = {"plain-20": "orange", "plain-56": "orange", "residual-20": "blue", "residual-56": "blue"}
_DASHED = ("plain-20", "residual-20")
_CLAIM = (
    "A deeper plain network ends with a higher training error than a shallower one; a deeper residual one does not.",
    "what notebook E says, after He et al. 2015 (arXiv:1512.03385), figures 1 and 6",
)


def run(context: Context) -> Findings:
    """Train the four networks, and compare how their errors change with depth."""
    from residual.models.zoo import find_spec

    candidates = [
        Candidate("plain-20", find_spec("cifar-resnet20-plain")),
        Candidate("residual-20", find_spec("cifar-resnet20")),
        Candidate("plain-56", find_spec("cifar-resnet56-plain")),
        Candidate("residual-56", find_spec("cifar-resnet56")),
    ]
    return report(compare(context, candidates))


def report(found: Comparison) -> Findings:
    """Findings in words and charts.

    Args:
        found: the trainings of the four networks.
    """
    outcomes = found.outcomes
    verdicts = {
        kind: judge_difference(outcomes[f"{kind}-20"].spread("train"), outcomes[f"{kind}-56"].spread("train"))
        for kind in ("plain", "residual")
    }
    return Findings(
        title=_write_title(outcomes, verdicts),
        closing=_write_closing(outcomes, verdicts, found),
        method=(
            (
                "networks",
                "the ResNets of He et al. for CIFAR-10 with 20 and 56 layers, their shortcuts without parameters "
                "(option A), and the same without shortcuts, so that both of a depth have as many parameters: "
                f"{outcomes['plain-20'].parameters:,} and {outcomes['plain-56'].parameters:,}",
            ),
            ("training", found.describe_training()),
            ("images", found.images),
            ("seeds", ", ".join(map(str, found.seeds))),
            ("choice", found.describe_plan()),
            ("error", "in training, of the images as they pass, in training mode; test images are read once"),
        ),
        charts=(
            draw_curves(found, "train", _name_ends(outcomes, "train", "training"), _COLOURS, _DASHED),
            draw_curves(
                found, "validation", _name_ends(outcomes, "validation", "validation"), _COLOURS, _DASHED
            ),
            draw_test_errors(found, _title_tests(outcomes, found), _COLOURS),
        ),
        table=make_table(found),
        limits=(
            "The paper trains for 64,000 steps on images of 32 pixels; these trainings are much shorter. A difference "
            "here is one of how fast the networks learn, and may shrink in a longer training.",
            "One recipe was used for all four networks; another learning rate may suit one of them better.",
            "The bands and hollow dots show the lowest and highest of the seeds, which is no confidence interval.",
        ),
        claim=_CLAIM,
        figures={
            f"{name} {key} error": outcomes[name].spread(key).mean
            for name in _NAMES
            for key in ("train", "validation", "test")
        },
    )


def _write_title(outcomes: dict[str, Outcome], verdicts: dict[str, str]) -> str:
    plain = [outcomes[f"plain-{depth}"].spread("train").mean for depth in (20, 56)]
    residual = [outcomes[f"residual-{depth}"].spread("train").mean for depth in (20, 56)]
    if verdicts["plain"].startswith("higher"):
        rest = {"higher": "so does the residual one", "lower": "the residual one learns better"}.get(
            verdicts["residual"].split()[0], "the residual one does not clearly change"
        )
        if verdicts["residual"].startswith("higher") and residual[1] - residual[0] < 0.5 * (
            plain[1] - plain[0]
        ):
            rest = "the residual one loses less"
        return f"With 56 layers in place of 20 the plain network learns worse; {rest}"
    return "Degradation does not show at this budget: the deeper plain network does not clearly learn worse"


def _write_closing(
    outcomes: dict[str, Outcome], verdicts: dict[str, str], found: Comparison
) -> tuple[str, ...]:
    sentences = []
    for kind in ("plain", "residual"):
        first, second = (outcomes[f"{kind}-{depth}"].spread("train") for depth in (20, 56))
        sentences.append(_describe_change(kind, first, second, verdicts[kind]))
    errors = [outcomes[f"{kind}-56"].spread("test").describe(format_error) for kind in ("plain", "residual")]
    sentences.append(
        f"At 56 layers the test error is {errors[0]} plain and {errors[1]} residual, of {found.test_images:,} images."
    )
    if not verdicts["plain"].startswith("higher"):
        sentences.append("So the degradation of the textbooks does not show in so short a training.")
    elif verdicts["residual"].startswith("higher"):
        sentences.append(
            "In so short a training the deeper residual network is behind too; it has just begun to learn."
        )
    return tuple(sentences)


def _describe_change(kind: str, first: Spread, second: Spread, verdict: str) -> str:
    ends = f"from {first.describe(format_error)} with 20 layers to {second.describe(format_error)} with 56"
    if verdict == "unclear":
        return f"The training error of the {kind} network goes {ends}, which the seeds do not tell apart."
    verb = "rises" if verdict.startswith("higher") else "falls"
    alone = " (one seed, so its spread is not known)" if verdict.endswith("once") else ""
    return f"The training error of the {kind} network {verb} {ends}{alone}."


def _name_ends(outcomes: dict[str, Outcome], key: str, word: str) -> str:
    best = min(_NAMES, key=lambda name: _or_one(outcomes[name].spread(key).mean))
    worst = max(_NAMES, key=lambda name: _or_one(outcomes[name].spread(key).mean))
    ends = [format_error(outcomes[name].spread(key).mean) for name in (best, worst)]
    return f"The {word} error ends lowest for {best} ({ends[0]}) and highest for {worst} ({ends[1]})"


def _title_tests(outcomes: dict[str, Outcome], found: Comparison) -> str:
    best = min(_NAMES, key=lambda name: _or_one(outcomes[name].spread("test").mean))
    error = format_error(outcomes[best].spread("test").mean)
    return f"{best} has the lowest test error at the end: {error} of {found.test_images:,} images"


def _or_one(value: float) -> float:
    return 1.0 if value != value else value


DEGRADATION = Study(
    "degradation", "Does a deeper plain network train worse, and does a residual one not?", run
)
