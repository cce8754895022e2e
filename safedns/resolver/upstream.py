"""Questions to upstreams over TCP: those whose answer over UDP was cut short (RFC 7766, client side).

One connection per upstream is kept for a while and carries several questions at one time; answers are told apart by
the id that the engine drew, and the engine checks the rest. A question whose connection ends before its answer is
asked once more on a new connection.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from safedns.resolver.framing import Frames, frame

EXCHANGE_TIMEOUT = 1.4
"""Seconds that an answer may take, connecting included: clients get theirs within two seconds, whatever happens."""

IDLE_TIMEOUT = 3.0
"""Seconds that a connection without questions is kept; servers keep theirs for a few seconds (RFC 7766 6.2.3)."""

ID_LENGTH = 2
"""Octets of the id that begins a message."""

Address = tuple[str, int]


class Exchange:
    """One question, and how far asking it has come."""

    __slots__ = ("address", "asked_again", "link", "number", "query", "timer")

    def __init__(self, number: int, address: Address, query: bytes) -> None:
        self.number = number
        self.address = address
        self.query = query
        self.link: Link | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.asked_again = False

    @property
    def id(self) -> bytes:
        """The id of the message, by which its answer is known."""
        return self.query[:ID_LENGTH]


class Exchanges:
    """All questions that are being asked over TCP."""

    def __init__(self, loop: asyncio.AbstractEventLoop, done: Callable[[int, bytes | None], None]) -> None:
        """Ask nothing yet.

        Args:
            loop: the worker's event loop.
            done: takes the number of an exchange and the answer, or None if there is none.
        """
        self.loop = loop
        self._done = done
        self._links: list[Link] = []

    def start(self, exchanges: Iterable[tuple[int, str, int, bytes]]) -> None:
        """Ask questions: `(exchange, upstream address, port, query without length prefix)`."""
        for number, address, port, query in exchanges:
            exchange = Exchange(number, (address, port), query)
            exchange.timer = self.loop.call_later(EXCHANGE_TIMEOUT, self._expire, exchange)
            self._ask(exchange)

    def close(self) -> None:
        """End the connections; questions that are being asked get no answer."""
        for link in list(self._links):
            link.close()

    def finish(self, exchange: Exchange, message: bytes | None) -> None:
        """Report the answer to a question, or that there is none."""
        if exchange.timer is not None:
            exchange.timer.cancel()
        self._done(exchange.number, message)

    def lost(self, link: "Link", unanswered: Iterable[Exchange]) -> None:
        """A connection ended: ask again what it didn't answer, once.

        RFC 7766 section 6.2.4: "if a server closes the connection before all outstanding responses have been received,
        the client [...] SHOULD retry the unanswered queries".
        """
        self.drop(link)
        for exchange in unanswered:
            if exchange.asked_again:
                self.finish(exchange, None)
            else:
                exchange.asked_again = True
                self._ask(exchange)

    def drop(self, link: "Link") -> None:
        """Put no more questions on a connection."""
        if link in self._links:
            self._links.remove(link)

    def _ask(self, exchange: Exchange) -> None:
        for link in self._links:
            if link.address == exchange.address and link.can_carry(exchange):
                break
        else:
            link = Link(self, exchange.address)
            self._links.append(link)
            link.open()
        link.ask(exchange)

    def _expire(self, exchange: Exchange) -> None:
        if exchange.link is not None:
            exchange.link.give_up(exchange)
        self.finish(exchange, None)


class Link(asyncio.Protocol):
    """A connection to an upstream, with the questions that wait on it by their id."""

    def __init__(self, exchanges: Exchanges, address: Address) -> None:
        self.address = address
        self._exchanges = exchanges
        self._waiting: dict[bytes, Exchange] = {}
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Start connecting; questions may be put on it already."""
        self._opening = self._exchanges.loop.create_task(self._connect())

    def can_carry(self, exchange: Exchange) -> bool:
        """Whether no question with the same id waits here: RFC 7766 section 6.2.1 forbids to send another."""
        return exchange.id not in self._waiting

    def ask(self, exchange: Exchange) -> None:
        """Put a question on this connection."""
        if self._idle is not None:
            self._idle.cancel()
        exchange.link = self
        self._waiting[exchange.id] = exchange
        if self._transport is not None:
            self._transport.write(frame(exchange.query))

    def give_up(self, exchange: Exchange) -> None:
        """Wait no longer for an answer; an upstream that is so slow gets no more questions on this connection."""
        self._waiting.pop(exchange.id, None)
        self._exchanges.drop(self)
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """End the connection."""
        self._exchanges.drop(self)
        if self._idle is not None:
            self._idle.cancel()
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has been put on it meanwhile."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.writelines([frame(exchange.query) for exchange in self._waiting.values()])

    def data_received(self, data: bytes) -> None:
        """Take answers, in whatever order they come."""
        self._frames.feed(data)
        while (message := self._frames.next_message()) is not None:
            exchange = self._waiting.pop(message[:ID_LENGTH], None)
            if exchange is None:
                # Nothing that we asked, or was answered twice: this stream can't be trusted any further.
                self.close()
                return
            self._exchanges.finish(exchange, message)
        if not self._waiting:
            self._idle = self._exchanges.loop.call_later(IDLE_TIMEOUT, self.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended: have unanswered questions asked again."""
        self._end()

    async def _connect(self) -> None:
        try:
            await self._exchanges.loop.create_connection(lambda: self, *self.address)
        except OSError:
            # The engine learns of it by the missing answers, and counts them against the upstream.
            self._end()
        finally:
            self._opening = None

    def _end(self) -> None:
        unanswered = list(self._waiting.values())
        self._waiting.clear()
        if self._idle is not None:
            self._idle.cancel()
        self._exchanges.lost(self, unanswered)
