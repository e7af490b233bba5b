"""The same as the command line, from Python: train, evaluate, predict, build."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
from rich.console import Console

from residual import kernels, networks, zoo
from residual.consoles import default_console
from residual.data import balance as balancing
from residual.data import hub
from residual.data.decoding import UNREADABLE
from residual.data.images import Dataset
from residual.data.sources import NAMES, SEARCHED, load_data
from residual.data.stored import Stored
from residual.errors import DataError, RecipeError, RunError
from residual.evaluation import predictions
from residual.evaluation.judging import judge, relabelled, scored, whole_test
from residual.evaluation.kept_predictions import keep_predictions
from residual.evaluation.metrics import Scores
from residual.evaluation.predictions import Prediction
from residual.evaluation.report import save_confusion_png, save_curves_png
from residual.kernels.precision import choose
from residual.modelfile import load_model
from residual.spec import NetworkSpec
from residual.training import recipes, statistics, trainer
from residual.training.planning import seconds_of
from residual.training.recipes import Recipe
from residual.training.runs import RunFolder, find_run, new_run


def build(
    network: str | NetworkSpec,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    normalization: keras.layers.Layer | None = None,
) -> keras.Model:
    """A network by name or spec, with random weights: a stock Keras model.

    Args:
        network: a NetworkSpec, or a name such as "resnet50" or "cifar-resnet20-plain"; `residual list` shows all.
        input_shape: (height, width, 3); None for a side that varies.
        classes: outputs of the softmax.
        normalization: first layer, on raw pixels.

    Raises:
        NetworkError: unknown name, wrong depth, or an input too small.
    """
    return networks.network(_spec(network), input_shape, classes, normalization)


def _spec(network: str | NetworkSpec) -> NetworkSpec:
    return network if isinstance(network, NetworkSpec) else zoo.spec(network)


class Run:
    """A trained network and its folder.

    Attributes:
        folder: the RunFolder (`run.folder.path` is where it is).
    """

    def __init__(
        self, folder: RunFolder, data: Dataset | None = None, trained: trainer.Trained | None = None
    ):
        self.folder = folder
        self._data, self._trained = data, trained
        self._model = trained.model if trained else None
        self._info: dict | None = None

    def __repr__(self) -> str:
        return f"Run({str(self.folder.path)!r})"

    @property
    def model(self) -> keras.Model:
        """The network: raw 0-255 RGB in, probabilities out."""
        if self._model is None:
            self._model, self._info = load_model(self.folder.model)
        return self._model

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(self.folder.asked["data"]["classes"])

    @property
    def report(self) -> dict:
        """What came of the run so far: report.json."""
        return self.folder.report

    def data(self) -> Dataset:
        """The data that the run was trained on, loaded again where needed."""
        if self._data is None:
            asked = self.folder.asked["data"]
            allowed = asked.get("unreadable", UNREADABLE)
            found = load_data(asked["asked"], asked.get("size"), asked.get("root"), allowed)
            if (
                list(found.classes) != asked["classes"]
                or found.test.fingerprint() != asked["test_fingerprint"]
            ):
                raise DataError(
                    f"The test images of {asked['asked']} are not those of the run, which were apart from its training "
                    f"images. The run: {asked['source']}. Now: {found.source}. Put the data back as it was, or judge "
                    "the network on other images with --data."
                )
            self._data = found
        return self._data

    def evaluate(self) -> Scores:
        """Judge the network on the test images of its data: the one place where they are read.

        The scores go into report.json and confusion.png, what the network says of each image into
        test_predictions.csv; where test images stand in training as well, also the scores without them. Just after
        training, where the moving batch-norm statistics gave another validation accuracy than the recomputed ones,
        report.json also gets the test accuracy that they would have had.
        """
        data = self.data()
        seen = [part for part in (data.train, data.validation) if part is not None]
        rows = predictions.probabilities(self.model, data.test.x)
        scores = scored(rows, data.test, data.classes, seen)
        test = {**self.report.get("test", {}), **scores.to_dict()}
        if self._trained and _differ(self._trained.report["validation"]):
            test["accuracy_with_moving_statistics"] = self._with_moving_statistics(data)
        self.folder.add_to_report(test=test)
        keep_predictions(rows, data.test.y, data.classes, self.folder.path)
        save_confusion_png(scores, self.folder.path / "confusion.png")
        return scores

    def predict(self, images: str | Path | Sequence[str | Path]) -> list[Prediction]:
        """Labels and probabilities of image files, folders or patterns."""
        names = [images] if isinstance(images, str | Path) else images
        return predictions.predict_files(self.model, self.classes, predictions.find_images(names))

    def _with_moving_statistics(self, data: Dataset) -> float:
        settled = statistics.moving_statistics(self.model)
        statistics.assign_statistics(self.model, self._trained.moving)
        try:
            return judge(self.model, data.test, data.classes).accuracy
        finally:
            statistics.assign_statistics(self.model, settled)


def _differ(validation: dict) -> bool:
    return validation["accuracy"] != validation["accuracy_with_moving_statistics"]


def plan(
    data: str, recipe: str | Recipe, model: str | NetworkSpec | None, **changes
) -> tuple[Recipe, NetworkSpec]:
    """The recipe and the network for data of this name; `changes` replace values of the recipe."""
    chosen = recipe if isinstance(recipe, Recipe) else recipes.recipe(recipe, data)
    changed = {name: value for name, value in changes.items() if value is not None}
    if changed:
        chosen = replace(chosen, **changed, expected="")  # what the recipe reached, it reached unchanged
    spec = _spec(model or chosen.model)
    return replace(chosen, model=spec.name), spec


def train(
    data: str | Path = "digits",
    *,
    model: str | NetworkSpec | None = None,
    recipe: str | Recipe = "default",
    epochs: int | None = None,
    batch_size: int | None = None,
    size: int | None = None,
    seed: int = 0,
    validation: float = 0.1,
    precision: str = "auto",
    budget: str | None = None,
    balance: str | None = None,
    unreadable: float = UNREADABLE,
    name: str | None = None,
    root: str | Path | None = None,
    console: Console | None = None,
) -> Run:
    """Train a network and keep it in a run folder, `runs/<name>`.

    The validation images are taken from the training images; the test images are not read here, but by
    `Run.evaluate`.

    Args:
        data: what `load_data` takes: "digits", "signs", "cifar10" or a path.
        model: a NetworkSpec or the name of a network; None takes the recipe's.
        recipe: a name, a .toml file or a Recipe; "default" is the one made for the data.
        epochs, batch_size: in place of the recipe's.
        size: scale images to (size, size).
        seed: of weights, order, augmentation and validation split.
        validation: share of the training images that is set aside to select on.
        precision: "float32", "bfloat16" or "auto": the one that trains faster here, by a short measurement.
        budget: time for the whole, such as "10m"; the epochs that fit in it take the place of the recipe's.
        balance: what to do about classes with few images: "sample" shows them again until all classes have as
            many, "weights" lets them count more in the loss; None does nothing.
        unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        name: of the run; None counts up.
        root: folder searched for "signs" and "cifar10".
        console: where progress is shown; None shows it on standard error, in a notebook on standard output.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    console = console or default_console(stderr=True)
    seconds = seconds_of(budget) if budget is not None else None
    if seconds is not None and epochs is not None:
        raise RecipeError("--epochs and --budget both say how long to train: give one of them.")
    changes = {"epochs": epochs, "batch_size": batch_size}
    balancing.checked_way(balance)
    plan("", recipe, model, **changes)  # a wrong name is told before the data is read
    loaded = load_data(data, size, root, unreadable)
    chosen, spec = plan(loaded.name, recipe, model, **changes)
    networks.check_size(spec, (*loaded.size, 3))
    split = trainer.with_validation(loaded, validation, seed)
    precision, why = choose(precision)
    folder = new_run(name, f"{loaded.name}-{spec.name}")
    asked = _asked(data, root, size, loaded, split, chosen, spec, seed)
    if loaded.unreadable:
        asked["data"]["unreadable"] = unreadable
        folder.add_to_report(unreadable=list(loaded.unreadable))
    folder.write_asked({**asked, "precision": precision, **({"balance": balance} if balance else {})})
    announce(console, split, chosen, spec, folder, why, balance)
    trained = trainer.fit(
        balancing.resampled(split, seed) if balance == "sample" else split,
        spec,
        chosen,
        folder,
        seed=seed,
        precision=precision,
        budget=seconds,
        class_weights=balancing.class_weights(split.train.y) if balance == "weights" else None,
        console=console,
    )
    rows = folder.log_rows()
    if rows:
        save_curves_png(rows, folder.path / "curves.png")
    return Run(folder, loaded, trained)


def announce(
    console: Console,
    split: Dataset,
    recipe: Recipe,
    spec,
    folder: RunFolder,
    precision: str,
    balance: str | None,
) -> None:
    """Say what is about to be trained on what."""
    unequal = balancing.imbalance(split.train.y, split.classes)
    advice = f"--balance {balance}" if balance else "see --balance, and read the balanced accuracy"
    for label, text in (
        ("data", split.source),
        (
            "",
            f"{len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test",
        ),
        *([("", f"{unequal}; {advice}")] if unequal else []),
        *((("", split.train.x.told),) if isinstance(split.train.x, Stored) else ()),
        ("network", f"{spec.name}, {'x'.join(map(str, split.size))} pixels, {len(split.classes)} classes"),
        ("recipe", f"{recipe.name}: epochs {recipe.epochs}, batch {recipe.batch_size}, {recipe.optimizer}"),
        ("numbers", precision),
        ("run", str(folder.path)),
    ):
        console.print(f"{label:8} {text}", highlight=False, soft_wrap=True, markup=False)


def _place(data: str | Path) -> str:
    """How a run remembers its data: a name as it is, a path in full."""
    if str(data) in NAMES or str(data).startswith(hub.PREFIX):
        return str(data)
    return str(Path(data).expanduser().resolve())


def _root(root: str | Path | None) -> str | None:
    """Where "signs" and "cifar10" were searched for, in full, so that they are found again from elsewhere."""
    place = root or os.environ.get("RESIDUAL_DATA") or ("datasets" if Path("datasets").is_dir() else None)
    return str(Path(place).expanduser().resolve()) if place else None


def _asked(data, root, size, loaded: Dataset, split: Dataset, recipe: Recipe, spec, seed: int) -> dict:
    facts = {
        "asked": _place(data),
        "source": loaded.source,
        "classes": list(loaded.classes),
        "train_images": len(split.train),
        "validation_images": len(split.validation),
        "test_images": len(loaded.test),
        "test_fingerprint": loaded.test.fingerprint(),
        "image_size": list(loaded.size),
    }
    facts |= {"size": size} if size else {}
    if str(data) in SEARCHED and _root(root):
        facts["root"] = _root(root)
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "seed": seed,
        "data": facts,
        "network": {"name": spec.name, "source": spec.source},
        "recipe": recipe.to_table(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count() or 0, **kernels.versions()},
    }


def evaluate(
    run_or_model: str | Path, data: str | Path | None = None, root: str | Path | None = None
) -> Scores:
    """Judge a run, or any .keras file, on test images.

    Args:
        run_or_model: a run's name or folder, or a .keras file.
        data: other data than the run's own; a folder that has no test images of its own is then used whole.
        root: folder searched for "signs" and "cifar10".

    Raises:
        DataError: when the classes of data and network differ, or a .keras file comes without data.
        RunError: when there is no such run or file.
    """
    run = as_run(run_or_model)
    if run is not None and (data is None or _place(data) == run.folder.asked["data"]["asked"]):
        return run.evaluate()
    if data is None:
        raise DataError(f"Say on which data to judge {run_or_model}: --data signs, or a path.")
    model, classes = open_model(run_or_model)
    height, width = predictions.image_size(model)
    if height != width:
        raise DataError(f"The model takes {height}x{width} images; data can only be scaled to squares.")
    images, data_classes = whole_test(load_data(data, height, root))
    return judge(model, relabelled(images, data_classes, classes), classes)


def as_run(run_or_model: str | Path) -> Run | None:
    """The run of that name or folder, or that a model file lies in; None for a model file elsewhere.

    Raises:
        RunError: when there is neither a run nor a model file.
    """
    path = Path(run_or_model)
    if path.suffix != ".keras":
        return Run(find_run(run_or_model))
    return (
        Run(RunFolder(path.parent))
        if (path.parent / "run.toml").is_file() and path.name == "model.keras"
        else None
    )


def open_model(run_or_model: str | Path) -> tuple[keras.Model, tuple[str, ...]]:
    """A network and the names of its outputs, from a run or a .keras file."""
    run = as_run(run_or_model)
    if run is not None:
        if not run.folder.model.is_file():
            raise RunError(f"{run.folder.path} has no model.keras yet: its training has not ended.")
        return run.model, run.classes
    model, info = load_model(run_or_model)
    if not isinstance(model.output, keras.KerasTensor) or len(model.output_shape) != 2:
        raise RunError(
            f"{run_or_model} is no classifier: its output must be (n, classes), not {model.output_shape}."
        )
    outputs = model.output_shape[1]
    classes = tuple(info.get("classes") or (str(i) for i in range(outputs)))
    if len(classes) != outputs:
        raise RunError(f"{run_or_model} has {outputs} outputs, but names {len(classes)} classes.")
    return model, classes


def predict(run_or_model: str | Path, images: str | Path | Sequence[str | Path]) -> list[Prediction]:
    """Labels and probabilities of image files, folders or patterns.

    Args:
        run_or_model: a run's name or folder, or a .keras file.
        images: one or several; any size and mode.

    Raises:
        DataError: when a file is not there. One that cannot be read gets a Prediction with an `error`.
        RunError: when there is no such run or model.
    """
    names = [images] if isinstance(images, str | Path) else images
    files = predictions.find_images(names)
    model, classes = open_model(run_or_model)
    return predictions.predict_files(model, classes, files)
