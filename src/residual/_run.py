"""A trained network and its folder.

Keras is imported when a network is loaded, not before: opening a run and reading its report are instant.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import preformat_html
from residual.backend import import_keras_quietly
from residual.backend.devices import AUTO, check_device, use_device
from residual.errors import DataError, ResidualWarning, RunError
from residual.runs.folder import RunFolder

if TYPE_CHECKING:
    import keras
    import numpy as np

    from residual.data.images import Dataset, Images
    from residual.evaluation.metrics import Scores
    from residual.evaluation.predictions import PredictionList
    from residual.exporters.exported import Exported
    from residual.reporting.repeat import FormatCommand
    from residual.training.fit import Trained
    from residual.trust.facts import TrustFacts


class Run:
    """A trained network and its folder.

    Attributes:
        folder: the RunFolder.
        format_command: from folder and record to the command that repeats the training, for its report; None for the
            call in Python.
    """

    def __init__(
        self, folder: RunFolder, data: "Dataset | None" = None, trained: "Trained | None" = None
    ) -> None:
        self.folder = folder
        self._data, self._trained = data, trained
        self._model = trained.model if trained else None
        self._unsaved: dict = {}  # results that could not be written
        self._device = AUTO
        self.format_command: FormatCommand | None = None

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def __str__(self) -> str:
        record, report = self.folder.record, self.folder.report
        lines = [f"{self.path}: {record.network.name} on {record.train['data']}, {self.folder.state}"]
        for split in ("validation", "test"):
            if split in report:
                lines.append(
                    f"{split:11}accuracy {report[split]['accuracy']:.1%} of {report[split]['n']} images"
                )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return preformat_html(str(self))

    def on(self, device: str) -> "Run":
        """The same run, which evaluates and predicts on a device: "auto", "cpu", "gpu", or "gpu:1" for the second one.

        Raises:
            ResidualError: for any other word.
        """
        check_device(device)
        self._device = device
        return self

    @property
    def device(self) -> str:
        """Where it evaluates and predicts."""
        return self._device

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self.folder.path

    @property
    def model(self) -> "keras.Model":
        """The network: raw 0-255 RGB in, probabilities out.

        Raises:
            RunError: if there is none, it cannot be loaded, or its weights are not those of the report.
        """
        if self._model is None:
            self._model = self._load_model()
        return self._model

    def _load_model(self) -> "keras.Model":
        self.folder.check_model()
        import_keras_quietly()
        from residual.models.keras_file import load_model
        from residual.training.batch_norm import has_hash

        model, _ = load_model(self.folder.model)
        expected = self.report.get("weights_sha256")
        if expected is not None and not has_hash(model, expected):
            raise RunError(
                f"{self.folder.model} holds other weights than those that {self.path / 'report.json'} is about "
                "(weights_sha256). Put the run's own file back, or copy this one out of the run folder and name it "
                "there."
            )
        return model

    @property
    def is_loaded(self) -> bool:
        """Whether the network is in memory."""
        return self._model is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self.folder.record.data.classes

    @property
    def report(self) -> dict:
        """The results so far: report.json, and what could not be written there."""
        return {**self.folder.report, **self._unsaved}

    def load_trust(self) -> "TrustFacts | None":
        """The facts by which its answers are judged; None if it has none, or those of another network.

        Raises:
            RunError: if they are damaged.
        """
        from residual.trust.facts import load_facts

        facts = load_facts(self.path)
        return facts if facts and facts.weights_sha256 == self.report.get("weights_sha256") else None

    def data(self) -> "Dataset":
        """The data that the run was trained on; it is loaded again if necessary.

        Raises:
            DataError: if it is not the run's data any more, or lay in memory and must be given again.
        """
        if self._data is None:
            from residual.training.reload import reload_data

            record = self.folder.record
            found = reload_data(record)
            if not self._is_own(found):
                raise DataError(
                    f"The test images of {record.train['data']} are not those of the run, which were kept apart from "
                    f"its training images. The run: {record.data.source}. Now: {found.source}. Put the data back as it "
                    "was, or evaluate the network on other `data`."
                )
            self._data = found
        return self._data

    def load_training_images(self, data: Any = None) -> "Images":
        """The images that the network was trained on, in the order of its training split.

        Args:
            data: the data of a run that was trained on arrays, given again.

        Raises:
            DataError: if they are not the run's any more, or lay in memory and must be given again.
        """
        from residual.training.reload import reload_job

        return reload_job(self.folder, data, callbacks=()).split.train

    def take_data(self, data: Any) -> bool:
        """Keep the data of the run, given again; False if it is other data.

        Args:
            data: as `residual.train` takes it.
        """
        from residual.training.reload import reload_data

        found = reload_data(self.folder.record, data)
        if not self._is_own(found):
            return False
        self._data = found
        return True

    def _is_own(self, data: "Dataset") -> bool:
        """Whether classes and test images are those of the run."""
        from residual.data.fingerprints import compute_fingerprint

        record = self.folder.record.data
        fingerprint = compute_fingerprint(data.test, record.hash_style)
        return data.classes == record.classes and fingerprint == record.test_fingerprint

    def evaluate(self, precision_at: float | str | None = None, views: str | None = None) -> "Scores":
        """Evaluate the network on the test images of its data: the one place where they are read.

        The scores go into report.json and confusion.png, what the network predicts for each image into
        test_predictions.csv. Then the report is written again. If test images are also training images, the scores
        without them are computed too. Just after training, if the moving batch-norm statistics gave another validation
        accuracy than the recomputed ones, report.json also gets the test accuracy that they give. If a file cannot be
        written, it warns and returns the scores all the same.

        Args:
            precision_at, views: as `residual.evaluate` takes them.
        """
        from residual.evaluation.views import check_views

        check_views(views)
        if self._model is None:
            self.folder.check_model()  # before the data is read
        wanted = self.check_precision(precision_at)
        data = self.data()
        with use_device(self._device):
            return self._evaluate(data, wanted, views)

    def check_precision(self, precision_at: float | str | None) -> float | None:
        """The share that `precision_at` stands for; None of None.

        Raises:
            DataError: if it is no share.
            RunError: if the run has no facts to choose a threshold by.
        """
        from residual.evaluation.verdicts import explain_no_facts
        from residual.trust.thresholds import parse_precision

        if precision_at is None:
            return None
        wanted = parse_precision(precision_at)
        if self.load_trust() is None:
            raise explain_no_facts()
        return wanted

    def _evaluate(self, data: "Dataset", precision_at: float | None, views: str | None) -> "Scores":
        from residual.evaluation.evaluate import add_views, score_images
        from residual.evaluation.predict import predict_probabilities

        seen = [images.digests for images in (data.train, data.validation) if images is not None]
        if self._trained and self._trained.read_features is not None:
            from residual.training.score import predict_from_features

            rows = predict_from_features(self.model, self._trained.read_features(data.test))
        else:
            rows = predict_probabilities(self.model, data.test.x)
        scores = score_images(rows, data.test, data.classes, seen, self.load_trust(), precision_at)
        scores = add_views(scores, self.model, data.test, rows, views)
        before = self.report.get("test", {})
        test = {**before, **scores.to_dict()}
        if views is None:  # network and images are those of the evaluation that asked for them
            test["with_views"] = before.get("with_views")
        if self._trained and _statistics_matter(self._trained.report["validation"]):
            test["accuracy_with_moving_statistics"] = self._evaluate_moving_statistics()
        self._unsaved = {"test": test}
        try:
            self._save_scores(scores, rows)
        except OSError as error:
            text = f"{error.filename or self.path} cannot be written: {error.strerror or error}."
            warnings.warn(f"{text} The scores are not kept in the run folder.", ResidualWarning, stacklevel=3)
        else:
            self.keep_report(rows)
        return scores

    def keep_report(self, rows: "np.ndarray | None" = None) -> None:
        """Write report.html, unless the training was asked for none. If it cannot be written, it warns.

        Args:
            rows: probabilities (n, k) of the test images, if they have just been computed.
        """
        if self.folder.wants_report:
            from residual.reporting.write import keep_report

            with use_device(self._device):
                keep_report(self, self.format_command, rows)

    def _save_scores(self, scores: "Scores", rows: "np.ndarray") -> None:
        """Write the scores into report.json, and the two files beside it."""
        from residual.evaluation.figures import save_confusion_png
        from residual.evaluation.test_predictions import save_predictions

        data = self.data()
        if self.folder.wants_report:
            from residual.reporting.page import remove_page

            remove_page(
                self.path
            )  # it does not show these scores: if a kill comes, it is missing and not wrong
        self.folder.add_to_report(**self._unsaved)
        self._unsaved = {}
        save_predictions(rows, data.test.y, data.classes, self.path, data.test.names)
        save_confusion_png(scores, self.path / "confusion.png")

    def _evaluate_moving_statistics(self) -> float:
        """Test accuracy with the statistics that the network had before they were recomputed."""
        from residual.evaluation.evaluate import evaluate_model
        from residual.training.batch_norm import assign_statistics, moving_statistics

        recomputed, data = moving_statistics(self.model), self.data()
        assign_statistics(self.model, self._trained.moving)
        try:
            return evaluate_model(self.model, data.test, data.classes).accuracy
        finally:
            assign_statistics(self.model, recomputed)

    def predict(self, images: Any, precision_at: float | str | None = None) -> "PredictionList":
        """Labels and probabilities of images.

        Args:
            images: as `residual.predict` takes them. An image that is named twice is predicted twice.
            precision_at: as `residual.predict` takes it.

        Returns:
            A Prediction for each image. One that is missing or not readable has an `error`.

        Raises:
            DataError: if no name stands for an image.
        """
        from residual._open import find_engine, open_classifier
        from residual.evaluation.predict import find_images, predict_images

        found = find_images(images)
        network = find_engine(self, device=self._device)
        if network is not None:
            return predict_images(network, found, precision_at)
        with use_device(self._device):
            return predict_images(open_classifier(self), found, precision_at)

    def export(
        self,
        to: str = "onnx",
        precision: str = "fp32",
        out: str | Path | None = None,
        *,
        max_loss: float = 0.5,
        certify: bool = True,
        data: Any = None,
    ) -> "Exported":
        """Write the network as a file that other programs run; the arguments are those of `residual.export`.

        Raises:
            DataError, ExportRefused, RunError: as for `residual.export`.
        """
        self.folder.check_model()
        import_keras_quietly()
        from residual.exporters.exported import export_trained

        return export_trained(
            self.folder,
            lambda: self.model,
            to,
            precision,
            out,
            max_loss=max_loss,
            certify=certify,
            data=data,
        )


def _statistics_matter(validation: dict) -> bool:
    return validation["accuracy"] != validation["accuracy_with_moving_statistics"]
