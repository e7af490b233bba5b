"""The curves of a training, with titles that state what they show."""

from collections.abc import Sequence
from math import isfinite
from statistics import median

from residual._text import format_percent
from residual.reporting.charts import LineChart, draw_lines
from residual.reporting.judged import JudgedRun


def draw_curves(run: JudgedRun) -> list[LineChart]:
    """Loss, accuracy, learning rate, gradient norm and images per second over the epochs; those that log.csv has.

    Args:
        run: the run; one that has no epoch yet has no curves.
    """
    drawn = (_draw_loss(run), _draw_accuracy(run), _draw_rate(run), _draw_gradient(run), _draw_speed(run))
    return [chart for chart in drawn if chart is not None]


def _column(run: JudgedRun, name: str) -> list[float]:
    return [row[name] for row in run.rows if name in row]


def _pairs(run: JudgedRun, name: str) -> list[tuple[str, list[float]]]:
    named = (("training", _column(run, name)), ("validation", _column(run, f"val_{name}")))
    return [(label, values) for label, values in named if values]


def _find_best(values: Sequence[float], highest: bool) -> tuple[float, int] | None:
    """The best finite value and its epoch; None if there is none."""
    finite = [(value, i + 1) for i, value in enumerate(values) if isfinite(value)]
    if not finite:
        return None
    return max(finite, key=lambda pair: (pair[0] if highest else -pair[0], -pair[1]))


def _draw_loss(run: JudgedRun) -> LineChart | None:
    best = _find_best(_column(run, "val_loss"), highest=False)
    title = "Loss"
    if best:
        title = f"The validation loss is lowest after epoch {best[1]}: {best[0]:.3g} nats"
    return draw_lines(title, "loss (nats)", _pairs(run, "loss"), kept=_kept(run), from_zero=True)


def _draw_accuracy(run: JudgedRun) -> LineChart | None:
    best = _find_best(_column(run, "val_accuracy"), highest=True)
    title = "Accuracy"
    if best:
        n = run.record.data.validation_images
        title = f"The validation accuracy is highest after epoch {best[1]}: {format_percent(best[0], n)}"
    return draw_lines(
        title,
        "accuracy",
        _pairs(run, "accuracy"),
        kept=_kept(run),
        format_value=lambda value: f"{value:.0%}" if round(value * 100, 6) % 1 == 0 else f"{value:.1%}",
        most=1.0,
    )


def _draw_rate(run: JudgedRun) -> LineChart | None:
    rates = _column(run, "learning_rate")
    best = _find_best(rates, highest=True)
    if not best:
        return None
    constant = max(rates) - min(rates) < 1e-9 * max(rates)
    title = f"The learning rate is {best[0]:.2g} throughout"
    if not constant:
        title = f"The learning rate is highest in epoch {best[1]} ({best[0]:.2g}) and ends at {rates[-1]:.2g}"
    series = [("learning rate", rates)]
    return draw_lines(title, "learning rate", series, from_zero=True, format_value=lambda rate: f"{rate:.2g}")


def _draw_gradient(run: JudgedRun) -> LineChart | None:
    """The norm of the gradient, the mean of the steps that were measured in an epoch; None for older runs."""
    norms = _column(run, "gradient_norm")
    best = _find_best(norms, highest=True)
    if not best:
        return None
    last = next(value for value in reversed(norms) if isfinite(value))
    title = f"The gradient is largest in epoch {best[1]} (norm {best[0]:.2g}) and ends at {last:.2g}"
    return draw_lines(title, "norm of the gradient", [("gradient", norms)], from_zero=True)


def _draw_speed(run: JudgedRun) -> LineChart | None:
    """Images per second, with the time that an epoch takes for its validation images."""
    seconds = _column(run, "seconds")
    if not seconds or min(seconds) <= 0:
        return None
    speeds = [run.record.data.train_images / value for value in seconds]
    title = f"The median epoch trains {median(speeds):,.0f} images/s, its validation included"
    return draw_lines(title, "images/s", [("images/s", speeds)], from_zero=True)


def _kept(run: JudgedRun) -> float | None:
    kept = run.report.get("kept_epoch")
    return kept if isinstance(kept, int) and 1 <= kept <= len(run.rows) else None
