"""The body of a request, within the limits of size, time and memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from residual._text import format_bytes
from residual.serving.refusals import Refusal
from residual.serving.service import Service
from residual.serving.uploads import Asked, parse_uploads


@asynccontextmanager
async def read_asked(request: Request, service: Service) -> AsyncIterator[Asked]:
    """Yield the images of a request and what is asked about them.

    Raises:
        Refusal: as `read_body` and `parse_uploads` raise it; 503 if the queue is full, before anything is read.
    """
    service.batcher.check_room()
    async with read_body(request, service) as body:
        kind, query = request.headers.get("content-type", ""), dict(request.query_params)
        yield await service.work(parse_uploads, kind, body, query, service.options.queue)


@asynccontextmanager
async def read_body(request: Request, service: Service) -> AsyncIterator[bytes]:
    """Yield the body; its bytes count as held until the end.

    Raises:
        Refusal: 413 if it is too large, 408 if it does not arrive in time, 415 if it is compressed, 503 if the server
            holds too many bodies.
    """
    _check_head(request, service.options.max_body)
    body = bytearray()
    try:
        async with asyncio.timeout(service.options.body_timeout):
            async for chunk in request.stream():
                if len(body) + len(chunk) > service.options.max_body:
                    raise _too_large(service.options.max_body)
                if service.held_bytes + len(chunk) > service.max_held_bytes:
                    raise Refusal(
                        503, "The server holds as many uploads as its memory allows. Try again in a second."
                    )
                service.held_bytes += len(chunk)
                body += chunk
        yield bytes(body)
    except TimeoutError:
        limit = service.options.body_timeout
        raise Refusal(408, f"The body must arrive within {limit:g} seconds.") from None
    except ClientDisconnect:
        raise Refusal(400, "The connection was closed before the body was complete.") from None
    finally:
        service.held_bytes -= len(body)


def _check_head(request: Request, max_body: int) -> None:
    """Refuse by the headers alone, before anything is read."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", ""):
        raise Refusal(415, "The body must not be compressed; remove Content-Encoding.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > max_body:
        raise _too_large(max_body)


def _too_large(max_body: int) -> Refusal:
    return Refusal(413, f"The body must be at most {format_bytes(max_body)}.")
