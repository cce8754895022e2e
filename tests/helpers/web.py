"""The web process alone, with a list of its own: forked and led as the supervisor does it."""

import gc
import mmap
import os
import select
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safedns import _native
from safedns.config.build import to_json
from safedns.config.model import Config
from safedns.config.words import GROUPS
from safedns.control import Channel, Message, Order, write_memory
from safedns.policy.compile import compile_policy
from safedns.web import app

PATIENCE = 10.0
NUMBERS = {word: number for group in GROUPS.values() for word, number in group.items()}


def compile_list(path: Path, names: Mapping[str, str], serial: int = 1) -> _native.Blocklist:
    """Compile a list of names with their categories."""
    builder = _native.Builder([(1 << number, 0, False) for number in range(64)])
    for name, category in names.items():
        assert builder.add(name.encode(), NUMBERS[category]) == []
    with path.open("wb") as file:
        builder.write(file.fileno(), serial=serial)
    return _native.Blocklist.load(str(path))


def listen() -> socket.socket:
    """A listening TCP socket on a free port."""
    end = socket.socket()
    end.bind(("127.0.0.1", 0))
    end.listen()
    return end


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class WebProcess:
    """The process, and the supervisor's end of its channel."""

    config: Config
    blocklist: _native.Blocklist | None = None
    workers: int = 2
    http: socket.socket = field(default_factory=listen)
    tls: socket.socket = field(default_factory=listen)
    pid: int = 0

    def __enter__(self) -> "WebProcess":
        self.counters = mmap.mmap(-1, self.workers * _native.COUNTERS * 8)
        self.channel, theirs = Channel.pair()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                self.channel.close()
                # As the supervisor does: the tests' objects are shared memory that the collector must not write to.
                gc.freeze()
                blocklist, http, tls = self._take_blocklist(), [self.http], [self.tls]
                policy = compile_policy(self.config)
                app.run(app.Given(self.config, policy, blocklist.pop(), self.counters, http, tls, theirs))
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        assert self.hear().order == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.channel.close()
        self.http.close()
        self.tls.close()

    def _take_blocklist(self) -> list[_native.Blocklist | None]:
        """In the child: the list, and nobody else who keeps it."""
        taken, self.blocklist = [self.blocklist], None
        return taken

    @property
    def port(self) -> int:
        return int(self.http.getsockname()[1])

    @property
    def tls_port(self) -> int:
        return int(self.tls.getsockname()[1])

    def hear(self) -> Message:
        """The next message of the process."""
        assert select.select([self.channel], [], [], PATIENCE)[0], "the process says nothing"
        message = self.channel.receive()
        assert message is not None
        return message

    def order(self, order: Order, descriptor: int | None = None) -> None:
        """Give an order, and wait until it has been obeyed."""
        self.channel.send(order, descriptor)
        self.channel.send("ping")
        assert self.hear().order == "alive"

    def configure(self, config: Config) -> None:
        """Send another configuration."""
        descriptor = write_memory(to_json(config))
        self.order("config", descriptor)
        os.close(descriptor)

    def wait(self) -> int:
        """Wait until the process has ended; returns its exit status."""
        pidfd = os.pidfd_open(self.pid)
        ended = select.select([pidfd], [], [], PATIENCE)[0]
        os.close(pidfd)
        assert ended, "the process does not end"
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def send(self, request: bytes) -> bytes:
        """Send bytes, and read until the server closes."""
        with self.connect() as end:
            end.sendall(request)
            return read_all(end)

    def get(
        self, host: str | None, path: str = "/", *, method: str = "GET", body: bytes = b"", **headers: str
    ) -> Response:
        """Ask like a browser that has resolved `host` to this server. `accept_language` is Accept-Language."""
        fields = {"Host": host} if host is not None else {}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            fields["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        version = "1.1" if host is not None else "1.0"
        answer = self.send(f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode() + body)
        return parse(answer)


def read_all(end: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = bytearray()
    while data := end.recv(65536):
        received += data
    return bytes(received)


def parse(answer: bytes) -> Response:
    """Take a response apart."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Response(int(status.split()[1]), headers, body)
