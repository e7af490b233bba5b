"""A trained network and its folder, and how a user names one."""

from collections.abc import Sequence
from pathlib import Path

import keras

from residual import jobs
from residual.data.fingerprints import compute_fingerprint
from residual.data.images import Dataset
from residual.errors import DataError, RunError
from residual.evaluation import predictions
from residual.evaluation.judging import judge, scored
from residual.evaluation.kept_predictions import keep_predictions
from residual.evaluation.metrics import Scores
from residual.evaluation.predictions import Prediction
from residual.evaluation.report import save_confusion_png
from residual.modelfile import load_model
from residual.training import statistics, trainer
from residual.training.runs import RunFolder, find_run


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
        return tuple(self.folder.data["classes"])

    @property
    def report(self) -> dict:
        """What came of the run so far: report.json."""
        return self.folder.report

    def data(self) -> Dataset:
        """The data that the run was trained on, loaded again where needed."""
        if self._data is None:
            asked = self.folder.data
            found = jobs.loaded_again(asked)
            fingerprint = compute_fingerprint(found.test, jobs.hash_style(asked))
            if list(found.classes) != asked["classes"] or fingerprint != asked["test_fingerprint"]:
                raise DataError(
                    f"The test images of {asked['asked']} are not those of the run, which were apart from its training "
                    f"images. The run: {asked['source']}. Now: {found.source}. Put the data back as it was, or judge "
                    "the network on other `data`."
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
