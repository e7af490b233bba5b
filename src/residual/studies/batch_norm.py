"""The doctor of batch norm: whether the moving statistics of a network fit its data, and what it costs if not."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from residual.errors import DataError
from residual.studies.context import Context
from residual.studies.drawing import Table
from residual.studies.plots import Axis, Row, Series, draw_dots, draw_lines
from residual.studies.study import Findings, Study

if TYPE_CHECKING:
    import numpy as np

    from residual.data.images import Images

MOST = 2_000  # images of each split
_FLOATS = 512e6  # bytes of images as float32
MODES = {
    "moving": "inference, moving statistics",
    "batch": "training mode, statistics of each batch",
    "recomputed": "inference, recomputed statistics",
}


def run(context: Context) -> Findings:
    """Compare statistics and accuracies of a network; repair it if that is asked for.

    Statistics are computed from training images alone. Accuracies are measured on the validation images of a run, or
    on the test images of the data of a model file, because nobody knows on which others that was trained.

    Args:
        context: of the study; its network has batch norms.

    Raises:
        DataError: if the network has another number of outputs than the data has classes.
        RunError: if it has no batch norm.
    """
    measured = context.remember("statistics", lambda: _measure(context), _show)
    if context.subject.repair is not None:
        _repair(context)
    return _describe(context, measured)


BATCH_NORM = Study(
    "batch-norm",
    "Do the moving statistics of a trained network fit its data, and what does it cost if they do not?",
    run,
    network="must",
    repairs=True,
)


def _measure(context: Context) -> dict[str, Any]:
    """The state of each batch norm, and the accuracy in each mode on training and held-out images."""
    from residual.diagnosis.norms import examine_norms, predict_in_training_mode, with_statistics
    from residual.evaluation.metrics import wilson_interval
    from residual.evaluation.significance import compare_paired

    model, subject, data = context.network, context.subject, context.data
    if model.output_shape[-1] != len(data.classes):
        raise DataError(
            f"The network has {model.output_shape[-1]} outputs and {data.source} {len(data.classes)} classes. Name the "
            "data that it was trained on as `data`."
        )
    name, held_out = _choose_held_out(context)
    train_x = _take_pixels(context, _list_training(context))
    report = examine_norms(model, train_x, subject.batch_size, subject.augment, max_images=len(train_x))
    scores: dict[str, Any] = {}
    right: dict[str, Any] = {}
    for split, images in (("training", _list_training(context)), (name, held_out)):
        x = _take_pixels(context, images)
        labels = _take(images).y[: len(x)]
        answers = {"moving": _predict(model, x)}
        answers["batch"] = predict_in_training_mode(model, x, subject.batch_size)
        with with_statistics(model, report.recomputed):
            answers["recomputed"] = _predict(model, x)
        right = {mode: rows.argmax(1) == labels for mode, rows in answers.items()}
        scores[split] = {
            mode: {
                "n": len(labels),
                "correct": int(hits.sum()),
                "interval": wilson_interval(int(hits.sum()), len(labels)),
            }
            for mode, hits in right.items()
        }
    gain = compare_paired(right["moving"], right["recomputed"])
    return {
        "images": report.images,
        "held_out": name,
        "scores": scores,
        "gain": gain.to_dict(),
        "layers": [{**asdict(one), "stale": one.stale, "words": one.words} for one in report.states],
    }


def _list_training(context: Context) -> "Images":
    """The training images; for a model file also those that were set aside, which it may have been trained on."""
    data = context.data
    if context.subject.is_run or data.validation is None:
        return data.train
    return data.train.and_also(data.validation)


def _choose_held_out(context: Context) -> tuple[str, "Images"]:
    validation = context.data.validation
    if context.subject.is_run and validation is not None:
        return "validation", validation
    return "test", context.data.test


def _take(images: "Images") -> "Images":
    from residual.diagnosis.patient import spread

    return images.take(spread(len(images), MOST))


def _take_pixels(context: Context, images: "Images") -> "np.ndarray":
    """At most `MOST` images, spread over all, as the network takes them."""
    import numpy as np

    from residual.evaluation.classifier import DEFAULT_PIXELS, PIXELS

    few = _take(images)
    x = few.x[np.arange(len(few))]
    x = x[: max(64, int(_FLOATS / (4 * x[0].size)))]
    return x if context.subject.pixels == DEFAULT_PIXELS else PIXELS[context.subject.pixels](x)


def _predict(model: Any, x: "np.ndarray") -> "np.ndarray":
    import numpy as np

    return np.concatenate(
        [
            np.asarray(model.predict_on_batch(np.asarray(x[i : i + 64], np.float32)))
            for i in range(0, len(x), 64)
        ]
    )


def _repair(context: Context) -> None:
    """Recompute the statistics from training images and save the network as a new file."""
    import keras

    from residual.models.keras_file import save_model
    from residual.training.batch_norm import recompute_batch_norm

    path, subject = context.subject.repair, context.subject
    assert path is not None
    x = _take_pixels(context, _list_training(context))
    recompute_batch_norm(context.network, x, subject.batch_size, subject.augment, max_images=len(x))
    network = context.network  # a Sequential model has no `input`, by which the file is made
    save_model(keras.Model(network.inputs[0], network.outputs[0], name=network.name), path, subject.info)
    context.announce("repaired", str(path))


def _show(measured: dict[str, Any]) -> str:
    stale = sum(one["stale"] for one in measured["layers"])
    return f"{stale} of {len(measured['layers'])} batch norms are stale"


def _describe(context: Context, measured: dict[str, Any]) -> Findings:
    layers, name = measured["layers"], measured["held_out"]
    scores, gain = measured["scores"][name], measured["gain"]
    stale = [one for one in layers if one["stale"]]
    title = _state_title(stale, layers, scores, gain)
    farthest = max(layers, key=lambda one: one["mean_apart"])
    widest = max(layers, key=lambda one: one["spread_apart"])
    closing = [
        f"{len(stale)} of {len(layers)} batch norms {'is' if len(stale) == 1 else 'are'} stale, which means that the "
        "moving statistics are not those of the training images. The farthest mean is "
        f"{farthest['mean_apart']:.2g} standard deviations away ({farthest['name']}), the farthest standard deviation "
        f"is off by a factor of {widest['spread_apart']:.2g} ({widest['name']}).",
        f"Of {scores['moving']['n']} {name} images, {_write(scores['moving'])} are right with the moving statistics, "
        f"{_write(scores['batch'])} with those of each batch and {_write(scores['recomputed'])} with recomputed ones; "
        f"the last differs from the first by {'more than' if gain['beyond_chance'] else 'no more than'} chance "
        f"(McNemar's test, p = {gain['p']:.2g}).",
        _advise(context, layers, gain),
    ]
    figures: dict[str, Any] = {"stale": len(stale), "layers": len(layers), "p": gain["p"]}
    for split, modes in measured["scores"].items():
        figures |= {f"{split}_{mode}": score["correct"] / score["n"] for mode, score in modes.items()}
        figures[f"{split}_n"] = modes["moving"]["n"]
    return Findings(
        title,
        tuple(closing),
        _list_method(context, measured),
        (_draw_accuracy(measured), _draw_layers(layers)),
        _make_table(layers),
        (
            "An accuracy with the statistics of each batch depends on which images stand in a batch together; a "
            "network that is used has no such batches.",
            "A distance says how far the statistics are off, not what that costs: a later layer may hide it.",
        ),
        figures=figures,
    )


def _state_title(stale: list, layers: list, scores: dict, gain: dict) -> str:
    if stale and gain["beyond_chance"] and gain["value"] > 0:
        points = f"{100 * gain['value']:.0f} points of accuracy"
        if len(stale) == 1:
            return f"One stale batch norm, {stale[0]['name']}, costs this network {points}"
        return f"{len(stale)} stale batch norms cost this network {points}"
    if stale:
        return f"{len(stale)} of {len(layers)} batch norms are stale, at no cost that shows"
    return f"All {len(layers)} batch norms fit the data"


def _advise(context: Context, layers: list, gain: dict) -> str:
    named = {
        "frozen": "never use the batch (frozen)",
        "forced": "are called with training=True, so that calling the network changes it",
    }
    unusual = [
        f"{sum(one[key] for one in layers)} {words}: {', '.join(one['name'] for one in layers if one[key])}"
        for key, words in named.items()
        if any(one[key] for one in layers)
    ]
    if context.subject.repair is not None:
        text = f"The network with recomputed statistics is saved as {context.subject.repair.name}."
    elif gain["beyond_chance"] and gain["value"] > 0:
        text = (
            "With the name of a new file as `repair`, the study saves the network with recomputed statistics."
        )
    else:
        text = "There is nothing to repair."
    return " ".join([text, *(f"{part}." for part in unusual)])


def _write(score: dict[str, Any]) -> str:
    low, high = score["interval"]
    return f"{score['correct'] / score['n']:.1%} ({low:.1%} to {high:.1%})"


def _list_method(context: Context, measured: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    from residual.diagnosis.norms import MEAN_APART, SPREAD_APART

    counts = {split: modes["moving"]["n"] for split, modes in measured["scores"].items()}
    return (
        ("network", str(context.asked.network)),
        ("images", context.data.source),
        (
            "statistics",
            f"of {measured['images']} training images, in batches of {context.subject.batch_size}",
        ),
        (
            "accuracies",
            ", ".join(f"{n} {split} images" for split, n in counts.items()) + "; 95% intervals (Wilson)",
        ),
        (
            "stale",
            f"a mean more than {MEAN_APART:g} standard deviations of the data away, or a standard deviation off by "
            f"more than a factor of {SPREAD_APART:g} (means over the channels)",
        ),
    )


def _draw_accuracy(measured: dict[str, Any]) -> Any:
    rows = []
    for split, modes in measured["scores"].items():
        colour = "orange" if split == "training" else "blue"
        rows += [
            Row(f"{split}: {MODES[mode].split(', ')[1]}", (score["correct"] / score["n"],), colour)
            for mode, score in modes.items()
        ]
    name = measured["held_out"]
    scores = measured["scores"][name]
    before, after = (scores[mode]["correct"] / scores[mode]["n"] for mode in ("moving", "recomputed"))
    title = f"{before:.1%} of the {name} images are right before, {after:.1%} with recomputed statistics"
    axis = Axis("accuracy", low=0.0, high=1.0, percent=True)
    return draw_dots("accuracy", title, rows, axis, lambda value: f"{value:.1%}")


def _draw_layers(layers: list[dict[str, Any]]) -> Any:
    places = tuple(float(i + 1) for i in range(len(layers)))
    series = [
        Series("mean", places, tuple(one["mean_apart"] for one in layers), "blue"),
        Series("spread", places, tuple(one["spread_apart"] - 1 for one in layers), "orange", dashed=True),
    ]
    worst = max(layers, key=lambda one: max(one["mean_apart"], one["spread_apart"] - 1))
    title = (
        f"{worst['name']} is farthest from the data: its mean by {worst['mean_apart']:.2g} deviations, its "
        f"deviation by a factor of {worst['spread_apart']:.2g}"
    )
    note = "mean: in deviations of the data; spread: factor - 1"
    x_axis, y_axis = Axis("batch norm, from the input"), Axis("distance", low=0.0)
    return draw_lines("layers", title, series, x_axis, y_axis, note)


def _make_table(layers: list[dict[str, Any]]) -> Table:
    columns = ("batch norm", "channels", "momentum", "mean apart (sd)", "sd apart (factor)", "remark")
    keys = ("name", "channels", "momentum", "mean_apart", "spread_apart", "words")
    return Table(columns, tuple(tuple(one[key] for key in keys) for one in layers))
