"""Small pictures as data URIs, until a limit is reached: a page that is mailed must stay small."""

import base64
from io import BytesIO

import numpy as np

SIDE = 96  # pixels of a picture at most
_SMALL = 40  # pixels up to which a picture is a PNG and is drawn with hard edges
MOST_BYTES = 2_300_000  # of all pictures in a page


class Pictures:
    """Makes the pictures of one page.

    Args:
        most: bytes of all data URIs together.

    Attributes:
        left_out: how many were not made because the limit was reached.
    """

    def __init__(self, most: int = MOST_BYTES):
        self._left = most
        self.left_out = 0

    def encode(self, pixels: np.ndarray) -> str | None:
        """The data URI of a picture; None if the limit is reached.

        Args:
            pixels: uint8 (height, width, 3).
        """
        uri = _encode(pixels)
        if len(uri) > self._left:
            self.left_out += 1
            return None
        self._left -= len(uri)
        return uri


def _encode(pixels: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    kind = "png" if max(image.size) <= _SMALL else "jpeg"
    image.thumbnail((SIDE, SIDE))
    file = BytesIO()
    image.save(file, kind.upper(), quality=80, optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
