"""What a client gets that asks for what is not allowed: a status and one sentence, as JSON."""

from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

RETRY_AFTER = 1  # seconds


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP, 400 to 599.
        message: a sentence for the client.
    """

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


def encode_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as a JSON response."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def encode_error(status: int, message: str) -> Response:
    """The JSON response {"error": message}."""
    headers = {"Retry-After": str(RETRY_AFTER)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return encode_json({"error": message}, status, headers)


async def answer_refusal(request: Request, problem: Exception) -> Response:
    """The response to a request that raised a `Refusal`."""
    assert isinstance(problem, Refusal)
    return encode_error(problem.status, problem.message)


async def answer_http_error(request: Request, problem: Exception) -> Response:
    """The response to a path that is not there, or a method that it does not have."""
    assert isinstance(problem, HTTPException)
    messages = {
        404: "There is nothing at this path. See docs for what there is.",
        405: f"This path does not take {request.method}.",
    }
    response = encode_error(problem.status_code, messages.get(problem.status_code, f"{problem.detail}."))
    response.headers.update(problem.headers or {})
    return response


async def answer_crash(request: Request, problem: Exception) -> Response:
    """The response to a request that met a fault of ours; the traceback goes to the server's log alone."""
    return encode_error(500, "The server met an error that it did not expect. Its log has the details.")
