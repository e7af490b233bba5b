"""The end of what a learner's file prints: a loop that prints for ever must not fill the memory."""

import io

KEPT = 4000  # characters of what a file prints that a report shows


class KeptEnd(io.TextIOBase):
    """A text stream that keeps the last `KEPT` characters written to it, and four times as many at the most."""

    def __init__(self):
        super().__init__()
        self._text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self._text += text[-KEPT:]
        if len(self._text) > 4 * KEPT:
            self._text = self._text[-KEPT:]
        return len(text)

    def getvalue(self) -> str:
        """The last `KEPT` characters."""
        return self._text[-KEPT:]
