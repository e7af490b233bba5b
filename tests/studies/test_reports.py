"""The sentences of the studies follow the figures: each effect, its opposite, and none."""

import random

import pytest

from residual.studies import degradation, shortcuts, surgery_report, vanishing_report
from residual.studies.comparison import Comparison, Outcome, choose_sizes
from residual.studies.page import write_results
from residual.studies.probes import Probe, average, format_figure, name_trend
from residual.studies.study import Study
from residual.studies.surgery_report import Operated
from residual.studies.vanishing_report import Measured
from tests.support.study import make_context

PLAN = {
    "measured": "plain-20",
    "step": 0.05,
    "side": 16,
    "batch": 64,
    "rate": 0.05,
    "seeds": [0, 1],
    "images": 1000,
    "epochs": 3,
}


def make_outcome(name: str, error: float, seeds: int = 2, finite: bool = True) -> Outcome:
    pieces = []
    for seed in range(seeds):
        shift = 0.004 * seed
        errors = [error + 0.2, error + shift, error + shift]
        pieces.append(
            {
                "train": errors,
                "validation": errors,
                "finite": finite,
                "test": error + shift if finite else None,
                "parameters": 1000,
                "images": "made",
                "test_images": 500,
            }
        )
    return Outcome(name, 1000, tuple(pieces))


def make_comparison(errors: dict[str, float], **options) -> Comparison:
    outcomes = {name: make_outcome(name, error, **options) for name, error in errors.items()}
    return Comparison(outcomes, PLAN, "made images", 500)


def degrade(plain_20, residual_20, plain_56, residual_56, **options):
    names = ("plain-20", "residual-20", "plain-56", "residual-56")
    return degradation.report(
        make_comparison(
            dict(zip(names, (plain_20, residual_20, plain_56, residual_56), strict=True)), **options
        )
    )


def test_degradation_that_shows_is_told_with_its_figures():
    found = degrade(0.3, 0.25, 0.5, 0.2)
    assert "the plain network learns worse; the residual one learns better" in found.title
    text = " ".join(found.closing)
    assert "plain network rises from 30.2% (30.0% to 30.4% over 2 seeds)" in text
    assert "residual network falls from 25.2%" in text
    assert found.figures["plain-56 train error"] == pytest.approx(0.502)


def test_degradation_that_does_not_show_is_told_as_such():
    found = degrade(0.3, 0.25, 0.301, 0.2)
    assert "does not show at this budget" in found.title
    text = " ".join(found.closing)
    assert "which the seeds do not tell apart" in text
    assert "degradation of the textbooks does not show" in text


def test_one_seed_says_that_its_spread_is_not_known():
    assert "one seed, so its spread is not known" in " ".join(degrade(0.3, 0.25, 0.5, 0.2, seeds=1).closing)


def test_a_training_that_is_not_finite_is_left_out_and_counted(tmp_path):
    found = make_comparison({"plain-20": 0.3, "residual-20": 0.2, "plain-56": 0.5, "residual-56": 0.2})
    found.outcomes["plain-56"] = make_outcome("plain-56", 0.5, finite=False)
    findings = degradation.report(found)
    rows = {row[0]: row for row in findings.table.rows}
    assert rows["plain-56"][-1] == 2
    result = write_results(Study("d", "?", None), make_context(tmp_path / "s"), findings, "")  # type: ignore[arg-type]
    assert '"plain-56 test error": null' in (tmp_path / "s" / "findings.json").read_text()
    assert result.page.is_file()


KINDS = ("option-A", "option-B", "option-C", "none", "A-zero-norm")


def cut_short(none: float, post: float, pre: float):
    kinds = make_comparison(dict(zip(KINDS, (0.3, 0.3, 0.25, none, 0.2), strict=True)))
    return shortcuts.report(kinds, make_comparison({"post-110": post, "pre-110": pre}))


def test_shortcuts_are_sorted_into_better_worse_and_not_told_apart():
    found = cut_short(0.5, 0.4, 0.3)
    assert found.title.startswith(
        "A shortcut helps already at 20 layers: 30.2% test error with option A, 50.2%"
    )
    rest = found.closing[1]
    worse, better, same = (
        rest.index("Clearly worse"),
        rest.index("Clearly better"),
        rest.index("Not told apart"),
    )
    assert worse < rest.index("no shortcut") < better < rest.index("option C") < same < rest.index("option B")
    assert found.closing[2].endswith("for post-activation: better.")


@pytest.mark.parametrize(
    ("none", "pre", "title", "end"),
    [
        (0.1, 0.5, "learn faster without a shortcut", "worse."),
        (0.301, 0.401, "makes no clear difference", "does not show at this budget."),
    ],
)
def test_shortcuts_that_do_not_help_are_told_as_such(none, pre, title, end):
    found = cut_short(none, 0.4, pre)
    assert title in found.title
    assert found.closing[2].endswith(end)


def make_probes(growth: dict[tuple[str, str], float]) -> Measured:
    """Networks whose early gradient grows by a factor for each layer."""
    draw = random.Random(0)

    def probe(kind, variant, depth):
        size = growth.get((kind, variant), 1.0) ** depth
        return Probe(tuple(size * draw.uniform(0.9, 1.1) for _ in range(1, depth)))

    keys = [(kind, variant) for kind in ("plain", "residual") for variant in ("norm", "he", "glorot")]
    fresh = {(*key, depth, seed): probe(*key, depth) for key in keys for depth in (8, 56) for seed in (0, 1)}
    trained = {(*key, 0): {step: probe(*key, 20) for step in (0, 5)} for key in keys if key[1] != "glorot"}
    return Measured(fresh, trained, 20, "made images", {"norm": 0.05, "he": 0.005})


def test_vanishing_and_exploding_gradients_are_named_by_their_figures():
    found = vanishing_report.report(make_probes({("plain", "norm"): 1.1, ("plain", "glorot"): 0.7}))
    assert "the early gradient explodes in plain networks (x 9" in found.title
    assert "stays of one size in residual ones" in found.title
    assert (
        "So gradients vanish in the plain network only without batch norm from Glorot's weights, and shortcuts prevent it."
        in (found.closing[-1])
    )


def test_gradients_that_vanish_everywhere_are_told_as_such():
    all_keys = [(kind, variant) for kind in ("plain", "residual") for variant in ("norm", "he", "glorot")]
    found = vanishing_report.report(make_probes(dict.fromkeys(all_keys, 0.7)))
    assert "shortcuts do not prevent it everywhere" in found.closing[-1]
    found = vanishing_report.report(make_probes({}))
    assert "So gradients vanish in no plain network here." in found.closing[-1]


def test_the_slider_has_a_frame_for_each_step_on_one_scale():
    frames = vanishing_report.report(make_probes({})).charts[-1]
    assert [value for value, _ in frames.frames] == ["0", "5"]
    assert len({drawing.height for _, drawing in frames.frames}) == 1


def test_the_early_gradient_is_that_of_the_first_quarter():
    probe = Probe((1.0, 4.0, 9, 9, 9, 9, 100.0, 100.0))
    assert probe.early == pytest.approx(2.0)
    assert probe.late == pytest.approx(100.0)
    assert average([1.0, float("nan")]) != average([1.0, float("nan")])
    assert [name_trend(x) for x in (0.01, 1, 100, float("inf"))] == [
        "vanishes",
        "stays of one size",
        "explodes",
        "is not finite",
    ]
    assert [format_figure(x) for x in (0.000321, 1.44, 5234.0, 3.14e9, float("nan"))] == [
        "0.00032",
        "1.4",
        "5,200",
        "3.1e+09",
        "not finite",
    ]


def make_operated(rise: float, plain_rise: float, prunable: list[str], given: bool = False) -> Operated:
    def piece(more: float, seed: int) -> dict:
        names = ["stage1_block1", "stage1_block2"]
        intact = 0.2 + 0.001 * seed
        return {
            "intact": intact,
            "deleted": {name: intact + more + 0.001 * i for i, name in enumerate(names)},
            "scaled": {"0.5": dict.fromkeys(names, intact), "2.0": dict.fromkeys(names, intact + more)},
            "swapped": {"stage1_block1 and stage1_block2": intact + more},
            "together": [intact, intact + more, 0.9],
            "prunable": prunable,
            "test": 0.25,
            "pruned_test": 0.26 if prunable else None,
            "blocks": names,
            "images": "made",
            "validation_images": 100,
            "test_images": 400,
        }

    if given:
        return Operated({"given": (piece(rise, 0),)}, "runs/mine", None)
    pieces = {
        "residual": (piece(rise, 0), piece(rise, 1)),
        "plain": (piece(plain_rise, 0), piece(plain_rise, 1)),
    }
    return Operated(pieces, None, {**PLAN, "depth": 20})


def test_surgery_says_which_network_depends_more_on_its_blocks():
    assert "plain network depends more" in surgery_report.report(make_operated(0.02, 0.4, [])).closing[0]
    assert "against the textbook" in surgery_report.report(make_operated(0.4, 0.02, [])).closing[0]
    assert "do not tell apart" in surgery_report.report(make_operated(0.1, 0.1, [])).closing[0]


def test_surgery_names_what_could_be_pruned_with_its_test_error_and_interval():
    text = surgery_report.report(make_operated(0.005, 0.4, ["stage1_block2"])).closing[-1]
    assert (
        "stage1_block2 of the residual network can be deleted. Without all that it names with the first"
        in text
    )
    assert "26.0% of 400 test images (95% interval 21.9% to 30.5%), with them on 25.0%" in text
    assert "No block" in surgery_report.report(make_operated(0.1, 0.4, [])).closing[-1]


def test_surgery_on_the_users_network_speaks_of_it_alone(tmp_path):
    found = surgery_report.report(make_operated(0.005, 0, ["stage1_block1"], given=True))
    assert found.title.startswith(
        "1 of 2 blocks could be pruned; the least needed is stage1_block1 (+0.5 points"
    )
    assert "plain" not in " ".join(found.closing)
    page = write_results(Study("s", "?", None), make_context(tmp_path / "s"), found, "").page.read_text()  # type: ignore[arg-type]
    assert "runs/mine" in page


def test_sizes_follow_the_time():
    assert choose_sizes(0, 50_000) == {"images": 1_000, "epochs": 4}
    assert choose_sizes(80_000, 50_000) == {"images": 10_000, "epochs": 8}
    assert choose_sizes(1e7, 50_000) == {"images": 50_000, "epochs": 40}
    assert choose_sizes(80_000, 200)["images"] == 200
