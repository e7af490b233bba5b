"""How a network differs from the one that the weights were trained in, in sentences."""

from collections.abc import Mapping

from residual.importers.tensor_files import Tensor
from residual.models.spec import NetworkSpec


def describe_differences(spec: NetworkSpec, tensors: Mapping[str, Tensor], counters: int) -> tuple[str, ...]:
    """What was bridged between torch and Keras, and what differs when the network is trained further.

    Args:
        spec: the network.
        tensors: of the file, without counters.
        counters: how many were left out.
    """
    notes = [
        "Kernels were turned from (outputs, inputs, height, width) to (height, width, inputs, outputs). "
        "The network ends in a softmax; the source library's ends in logits."
    ]
    bridged = ["strided convolutions pad both sides alike", f"epsilon is {spec.epsilon:g}"]
    if spec.block == "bottleneck":
        bridged.insert(0, "bottlenecks stride in their 3x3 convolution (v1.5)")
    if spec.shortcut == "pooled-projection":
        bridged.append("shortcuts average over 2x2 pixels where they stride, without the padding")
    if spec.stem_pool == "max-inside":
        bridged.append("the border of the stem's max-pool does not count")
    notes.append(f"As in the source library, {', '.join(bridged)}.")
    if spec.norm == "batch":
        notes.append(
            "Trained further, batch norm averages its statistics with Keras's momentum 0.99 (torch's 0.1 is 0.9 here)."
        )
    if spec.norm == "group" and spec.preactivation and spec.stem == "imagenet":
        notes.append(
            "BiT standardizes its kernels in every step; here it is done once, at import. Predictions are the same; "
            "training further does not standardize them again."
        )
    if counters:
        notes.append(
            f"{counters} counters (num_batches_tracked) were left out: nothing is computed with them."
        )
    types = sorted({tensor.dtype for tensor in tensors.values()} - {"float32"})
    if types:
        exact = "exactly" if "float64" not in types else "rounded"
        notes.append(f"Arrays of {' and '.join(types)} became float32, {exact}.")
    if spec.name == "torch-resnet":
        blocks = ", ".join(map(str, spec.blocks))
        notes.append(
            f"No network of `residual list` has these shapes ({blocks} blocks): its file describes it."
        )
    return tuple(notes)
