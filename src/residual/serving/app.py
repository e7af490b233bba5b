"""The application: all routes of a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from residual.engines.engine import Engine
from residual.serving.explain import Explainer
from residual.serving.guard import Guard
from residual.serving.metrics import CONTENT_TYPE
from residual.serving.openapi import describe_interface
from residual.serving.options import ServeOptions
from residual.serving.page import Page, Sample
from residual.serving.predict import predict
from residual.serving.refusals import Refusal, answer_crash, answer_http_error, answer_refusal, encode_json
from residual.serving.service import Service
from residual.serving.tensors import HEADER
from residual.serving.v2 import list_v2_routes


def make_app(
    engine: Engine, options: ServeOptions | None = None, samples: tuple[Sample, ...] = ()
) -> Starlette:
    """The ASGI application that serves an exported network.

    Args:
        engine: the network.
        options: limits; None for the usual ones.
        samples: images that the page offers.

    Returns:
        The application; its lifespan starts and ends the thread that computes.
    """
    options = options or ServeOptions()
    service = Service(engine, options)
    routes = [
        Route("/predict", predict, methods=["POST"]),
        Route("/explain", Explainer(service).answer, methods=["POST"]),
        Route("/model", show_card),
        Route("/healthz", show_health),
        Route("/metrics", show_metrics),
        Route("/openapi.json", show_interface),
        *list_v2_routes(),
        *Page(service.card, options, engine.runtime, samples).list_routes(),
    ]
    app = Starlette(
        routes=routes,
        middleware=_list_middleware(options, [route.path for route in routes], service),
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_http_error,
            Exception: answer_crash,
        },
        lifespan=_run_service,
    )
    app.state.service = service
    return app


def _list_middleware(options: ServeOptions, paths: list[str], service: Service) -> list[Middleware]:
    guard = Middleware(Guard, hosts=options.hosts, paths=paths, metrics=service.metrics)
    if not options.allow_origins:
        return [guard]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=options.allow_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type", HEADER],
        expose_headers=[HEADER],
    )
    return [guard, cors]


@asynccontextmanager
async def _run_service(app: Starlette) -> AsyncIterator[None]:
    service: Service = app.state.service
    service.start()
    try:
        yield
    finally:
        service.close()


async def show_card(request: Request) -> Response:
    """The model card, with the runtime that computes."""
    service: Service = request.app.state.service
    return encode_json({**service.card.to_dict(), "runtime": service.engine.runtime})


async def show_health(request: Request) -> Response:
    """That the server answers."""
    return encode_json({"status": "ok"})


async def show_metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    service: Service = request.app.state.service
    service.metrics.queue.value = service.batcher.length
    return Response(service.metrics.to_text(), headers={"Content-Type": CONTENT_TYPE})


async def show_interface(request: Request) -> Response:
    """The OpenAPI document."""
    service: Service = request.app.state.service
    return encode_json(describe_interface(service.card, service.options))
