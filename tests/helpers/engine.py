"""An engine on real sockets with one client and one upstream, all turned by one loop in the test's own thread."""

import mmap
import selectors
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safedns import _native
from safedns.config.model import Config
from safedns.policy.compile import compile_policy

LOCAL = "127.0.0.1"
PATIENCE = 2.5


def compile_blocklist(path: Path, *parts: dict[str, Any], serial: int = 1) -> _native.Blocklist:
    """Compile a blocklist of parts, each the arguments of `Builder.add`: a list of `names`, `category`."""
    builder = _native.Builder([(1 << number, 0, False) for number in range(64)])
    for part in parts:
        options = {key: value for key, value in part.items() if key not in ("names", "category")}
        assert builder.add("\n".join(part["names"]).encode(), part["category"], **options) == []
    with path.open("wb") as file:
        builder.write(file.fileno(), serial=serial)
    return _native.Blocklist.load(str(path))


class Home:
    """The engine and everyone around it. `respond` is the upstream: it takes a query and returns a reply or None."""

    def __init__(
        self,
        respond: Callable[[bytes], bytes | None],
        policy: _native.Policy | None = None,
        blocklist: _native.Blocklist | None = None,
        **options: int,
    ) -> None:
        self.respond = respond
        self.asked: list[bytes] = []
        self.counters = mmap.mmap(-1, _native.COUNTERS * 8)
        self.engine = _native.Engine(counters=self.counters, **options)
        self.engine.set_policy(compile_policy(Config()) if policy is None else policy)
        self.engine.set_blocklist(blocklist)
        self._selector = selectors.DefaultSelector()
        self._listener, self._upstream, self._client = (self._open() for _ in range(3))
        self.engine.listen(self._listener.fileno(), LOCAL)
        self.engine.set_upstreams([self._upstream.getsockname()])
        self._client.connect(self._listener.getsockname())
        for file, handle in (
            (self._listener, lambda: self.engine.receive(self._listener.fileno())),
            (self.engine.upstream_fd, self._hear_upstream),
            (self._upstream, self._serve_upstream),
            (self._client, self._read),
        ):
            self._selector.register(file, selectors.EVENT_READ, handle)
        self._replies: list[bytes] = []
        self._tickets: dict[int, bytes] = {}
        self._ticket = 0

    @staticmethod
    def _open() -> socket.socket:
        end = socket.socket(type=socket.SOCK_DGRAM)
        end.setblocking(False)
        end.bind((LOCAL, 0))
        return end

    def close(self) -> None:
        """Close the sockets."""
        self._selector.close()
        for end in (self._listener, self._upstream, self._client):
            end.close()

    def __enter__(self) -> "Home":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, wire: bytes, timeout: float = PATIENCE) -> bytes | None:
        """Ask over UDP; None if nothing comes in time."""
        self._client.send(wire)
        self._turn_until(lambda: bool(self._replies), timeout)
        return self._replies.pop() if self._replies else None

    def ask_many(self, wires: list[bytes], timeout: float = PATIENCE) -> list[bytes]:
        """Ask over UDP, without waiting in between; returns the replies as they came."""
        for wire in wires:
            self._client.send(wire)
        self._turn_until(lambda: len(self._replies) >= len(wires), timeout)
        replies, self._replies = self._replies, []
        return replies

    def answer(self, wire: bytes, timeout: float = PATIENCE) -> bytes | None:
        """Ask as a stream does: `Engine.answer`, then `take_replies`."""
        self._ticket += 1
        ticket = self._ticket
        reply = self.engine.answer(wire, LOCAL, LOCAL, ticket)
        if reply is not None:
            return reply
        self._collect()
        self._turn_until(lambda: ticket in self._tickets, timeout)
        return self._tickets.pop(ticket, None)

    def counter(self, metric: str, labels: str = "") -> int:
        """One of the engine's counters."""
        index = next(row[2] for row in _native.counter_layout() if row[:2] == (metric, labels))
        return int.from_bytes(self.counters[index * 8 : index * 8 + 8], "little")

    def _turn_until(self, done: Callable[[], bool], timeout: float) -> None:
        end = time.monotonic() + timeout
        while not done() and (left := end - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                key.data()

    def _read(self) -> None:
        self._replies.append(self._client.recv(65535))

    def _hear_upstream(self) -> None:
        if self.engine.receive_upstream():
            self._collect()

    def _collect(self) -> None:
        self._tickets.update(self.engine.take_replies())
        for number, _, _, wire in self.engine.take_exchanges():
            self.asked.append(wire)
            if self.engine.exchanged(number, self.respond(wire)):
                self._collect()

    def _serve_upstream(self) -> None:
        wire, source = self._upstream.recvfrom(65535)
        self.asked.append(wire)
        reply = self.respond(wire)
        if reply is not None and len(reply) > 1232:
            reply = truncated(reply)
        if reply is not None:
            self._upstream.sendto(reply, source)


def truncated(reply: bytes) -> bytes:
    """The header and question of a reply, with TC set."""
    end = 12
    while reply[end]:
        end += reply[end] + 1
    return reply[:2] + bytes([reply[2] | 2, reply[3]]) + b"\0\1\0\0\0\0\0\0" + reply[12 : end + 5]
