"""Server-Sent Events: which serial of which channel is the newest. They only say when to ask: a poll says it too."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from safedns.config.units import CHANNEL_NAME
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.client import Client
    from starlette.types import Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MOST: Final = 50_000
"""Connections at a time; who comes after that is sent away for a while, and polls."""

KEEP_ALIVE: Final = 240.0
"""Seconds between two comments on a connection that has nothing to say: less than what any address translator forgets
a connection after (RFC 5382 section 5: two hours and four minutes)."""

URGENT: Final = 60.0
"""Seconds for which what is urgent is urgent for those who connect late."""

_SLICE: Final = 500
"""Connections that are written to before others have their turn."""

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_SUBJECT: Final = "safedns.published"
_RECONNECT: Final = 5
"""Seconds between two tries to reach NATS."""


class Hub:
    """The routers that are connected to this instance.

    Attributes:
        sent: events sent, to all of them together.
    """

    def __init__(self) -> None:
        self._channels: dict[str, set[Subscriber]] = {}
        self._newest: dict[str, tuple[int, float]] = {}
        self.sent = 0

    @property
    def connected(self) -> int:
        """How many there are."""
        return sum(map(len, self._channels.values()))

    async def tell(self, channel: str, serial: int, *, urgent: bool) -> None:
        """Send a serial to all who follow a channel, and later to those who come."""
        self._newest[channel] = (serial, time.monotonic() + URGENT if urgent else 0.0)
        await self._send(list(self._channels.get(channel, ())), event(channel, serial, urgent=urgent))

    async def keep_alive(self) -> None:
        """Write comments for ever, so that connections are seen to live."""
        while True:
            await asyncio.sleep(KEEP_ALIVE)
            for subscribers in list(self._channels.values()):
                await self._send(list(subscribers), b":\n\n")

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for events; it stays until the client goes."""
        channel = parse_qs(scope["query_string"].decode("latin-1")).get("channel", [""])[0]
        if scope["method"] != "GET" or not CHANNEL_NAME.fullmatch(channel):
            await _refuse(send, 400, b"expected GET with ?channel=NAME\n")
            return
        if self.connected >= MOST:
            await _refuse(send, 503, b"too many connections; poll instead\n")
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        subscriber = Subscriber(send)
        subscriber.write(b"retry: 15000\n\n" + self._last(channel))
        members = self._channels.setdefault(channel, set())
        members.add(subscriber)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            members.discard(subscriber)

    def _last(self, channel: str) -> bytes:
        """The last event, for who connects now."""
        if channel not in self._newest:
            return b""
        serial, urgent_until = self._newest[channel]
        return event(channel, serial, urgent=time.monotonic() < urgent_until)

    def close(self) -> None:
        """End all connections."""
        for subscribers in self._channels.values():
            for each in subscribers:
                each.end()

    async def _send(self, subscribers: list[Subscriber], text: bytes) -> None:
        for start in range(0, len(subscribers), _SLICE):
            for each in subscribers[start : start + _SLICE]:
                self.sent += each.write(text)
            await asyncio.sleep(0)


class Subscriber:
    """A connection."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    def write(self, text: bytes) -> bool:
        """Write, without waiting: who takes so little that its buffer is full misses it, and will poll."""
        return self._step({"type": "http.response.body", "body": text, "more_body": True})

    def end(self) -> None:
        """End the response."""
        self._step({"type": "http.response.body", "body": b"", "more_body": False})

    def _step(self, message: Message) -> bool:
        sending: Any = self._send(message)
        waiting = sending.__await__()
        try:
            next(waiting)
        except StopIteration:
            return True
        except OSError:
            # The client has gone; who waits for that removes it.
            return False
        waiting.close()
        return False


def event(channel: str, serial: int, *, urgent: bool) -> bytes:
    """An event as it is sent (HTML Living Standard section 9.2.6)."""
    data = json.dumps({"channel": channel, "serial": serial}, separators=(",", ":"))
    return f"event: {'urgent' if urgent else 'release'}\nid: {serial}\ndata: {data}\n\n".encode()


class Bus:
    """Wakes the other instances when something was published: over NATS if there is a server, else not at all.

    Instances look into the database every few seconds as well, so that a message which is lost delays and breaks
    nothing.

    Args:
        url: of the server, if there is one.

    Raises:
        CoordinatorError: that is no such URL.
    """

    def __init__(self, url: str | None) -> None:
        if url is not None:
            _check(url)
        self._url = url
        self._client: Client | None = None
        self._connecting: asyncio.Task[None] | None = None

    def start(self, woken: Callable[[], Awaitable[None]]) -> None:
        """Begin to connect, and go on trying; it is no condition for anything."""
        if self._url is not None:
            self._connecting = asyncio.create_task(self._connect(self._url, woken))
            self._connecting.add_done_callback(_tell_failure)

    async def _connect(self, url: str, woken: Callable[[], Awaitable[None]]) -> None:
        from nats.aio.client import Client

        async def receive(_message: object) -> None:
            await woken()

        async def report(error: Exception) -> None:
            log.warning("NATS: %s", error or type(error).__name__)

        client = Client()
        # -1: for ever.
        await client.connect(
            url, max_reconnect_attempts=-1, reconnect_time_wait=_RECONNECT, error_cb=report, connect_timeout=5
        )
        self._client = client
        await client.subscribe(_SUBJECT, cb=receive)
        await client.flush()
        # What was published meanwhile.
        await woken()

    async def wake(self) -> None:
        """Tell the others."""
        if self._client is not None and self._client.is_connected:
            await self._client.publish(_SUBJECT, b"")
            await self._client.flush(2)

    async def close(self) -> None:
        """Leave."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._client is not None:
            await self._client.close()


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("nats", "tls") and parts.hostname and (parts.port or True)
    except ValueError:
        known = False
    if not known:
        raise CoordinatorError("expected a NATS server as nats://HOST:PORT, found something else")


def _tell_failure(connecting: asyncio.Task[None]) -> None:
    error = None if connecting.cancelled() else connecting.exception()
    if error is not None:
        log.warning("NATS: %s; others' releases are found within seconds without it", error)


async def _refuse(send: Send, status: int, text: bytes) -> None:
    retry = str(random.randint(30, 300)).encode()  # noqa: S311 - spreads clients, hides nothing
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", retry)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
