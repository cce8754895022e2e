"""An upstream resolver that answers as it is told, over UDP and TCP, and remembers what it was asked."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.helpers.messages import make_reply, read

CLOSE: Final = b"close"
"""In the place of a message over TCP: the connection ends here."""

Steps = bytes | Sequence[tuple[float, bytes]] | None
"""A reply at once, replies after so many seconds each, or none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it came in.

    Attributes:
        wire: the message.
        source: address and port that it came from.
        transport: udp or tcp.
        connection: which connection it came over, counted from 1; 0 for UDP.
    """

    wire: bytes
    source: tuple[str, int]
    transport: str
    connection: int = 0
    time: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """QNAME in lower case."""
        return read(self.wire).question[0].name.to_text().lower()

    @property
    def number(self) -> int:
        """The message's id."""
        return int.from_bytes(self.wire[:2], "big")


Respond = Callable[[Asked], Steps]


def address_of(asked: Asked) -> Steps:
    """Any name has this address."""
    name = read(asked.wire).question[0].name
    return make_reply(asked.wire, f"{name} 300 IN A 192.0.2.1")


class Upstream:
    """The server, in a thread of its own. `respond` may be replaced at any time."""

    def __init__(self, respond: Respond = address_of, address: str = "127.0.0.1") -> None:
        self.respond, self.address, self.port = respond, address, 0
        self.asked: list[Asked] = []
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def server(self) -> str:
        """As the configuration names it."""
        return f"{self.address}:{self.port}"

    def about(self, name: str) -> list[Asked]:
        """Queries for a name."""
        return [asked for asked in list(self.asked) if asked.name == f"{name.lower()}."]

    def send_udp(self, packet: bytes, target: tuple[str, int]) -> None:
        """Send a packet from the server's own address and port."""
        self._loop.call_soon_threadsafe(self._udp.sendto, packet, target)

    def __enter__(self) -> "Upstream":
        self._thread.start()
        assert self._started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        while True:
            tcp = await asyncio.start_server(self._converse, self.address, 0)
            self.port = tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await self._loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(self.address, self.port)
                )
                break
            except OSError:
                tcp.close()
        self._started.set()
        await self._stopped.wait()
        self._udp.close()
        tcp.close()
        for writer in self._open:
            writer.transport.abort()

    def take(self, asked: Asked, send: Callable[[bytes], None]) -> None:
        """Answer a query."""
        self.asked.append(asked)
        steps = self.respond(asked)
        for delay, message in [(0.0, steps)] if isinstance(steps, bytes) else steps or ():
            self._loop.call_later(delay, send, message)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        self._open.add(writer)

        def send(message: bytes) -> None:
            if message == CLOSE:
                writer.close()
            elif not writer.is_closing():
                writer.write(len(message).to_bytes(2, "big") + message)

        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
                self.take(Asked(wire, writer.get_extra_info("peername"), "tcp", connection), send)
        writer.close()
        self._open.discard(writer)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._upstream.take(Asked(data, addr, "udp"), lambda message: self._transport.sendto(message, addr))
