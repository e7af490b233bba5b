"""Two short programs that stand beside an exported ONNX file and use it: in Python, and in a browser."""

from pathlib import Path

from residual._atomic import write_text
from residual.engines.card import ModelCard

TEMPLATES = ("predict.py", "predict.js")


def write_snippets(path: Path, card: ModelCard) -> list[Path]:
    """Write NAME.predict.py and NAME.predict.js beside NAME.onnx.

    Args:
        path: the .onnx file.
        card: what it is.

    Returns:
        The two files.
    """
    from jinja2 import Environment, PackageLoader

    # Every value goes through tojson, whose strings are those of Python and JavaScript too.
    environment = Environment(loader=PackageLoader("residual.exporters"), keep_trailing_newline=True)
    height, width = card.image_size
    values = {
        "file": path.name,
        "classes": card.classes,
        "height": height,
        "width": width,
        "white": card.white,
    }
    written = []
    for template in TEMPLATES:
        target = path.with_name(f"{path.stem}.{template}")
        write_text(target, environment.get_template(f"{template}.jinja").render(values, script=target.name))
        written.append(target)
    return written
