"""The coordinator as a server: uvicorn on an address, until it is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import uvicorn

from safedns.coordinator.app import Application
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    import socket

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
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        host=listen.address,
        port=listen.port,
    )
    server = _Server(config, center)
    server.run()
    if not server.started:
        raise CoordinatorError(f"{listen}: expected to be able to serve there; the log says why it can't")
