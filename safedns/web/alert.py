"""The end of HTTPS to a blocked site: a TLS alert, at once.

No certificate could make a browser show our page in the place of a site, so the connection must fail; what matters is
that it fails in milliseconds and is not retried. The first record is waited for because a client that is answered
before it has spoken, or reset while it speaks, counts that as a network fault and tries again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

ACCESS_DENIED: Final = bytes([21, 3, 3, 0, 2, 2, 49])
"""Record of type alert (21), version TLS 1.2, 2 bytes: fatal (2), access_denied (49); RFC 8446 sections 5.1 and 6.

"access_denied: A valid certificate or PSK was received, but when access control was applied, the sender decided not to
proceed with negotiation." The nearest that TLS has to "blocked".
"""

TIME_LIMIT: Final = 2.0
"""Seconds that a connection lives at most: to send a ClientHello and to close takes milliseconds."""

HELLO_LIMIT: Final = 16 * 2**10
"""Bytes that a client may send: a TLS record is no longer than this (RFC 8446 section 5.1)."""

CONNECTIONS: Final = 256
"""Connections open at a time; one above that is closed."""

BACKLOG: Final = 256
"""Connections that the kernel keeps for us."""

HANDSHAKE: Final = 22
"""Type of the record that a ClientHello comes in."""

RECORD_HEADER: Final = 5
"""Bytes of a TLS record before its content: type, version (2), length (2)."""


class Refusal(asyncio.Protocol):
    """One connection: read a record, send the alert, wait for the client to close."""

    def __init__(self, connections: set[Refusal]) -> None:
        self._connections = connections
        self._header = bytearray()
        self._received = 0
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or end it if there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        self._deadline = asyncio.get_running_loop().call_later(TIME_LIMIT, self._transport.abort)
        self._connections.add(self)
        if len(self._connections) > CONNECTIONS:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._deadline.cancel()
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Count what comes; answer once the first record is complete. Nothing is kept but the record's header."""
        self._received += len(data)
        if self._received > HELLO_LIMIT:
            self._transport.abort()
            return
        self._header += data[: RECORD_HEADER - len(self._header)]
        if not self._answered and self._is_complete():
            self._answered = True
            self._transport.write(ACCESS_DENIED)
            # Only our direction: closing with unread data in the socket would send a reset, and a reset that overtakes
            # the alert makes the client forget it. The client closes the other one when it has read the alert.
            self._transport.write_eof()

    def eof_received(self) -> None:
        """The client has closed: so do we."""

    def _is_complete(self) -> bool:
        """Whether the first record is here; what is no TLS is never waited for."""
        if len(self._header) < RECORD_HEADER:
            return False
        length = int.from_bytes(self._header[3:RECORD_HEADER])
        return self._header[0] != HANDSHAKE or self._received >= min(RECORD_HEADER + length, HELLO_LIMIT)


class AlertServer:
    """Ends TLS connections on listening sockets."""

    def __init__(self) -> None:
        self._connections: set[Refusal] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            server = await loop.create_server(lambda: Refusal(self._connections), sock=listener, backlog=BACKLOG)
            self._servers.append(server)

    def stop(self) -> None:
        """Accept no more."""
        for server in self._servers:
            server.close()
