"""uvicorn's HTTP protocol on sockets that are already open, with limits that a public port needs.

uvicorn's own server is made for a command line: it binds, handles signals, wakes up ten times a second, and its package
imports a terminal library and the multiprocessing machinery. The protocol alone is what is needed here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from safedns.light import skip_package_code

# 2.5 MB of memory.
skip_package_code("uvicorn")

import uvicorn  # noqa: E402
from uvicorn.config import Config as HttpConfig  # noqa: E402
from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: E402
from uvicorn.server import ServerState  # noqa: E402

# The one thing of the package's own that its modules use.
uvicorn.Config = HttpConfig  # type: ignore[misc]

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from starlette.types import ASGIApp

CONNECTIONS: Final = 128
"""Connections open at a time. A connection above that is closed at once: a page is small, a router's memory too."""

LIFETIME: Final = 10.0
"""Seconds that a connection lives at most, whatever its client does: send a request byte by byte, read nothing."""

HEAD_LIMIT: Final = 16 * 2**10
"""Bytes that the head of a request may take until it is complete; its cookies are the largest part of it."""

FLUSH_TIME: Final = 0.05
"""Seconds for what has been written to leave this process before it ends."""

BACKLOG: Final = 256
"""Connections that the kernel keeps for us."""


class Connection(H11Protocol):
    """An HTTP connection that ends in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or end it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._deadline = self.loop.call_later(LIFETIME, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)


class HttpServer:
    """Serves an application on listening sockets."""

    def __init__(self, app: ASGIApp) -> None:
        # "Invalid HTTP request received": the Internet's noise, not the operator's concern.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._state = ServerState()
        self._config = HttpConfig(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_LIMIT,
        )
        self._config.load()
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            self._servers.append(await loop.create_server(self._connect, sock=listener, backlog=BACKLOG))

    async def stop(self, grace: float) -> None:
        """Accept no more, and give the requests being answered this many seconds."""
        for server in self._servers:
            server.close()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=grace)
            await asyncio.sleep(FLUSH_TIME)

    def _connect(self) -> asyncio.Protocol:
        state: dict[str, Any] = {}
        return Connection(self._config, self._state, state)
