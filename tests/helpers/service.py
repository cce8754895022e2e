"""The real program, started on free ports of this machine, with questions to put to it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml

from safedns import _native

GAMBLING = 23
START_TIME = 10.0
QUESTION = bytes.fromhex("0100 0001 0000 0000 0000")


def free_port() -> int:
    """A port that nobody uses now, over UDP and TCP."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                continue
            return int(udp.getsockname()[1])


def query(name: str, *, number: int = 0x1234, kind: int = 1) -> bytes:
    """A query for a name: `number` is the message's id, `kind` the type of the records."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    return number.to_bytes(2, "big") + QUESTION + labels + b"\0" + kind.to_bytes(2, "big") + b"\0\1"


def write_list(path: Path, names: Sequence[str], serial: int) -> None:
    """Compile a blocklist of gambling sites and publish it as lists are: whole, by renaming."""
    builder = _native.Builder([(1 << GAMBLING, 0, False)])
    builder.add("\n".join(names).encode(), 0)
    unfinished = path.with_suffix(".new")
    with unfinished.open("wb") as file:
        builder.write(file.fileno(), serial=serial)
    unfinished.rename(path)


class Service:
    """`safedns serve` with a configuration of its own."""

    def __init__(
        self, folder: Path, *, environment: Mapping[str, str] = MappingProxyType({}), **config: object
    ) -> None:
        self.folder = folder
        self._environment = {**os.environ, **environment}
        self.port = free_port()
        self.config: dict[str, object] = {
            # As root the program would become "nobody", who may not read a test's folder.
            "user": "root",
            "listen": [f"127.0.0.1:{self.port}"],
            "upstream": {"servers": ["127.0.0.1:9"]},
            "web": {"listen": [], "tls": []},
            **config,
        }
        self.file = folder / "safedns.yaml"
        self._log = folder / "log.txt"
        self.process: subprocess.Popen[str] | None = None
        self.ready = ""

    def write_config(self, **changes: object) -> None:
        """Write the configuration file, with changes."""
        self.config |= changes
        self.file.write_text(yaml.safe_dump(self.config))

    def start(self) -> "Service":
        """Start the program, and wait until it says that it is ready."""
        self.write_config()
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "safedns", "serve", "--config", str(self.file)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
        timer = threading.Timer(START_TIME, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        timer.cancel()
        assert self.ready.startswith("ready "), self.log
        return self

    def stop(self) -> int:
        """Stop the program if it runs; returns its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()

    def __enter__(self) -> "Service":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for_log(self, pattern: str, seconds: float = 5.0) -> str:
        """Wait until the log has a line that matches, and return the match."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := re.search(pattern, self.log):
                return found.group()
            time.sleep(0.01)
        raise AssertionError(f"no {pattern!r} in the log:\n{self.log}")

    def reload(self) -> None:
        """Have the configuration read again."""
        os.kill(self.pid, signal.SIGHUP)

    def children(self) -> list[int]:
        """Process numbers of the children, oldest first."""
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return sorted(map(int, text.split()))

    def ask(self, name: str, timeout: float = 3.0) -> bytes:
        """Ask over UDP, from a new port."""
        with socket.socket(type=socket.SOCK_DGRAM) as end:
            end.settimeout(timeout)
            end.sendto(query(name), ("127.0.0.1", self.port))
            return end.recv(4096)

    def connect(self) -> socket.socket:
        """Connect over TCP."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def is_blocked(self, name: str) -> bool:
        """Whether the name is answered with the sinkhole: the address that the query came in on."""
        return self.ask(name).endswith(b"\x7f\0\0\1")


def read_message(end: socket.socket) -> bytes:
    """Read one message from a TCP connection; empty if it was closed before."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        wanted = 2 - len(data) if len(data) < 2 else 2 + int.from_bytes(data[:2], "big") - len(data)
        piece = end.recv(wanted)
        if not piece:
            assert not data, "closed within a message"
            return b""
        data += piece
    return data[2:]
