"""The web process: pages and metrics over HTTP, the end of HTTPS, and the supervisor's orders.

It can crash, hang or be absent, and names still resolve: nothing here is on a query's path.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

import uvloop

from safedns._native import Blocklist, Policy
from safedns.config.build import from_json
from safedns.config.model import Config
from safedns.control import Channel, read_memory
from safedns.policy.compile import compile_policy
from safedns.telemetry.log import setup
from safedns.telemetry.metrics import ListFacts, Metrics
from safedns.web.alert import AlertServer
from safedns.web.requests import Application, Filter
from safedns.web.server import HttpServer

DRAIN_TIME = 1.0
"""Seconds to finish responses before ending; a page takes milliseconds."""


@dataclass(slots=True)
class Given:
    """What the supervisor gives the web process.

    Attributes:
        config: the configuration at start.
        policy: its rules, compiled.
        blocklist: the blocklist at start, None if nothing is filtered; `run` takes it out.
        counters: all workers' slots of the shared counters.
        http: the listening sockets for pages and metrics.
        tls: the listening sockets where HTTPS ends.
        channel: the supervisor's orders.
    """

    config: Config
    policy: Policy
    blocklist: Blocklist | None
    counters: mmap
    http: Sequence[socket.socket]
    tls: Sequence[socket.socket]
    channel: Channel


def run(given: Given) -> None:
    """Serve until the supervisor says to end, or is gone."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Web(given).run())


class Web:
    """The parts of the web process, wired together."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._ending = asyncio.Event()
        self._application = Application(Filter(given.config, given.policy, given.blocklist), Metrics(given.counters))
        self._http = HttpServer(self._application)
        self._alerts = AlertServer()
        # The application's alone from now on: a list that has been replaced must not be kept by who gave it.
        given.blocklist = None
        self._describe_list()

    async def run(self) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ending.set)
        await self._http.start(self._given.http)
        await self._alerts.start(self._given.tls)
        loop.add_reader(self._given.channel.fileno(), self._obey)
        self._given.channel.send("ready")
        await self._ending.wait()
        loop.remove_reader(self._given.channel.fileno())
        self._alerts.stop()
        await self._http.stop(DRAIN_TIME)

    def _obey(self) -> None:
        """Take an order of the supervisor; end if it is gone, for then nobody would keep this process alive."""
        message = self._given.channel.receive()
        if message is None:
            self._ending.set()
            return
        match message.order:
            case "config" if message.descriptor is not None:
                self._change_config(from_json(read_memory(message.descriptor)))
            case "list":
                self._change_blocklist(message.descriptor)
            case "drain":
                self._ending.set()
            case "ping":
                self._given.channel.send("alive")

    def _change_config(self, config: Config) -> None:
        setup("web", config.log.level)
        self._application.filter = Filter(config, compile_policy(config), self._application.filter.blocklist)

    def _change_blocklist(self, descriptor: int | None) -> None:
        blocklist = None
        if descriptor is not None:
            try:
                blocklist = Blocklist.attach(descriptor)
            finally:
                os.close(descriptor)
        rules = self._application.filter
        self._application.filter = Filter(rules.config, rules.policy, blocklist)
        self._describe_list()

    def _describe_list(self) -> None:
        rules = self._application.filter
        blocklist, file = rules.blocklist, rules.config.blocklist.file
        self._application.metrics.list = (
            None
            if blocklist is None
            else ListFacts(blocklist.serial, blocklist.entries, blocklist.names, _modified(file))
        )


def _modified(file: str | None) -> float:
    """When a file was written, in seconds since 1970; now if that can't be told any more."""
    try:
        return Path(file).stat().st_mtime if file else time.time()
    except OSError:
        return time.time()
