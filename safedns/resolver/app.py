"""The worker process: an event loop, the native engine on the UDP sockets, and what the engine leaves to Python.

UDP costs no Python per query: the loop calls the engine when a socket is readable. Python's share is TCP, to clients
(`stream`) and to upstreams (`upstream`), and the supervisor's orders.
"""

import asyncio
import os
import select
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from safedns._native import Blocklist, Engine, Policy
from safedns.config.build import from_json
from safedns.config.model import Config
from safedns.control import Channel, read_memory
from safedns.policy.compile import compile_policy
from safedns.resolver.faults import Faults
from safedns.resolver.stream import Limits, StreamServer
from safedns.resolver.upstream import Exchanges
from safedns.telemetry.log import setup

DRAIN_TIME = 2.5
"""Seconds to answer what is outstanding before ending; the supervisor waits a little longer."""

DRAIN_STEP = 0.02
"""Seconds between two looks whether all is answered."""

LAST_BATCHES = 64
"""Batches of queued queries that are still taken from a UDP socket before ending."""

FAULT_PAUSE = 0.1
"""Seconds without reading after an unexpected error: what caused it may be there again at once."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the supervisor gives a worker.

    Attributes:
        name: what the log calls it.
        config: the configuration at start.
        policy: its rules, compiled.
        blocklist: the blocklist at start, sealed, in a descriptor that becomes the worker's; None to filter nothing.
        counters: the worker's slot of the shared counters.
        udp: the UDP sockets to read.
        tcp: the listening TCP sockets to accept from.
        channel: the supervisor's orders.
    """

    name: str
    config: Config
    policy: Policy
    blocklist: int | None
    counters: memoryview
    udp: Sequence[socket.socket]
    tcp: Sequence[socket.socket]
    channel: Channel


def run(given: Given) -> None:
    """Answer queries until the supervisor says to end, or is gone."""
    Worker(given, uvloop.new_event_loop()).run()


class Worker:
    """The parts of a worker, wired together."""

    def __init__(self, given: Given, loop: asyncio.AbstractEventLoop) -> None:
        self._given = given
        self._loop = loop
        self._faults = Faults()
        self._engine = Engine(
            counters=given.counters,
            cache_size=given.config.cache.size,
            max_udp_payload=given.config.udp_payload,
        )
        self._streams = StreamServer(self._engine, loop, self._collect_soon, Limits())
        self._exchanges = Exchanges(loop, self._exchanged)
        self._collecting = self._draining = False
        for end in given.udp:
            self._engine.listen(end.fileno(), end.getsockname()[0])
        self._change_blocklist(given.blocklist)
        self._configure(given.config, given.policy)

    def run(self) -> None:
        """Answer queries until told to end."""
        self._loop.set_exception_handler(self._survive)
        self._loop.add_signal_handler(signal.SIGTERM, self._drain)
        self._read()
        self._loop.run_until_complete(self._streams.listen(self._given.tcp))
        self._loop.add_reader(self._given.channel.fileno(), self._obey)
        self._given.channel.send("ready")
        self._loop.run_forever()
        self._exchanges.close()

    def _configure(self, config: Config, policy: Policy) -> None:
        setup(self._given.name, config.log.level)
        self._engine.set_policy(policy)
        self._engine.set_upstreams(config.upstream.servers)
        self._streams.limits = Limits(
            connections=config.tcp.connections,
            idle=config.tcp.idle_timeout,
            message=config.tcp.message_timeout,
            waiting=config.tcp.queries_in_flight,
        )

    def _read(self) -> None:
        self._loop.add_reader(self._engine.upstream_fd, self._hear_upstream)
        if not self._draining:
            for end in self._given.udp:
                self._loop.add_reader(end.fileno(), self._engine.receive, end.fileno())

    def _hear_upstream(self) -> None:
        if self._engine.receive_upstream():
            self._collect()

    def _exchanged(self, exchange: int, message: bytes | None) -> None:
        if self._engine.exchanged(exchange, message):
            self._collect_soon()

    def _collect_soon(self) -> None:
        """Collect once after all that is being handled now, however many ask for it."""
        if not self._collecting:
            self._collecting = True
            self._loop.call_soon(self._collect)

    def _collect(self) -> None:
        """Bring what the engine has for streams to where it belongs."""
        self._collecting = False
        self._streams.deliver(self._engine.take_replies())
        self._exchanges.start(self._engine.take_exchanges())

    def _obey(self) -> None:
        """Take an order of the supervisor; end if it is gone, for then nobody would keep this process alive."""
        message = self._given.channel.receive()
        if message is None:
            self._loop.stop()
            return
        match message.order:
            case "config" if message.descriptor is not None:
                config = from_json(read_memory(message.descriptor))
                self._configure(config, compile_policy(config))
            case "list":
                self._change_blocklist(message.descriptor)
            case "drain":
                self._drain()
            case "ping":
                self._given.channel.send("alive")

    def _change_blocklist(self, descriptor: int | None) -> None:
        if descriptor is None:
            self._engine.set_blocklist(None)
            return
        try:
            self._engine.set_blocklist(Blocklist.attach(descriptor))
        finally:
            os.close(descriptor)

    def _drain(self) -> None:
        """Take what is queued and nothing after it; end when all is answered, or when it has taken too long."""
        if self._draining:
            return
        self._draining = True
        for end in self._given.udp:
            self._loop.remove_reader(end.fileno())
            self._take_queued(end)
        self._streams.drain()
        self._end_when_answered(self._loop.time() + DRAIN_TIME)

    def _take_queued(self, end: socket.socket) -> None:
        queue = select.poll()
        queue.register(end, select.POLLIN)
        for _ in range(LAST_BATCHES):
            if not queue.poll(0):
                break
            self._engine.receive(end.fileno())

    def _end_when_answered(self, deadline: float) -> None:
        answered = not self._engine.drain() and not self._streams.connections
        if answered or self._loop.time() >= deadline:
            self._loop.stop()
        else:
            self._loop.call_later(DRAIN_STEP, self._end_when_answered, deadline)

    def _survive(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report an error that nobody handled. If it may come again at once, read on only a little later.

        An error over one client's connection has ended that connection; another leaves what caused it where it was.
        """
        self._faults.report(context["message"], context.get("exception"))
        if "protocol" in context:
            return
        for end in self._given.udp:
            loop.remove_reader(end.fileno())
        loop.remove_reader(self._engine.upstream_fd)
        loop.call_later(FAULT_PAUSE, self._read)
