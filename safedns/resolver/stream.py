"""Clients over TCP (RFC 7766, RFC 9210).

A client may send many queries without waiting, gets each answer as soon as it is known, in any order, and may stop
sending (half-close) and still get them. Everything a client can make us keep is bounded: connections in total and per
client, unfinished messages in time, unanswered queries and unread answers per connection. When there are too many
connections the one that has been idle for the longest makes room: a new client never finds the door closed.
"""

import asyncio
import itertools
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, cast

from safedns.resolver.framing import Frames, frame

BACKLOG = 1024
"""Connections that may wait to be accepted: what the supervisor set, which serving a socket would set anew."""

SWEEP = 0.25
"""Seconds between two looks at who has been idle, slow or deaf for too long, and so how exact these times are."""

MESSAGES_PER_TURN = 64
"""Queries of one connection that are handled before others get their turn (about half a millisecond)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients over TCP may take.

    Attributes:
        connections: connections at one time.
        connections_per_client: connections of one address at one time.
        idle: seconds without a query after which a connection is closed (RFC 7766 section 6.2.3: "in the order of a
            few seconds"), when there are few connections.
        message: seconds that one message may take to arrive, counted from its first byte.
        unread: seconds that a client may leave answers unread.
        waiting: queries of a connection that wait for an answer before we stop reading more.
        unsent: bytes of answers that a client has not read before we stop reading its queries.
        unsent_most: bytes of unread answers at which the connection is given up.
    """

    connections: int = 512
    connections_per_client: int = 64
    idle: float = 10.0
    message: float = 5.0
    unread: float = 5.0
    waiting: int = 64
    unsent: int = 16 * 2**10
    unsent_most: int = 256 * 2**10


class Engine(Protocol):
    """The part of the native engine that streams need."""

    def answer(self, message: bytes, client: str, local: str, ticket: int, /) -> bytes | None:
        """Answer a query: the reply, empty to close the connection, or None when it comes with the ticket later."""


class StreamServer:
    """Accepts connections, keeps within the limits, and brings late answers to the connections they belong to."""

    def __init__(
        self, engine: Engine, loop: asyncio.AbstractEventLoop, collect: Callable[[], None], limits: Limits
    ) -> None:
        """Make a server that listens nowhere yet.

        Args:
            engine: answers the queries.
            loop: the worker's event loop.
            collect: called after queries went to the engine that it didn't answer at once.
            limits: what clients may take.
        """
        self.engine = engine
        self.loop = loop
        self.collect = collect
        self.limits = limits
        self._servers: list[asyncio.Server] = []
        # In the order of their latest query, so those that have been idle the longest come first.
        self._connections: dict[Connection, None] = {}
        self._clients: Counter[str] = Counter()
        self._waiting: dict[int, Connection] = {}
        self._tickets = itertools.count(1)
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, ends: Iterable[socket.socket]) -> None:
        """Accept connections from these sockets, which listen already."""
        for end in ends:
            server = await self.loop.create_server(lambda: Connection(self), sock=end, backlog=BACKLOG)
            self._servers.append(server)

    def deliver(self, replies: Iterable[tuple[int, bytes]]) -> None:
        """Send replies that became ready, by ticket; those whose client is gone are dropped."""
        for ticket, reply in replies:
            connection = self._waiting.pop(ticket, None)
            if connection is not None:
                connection.deliver(ticket, reply)

    def drain(self) -> None:
        """Accept nothing more; connections end when what they asked is answered."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for connection in list(self._connections):
            connection.finish()

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    def next_ticket(self) -> int:
        """A number that no query had yet."""
        return next(self._tickets)

    def await_reply(self, ticket: int, connection: "Connection") -> None:
        """Remember which connection a reply goes to."""
        self._waiting[ticket] = connection

    def admit(self, connection: "Connection") -> None:
        """Take in a new connection; if there are too many now, another makes room."""
        self._connections[connection] = None
        self._clients[connection.client] += 1
        if self._clients[connection.client] > self.limits.connections_per_client:
            self._evict([other for other in self._connections if other.client == connection.client])
        elif len(self._connections) > self.limits.connections:
            self._evict(self._connections)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(SWEEP, self._sweep)

    def touch(self, connection: "Connection") -> None:
        """Note that a connection sent a whole query: it is now the last to make room."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def forget(self, connection: "Connection", tickets: Iterable[int]) -> None:
        """Drop a connection that is gone, with its tickets."""
        for ticket in tickets:
            self._waiting.pop(ticket, None)
        if connection in self._connections:
            del self._connections[connection]
            self._clients[connection.client] -= 1
            if not self._clients[connection.client]:
                del self._clients[connection.client]

    def _evict(self, candidates: Iterable["Connection"]) -> None:
        """End the one that has been idle the longest, or if all wait for answers, the one that waits the longest."""
        oldest = list(candidates)[:-1]
        victim = next((connection for connection in oldest if connection.is_idle), oldest[0])
        victim.abort()

    def _sweep(self) -> None:
        now, idle = self.loop.time(), self._idle_limit()
        for connection in list(self._connections):
            connection.check(now, idle)
        self._sweeper = self.loop.call_later(SWEEP, self._sweep) if self._connections else None

    def _idle_limit(self) -> float:
        """Seconds a connection may be idle: fewer when there are many, so that those in use are not evicted."""
        used = len(self._connections) / self.limits.connections
        if used < 1 / 2:
            return self.limits.idle
        return self.limits.idle / 4 if used < 3 / 4 else self.limits.idle / 20


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: StreamServer) -> None:
        self._server = server
        self._limits = server.limits
        self._frames = Frames()
        self._tickets: set[int] = set()
        self._reading = True
        self._ended = False
        self._turn_to_come = False
        self._active_at = server.loop.time()
        self._message_since: float | None = None
        self._deaf_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start serving, unless the client is gone already."""
        self._transport = cast("asyncio.Transport", transport)
        client, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.client: str = client[0] if client else ""
        self._local: str = local[0] if local else ""
        self._transport.set_write_buffer_limits(high=self._limits.unsent)
        self._server.admit(self)
        if not client:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self._frames.feed(data)
        self._serve()

    def eof_received(self) -> bool:
        """The client sends nothing more; it may still wait for answers."""
        self._ended = True
        self._message_since = None
        return bool(self._tickets) or self._is_held() or self._turn_to_come

    def pause_writing(self) -> None:
        """The client doesn't read its answers: take no more queries from it."""
        self._deaf_since = self._server.loop.time()

    def resume_writing(self) -> None:
        """The client has read its answers."""
        # While it didn't, we didn't read either: the message that has begun gets its time anew.
        self._deaf_since = self._message_since = None
        self._serve()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what the client waited for."""
        self._ended = True
        self._server.forget(self, self._tickets)
        self._tickets.clear()

    @property
    def is_idle(self) -> bool:
        """Whether no query waits for an answer."""
        return not self._tickets

    def deliver(self, ticket: int, reply: bytes) -> None:
        """Send a late reply."""
        self._tickets.discard(ticket)
        self._send(reply)
        self._serve()

    def finish(self) -> None:
        """End the connection as soon as what the client asked is answered."""
        self._ended = True
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()
        self._serve()

    def abort(self) -> None:
        """End the connection now."""
        self._server.forget(self, self._tickets)
        self._transport.abort()

    def check(self, now: float, idle: float) -> None:
        """End the connection if the client has been deaf, slow or idle for too long.

        Args:
            now: the loop's time in seconds.
            idle: seconds that a client may send no query.
        """
        if self._deaf_since is not None:
            if now - self._deaf_since >= self._limits.unread:
                self.abort()
        elif self._is_slow(now) or (self.is_idle and now - self._active_at >= idle):
            self._close()

    def _is_slow(self, now: float) -> bool:
        # The next look would be too late.
        return self._message_since is not None and now - self._message_since > self._limits.message - SWEEP

    def _is_held(self) -> bool:
        """Whether the client must first read or get answers before more of its queries are taken."""
        return self._deaf_since is not None or len(self._tickets) >= self._limits.waiting

    def _serve(self) -> None:
        """Handle the queries that are here, a turn's worth; then see whether to read on or to end."""
        if self._turn_to_come:
            return
        asked = False
        for _ in range(MESSAGES_PER_TURN):
            if self._transport.is_closing() or self._is_held():
                break
            message = self._frames.next_message()
            if message is None:
                break
            asked = self._ask(message) or asked
        else:
            self._turn_to_come = True
            self._server.loop.call_soon(self._serve_on)
        self._regulate()
        if asked:
            self._server.collect()

    def _serve_on(self) -> None:
        self._turn_to_come = False
        self._serve()

    def _ask(self, message: bytes) -> bool:
        """Put a query to the engine; tell whether the answer comes later."""
        self._active_at, self._message_since = self._server.loop.time(), None
        self._server.touch(self)
        ticket = self._server.next_ticket()
        reply = self._server.engine.answer(message, self.client, self._local, ticket)
        if reply is None:
            self._tickets.add(ticket)
            self._server.await_reply(ticket, self)
            return True
        self._send(reply)
        return False

    def _send(self, reply: bytes) -> None:
        if self._transport.is_closing():
            return
        if not reply:
            # What came is no DNS query: nothing that follows can be trusted to be one.
            self._close()
            return
        self._active_at = self._server.loop.time()
        self._transport.write(frame(reply))
        if self._transport.get_write_buffer_size() > self._limits.unsent_most:
            self.abort()

    def _regulate(self) -> None:
        """After a turn: read on, pause or end."""
        if self._transport.is_closing():
            return
        held = self._turn_to_come or self._is_held()
        if self._ended:
            if not held and self.is_idle:
                self._close()
            return
        if not held and len(self._frames) and self._message_since is None:
            self._message_since = self._server.loop.time()
        if held == self._reading:
            self._reading = not held
            (self._transport.resume_reading if self._reading else self._transport.pause_reading)()

    def _close(self) -> None:
        """Send what is written, for as long as a client may leave answers unread, and end."""
        if self._transport.get_write_buffer_size() and self._deaf_since is None:
            self._deaf_since = self._server.loop.time()
        self._transport.close()
