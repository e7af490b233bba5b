"""Which function translates which operator of ONNX."""

from collections.abc import Callable

from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node
from residual.importers.onnx_weights.operators import activations, arithmetic, pooling, products, shapes
from residual.importers.onnx_weights.tensors import Tensor

Translate = Callable[[Builder, Node], Tensor]

# Operator -> (builder, node) to the tensor that it gives.
OPERATORS: dict[str, Translate] = {
    "Conv": products.translate_conv,
    "Gemm": products.translate_gemm,
    "MatMul": products.translate_matmul,
    "BatchNormalization": products.translate_batch_norm,
    **activations.ACTIVATIONS,
    "Add": arithmetic.translate_add,
    "Sum": arithmetic.translate_add,
    "Sub": arithmetic.translate_sub,
    "Mul": arithmetic.translate_mul,
    "Div": arithmetic.translate_div,
    "Concat": arithmetic.translate_concat,
    "MaxPool": pooling.translate_max_pool,
    "AveragePool": pooling.translate_average_pool,
    "GlobalAveragePool": pooling.translate_global_average,
    "GlobalMaxPool": pooling.translate_global_max,
    "ReduceMean": pooling.translate_reduce_mean,
    "Pad": shapes.translate_pad,
    "Transpose": shapes.translate_transpose,
    "Flatten": shapes.translate_flatten,
    "Reshape": shapes.translate_reshape,
    "Squeeze": shapes.translate_squeeze,
    "Unsqueeze": shapes.translate_unsqueeze,
    "Identity": shapes.pass_on,
    "Dropout": shapes.pass_on,
    "Cast": shapes.translate_cast,
}
