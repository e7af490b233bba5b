"""The one place that makes text safe to print: text from outside is shown, and never acts."""

from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from residual._text import escape_control


class TextConsole(Console):
    """A Rich console on which text means itself: "[red]" and ":smile:" in a name are printed as they are.

    Characters that act on a terminal become "?", those that the encoding of the output lacks become escapes such as
    "\\u732b". Both hold for strings, `Text`, tables and live lines. Rich's own control codes, which move the cursor,
    pass.

    Args:
        rewrite: changes each string before it is printed.
        in_notebook: whether a notebook shows it.
        options: further arguments of `rich.console.Console`.
    """

    def __init__(self, *, rewrite: Callable[[str], str] = str, in_notebook: bool = False, **options: Any):
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})
        self._rewrite, self.in_notebook = rewrite, in_notebook

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as `Text`, made safe before it is laid out."""
        return super().render_str(self.make_safe(self._rewrite(text)), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever is printed, made safe after it was laid out."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=self.make_safe(segment.text))

    def make_safe(self, text: str) -> str:
        """The text as it is printed. Whoever lays out columns counts this one, which may be longer."""
        lines = [escape_control(line) for line in text.split("\n")]
        return "\n".join(lines).encode(self.encoding, "backslashreplace").decode(self.encoding)
