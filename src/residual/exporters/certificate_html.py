"""A certificate as one HTML page that needs nothing else and prints on one sheet."""

from importlib import resources

from residual._text import escape_control, format_bytes, format_percent
from residual.exporters.certificate import Certificate

_TEMPLATE = "certificate.html"


def format_page(certificate: Certificate) -> str:
    """The page as text.

    Args:
        certificate: from `certify`.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    n = certificate.n
    environment.filters["percent"] = lambda share: format_percent(share, n)
    environment.filters["points"] = lambda share: f"{100 * share:+.{_count_digits(n)}f}"
    environment.filters["size"] = format_bytes
    environment.filters["probability"] = lambda value: f"{value:.4f}"
    environment.filters["small"] = lambda value: f"{value:.2g}"
    environment.finalize = lambda value: escape_control(value) if isinstance(value, str) else value
    text = (resources.files("residual.exporters") / "templates" / _TEMPLATE).read_text("utf-8")
    most = max(certificate.differences.values())
    return environment.from_string(text).render(certificate=certificate, most=most)


def _count_digits(n: int) -> int:
    return len(format_percent(0.0, n)) - len("0.%")
