"""The three operations of a convolution on TensorFlow, each of which can be done in several ways.

A convolution in training is a forward pass, the gradient of its images and the gradient of its kernel. TensorFlow has
an operation for each of them (`library`). Each can also be a matrix product (`product`): of the pixels, or for wider
kernels of the patches around them, with the kernel as a matrix. The gradient of a 3x3 kernel can also be a convolution
with channels and images swapped (`swapped`): of the images by the gradient of the output, a kernel as large as an
image. Which one is fastest depends on the processor, the shape, the precision and the direction: `choice` measures it.

Measured, two cores each, milliseconds library / product (n = 9, best):

    Zen 4, bfloat16    4x4 pixels, 1024 to 256, batch 32: forward 1.10 / 0.97, images 1.01 / 0.97, kernel 1.87 / 1.06
    Zen 4, AVX2 only   the same in float32:               forward 1.57 / 1.61, images 1.64 / 1.45, kernel 2.14 / 3.31

The kernel of 3x3, library / product / swapped (n = 7, best): Zen 4, bfloat16, 8x8 pixels, 128 to 128, batch 32: 2.54 /
2.30 / 1.87; 32x32 pixels, 16 to 16, batch 128: 4.16 / 11.67 / 6.88.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

LIBRARY, PRODUCT, SWAPPED = "library", "product", "swapped"
DIRECTIONS = ("forward", "images", "kernel")
_PATCHED = 64  # outputs of an image, height times width, up to which patches are worth their memory
_WIDE = 32  # channels from which they are
_SMALL, _TINY, _SMALL_CHANNELS = 36, 4, 64  # the rule if nothing was measured


@dataclass(frozen=True)
class Shape:
    """A convolution of images (n, height, width, channels) by a kernel (side, side, channels, filters).

    Attributes:
        height, width, channels, filters, side, stride: whole numbers.
        padding: "SAME" or "VALID".
    """

    height: int
    width: int
    channels: int
    filters: int
    side: int
    stride: int
    padding: str

    def __str__(self) -> str:
        kernel = f"{self.side}x{self.side}/{self.stride} {self.padding.lower()}"
        return f"{self.height}x{self.width}x{self.channels} to {self.filters}, {kernel}"

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        lost = 0 if self.padding == "SAME" else self.side - 1
        return -(-(self.height - lost) // self.stride), -(-(self.width - lost) // self.stride)

    @property
    def operations(self) -> int:
        """Multiplications for one image."""
        return self.output[0] * self.output[1] * self.side**2 * self.channels * self.filters

    def can_be_product(self) -> bool:
        """Whether a product is worth a trial: always for 1x1; for wider kernels on small images."""
        if self.side == 1:
            return True
        return self.side == 3 and self.output[0] * self.output[1] <= _PATCHED and self.channels >= _WIDE

    def ways(self, direction: str) -> tuple[str, ...]:
        """The ways that are worth a trial, the library's first."""
        found = (LIBRARY, PRODUCT) if self.can_be_product() else (LIBRARY,)
        swaps = self.side == 3 and self.stride == 1 and self.padding == "SAME" and self.channels >= _WIDE
        return (*found, SWAPPED) if direction == "kernel" and swaps else found

    def usual_ways(self) -> tuple[str, ...]:
        """The ways if nothing was measured, from measurements on processors with AVX-512."""
        pixels = self.height * self.width
        small = self.can_be_product() and pixels <= _SMALL and self.channels >= _SMALL_CHANNELS
        if self.side == 1 or (small and pixels <= _TINY):
            return (PRODUCT,) * 3
        return LIBRARY, LIBRARY, PRODUCT if small and self.stride == 1 else LIBRARY


def convolution(x, kernel, shape: Shape, ways: tuple[str, ...]):
    """Convolution whose passes go the given ways.

    Args:
        x: images (n, height, width, channels).
        kernel: (side, side, channels, filters).
        shape: of both.
        ways: for forward, images and kernel.

    Returns:
        (n, *shape.output, filters), or rows of it, (n * pixels, filters): TensorFlow adds a bias to rows in the same
        kernel.
    """
    forward, images, weights = (WAYS[d][way] for d, way in zip(DIRECTIONS, ways, strict=True))

    @tf.custom_gradient
    def convolve(x, kernel):
        columns = functools.cache(lambda: columns_of(x, shape))  # forward and kernel share them

        def gradient(dy):
            dy = tf.reshape(dy, (-1, *shape.output, shape.filters))
            return images(dy, kernel, shape, tf.shape(x)), weights(x, dy, shape, columns)

        return forward(x, kernel, shape, columns), gradient

    return convolve(x, kernel)


def _forward_library(x, kernel, shape: Shape, columns: Callable):
    return tf.nn.conv2d(x, kernel, shape.stride, shape.padding)


def _forward_product(x, kernel, shape: Shape, columns: Callable):
    """columns (n * pixels, side * side * channels) times the kernel as a matrix."""
    return tf.matmul(columns(), tf.reshape(kernel, (-1, shape.filters)))


def _images_library(dy, kernel, shape: Shape, size):
    strides = [1, shape.stride, shape.stride, 1]
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=size, filter=kernel, out_backprop=dy, strides=strides, padding=shape.padding
    )


def _images_product(dy, kernel, shape: Shape, size):
    """dy times the transposed kernel, each row put back to the pixels that it came from."""
    rows, matrix = tf.reshape(dy, (-1, shape.filters)), tf.reshape(kernel, (-1, shape.filters))
    return _images_of(tf.matmul(rows, matrix, transpose_b=True), shape)


def _kernel_library(x, dy, shape: Shape, columns: Callable):
    strides, sizes = [1, shape.stride, shape.stride, 1], [shape.side] * 2 + [shape.channels, shape.filters]
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=sizes, out_backprop=dy, strides=strides, padding=shape.padding
    )


def _kernel_product(x, dy, shape: Shape, columns: Callable):
    """The transposed columns times dy."""
    matrix = tf.matmul(columns(), tf.reshape(dy, (-1, shape.filters)), transpose_a=True)
    return tf.reshape(matrix, (shape.side, shape.side, shape.channels, shape.filters))


def _kernel_swapped(x, dy, shape: Shape, columns: Callable):
    """A convolution in which channels are images and images are channels: x (c, h, w, n) by dy (h, w, n, filters)."""
    x = tf.pad(tf.transpose(x, (3, 1, 2, 0)), [[0, 0], *_paddings(shape), [0, 0]])
    return tf.transpose(tf.nn.conv2d(x, tf.transpose(dy, (1, 2, 0, 3)), 1, "VALID"), (1, 2, 0, 3))


WAYS = {
    "forward": {LIBRARY: _forward_library, PRODUCT: _forward_product},
    "images": {LIBRARY: _images_library, PRODUCT: _images_product},
    "kernel": {LIBRARY: _kernel_library, PRODUCT: _kernel_product, SWAPPED: _kernel_swapped},
}


def columns_of(x, shape: Shape):
    """What each output pixel of x (n, h, w, c) is computed from: (n * pixels, side * side * c)."""
    if shape.side > 1:
        x = tf.pad(x, [[0, 0], *_paddings(shape), [0, 0]])
    height, width = (_reach(size, shape) for size in shape.output)
    patches = [
        _every(x[:, row : row + height, column : column + width], shape.stride)
        for row in range(shape.side)
        for column in range(shape.side)
    ]
    joined = tf.concat(patches, -1) if len(patches) > 1 else patches[0]
    return tf.reshape(joined, (-1, shape.side**2 * shape.channels))


def _images_of(columns, shape: Shape):
    """The transpose of `columns_of`: each pixel's sum over the columns that read it, (n, height, width, channels).

    Sums of patches are in float32: nine roundings to bfloat16 would add up.
    """
    (top, bottom), (left, right) = _paddings(shape)
    size = shape.height + top + bottom, shape.width + left + right
    columns = tf.reshape(columns, (-1, *shape.output, shape.side**2, shape.channels))
    if shape.side == 1:
        return _place(_spread(columns[:, :, :, 0], shape), 0, 0, size)
    pieces = [
        _place(
            tf.cast(_spread(columns[:, :, :, shape.side * row + column], shape), "float32"), row, column, size
        )
        for row in range(shape.side)
        for column in range(shape.side)
    ]
    image = tf.add_n(pieces)[:, top : top + shape.height, left : left + shape.width]
    return tf.cast(image, columns.dtype)


def _paddings(shape: Shape) -> tuple[tuple[int, int], tuple[int, int]]:
    """Zeros above and below, left and right, as TensorFlow pads."""
    if shape.padding == "VALID":
        return (0, 0), (0, 0)
    missing = [
        max(0, _reach(out, shape) + shape.side - 1 - size)
        for out, size in zip(shape.output, (shape.height, shape.width), strict=True)
    ]
    return tuple((n // 2, n - n // 2) for n in missing)


def _reach(outputs: int, shape: Shape) -> int:
    """Pixels from the first that a row of outputs reads at one place of the kernel to the last."""
    return (outputs - 1) * shape.stride + 1


def _every(x, stride: int):
    """Every `stride`-th pixel, by a 1x1 pooling: ten times as fast as a strided slice."""
    return tf.nn.max_pool2d(x, 1, stride, "VALID") if stride > 1 else x


def _spread(x, shape: Shape):
    """The pixels of x (n, h, w, c) `stride` apart, zeros between and behind them."""
    if shape.stride == 1:
        return x
    height, width, channels = x.shape[1:]
    gap = shape.stride - 1
    x = tf.pad(
        tf.reshape(x, (-1, height, 1, width, 1, channels)),
        [[0, 0], [0, 0], [0, gap], [0, 0], [0, gap], [0, 0]],
    )
    return tf.reshape(x, (-1, height * shape.stride, width * shape.stride, channels))


def _place(x, row: int, column: int, size: tuple[int, int]):
    """x (n, h, w, c) at a row and column of an image of zeros; what hangs over its edges are zeros and is cut off."""
    if row + x.shape[1] > size[0] or column + x.shape[2] > size[1]:
        x = x[:, : size[0] - row, : size[1] - column]
    below, right = size[0] - row - x.shape[1], size[1] - column - x.shape[2]
    if not (row or column or below or right):
        return x
    return tf.pad(x, [[0, 0], [row, below], [column, right], [0, 0]])
