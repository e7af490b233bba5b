"""Counters of a server, in the text format of Prometheus (version 0.0.4)."""

import math
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128)
Sample = tuple[str, Mapping[str, str], float]  # what becomes a line: name, labels, value
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Counter:
    """A number that only grows, for each combination of labels."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()):
        self.name, self.text, self._labels = name, text, labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0}
        self._lock = threading.Lock()

    def add(self, amount: float, *labels: str) -> None:
        """Count so much under these labels."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0) + amount

    def list_samples(self) -> Iterable[Sample]:
        """(name, labels, value) of each line."""
        with self._lock:
            values = dict(self._values)
        for labels, value in values.items():
            yield self.name, dict(zip(self._labels, labels, strict=True)), value


class Histogram:
    """How many values were at most as large as each of some bounds."""

    kind = "histogram"

    def __init__(self, name: str, text: str, bounds: Sequence[float]):
        self.name, self.text, self._bounds = name, text, bounds
        self._counts: dict[float, int] = defaultdict(int)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Count a value."""
        bound = next((bound for bound in self._bounds if value <= bound), math.inf)
        with self._lock:
            self._counts[bound] += 1
            self._sum += value

    def list_samples(self) -> Iterable[Sample]:
        """(name, labels, value) of each line."""
        with self._lock:
            counts, total = dict(self._counts), self._sum
        seen = 0
        for bound in (*self._bounds, math.inf):
            seen += counts.get(bound, 0)
            yield f"{self.name}_bucket", {"le": _format(bound)}, seen
        yield f"{self.name}_sum", {}, total
        yield f"{self.name}_count", {}, seen


class Gauge:
    """A value that is set, with fixed labels."""

    kind = "gauge"

    def __init__(self, name: str, text: str, labels: Mapping[str, str] = MappingProxyType({})):
        self.name, self.text, self._labels, self.value = name, text, labels, 0.0

    def list_samples(self) -> Iterable[Sample]:
        """(name, labels, value) of the one line."""
        yield self.name, self._labels, self.value


class Metrics:
    """What a server counts.

    Attributes:
        requests: by path and status.
        images: that were answered.
        request_seconds: from the first byte of the head to the end of the response.
        batch_images, batch_seconds: of each batch that the engine computed.
        queue, queue_limit: images that are accepted and not answered yet, and how many there may be.
        info: 1, with the network's facts as labels.

    Args:
        facts: labels of `info`.
    """

    def __init__(self, **facts: str):
        self.requests = Counter("residual_requests_total", "Requests by path and status.", ("path", "status"))
        self.images = Counter("residual_images_total", "Images that were answered.")
        self.request_seconds = Histogram("residual_request_seconds", "Time of a request.", _SECONDS)
        self.batch_images = Histogram("residual_batch_images", "Images of a batch.", _IMAGES)
        self.batch_seconds = Histogram("residual_batch_seconds", "Time of a batch in the engine.", _SECONDS)
        self.queue = Gauge("residual_queue_images", "Images that were accepted and not answered yet.")
        self.queue_limit = Gauge("residual_queue_limit_images", "Most images that are accepted at once.")
        self.info = Gauge("residual_model_info", "The network that is served.", facts)
        self.info.value = 1.0

    def add_batch(self, images: int, seconds: float) -> None:
        """Count a batch."""
        self.batch_images.add(images)
        self.batch_seconds.add(seconds)

    def to_text(self) -> str:
        """All of it, as Prometheus reads it."""
        lines = []
        for metric in vars(self).values():
            lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}"]
            for name, labels, value in metric.list_samples():
                pairs = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
                lines.append(f"{name}{{{pairs}}} {_format(value)}" if pairs else f"{name} {_format(value)}")
        return "\n".join(lines) + "\n"


def _format(value: float) -> str:
    """A number as Prometheus writes it."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
