"""An event loop whose time passes when told, transports that remember, and an engine that answers as told."""

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from safedns.resolver.framing import Frames


class Timer:
    """A call that is due at some time."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeLoop:
    """The part of an event loop that protocols use; it runs only inside `advance`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []

    def time(self) -> float:
        return self._now

    def call_soon(self, call: Callable[..., object], *arguments: Any) -> Timer:
        return self.call_later(0, call, *arguments)

    def call_later(self, seconds: float, call: Callable[..., object], *arguments: Any) -> Timer:
        timer = Timer(lambda: call(*arguments))
        heapq.heappush(self._timers, (self._now + seconds, next(self._order), timer))
        return timer

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass, and run what becomes due, in order."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            self._now, _, timer = heapq.heappop(self._timers)
            if not timer.is_cancelled:
                timer.call()
        self._now = end


class FakeTransport:
    """The server's side of a connection to a client that reads what it is sent, unless told to be deaf.

    As in uvloop, what happens to the connection is reported to the protocol in a later turn of the loop.
    """

    def __init__(self, loop: FakeLoop, protocol: Any, client: str = "192.0.2.7") -> None:
        self.loop, self.protocol, self.client = loop, protocol, client
        self.sent = bytearray()
        self.writes = 0
        self.is_deaf = False
        self.is_reading = True
        self.was_aborted = False
        self._unsent = 0
        self._closing = False
        self._lost = False
        self._high = 64 * 2**10
        protocol.connection_made(self)

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return {"peername": (self.client, 40000), "sockname": ("192.0.2.1", 53)}[name]

    def set_write_buffer_limits(self, high: int) -> None:
        self._high = high

    def get_write_buffer_size(self) -> int:
        return self._unsent

    def write(self, data: bytes) -> None:
        assert not self._closing, "nothing may be written to a connection that is closed"
        self.writes += 1
        self.sent += data
        if self.is_deaf:
            was_below = self._unsent <= self._high
            self._unsent += len(data)
            if was_below and self._unsent > self._high:
                self.protocol.pause_writing()

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))

    def pause_reading(self) -> None:
        assert self.is_reading
        self.is_reading = False

    def resume_reading(self) -> None:
        assert not self.is_reading
        self.is_reading = True

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        if not self._unsent:
            self.loop.call_soon(self._lose)

    def abort(self) -> None:
        self.was_aborted = self._closing = True
        self.loop.call_soon(self._lose)

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            self.protocol.connection_lost(None)

    # The peer's side.

    @property
    def is_open(self) -> bool:
        return not self._closing

    def send(self, data: bytes) -> None:
        """The peer sends bytes."""
        assert self.is_reading
        self.protocol.data_received(data)

    def end(self) -> None:
        """The peer sends nothing more (half-close)."""
        assert self.is_reading
        if not self.protocol.eof_received():
            self.close()

    def vanish(self) -> None:
        """The peer closes the connection."""
        self._closing = True
        self._lose()

    def read(self) -> None:
        """The peer reads all that it was sent."""
        self.is_deaf = False
        was_above, self._unsent = self._unsent > self._high, 0
        if self._closing:
            self._lose()
        elif was_above:
            self.protocol.resume_writing()

    def messages(self) -> list[bytes]:
        """What the peer was sent so far, cut into messages."""
        frames = Frames()
        frames.feed(bytes(self.sent))
        found = []
        while (message := frames.next_message()) is not None:
            found.append(message)
        assert not len(frames), "the last message is not whole"
        return found


class ScriptedEngine:
    """Answers `now…` at once with the same, keeps `wait…` until `ready`, and finds the rest to be no query."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.waiting: dict[bytes, int] = {}

    def answer(self, message: bytes, client: str, local: str, ticket: int, /) -> bytes | None:
        assert local == "192.0.2.1"
        self.asked.append(message)
        if message.startswith(b"now"):
            return message
        if message.startswith(b"wait"):
            self.waiting[message] = ticket
            return None
        return b""

    def ready(self, *messages: bytes) -> list[tuple[int, bytes]]:
        """What `take_replies` would give once these are answered."""
        return [(self.waiting.pop(message), message) for message in messages]
