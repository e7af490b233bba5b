"""Who takes part in the step benchmark, and what they train: tables to extend by a row."""

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """What is trained: a network of the zoo on random images.

    Attributes:
        network: its name in the zoo.
        size: pixels a side.
        batch: images in a step.
        optimizer: "adam", or "sgd" with Nesterov momentum 0.9.
        classes: outputs.
    """

    network: str
    size: int
    batch: int
    optimizer: str = "adam"
    classes: int = 10


@dataclass(frozen=True)
class Contender:
    """Who trains it.

    Attributes:
        kind: "ours", "keras" or "torch".
        precision: what `residual train --precision` takes, a dtype policy of Keras, or a dtype of torch.
        backend: of Keras.
        onednn: value of TF_ENABLE_ONEDNN_OPTS; None leaves it unset.
        compiled: whether `torch.compile` is used.
        needs: package that must be installed.
    """

    kind: str
    precision: str = "float32"
    backend: str = "tensorflow"
    onednn: str | None = None
    compiled: bool = False
    needs: str = "tensorflow"

    def environment(self, inherited: dict[str, str]) -> dict[str, str]:
        """The environment of this contender's process; ours keeps what the user has set."""
        changed = dict(inherited)
        changed.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        if self.kind in ("ours", "keras"):
            changed["KERAS_BACKEND"] = self.backend
        if self.kind == "keras":
            changed.pop("TF_ENABLE_ONEDNN_OPTS", None)
            if self.onednn is not None:
                changed["TF_ENABLE_ONEDNN_OPTS"] = self.onednn
        return changed


OURS = "residual, as it chooses"
ONEDNN = "Keras on TensorFlow, oneDNN on"
CASES = {
    "resnet50": Case("course-resnet50", 64, 32, "adam", 6),
    "resnet20": Case("cifar-resnet20", 32, 128, "adam", 10),
}
CONTENDERS = {
    OURS: Contender("ours", "auto"),
    "residual, float32": Contender("ours", "float32"),
    "Keras on TensorFlow, as it comes": Contender("keras"),
    ONEDNN: Contender("keras", onednn="1"),
    f"{ONEDNN}, mixed_bfloat16": Contender("keras", "mixed_bfloat16", onednn="1"),
    "PyTorch, float32": Contender("torch", needs="torch"),
    "PyTorch, bfloat16": Contender("torch", "bfloat16", needs="torch"),
    "PyTorch, float32, compiled": Contender("torch", compiled=True, needs="torch"),
    "PyTorch, bfloat16, compiled": Contender("torch", "bfloat16", compiled=True, needs="torch"),
    "Keras on torch": Contender("keras", backend="torch", needs="torch"),
    "Keras on JAX": Contender("keras", backend="jax", needs="jax"),
}
SLOW = ("Keras on torch", "Keras on JAX")  # only with --all
QUICK = (OURS, ONEDNN, "PyTorch, float32", "PyTorch, bfloat16")
_NETWORKS = {
    "digits-resnet8": Case("cifar-resnet8", 16, 32),
    "resnet20": Case("cifar-resnet20", 32, 128),
    "resnet110": Case("cifar-resnet110", 32, 128),
    "wide-resnet16-4": Case("wide-resnet16-4", 32, 128),
    "resnet18-64": Case("resnet18", 64, 32),
    "resnet50-64": Case("resnet50", 64, 32),
    "resnet18-224": Case("resnet18", 224, 16),
    "resnet50-224": Case("resnet50", 224, 8),
}
PANEL = {
    f"{name}-{optimizer}": Case(case.network, case.size, case.batch, optimizer)
    for name, case in _NETWORKS.items()
    for optimizer in ("sgd", "adam")
}


def choose_contenders(
    only: list[str], without: list[str], quick: bool = False, slow: bool = False
) -> list[str]:
    """Names of the contenders that the options leave.

    Args:
        only: parts of names; whoever has one of them takes part, the slow ones too.
        without: parts of names; whoever has one of them takes no part.
        quick: whether only those of `QUICK` take part if `only` is empty.
        slow: whether those of `SLOW` take part.

    Raises:
        ValueError: if no name has such a part, or no contender is left.
    """
    names = [name for name in CONTENDERS if slow or only or name not in SLOW]
    if quick and not only:
        names = [name for name in names if name in QUICK]
    for part in (*only, *without):
        if not any(part.lower() in name.lower() for name in CONTENDERS):
            raise ValueError(f"no contender has {part!r} in its name; they are: {'; '.join(CONTENDERS)}")
    if only:
        names = [name for name in names if any(part.lower() in name.lower() for part in only)]
    names = [name for name in names if not any(part.lower() in name.lower() for part in without)]
    if not names:
        raise ValueError("--only and --without leave no contender")
    return names


def choose_rows(starts: list[str]) -> dict[str, Case]:
    """The rows of the panel whose names begin so; all if none is named."""
    for start in starts:
        if not any(name.startswith(start) for name in PANEL):
            raise ValueError(f"no row of the panel begins with {start!r}; they are: {', '.join(PANEL)}")
    return {name: case for name, case in PANEL.items() if not starts or name.startswith(tuple(starts))}


def missing(names: list[str]) -> dict[str, str]:
    """Contenders whose package is not installed here, and which it is."""
    return {
        name: f"{CONTENDERS[name].needs} is not installed here"
        for name in names
        if importlib.util.find_spec(CONTENDERS[name].needs) is None
    }
