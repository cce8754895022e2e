"""A worker in a process of its own, with the native engine, which can be made to fail."""

import contextlib
import mmap
import os
import signal
import socket
import struct
import sys
import time

import pytest

from safedns import _native
from safedns.config.build import to_json
from safedns.config.model import Config, Upstream
from safedns.config.units import Endpoint
from safedns.control import Channel, write_memory
from safedns.policy.compile import compile_policy
from safedns.resolver import app
from tests.helpers.service import query, read_message

CONFIG = Config(upstream=Upstream((Endpoint("127.0.0.1", 9),)))


class Faults:
    """Which call of the engine is to fail, and how often it was made: shared between the test and the worker."""

    CALLS = ("none", "receive", "answer")

    def __init__(self):
        self._memory = mmap.mmap(-1, 16)

    def set(self, call):
        struct.pack_into("qq", self._memory, 0, self.CALLS.index(call), 0)

    @property
    def calls(self):
        return struct.unpack_from("q", self._memory, 8)[0]

    def meet(self, call):
        fault, calls = struct.unpack_from("qq", self._memory)
        if self.CALLS[fault] == call:
            struct.pack_into("q", self._memory, 8, calls + 1)
            raise RuntimeError("a bug in native code")


class FaultyEngine:
    """The native engine, but for the calls that are to fail."""

    def __init__(self, faults, **limits):
        self._faults, self._engine = faults, _native.Engine(**limits)

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def receive(self, fd):
        self._faults.meet("receive")
        self._engine.receive(fd)

    def answer(self, *arguments):
        self._faults.meet("answer")
        return self._engine.answer(*arguments)


class Running:
    """A worker; `ours` is the supervisor's end of its channel."""

    def __init__(self, log):
        self.faults = Faults()
        self._log = log
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.setblocking(False)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        self.udp.bind(("127.0.0.1", 0))
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.tcp_address = self.tcp.getsockname()
        self.ours, theirs = Channel.pair()
        self.pid = os.fork()
        if self.pid == 0:
            self._live(theirs)
        theirs.close()
        self.tcp.close()
        assert self.hear() == "ready"

    def _live(self, channel):
        try:
            self.ours.close()
            sys.stderr = self._log.open("w")
            app.Engine = lambda **limits: FaultyEngine(self.faults, **limits)
            counters = memoryview(bytearray(8 * _native.COUNTERS))
            policy = compile_policy(CONFIG)
            app.run(app.Given("resolver 1", CONFIG, policy, None, counters, [self.udp], [self.tcp], channel))
            os._exit(0)
        finally:
            os._exit(1)

    @property
    def log(self):
        return self._log.read_text()

    def hear(self):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                return self.ours.receive().order
            time.sleep(0.005)
        raise TimeoutError

    def wait(self, seconds=5):
        """Wait for the worker to end; returns its exit status."""
        end = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, "it didn't end"
            time.sleep(0.005)

    def ask(self, name="localhost", timeout=2):
        with socket.socket(type=socket.SOCK_DGRAM) as end:
            end.settimeout(timeout)
            end.sendto(query(name), self.udp.getsockname())
            return end.recv(4096)


@pytest.fixture
def worker(tmp_path):
    running = Running(tmp_path / "log.txt")
    yield running
    running.ours.close()
    if running.pid is not None:
        assert running.wait() == 0
    running.udp.close()


def test_an_error_of_the_engine_is_logged_once_and_does_not_keep_it_busy(worker):
    assert worker.ask()
    worker.faults.set("receive")
    with pytest.raises(TimeoutError):
        worker.ask(timeout=0.5)
    assert 1 < worker.faults.calls < 10
    worker.faults.set("none")
    assert worker.ask()
    assert worker.log.count("unexpected RuntimeError") == 1


def test_an_error_over_a_stream_ends_that_connection_alone(worker):
    with (
        socket.create_connection(worker.tcp_address) as bad,
        socket.create_connection(worker.tcp_address) as good,
    ):
        bad.settimeout(5)
        worker.faults.set("answer")
        bad.sendall(b"\0\x1b" + query("localhost"))
        with contextlib.suppress(ConnectionResetError):
            assert bad.recv(1) == b""
        worker.faults.set("none")
        good.sendall(b"\0\x1b" + query("localhost"))
        assert read_message(good)
        assert worker.ask(timeout=0.05)
    log = worker.log
    assert "unexpected RuntimeError" in log
    assert "localhost" not in log
    assert "127.0.0.1" not in log


def test_it_answers_pings(worker):
    worker.ours.send("ping")
    assert worker.hear() == "alive"


def test_it_goes_over_to_another_configuration(worker):
    assert worker.ask("localhost").endswith(b"\x7f\0\0\1")
    changed = Config(upstream=CONFIG.upstream, allow_clients=("192.0.2.0/24",))
    descriptor = write_memory(to_json(changed))
    worker.ours.send("config", descriptor)
    os.close(descriptor)
    worker.ours.send("ping")
    assert worker.hear() == "alive"
    with pytest.raises(TimeoutError):
        worker.ask("localhost", timeout=0.2)


def test_it_ends_with_the_supervisor(worker):
    worker.ours.close()
    assert worker.wait() == 0


def test_it_takes_what_is_queued_before_it_ends(worker):
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        end.settimeout(1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        os.kill(worker.pid, signal.SIGSTOP)
        for number in range(400):  # more than the engine takes at one time
            end.sendto(query("localhost", number=number), worker.udp.getsockname())
        worker.ours.send("drain")
        os.kill(worker.pid, signal.SIGCONT)
        assert worker.wait() == 0
        assert {int.from_bytes(end.recv(4096)[:2], "big") for _ in range(400)} == set(range(400))
