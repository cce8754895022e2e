"""The coordinator's HTTP side: files and events, which routers ask for all the time, before everything else."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError

from safedns.coordinator.metrics import CONTENT_TYPE, Metrics
from safedns.coordinator.problems import BusyError, RequestError
from safedns.coordinator.routes import devices, lists, people, releases
from safedns.coordinator.routes.shared import PROBLEMS
from safedns.coordinator.static import Static
from safedns.errors import BlocklistError, SafeDNSError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from safedns.coordinator.center import Center

log = logging.getLogger(__name__)

MOST_BODY: Final = 4 * 2**20
"""Bytes of a request's body."""

MOST_IMPORT: Final = 64 * 2**20
"""Bytes of an imported file, as it is sent."""

BODY_TIME: Final = 60.0
"""Seconds within which a body has to be there."""

EVENTS: Final = "/v1/events"


class Application:
    """What the server calls."""

    def __init__(self, center: Center) -> None:
        self.center = center
        self.static = Static(center.folder / "public")
        self.metrics = Metrics(center.hub, self.static)
        self.api = make_api(center, self.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self.api(scope, receive, send)
        elif Static.wants(scope["path"]):
            await self.static.serve(scope, receive, send)
        elif scope["path"] == EVENTS:
            await self.center.hub.serve(scope, receive, send)
        else:
            await self._ask(self.api, scope, receive, send)

    async def _ask(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the body first, so that nothing works for a client that sends too much or never ends."""
        most = MOST_IMPORT if scope["path"].endswith("/imports") else MOST_BODY
        started = time.monotonic()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            body = await asyncio.wait_for(_body(receive, most), BODY_TIME)
        except (TimeoutError, _TooLargeError):
            await _problem(f"expected a body of at most {most:,} bytes within {BODY_TIME:.0f} seconds", 413)(
                scope, receive, watched
            )
        except _GoneError:
            return
        else:
            await app(scope, _replaying(body, receive), watched)
        self.metrics.count(scope, status, time.monotonic() - started)


class _TooLargeError(Exception):
    """The body is."""


class _GoneError(Exception):
    """The client has."""


async def _body(receive: Receive, most: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _TooLargeError
        if not message.get("more_body", False):
            return b"".join(parts)


def _replaying(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


def make_api(center: Center, metrics: Metrics) -> FastAPI:
    """The application for people, programs, and the reports of devices."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await center.start()
        yield
        await center.stop()

    api = FastAPI(
        title="SafeDNS coordinator",
        version=metadata.version("safedns"),
        description="Lists, changes, releases, rollouts, devices. Routers need no token; people have one.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    api.state.center = center
    for router in (people.router, lists.router, releases.router, devices.router):
        api.include_router(router, prefix="/v1", responses=PROBLEMS)
    _errors(api)
    _health(api, center, metrics)
    _describe_events(api)
    return api


def _errors(api: FastAPI) -> None:
    @api.exception_handler(RequestError)
    async def refused(_request: Request, error: RequestError) -> JSONResponse:
        response = _problem(str(error), error.status)
        if isinstance(error, BusyError):
            response.headers["retry-after"] = str(error.seconds)
        return response

    @api.exception_handler(SafeDNSError)
    async def failed(_request: Request, error: SafeDNSError) -> JSONResponse:
        return _problem(str(error), 422 if isinstance(error, BlocklistError) else 409)

    @api.exception_handler(SQLAlchemyError)
    @api.exception_handler(OSError)
    async def lost(request: Request, error: Exception) -> JSONResponse:
        log.error("%s: %s", request.url.path, str(error).partition("\n")[0])
        return _problem("the database can't be reached or the disk is full; nothing was changed; try again later", 503)


def _health(api: FastAPI, center: Center, metrics: Metrics) -> None:
    @api.get("/health/live", include_in_schema=False)
    async def live() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    @api.get("/health/ready", include_in_schema=False)
    async def ready() -> PlainTextResponse:
        try:
            await center.database.check()
        except SafeDNSError as error:
            return PlainTextResponse(f"{error}\n", 503)
        return PlainTextResponse("ready\n")

    @api.get("/metrics", include_in_schema=False)
    async def page() -> PlainTextResponse:
        async with center.database.reading() as session:
            return PlainTextResponse(await metrics.page(session), media_type=CONTENT_TYPE)


def _describe_events(api: FastAPI) -> None:
    """Events are answered before the API, and described with it."""
    described = api.openapi()
    described["paths"][EVENTS] = {
        "get": {
            "tags": ["devices"],
            "summary": "Server-Sent Events: a channel's newest serial, as soon as there is one",
            "operationId": "events",
            "parameters": [
                {"name": "channel", "in": "query", "required": True, "schema": {"type": "string"}},
            ],
            "responses": {
                "200": {
                    "description": "events `release` and `urgent` with `{channel, serial}`",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                "400": {"description": "no channel"},
                "503": {"description": "too many connections; poll instead"},
            },
        }
    }
    api.openapi_schema = described


def _problem(text: str, status: int) -> JSONResponse:
    return JSONResponse({"detail": text}, status)
