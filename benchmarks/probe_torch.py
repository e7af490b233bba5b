"""A linear probe as it is written by hand: PyTorch for the features, scikit-learn for the head and its penalty.

    python benchmarks/probe_torch.py FOLDER WEIGHTS.npz

FOLDER holds train/ and test/ with class folders. The network is a ResNet-50 as torchvision builds it (stride in the 3x3
convolution, no biases), in eval mode; WEIGHTS.npz has its arrays by the names of `residual`. It prints JSON.
"""

import json
import sys
import time
from pathlib import Path

START = time.perf_counter()

import numpy as np
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegressionCV
from sklearn.preprocessing import StandardScaler
from torch import nn

SIZE, BATCH = 224, 32


class Block(nn.Module):
    """1x1, 3x3 with the stride, 1x1."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        out = 4 * width
        self.conv1, self.norm1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.norm3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut_conv = self.shortcut_norm = None
        if stride > 1 or channels != out:
            self.shortcut_conv = nn.Conv2d(channels, out, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(out)

    def forward(self, x):
        y = self.relu(self.norm1(self.conv1(x)))
        y = self.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return self.relu(y + (x if self.shortcut_conv is None else self.shortcut_norm(self.shortcut_conv(x))))


class ResNet50(nn.Module):
    """Images (n, 3, 224, 224) to features (n, 2048)."""

    def __init__(self):
        super().__init__()
        self.stem_conv, self.stem_norm = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.blocks, channels = nn.ModuleDict(), 64
        for stage, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
            for block in range(1, count + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                self.blocks[f"stage{stage}_block{block}"] = Block(channels, width, stride)
                channels = 4 * width

    def forward(self, x):
        x = self.pool(self.relu(self.stem_norm(self.stem_conv(x))))
        for block in self.blocks.values():
            x = block(x)
        return x.mean((2, 3))


def load_weights(network: ResNet50, file) -> None:
    """Assign the arrays of `residual`: kernels (h, w, in, out), and gamma, beta, mean and variance of each norm."""
    modules = {"stem_conv": network.stem_conv, "stem_norm": network.stem_norm}
    for name, block in network.blocks.items():
        modules |= {f"{name}_{part}": module for part, module in block.named_children() if part != "relu"}
    with torch.no_grad():
        for name, module in modules.items():
            if isinstance(module, nn.Conv2d):
                module.weight.copy_(torch.from_numpy(file[f"{name}/kernel"].transpose(3, 2, 0, 1)))
                continue
            pairs = (("gamma", "weight"), ("beta", "bias"), ("moving_mean", "running_mean"))
            for ours, theirs in (*pairs, ("moving_variance", "running_var")):
                getattr(module, theirs).copy_(torch.from_numpy(file[f"{name}/{ours}"]))
            module.eps = float(file["epsilon"])


def read_folder(folder: Path, mean: np.ndarray, deviation: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    files = sorted(folder.rglob("*.jpg"))
    names = sorted({file.parent.name for file in files})
    images = []
    for file in files:
        image = Image.open(file).convert("RGB")
        scale = SIZE / min(image.size)
        image = image.resize(
            [max(SIZE, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR
        )
        left, top = ((side - SIZE) // 2 for side in image.size)
        pixels = np.asarray(image.crop((left, top, left + SIZE, top + SIZE)), np.float32)
        images.append((pixels - mean) / deviation)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return x, np.array([names.index(file.parent.name) for file in files])


def main() -> None:
    folder, weights = Path(sys.argv[1]), np.load(sys.argv[2])
    network = ResNet50()
    load_weights(network, weights)
    network.eval()
    ready = time.perf_counter()
    found = {}
    for part in ("train", "test"):
        x, y = read_folder(folder / part, weights["mean"], weights["deviation"])
        with torch.inference_mode():
            features = torch.cat([network(x[start : start + BATCH]) for start in range(0, len(x), BATCH)])
        found[part] = features.numpy(), y
    computed = time.perf_counter()
    scaler = StandardScaler().fit(found["train"][0])
    n, width = found["train"][0].shape
    # The same penalties as those of residual.training.probe, in the words of scikit-learn.
    choices = [width / (n * strength) for strength in (1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100)]
    head = LogisticRegressionCV(Cs=choices, cv=5, scoring="neg_log_loss", max_iter=200)
    head.fit(scaler.transform(found["train"][0]), found["train"][1])
    right = head.predict(scaler.transform(found["test"][0])) == found["test"][1]
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - START,
                "start": ready - START,
                "features": computed - ready,
                "correct": int(right.sum()),
                "n": len(right),
                "first_feature": float(found["train"][0][0, 0]),
            }
        )
    )


if __name__ == "__main__":
    main()
