"""The beginning of a training with trained weights: statistics, features and the head, before the first epoch."""

from dataclasses import replace
from typing import TYPE_CHECKING

from residual._console import print_row, show_work
from residual.models.given import PretrainedNetwork

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from residual.embedding.reader import FeatureReader
    from residual.runs.folder import RunFolder
    from residual.training.job import Job
    from residual.training.probe import FittedHead


def prepare_start(job: "Job", folder: "RunFolder", console: "Console") -> "Job":
    """Do what the recipe asks for before the first step: adapt the statistics of batch norms, and fit the head.

    Args:
        job: its network is a PretrainedNetwork, which gets its weights here.
        folder: of the run; its report gets how the head was chosen.
        console: where progress is shown.

    Returns:
        The job; if its body is not trained, with the features of its images.
    """
    recipe, network = job.recipe, job.spec
    assert isinstance(network, PretrainedNetwork)
    for note in network.origin.notes if network.origin else ():
        print_row(console, "weights", note)
    if recipe.head == "random":
        _draw_head(network.model, job.options.seed)
        return job
    if recipe.statistics != "kept":
        from residual.training.batch_norm import recompute_batch_norm

        with show_work(console, "adapting batch-norm statistics"):
            recompute_batch_norm(network.model, job.training.train, recipe.batch_size)
    from residual.embedding.reader import FeatureReader

    with show_work(console, "choosing an engine for the features"):
        features = FeatureReader(network.model, job.data.size, job.training.train.x[:8])
    head = _fit(features, job, console)
    from residual.models.transfer import assign_head

    assign_head(network.model, head.kernel, head.bias)
    folder.add_to_report(head=head.to_table(), features=features.describe())
    return replace(job, read_features=features) if not recipe.epochs else job


def _draw_head(model: "keras.Model", seed: int) -> None:
    """Random weights for the new head, as Keras draws them for a new network."""
    import keras

    from residual.models.transfer import assign_head, read_head

    kernel, bias = read_head(model)
    drawn = keras.initializers.HeNormal(seed=seed)(kernel.shape)
    assign_head(model, keras.ops.convert_to_numpy(drawn), bias)


def _fit(features: "FeatureReader", job: "Job", console: "Console") -> "FittedHead":
    from residual.training.probe import fit_head

    train, validation = job.training.train, job.training.validation
    with show_work(console, f"computing the features of {len(train) + len(validation):,} images"):
        known, others = features(train), features(validation)
        features.save()
    with show_work(console, "fitting the head"):
        head = fit_head(known, train.y, len(job.data.classes), (others, validation.y), seed=job.options.seed)
    print_row(console, "features", features.describe())
    right = float((head.predict(others).argmax(1) == validation.y).mean())
    print_row(
        console,
        "head",
        f"fitted on {len(train):,} images; decay {head.strength:g}, chosen on {head.chosen_on}; validation accuracy "
        f"{right:.1%} of {len(validation):,}",
    )
    return head


def find_better_from_scratch(folder: "RunFolder") -> str:
    """A sentence on the best run beside this one that was trained from scratch and has more of the same validation
    images right; "" if there is none.

    Args:
        folder: of a run that has ended.
    """
    from residual.errors import RunError
    from residual.models.given import PretrainedNetwork as Network
    from residual.runs.folder import RunFolder

    own, best = folder.report["validation"], None
    for path in sorted(folder.path.parent.glob("*/run.toml")):
        other = RunFolder(path.parent)
        try:
            record, score = other.record, other.report.get("validation", {})
        except RunError:
            continue
        same = record.data.data_sha256 == folder.record.data.data_sha256 and score.get("n") == own["n"]
        if same and record.network.source != Network.source and score["accuracy"] > own["accuracy"]:
            best = max(best or (0.0, ""), (score["accuracy"], f"{other.path.name} ({record.network.name})"))
    if best is None:
        return ""
    return (
        f"{best[1]}, trained from scratch, has {best[0]:.1%} of the same {own['n']} validation images right, this run "
        f"{own['accuracy']:.1%}"
    )
