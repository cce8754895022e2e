"""Simulated routers: each holds a real connection for events and, told of a release, fetches what a router fetches.

Run as a process of its own: `python -m benchmarks.fleet.routers EVENTS FILES CHANNEL COUNT BASE`. It says `connected`
when all connections stand, reads a serial from standard input, waits until every router has it, and prints a line of
JSON with the moments.
"""

import asyncio
import hashlib
import json
import random
import sys
import time
from urllib.parse import urlsplit

import uvloop
import zstandard

from safedns.blocklist.release import read_release
from safedns.sync.schedule import NEWS, URGENT

PATIENCE = 120.0
_BEHIND = 2.0
"""Seconds within which a router asks again that was told of more than there was; `Rhythm` has the same."""
AT_ONCE = 200
"""Connections that are opened at a time."""


class Client(asyncio.Protocol):
    """A connection for files, with one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def get(self, path: str) -> "asyncio.Future[bytes]":
        self._data, self._answer = b"", self._loop.create_future()
        self._transport.write(f"GET {path} HTTP/1.1\r\nhost: router\r\n\r\n".encode())
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end or self._answer.done():
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._answer.set_exception(LookupError(head))
        elif len(body) == int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())

    def close(self) -> None:
        self._transport.close()


class Events(asyncio.Protocol):
    """A router: a connection for events that stays, and the serial that it got last."""

    def __init__(self, fleet: "Fleet") -> None:
        self._fleet = fleet
        self._rest = b""
        self.serial = fleet.base

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        host, channel = self._fleet.events.netloc, self._fleet.channel
        transport.write(f"GET /v1/events?channel={channel} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if not self._rest and data.startswith(b"HTTP/1.1 200"):
            self._fleet.connected += 1
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            before, found, text = event.partition(b"\ndata: ")
            if found:
                serial = json.loads(text.partition(b"\n")[0])["serial"]
                self._fleet.hear(self, serial, urgent=b"event: urgent" in before)

    def connection_lost(self, error: Exception | None) -> None:
        self._fleet.connected -= 1


class Fleet:
    """All simulated routers of this process."""

    def __init__(self, events: str, files: str, channel: str, base: int) -> None:
        self.events, self.files, self.channel, self.base = urlsplit(events), urlsplit(files), channel, base
        self.heard: dict[int, list[float]] = {}
        self.active: dict[int, list[float]] = {}
        self.connected = 0
        self.failed = 0
        self.syncing: set[asyncio.Future[None]] = set()
        self._known: dict[bytes, tuple[int, str, str]] = {}

    async def connect(self, gate: asyncio.Semaphore) -> None:
        """Have one more router connected, until the end."""
        async with gate:
            await asyncio.get_running_loop().create_connection(
                lambda: Events(self), self.events.hostname, self.events.port
            )

    def hear(self, router: "Events", serial: int, *, urgent: bool) -> None:
        """A router was told of a serial."""
        if serial <= router.serial:
            return
        self.heard.setdefault(serial, []).append(time.time())
        self._start_within(URGENT if urgent else NEWS, router, serial)

    def _start_within(self, seconds: float, router: "Events", serial: int) -> None:
        asyncio.get_running_loop().call_later(random.uniform(0, seconds), self._start, router, serial)

    def _start(self, router: "Events", serial: int) -> None:
        task = asyncio.ensure_future(self._sync(router, serial))
        self.syncing.add(task)
        task.add_done_callback(self.syncing.discard)

    async def _sync(self, router: "Events", wanted: int) -> None:
        """Fetch what a router fetches, over a connection of its own, and check it."""
        loop = asyncio.get_running_loop()
        try:
            _, client = await loop.create_connection(lambda: Client(loop), self.files.hostname, self.files.port)
            pack = await client.get(f"/packs/{self.channel}.zst?serial={wanted}")
            newest, path, sha256 = self._read(pack, router.serial)
            if newest < wanted:
                client.close()
                self._start_within(_BEHIND, router, wanted)
                return
            data = await client.get(f"/{path}")
            client.close()
        except (OSError, LookupError):
            self.failed += 1
            return
        if hashlib.sha256(data).hexdigest() != sha256:
            self.failed += 1
            return
        self.active.setdefault(newest, []).append(time.time())
        router.serial = newest

    def _read(self, pack: bytes, serial: int) -> tuple[int, str, str]:
        """The newest serial of a pack and the object that leads to it; a pack that all get is read once."""
        key = hashlib.sha256(pack + str(serial).encode()).digest()
        if key not in self._known:
            files = json.loads(zstandard.ZstdDecompressor().decompress(pack))
            role = next(text for name, text in files.items() if "channel-" in name)
            targets = json.loads(role)["signed"]["targets"]
            found = [
                read_release(name, each["length"], each["hashes"]["sha256"], each["custom"])
                for name, each in targets.items()
            ]
            newest = max(found, key=lambda release: release.serial)
            step = newest.deltas.get(serial) or newest.deltas[0]
            self._known[key] = newest.serial, step.path, step.sha256
        return self._known[key]


async def run(events: str, files: str, channel: str, count: int, base: int) -> None:
    """Connect all, then tell of each serial that is asked for on standard input."""
    fleet, gate = Fleet(events, files, channel, base), asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(fleet.connect(gate) for _ in range(count)))
    while fleet.connected < count:  # noqa: ASYNC110 - a measurement, not a service
        await asyncio.sleep(0.05)
    print("connected", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        serial, end = int(line), time.monotonic() + PATIENCE
        while len(fleet.active.get(serial, ())) + fleet.failed < count and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        moments = {"heard": fleet.heard.get(serial, []), "active": fleet.active.get(serial, [])}
        moments["failed"] = fleet.failed
        print(json.dumps(moments), flush=True)


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
