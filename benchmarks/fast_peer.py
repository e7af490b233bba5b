"""The network and the training method of arXiv:2404.00498 in PyTorch, written after the paper, for two CPU cores.

    RESIDUAL_DATA=FOLDER python benchmarks/fast_peer.py --seed 0      # needs torch

It trains on the 45,000 images that `residual train cifar10 --seed SEED` trains on, in bfloat16, channels last and
compiled. The test images are read once, at the end: as they are, and in the paper's six views of each.
It prints a row as JSON and adds it to benchmarks/results/fast-PROCESSOR.json. On two cores of a Zen 4 the steps alone
take 19 to 22 minutes.
"""

import argparse
import copy
import json
import math
import os
import time

import numpy as np
import torch
from fast import PEER_BATCH, PEER_EPOCHS, add_row
from torch import nn
from torch.nn import functional

CLASSES = 10
RATE, MOMENTUM, DECAY, BIAS_RATE = 11.5, 0.85, 0.0153, 64.0  # rate and decay are for 1,024 images
WHITENED_EPOCHS = 3  # in which the bias of the whitening layer is trained
LOOK_EVERY, LOOK_DECAY = 5, 0.95


class Group(nn.Sequential):
    """Convolution, pooling, norm, GELU; convolution, norm, GELU."""

    def __init__(self, before: int, width: int):
        def conv(channels: int) -> nn.Conv2d:
            layer = nn.Conv2d(channels, width, 3, padding="same", bias=False)
            nn.init.dirac_(layer.weight.data[:channels])
            return layer

        def norm() -> nn.BatchNorm2d:
            layer = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)
            layer.weight.requires_grad = False
            return layer

        super().__init__(conv(before), nn.MaxPool2d(2), norm(), nn.GELU(), conv(width), norm(), nn.GELU())


def make_network() -> nn.Sequential:
    """The network for 94% on the lossless images, in channels last."""
    stem = nn.Conv2d(3, 24, 2)
    stem.weight.requires_grad = False
    groups = (Group(24, 64), Group(64, 256), Group(256, 256))
    head = nn.Linear(256, CLASSES, bias=False)
    network = nn.Sequential(stem, nn.GELU(), *groups, nn.MaxPool2d(3), nn.Flatten(), head)
    return network.to(memory_format=torch.channels_last)


def whiten(stem: nn.Conv2d, images: torch.Tensor) -> None:
    """Let the stem make the 2x2 patches of some images uncorrelated, each direction with both signs."""
    patches = functional.unfold(images, 2).transpose(1, 2).reshape(-1, 12)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / torch.sqrt(values + 5e-4)).T.flip(0).reshape(12, 3, 2, 2)
    stem.weight.data = torch.cat([filters, -filters]).to(memory_format=torch.channels_last)
    nn.init.zeros_(stem.bias)


def group_weights(network: nn.Module) -> list[dict]:
    """The weights that are trained, biases of norms with their own rate; rates are for the sum over a batch."""
    scale = 1024 * (1 + 1 / (1 - MOMENTUM))
    rate, decay = RATE / scale, DECAY * PEER_BATCH / scale
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    of_norms = {id(m.bias) for m in network.modules() if isinstance(m, nn.BatchNorm2d)}
    parts = (
        (rate * BIAS_RATE, [weight for weight in trained if id(weight) in of_norms]),
        (rate, [weight for weight in trained if id(weight) not in of_norms]),
    )
    return [{"params": part, "lr": own, "weight_decay": decay / own} for own, part in parts]


def triangle(step: int, steps: int) -> float:
    """The share of the rate: up from 0.2 over 23% of the steps, then down to 0.07."""
    peak = int(0.23 * steps)
    return float(np.interp(step, [0, peak, steps], [0.2, 1, 0.07]))


class Lookahead:
    """Every five steps the weights become a moving average of themselves, slower and slower."""

    def __init__(self, network: nn.Module):
        self._now = network.state_dict()
        self._slow = copy.deepcopy(self._now)

    def update(self, decay: float) -> None:
        """Average, and go on from the average."""
        with torch.no_grad():
            for name, slow in self._slow.items():
                if slow.is_floating_point():
                    slow.lerp_(self._now[name], 1 - decay)
                    self._now[name].copy_(slow)


def draw_epoch(x: torch.Tensor, first: torch.Tensor, epoch: int, draw: torch.Generator) -> torch.Tensor:
    """The images of an epoch: each mirrored in every other epoch, and moved by up to 2 pixels."""
    mirrored = first ^ (epoch % 2 == 1)
    x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    wide = functional.pad(x, (2, 2, 2, 2), "reflect")
    moved = torch.empty_like(x)
    places = torch.randint(0, 5, (len(x), 2), generator=draw)
    for down in range(5):
        for right in range(5):
            chosen = (places[:, 0] == down) & (places[:, 1] == right)
            moved[chosen] = wide[chosen, :, down : down + 32, right : right + 32]
    return moved.contiguous(memory_format=torch.channels_last)


def predict(network: nn.Module, x: torch.Tensor, views: bool) -> torch.Tensor:
    """Outputs (n, classes), alone or with the paper's views: mirrored, and moved by a pixel up left and down right."""

    def both(images: torch.Tensor) -> torch.Tensor:
        return (network(images) + network(images.flip(-1))) / 2

    found = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for part in x.split(1000):
            if not views:
                found.append(network(part).float())
                continue
            wide = functional.pad(part, (1, 1, 1, 1), "reflect")
            moved = (both(wide[:, :, :32, :32]) + both(wide[:, :, 2:, 2:])) / 2
            found.append((both(part) / 2 + moved / 2).float())
    return torch.cat(found)


def train(x: torch.Tensor, y: torch.Tensor, seed: int) -> tuple[nn.Module, float]:
    """The trained network, and the seconds that it took."""
    draw = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = make_network().train()
    started = time.perf_counter()
    whiten(network[0], x[:5000])
    compiled, steps_an_epoch = torch.compile(network), len(x) // PEER_BATCH
    steps = math.ceil(PEER_EPOCHS * steps_an_epoch)
    groups = group_weights(network)
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True)
    peaks = [group["lr"] for group in optimizer.param_groups]
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.2, reduction="sum")
    lookahead, first, step = Lookahead(network), torch.rand(len(x), generator=draw) < 0.5, 0
    for epoch in range(math.ceil(PEER_EPOCHS)):
        network[0].bias.requires_grad = epoch < WHITENED_EPOCHS
        images, order = draw_epoch(x, first, epoch, draw), torch.randperm(len(x), generator=draw)
        for start in range(0, steps_an_epoch * PEER_BATCH, PEER_BATCH):
            if step == steps:
                break
            rows = order[start : start + PEER_BATCH]
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * triangle(step, steps)
            with torch.autocast("cpu", torch.bfloat16):
                outputs = compiled(images[rows].contiguous(memory_format=torch.channels_last)) / 9
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(outputs.float(), y[rows])
            loss.backward()
            optimizer.step()
            step += 1
            if step % LOOK_EVERY == 0:
                lookahead.update(LOOK_DECAY**LOOK_EVERY * (step / steps) ** 3)
        say(f"epoch {epoch + 1}: loss {loss.item() / PEER_BATCH:.3f}, {time.perf_counter() - started:.0f} s")
    lookahead.update(1.0)
    return network.eval(), time.perf_counter() - started


def read_images(seed: int) -> tuple:
    """Training, validation and test images (n, 3, 32, 32), minus mean and divided by deviation, with their labels."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    from residual.data.load import load_data
    from residual.training.job import split_validation

    data = split_validation(load_data("cifar10"), 0.1, seed)
    pixels = data.train.x[:].reshape(-1, 3).astype(np.float32)
    # In float64: NumPy adds up along the first axis in the type of the array, and float32 stops growing at 2**32 here.
    mean, deviation = (
        torch.tensor(value, dtype=torch.float32)
        for value in (pixels.mean(0, dtype=np.float64), pixels.std(0, dtype=np.float64))
    )

    def convert(images) -> tuple[torch.Tensor, torch.Tensor]:
        x = ((torch.tensor(images.x[:]).float() - mean) / deviation).permute(0, 3, 1, 2)
        return x.contiguous(memory_format=torch.channels_last), torch.tensor(images.y[:]).long()

    return convert(data.train), convert(data.validation), convert(data.test)


def count_right(network: nn.Module, images: tuple[torch.Tensor, torch.Tensor], views: bool) -> int:
    """How many labels are right."""
    return int((predict(network, images[0], views).argmax(1) == images[1]).sum())


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    parts = read_images(asked.seed)
    network, seconds = train(*parts[0], asked.seed)
    row = {"seed": asked.seed, "seconds": round(seconds, 1), "threads": torch.get_num_threads()}
    row["torch"] = torch.__version__
    for name, part in zip(("validation", "test"), parts[1:], strict=True):
        for key, views in (("correct", False), ("correct_with_views", True)):
            row[f"{name}_{key}"] = count_right(network, part, views)
        row[f"{name}_n"] = len(part[1])
    say(json.dumps(row))
    add_row("peer", row)


if __name__ == "__main__":
    main()
