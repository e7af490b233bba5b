"""What many devices would give, on paper: the time of a training step from compute, all-reduce, latency and input.

    python benchmarks/cluster_model.py                                          # the published rows beside the model
    python benchmarks/cluster_model.py --rates benchmarks/results/accelerator-NAME.json --links ethernet-10g

A step of n devices with b images each takes

    step + image * b + all_reduce(n)     or the time in which a host prepares its images, if that is longer

`step` and `image` are seconds. They are fitted to measured steps of one device at several batch sizes or, in the first
table, to three published rows. The all-reduce is hierarchical: a ring inside a host, then a ring between hosts in which
each device moves its share of the gradient. Nothing of it is hidden behind the backward pass, so the model is
pessimistic there. No cluster was measured for it.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from turns import format_table

COUNTS = (8, 64, 512, 3584)
IMAGES = 1_281_167  # of ImageNet's training set, as the logs say
RESNET50 = 25_557_032  # trainable numbers of ResNet-50 with 1,000 classes
_GRADIENT = 2 * RESNET50  # bytes of its gradient in 16 bits


@dataclass(frozen=True)
class Device:
    """How long one device takes.

    Attributes:
        step: seconds of every step, however few images it has.
        image: seconds of every image.
    """

    step: float
    image: float

    def compute(self, batch: float) -> float:
        """Seconds of a step of `batch` images on one device."""
        return self.step + self.image * batch


@dataclass(frozen=True)
class Links:
    """What connects the devices.

    Attributes:
        devices: of a host.
        inside: bytes a second that a device sends to others of its host.
        between: bytes a second that a device sends to other hosts.
        latency: seconds of each hop between hosts.
    """

    devices: int
    inside: float
    between: float
    latency: float = 0.0

    def count_hosts(self, devices: int) -> int:
        """Hosts that so many devices fill."""
        return math.ceil(devices / self.devices)

    def all_reduce(self, devices: int, size: float) -> float:
        """Seconds to sum `size` bytes over all devices and give each the sum.

        A ring of g devices moves 2 (g - 1) / g of the bytes over each link. Between h hosts each device moves its g-th
        part. Messages go up and down a tree of hosts, which takes 2 log2(h) hops.
        """
        inside = min(devices, self.devices)
        hosts = self.count_hosts(devices)
        local = 2 * (inside - 1) / inside * size / self.inside
        remote = 2 * (hosts - 1) / hosts * (size / inside) / self.between
        return local + remote + 2 * math.ceil(math.log2(hosts)) * self.latency


@dataclass(frozen=True)
class Row:
    """A published result: MLPerf Training, closed division, ResNet-50 on ImageNet to 75.9%.

    Attributes:
        devices, batch, epochs: as the logs say; `batch` is the global one.
        minutes: mean of the middle three of five runs, from run_start to run_stop, evaluation included.
        source: folder of the five logs, below github.com/mlcommons.
    """

    devices: int
    batch: int
    epochs: int
    minutes: float
    source: str

    @property
    def rate(self) -> float:
        """Training images a second over the whole timed run."""
        return self.epochs * IMAGES / (60 * self.minutes)

    @property
    def seconds(self) -> float:
        """Seconds of a step."""
        return self.batch / self.rate


_V30, _V31 = "training_results_v3.0/NVIDIA/results", "training_results_v3.1/NVIDIA/results"
PUBLISHED = (
    Row(8, 3_200, 35, 13.601, f"{_V30}/dgxh100_ngc23.04_mxnet/resnet"),
    Row(64, 3_200, 35, 2.664, f"{_V30}/dgxh100_n8_ngc23.04_mxnet/resnet"),
    Row(512, 20_480, 50, 0.503, f"{_V30}/dgxh100_n64_ngc23.04_mxnet/resnet"),
    Row(3_584, 57_344, 77, 0.183, f"{_V31}/coreweave_hgxh100_n448_ngc23.04_mxnet/resnet"),
)
LINKS = {
    # As the system files beside the logs say: NVLink 900 GB/s (both ways), 8 adapters of 400 Gb/s for 8 devices.
    "dgx-h100": Links(8, 450e9, 50e9),
    # An assumption: one device in each host, and an office's network.
    "ethernet-10g": Links(1, math.inf, 1.25e9, 50e-6),
}


def fit_device(
    batches: Sequence[float], seconds: Sequence[float], beside: Sequence[float] | None = None
) -> Device:
    """The device whose steps are nearest to those measured, by the squares of the relative errors.

    Args:
        batches: images of a step on one device, at least two different numbers.
        seconds: of a step.
        beside: seconds of each step that are no compute; None means none.

    Raises:
        ValueError: if all batches are of one size.
    """
    x, y = np.asarray(batches, float), np.asarray(seconds, float)
    if len(np.unique(x)) < 2:
        raise ValueError(
            f"rates of two batch sizes are needed to tell step from image; got {sorted(set(batches))}"
        )
    rest = y - np.asarray(beside if beside is not None else np.zeros(len(y)), float)
    step, image = np.linalg.lstsq(np.stack([np.ones(len(x)), x], 1) / y[:, None], rest / y, rcond=None)[0]
    if step < 0:  # no device gains time by a step: the line through the origin
        step, image = 0.0, float((x * rest / y**2).sum() / (x**2 / y**2).sum())
    return Device(float(step), float(image))


def fit_published(rows: Sequence[Row], links: Links, size: float = _GRADIENT) -> Device:
    """The device of published rows, their all-reduce taken off."""
    return fit_device(
        [row.batch / row.devices for row in rows],
        [row.seconds for row in rows],
        [links.all_reduce(row.devices, size) for row in rows],
    )


@dataclass(frozen=True)
class Step:
    """Where the seconds of a step go.

    Attributes:
        fixed: of the device, for the step as such.
        images: of the device, for its images.
        all_reduce: of the links.
        waiting: for images that the hosts have not prepared yet.
    """

    fixed: float
    images: float
    all_reduce: float
    waiting: float

    @property
    def seconds(self) -> float:
        """All together."""
        return self.fixed + self.images + self.all_reduce + self.waiting

    @property
    def largest(self) -> str:
        """What most of the time goes to."""
        parts = {
            "images": self.images,
            "fixed time of a step": self.fixed,
            "all-reduce": self.all_reduce,
            "waiting for images": self.waiting,
        }
        return max(parts, key=lambda name: parts[name])


def predict(
    devices: int,
    batch: float,
    device: Device,
    links: Links,
    size: float = _GRADIENT,
    input_rate: float = math.inf,
) -> Step:
    """A step of `devices` with `batch` images each.

    Args:
        devices: how many.
        batch: images of one device.
        device, links: what they are.
        size: bytes of the gradient.
        input_rate: images a second that one host can prepare.
    """
    fixed, images, all_reduce = device.step, device.image * batch, links.all_reduce(devices, size)
    ready = batch * min(devices, links.devices) / input_rate
    return Step(fixed, images, all_reduce, max(0.0, ready - fixed - images - all_reduce))


def format_published(rows: Sequence[Row] = PUBLISHED, decoded: float | None = None) -> str:
    """The published rows beside the model, which was fitted to all but the last.

    Args:
        rows: the last one is predicted.
        decoded: images a second that one core decodes; None leaves the column out.
    """
    links = LINKS["dgx-h100"]
    device = fit_published(rows[:-1], links)
    head = [
        "H100",
        "images each",
        "epochs",
        "published images/s",
        "model",
        "off by",
        "fixed : images : all-reduce, ms",
    ]
    lines = []
    for row in rows:
        step = predict(row.devices, row.batch / row.devices, device, links)
        rate = row.batch / step.seconds
        parts = " : ".join(f"{1000 * part:.1f}" for part in (step.fixed, step.images, step.all_reduce))
        line = [f"{row.devices:,}", f"{row.batch / row.devices:.0f}", f"{row.epochs}", f"{row.rate:,.0f}"]
        line += [f"{rate:,.0f}", f"{rate / row.rate - 1:+.1%}", parts]
        if decoded:
            line.append(f"{row.rate / links.count_hosts(row.devices) / decoded:.0f}")
        lines.append(line)
    return format_table([*head, *(["cores a host to decode"] if decoded else [])], lines)


def format_predicted(
    device: Device, batch: int, links: Links, size: float, counts: Sequence[int] = COUNTS
) -> str:
    """Rows for many devices like one that was measured."""
    alone = batch / device.compute(batch)
    head = ["devices", "images each", "images/s", "of n times one", "most time goes to"]
    lines = []
    for count in counts:
        step = predict(count, batch, device, links, size)
        rate = count * batch / step.seconds
        lines.append(
            [f"{count:,}", f"{batch}", f"{rate:,.0f}", f"{rate / (count * alone):.0%}", step.largest]
        )
    return format_table(head, lines)


def read_rates(path: Path) -> tuple[list[int], list[float], int]:
    """Batches, seconds of a step and trainable numbers that `accelerator.py` wrote."""
    record = json.loads(path.read_text("utf-8"))
    steps = record["residual"]["steps"]
    return [row["batch"] for row in steps], [row["ms"] / 1000 for row in steps], record["parameters"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=Path, help="a result of accelerator.py: rows for many such devices")
    parser.add_argument("--links", choices=LINKS, default="dgx-h100", help="what connects them")
    parser.add_argument("--decoded", type=float, help="images a second that one core decodes")
    asked = parser.parse_args()
    if asked.rates is None:
        print(format_published(decoded=asked.decoded))
        return
    batches, seconds, parameters = read_rates(asked.rates)
    device = fit_device(batches, seconds)
    print(f"fitted: {1000 * device.step:.2f} ms a step, {1000 * device.image:.4f} ms an image")
    print(format_predicted(device, max(batches), LINKS[asked.links], 4 * parameters))


if __name__ == "__main__":
    main()
