"""Switches of TensorFlow that count only before it is imported.

TensorFlow for x86-64 has two sets of CPU kernels: Eigen's, and oneDNN's, which are faster for convolutions. On Linux it
takes oneDNN's by itself only on a processor that reports AVX512_VNNI, AVX512_BF16, AVX_VNNI or AMX
(`DefaultOneDnnPolicy` in its sources). AMD's processors before Zen 4 and Intel's Core before about the 11th generation
report none of them. There a training step takes two to three times as long without oneDNN: on two cores of a Zen 3,
ResNet-50 1,890 against 844 ms and ResNet-20 1,430 against 440 ms.
"""

import os
import sys
import warnings

from residual.backend import processor

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


class SlowTensorFlow(UserWarning):
    """TensorFlow was imported without the kernels that make it fast on this processor."""


def enable_onednn() -> None:
    """Turn oneDNN on before TensorFlow is imported, unless the user has set the switch.

    If TensorFlow is there already, and without oneDNN, warn once: the switch does not work any more.
    """
    if not processor.is_x86() or ONEDNN in os.environ:
        return
    if "tensorflow" not in sys.modules:
        os.environ[ONEDNN] = "1"
    elif onednn_is_on() is False:
        warnings.warn(
            f"TensorFlow was imported before residual, and on this processor it starts without oneDNN: training takes "
            f"two to three times as long. Import residual first, or set the environment variable {ONEDNN}=1 before "
            f"TensorFlow is imported (in a notebook: restart the kernel).",
            SlowTensorFlow,
            stacklevel=2,
        )


def onednn_is_on() -> bool | None:
    """Whether TensorFlow, which is imported by this, uses oneDNN; None if it does not say."""
    try:
        from tensorflow.python.util import _pywrap_util_port

        return bool(_pywrap_util_port.IsMklEnabled())
    except (ImportError, AttributeError):
        return None
