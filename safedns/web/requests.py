"""The ASGI application: any host, any path, any method.

A request for a site (its Host header is a name) is here because the name was answered with this server's address: it
gets the page that says why. A request for this server (its Host header is an address) gets the look-up page, or the
metrics. That the metrics have no name is what keeps a web page, whose requests carry one, from reading them.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from safedns.telemetry.metrics import CONTENT_TYPE
from safedns.web import languages, pages
from safedns.web.site import Site, is_server, read_host, read_typed
from safedns.web.verdict import judge

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from safedns._native import Blocklist, Policy
    from safedns.config.model import Config
    from safedns.telemetry.metrics import Metrics
    from safedns.web.texts import Texts
    from safedns.web.verdict import Verdict

BODY_LIMIT: Final = 64 * 2**10
"""Bytes of a request's body that are read, and thrown away, before it is answered."""

BODY_TIMEOUT: Final = 2.0
"""Seconds that a body may take."""

# The connection ends with the response: once a block is lifted, a browser that still had one would keep coming here.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": pages.SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept, Accept-Language",
    "X-Content-Type-Options": "nosniff",
}

_HTML: Final = "text/html; charset=utf-8"
_JSON: Final = "application/json"

# What a browser loads into a page (Fetch section 2.2.5) and nobody would see a page in the place of.
_PAGES: Final = frozenset({"", "document", "embed", "empty", "frame", "iframe", "object"})


@dataclass(frozen=True, slots=True)
class Filter:
    """What verdicts are made of; replaced whole."""

    config: Config
    policy: Policy
    blocklist: Blocklist | None


class Application:
    """The application. `filter` and `metrics.list` are replaced as the configuration and the list change."""

    def __init__(self, rules: Filter, metrics: Metrics) -> None:
        self.filter = rules
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await discard_body(request)
        response = self.respond(request)
        await response(scope, receive, send)

    def respond(self, request: Request) -> Response:
        """Answer one request, whose body has been read."""
        host = requested_host(request.scope)
        if is_server(host):
            return self._serve(request)
        return self._stand_in(request, host)

    def _stand_in(self, request: Request, host: str) -> Response:
        """Answer in the place of a site."""
        if not _wants_page(request):
            return _respond(b"", None, 403)
        site = read_host(host)
        verdict = self._judge(site)
        lookup = _lookup_url(request, verdict)
        texts, contact = _texts(request), self.filter.config.contact
        if _wants_json(request):
            return _json(pages.describe(texts, verdict, contact, lookup), 403)
        seconds = round(self.filter.config.answer.ttl)
        return _respond(pages.site_page(texts, verdict, contact, lookup, seconds), _HTML, 403)

    def _serve(self, request: Request) -> Response:
        """Answer for this server."""
        path = request.scope["path"]
        if path not in {"/", "/metrics"}:
            return _respond(pages.missing_page(_texts(request)) if _wants_page(request) else b"", _HTML, 404)
        if request.method not in {"GET", "HEAD"}:
            return _respond(b"", None, 405, {"Allow": "GET, HEAD"})
        if path == "/metrics":
            return _respond(self.metrics.render(), CONTENT_TYPE)
        return self._look_up(request)

    def _look_up(self, request: Request) -> Response:
        """Answer the look-up page, or its JSON form."""
        typed = request.query_params.get("name", "").strip()
        verdict = self._judge(read_typed(typed))
        texts, contact = _texts(request), self.filter.config.contact
        if _wants_json(request):
            return _json(
                pages.describe(texts, verdict, contact, _lookup_url(request, verdict)),
                400 if typed and not verdict else 200,
            )
        page = pages.lookup_page(texts, typed, verdict, contact, filtering=self.filter.blocklist is not None)
        return _respond(page, _HTML)

    def _judge(self, site: Site | None) -> Verdict | None:
        return judge(site, self.filter.policy, self.filter.blocklist) if site else None


def requested_host(scope: Scope) -> str:
    """The host that a request is for, with its port; empty if it names none that is text."""
    if scope["path"].startswith("http://"):
        # RFC 9112 section 3.2.2: "When an origin server receives a request with an absolute-form of request-target, the
        # origin server MUST ignore the received Host header field (if any)".
        return str(scope["path"]).split("/", 3)[2]
    values = [value for name, value in scope["headers"] if name == b"host"]
    try:
        return bytes(values[0]).decode() if len(values) == 1 else ""
    except UnicodeDecodeError:
        return ""


async def discard_body(request: Request) -> None:
    """Read and forget a request's body, so that closing the connection doesn't take the response with it.

    A body that is too long or too slow is left unread: its sender may see a broken connection, and we nothing.
    """
    read = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                read += len(chunk)
                if read > BODY_LIMIT:
                    return
    except (TimeoutError, ClientDisconnect):
        return


def _wants_page(request: Request) -> bool:
    """Whether somebody would see the response; false for the images and scripts of a page."""
    accept = request.headers.get("accept", "").lower()
    named = "text/html" in accept or not accept.startswith(("image/", "text/css", "audio/", "video/", "font/"))
    return named and request.headers.get("sec-fetch-dest", "").lower() in _PAGES


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "").lower()
    return _JSON in accept and "text/html" not in accept


def _lookup_url(request: Request, verdict: Verdict | None) -> str | None:
    return pages.lookup_url(request.scope.get("server"), verdict.site) if verdict else None


def _texts(request: Request) -> Texts:
    chosen = request.query_params.get(pages.LANGUAGE_PARAMETER)
    return languages.choose(chosen or request.headers.get("accept-language", ""))


def _json(content: dict[str, object], status: int) -> Response:
    return _respond(json.dumps(content, ensure_ascii=False), _JSON, status)


def _respond(
    content: str | bytes, media_type: str | None, status: int = 200, more: dict[str, str] | None = None
) -> Response:
    return Response(content, status, _HEADERS | {"Date": formatdate(usegmt=True)} | (more or {}), media_type)
