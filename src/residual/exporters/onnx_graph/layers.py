"""Which function writes which layer of Keras."""

from collections.abc import Callable
from typing import Any

import keras

from residual.exporters.onnx_graph import convolutions, merging, norms, pooling, shapes
from residual.exporters.onnx_graph.activations import ACTIVATION_LAYERS, ACTIVATIONS
from residual.exporters.onnx_graph.graph import Tensor

_IDLE = (  # what does nothing when a network predicts
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "RandomContrast",
    "RandomBrightness",
)

# Class of the layer -> (graph, layer, inputs...) to the tensor that it returns.
LAYERS: dict[type, Callable[..., Tensor]] = {
    keras.layers.Conv2D: convolutions.write_conv,
    keras.layers.DepthwiseConv2D: convolutions.write_depthwise,
    keras.layers.SeparableConv2D: convolutions.write_separable,
    keras.layers.Dense: convolutions.write_dense,
    keras.layers.BatchNormalization: norms.write_batch_norm,
    keras.layers.LayerNormalization: norms.write_layer_norm,
    keras.layers.GroupNormalization: norms.write_group_norm,
    keras.layers.Rescaling: norms.write_rescaling,
    keras.layers.Normalization: norms.write_normalization,
    **ACTIVATION_LAYERS,
    keras.layers.Add: merging.write_join("Add"),
    keras.layers.Subtract: merging.write_join("Sub"),
    keras.layers.Multiply: merging.write_join("Mul"),
    keras.layers.Maximum: merging.write_join("Max"),
    keras.layers.Minimum: merging.write_join("Min"),
    keras.layers.Average: merging.write_average,
    keras.layers.Concatenate: merging.write_concatenate,
    keras.layers.MaxPooling2D: pooling.write_max_pool,
    keras.layers.AveragePooling2D: pooling.write_average_pool,
    keras.layers.GlobalAveragePooling2D: pooling.write_global_average,
    keras.layers.GlobalMaxPooling2D: pooling.write_global_max,
    keras.layers.ZeroPadding2D: shapes.write_padding,
    keras.layers.Cropping2D: shapes.write_cropping,
    keras.layers.CenterCrop: shapes.write_center_crop,
    keras.layers.Resizing: shapes.write_resizing,
    keras.layers.UpSampling2D: shapes.write_upsampling,
    keras.layers.Flatten: shapes.write_flatten,
    keras.layers.Reshape: shapes.write_reshape,
    keras.layers.Permute: shapes.write_permute,
    **{getattr(keras.layers, name): shapes.skip for name in _IDLE},
}

# Name of an operation of `keras.ops`, whose class Keras does not export -> the same.
OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "Add": merging.write_join("Add"),
    "Subtract": merging.write_join("Sub"),
    "Multiply": merging.write_join("Mul"),
    "TrueDivide": merging.write_join("Div"),
    "Divide": merging.write_join("Div"),
    "Negative": merging.write_negative,
    "Maximum": merging.write_join("Max"),
    "Minimum": merging.write_join("Min"),
    **{
        name: (lambda graph, _, x, write=ACTIVATIONS[function]: write(graph, x))
        for name, function in {
            "Relu": keras.activations.relu,
            "Relu6": keras.activations.relu6,
            "Sigmoid": keras.activations.sigmoid,
            "Silu": keras.activations.silu,
            "Tanh": keras.activations.tanh,
        }.items()
    },
}


def find_writer(layer: Any) -> Callable[..., Tensor] | None:
    """The function of a layer or operation; None if there is none. A subclass may compute anything: it has none."""
    kind = type(layer)
    if kind.__module__.startswith("keras.src.ops."):
        return OPERATIONS.get(kind.__name__)
    return LAYERS.get(kind)
