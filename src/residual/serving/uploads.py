"""The images in a body: raw bytes, a form with files, or JSON with base64."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

from residual._text import escape_control
from residual.serving.refusals import Refusal

MOST_TOP = 1_000_000
_FIELDS = ("top", "label")  # of a form, beside its files
_MOST_FIELD = 10_000  # bytes
# curl --data-binary calls whatever it sends a form, unless it is told the type.
_RAW = ("", "application/octet-stream", "application/x-www-form-urlencoded")
_JSON = '{"image": "<base64>"} or {"images": ["<base64>", ...]}'


@dataclass(frozen=True)
class Upload:
    """An encoded image, and what errors and answers call it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Asked:
    """What a request asks.

    Attributes:
        uploads: the images, at least one.
        top: how many labels of each; None for all.
        label: whose map is asked for; None for the most probable.
    """

    uploads: list[Upload]
    top: int | None = None
    label: str | None = None


class _Json(msgspec.Struct, forbid_unknown_fields=True):
    image: str | None = None
    images: list[str] | None = None
    top: int | None = None
    label: str | None = None


def parse_uploads(content_type: str, body: bytes, query: dict[str, str], most: int) -> Asked:
    """The images of a request and what is asked about them.

    Args:
        content_type: the header; "" means raw bytes.
        body: of the request.
        query: parameters of the address; those of the body come first.
        most: images allowed.

    Raises:
        Refusal: 400 for a body that is not what it says, 413 for too many images, 415 for another type, 422 for a value
            that is out of range.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        uploads, fields = _parse_form(content_type, body, most)
    elif kind == "application/json":
        uploads, fields = _parse_json(body)
    elif kind in _RAW or kind.startswith("image/"):
        uploads, fields = [Upload("The image", body)], {}
    else:
        raise Refusal(
            415,
            "The body must be an image (image/* or application/octet-stream), a form with files "
            "(multipart/form-data) or JSON with base64 (application/json).",
        )
    if len(uploads) > most:
        raise Refusal(413, f"One request may hold at most {most} images; got {len(uploads)}.")
    values = {**query, **{name: value for name, value in fields.items() if value is not None}}
    return Asked(uploads, _parse_top(values.get("top")), values.get("label"))


def _parse_top(value: Any) -> int | None:
    if value is None:
        return None
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= MOST_TOP):
        shown = escape_control(text[:40])
        raise Refusal(422, f"top must be a whole number from 1 to {MOST_TOP:,}; got {shown!r}.")
    return int(text)


def _parse_json(body: bytes) -> tuple[list[Upload], dict[str, Any]]:
    try:
        asked = msgspec.json.decode(body, type=_Json)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(400, f"The body must be JSON such as {_JSON} ({error}).") from None
    if (asked.image is None) == (not asked.images):
        raise Refusal(400, f"The body must have image or images: {_JSON}.")
    texts = [asked.image] if asked.image is not None else asked.images or []
    names = ["The image"] if len(texts) == 1 else [f"image {number}" for number in range(1, len(texts) + 1)]
    uploads = [Upload(name, _decode_base64(name, text)) for name, text in zip(names, texts, strict=True)]
    return uploads, {"top": asked.top, "label": asked.label}


def _decode_base64(name: str, text: str) -> bytes:
    """The bytes of base64, or of a data URL such as those that browsers make."""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise Refusal(400, f"{name} must be base64; got a data URL without it.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, f"{name} must be base64, without line breaks.") from None


def _parse_form(content_type: str, body: bytes, most: int) -> tuple[list[Upload], dict[str, str]]:
    from python_multipart import multipart
    from python_multipart.exceptions import FormParserError

    _, parameters = multipart.parse_options_header(content_type)
    boundary = parameters.get(b"boundary")
    if not boundary:
        raise Refusal(400, "The Content-Type of a form must have a boundary.")
    parts = _Parts(body, most + len(_FIELDS))
    try:
        parser = multipart.MultipartParser(boundary, parts.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(400, f"The form is damaged ({error}).") from None
    if not parts.complete:
        raise Refusal(400, "The form is cut short.")
    uploads = [Upload(name, content) for name, content in parts.files]
    if not uploads:
        raise Refusal(400, "The form must have at least one file.")
    return uploads, parts.fields


class _Parts:
    """Collects files and fields while a form is parsed."""

    def __init__(self, body: bytes, most: int):
        self.files: list[tuple[str, bytes]] = []
        self.fields: dict[str, str] = {}
        self.complete = False
        self._body, self._most, self._count = body, most, 0
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._data = bytearray()

    def callbacks(self) -> Any:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_part_data": self._add_data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise Refusal(413, f"The form must have at most {self._most} parts.")
        self._headers, self._data = {}, bytearray()

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._data += memoryview(data)[start:end]

    def _end(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        field = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            name = options[b"filename"].decode("latin-1").encode("latin-1").decode("utf-8", "replace")
            self.files.append((escape_control(name)[:200] or "The image", bytes(self._data)))
        elif field in _FIELDS and len(self._data) <= _MOST_FIELD:
            self.fields[field] = self._data.decode("utf-8", "replace")
        else:
            shown = escape_control(field[:40])
            raise Refusal(400, f"A form may have files, top and label; got the field {shown!r}.")

    def _finish(self) -> None:
        self.complete = True
