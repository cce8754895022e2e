"""The coordinator as a server: uvicorn on an address, until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from safedns.coordinator.app import Application
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from safedns.config.units import Endpoint
    from safedns.coordinator.center import Center

GRACE: Final = 10
"""Seconds for the requests that are being answered when it is told to stop."""

_BACKLOG: Final = 8192


class _Server(uvicorn.Server):
    """Ends the connections that wait for events first: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, center: Center) -> None:
        super().__init__(config)
        self._center = center

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._center.hub.close()
        await super().shutdown(sockets)


def serve(center: Center, listen: Endpoint) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CoordinatorError: the address can't be used, or the database.
    """
    asyncio.run(_check(center))
    config = uvicorn.Config(
        Application(center),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
    )
    with _bound(listen) as listener:
        _Server(config, center).run(sockets=[listener])


async def _check(center: Center) -> None:
    """Find out about the database before the server's own event loop, which connections belong to."""
    try:
        await center.database.check()
    finally:
        await center.database.close()


def _bound(listen: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((listen.address, listen.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CoordinatorError(f"{listen}: expected an address to serve at, found: {error.strerror}") from None
    return listener
