"""The supervisor's life: start, watch, reload, stop.

It is one loop that waits for signals, for messages from children and for time to pass; it does nothing that can block
for long, and never looks at a packet.
"""

import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial

from safedns.config.build import to_json
from safedns.config.model import Config
from safedns.control import write_memory
from safedns.errors import SafeDNSError
from safedns.supervisor.children import HANDLED, Child
from safedns.supervisor.configuration import read_apart
from safedns.supervisor.roles import Estate, web_frame, worker_frame
from safedns.telemetry.log import setup

TICK = 0.5
"""Seconds between two looks at the blocklist file and at who hangs."""

DRAIN_TIME = 3.0
"""Seconds that children may take to answer what is outstanding before they are killed."""

log = logging.getLogger(__name__)


def serve(load: Callable[[], Config]) -> int:
    """Serve until a signal says to stop.

    Args:
        load: reads the configuration, flags included; called at start and on SIGHUP. Raises ConfigError.

    Returns:
        The exit status: 0 after SIGTERM or SIGINT, 1 if a second one cut short what was outstanding.

    Raises:
        SafeDNSError: serving can't start; the text says why and what to do.
    """
    config = read_apart(load)
    setup("supervisor", config.log.level)
    return Supervisor(load, Estate.acquire(config)).run()


class Supervisor:
    """The loop, and the children it leads."""

    def __init__(self, load: Callable[[], Config], estate: Estate) -> None:
        self._load = load
        self._estate = estate
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._children: list[Child] = []
        self._announced = self._stopping = False
        self._status = 0
        self._tick_at = 0.0

    def run(self) -> int:
        """Serve until told to stop; returns the exit status."""
        if self._estate.blocklist.current is None:
            log.warning("no blocklist is set (blocklist.file): nothing is filtered")
        self._handle_signals()
        self._children = [*self._workers(), *self._web()]
        # What exists now is the children's as well: the collector, which writes to all it looks at, leaves it shared.
        gc.collect()
        gc.freeze()
        while self._children:
            self._turn()
        log.info("stopped")
        return self._status

    def _turn(self) -> None:
        """Start what is due; wait for the next event; do what is done regularly."""
        now = time.monotonic()
        for child in self._children:
            if child.start_at is not None and child.start_at <= now:
                channel = child.start()
                self._selector.register(channel, selectors.EVENT_READ, partial(self._hear, child))
        due = [self._tick_at, *(child.start_at for child in self._children if child.start_at is not None)]
        for key, _ in self._selector.select(max(0.0, min(due) - time.monotonic())):
            key.data()
        if time.monotonic() >= self._tick_at:
            self._tick()

    def _tick(self) -> None:
        now = time.monotonic()
        self._tick_at = now + TICK
        self._reap()
        for child in self._children:
            child.ping()
            if child.end_by is not None and now >= child.end_by:
                log.warning("%s took too long to end", child.name)
                child.kill()
        if not self._stopping:
            self._watch_blocklist(anyway=False)

    # Children.

    def _workers(self) -> list[Child]:
        return [
            Child(f"resolver {index + 1}", partial(self._estate.resolve, index), self._leave_to_child)
            for index in range(self._estate.config.worker_count)
        ]

    def _web(self) -> list[Child]:
        web = self._estate.config.web
        return [Child("web", self._estate.show_pages, self._leave_to_child)] if web.listen or web.tls else []

    def _leave_to_child(self) -> None:
        """Close, in a new child, what is the supervisor's alone, and leave the signals to it."""
        signal.set_wakeup_fd(-1)
        # Ctrl-C and a closed terminal reach all processes; what follows from them is the supervisor's to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        self._selector.close()
        self._woken.close()
        self._waker.close()
        for child in self._children:
            child.forget_channel()

    def _hear(self, child: Child) -> None:
        """Take a message of a child; one that closed its channel can't be led any more, and is killed."""
        message = child.channel.receive() if child.channel is not None else None
        if message is None:
            self._part_from(child)
            child.kill()
        elif message.order == "ready":
            child.ready = True
            self._on_ready()
        elif message.order == "alive":
            child.is_alive()

    def _part_from(self, child: Child) -> None:
        if child.channel is not None:
            self._selector.unregister(child.channel)
            child.forget_channel()

    def _reap(self) -> None:
        for child in list(self._children):
            if child.reap():
                self._part_from(child)
                if not child.wanted:
                    self._children.remove(child)
                # The web process must not keep the others from being announced: names resolve without it.
                self._on_ready()

    def _on_ready(self) -> None:
        """If all answer: let those go that were replaced, and at the first time say so."""
        wanted = [child for child in self._children if child.wanted]
        if self._stopping or not all(child.ready or (child.name == "web" and child.failures) for child in wanted):
            return
        for child in self._children:
            if not child.wanted and child.end_by is None:
                child.drain(DRAIN_TIME)
        if not self._announced:
            self._announced = True
            self._announce()

    def _announce(self) -> None:
        config, blocklist = self._estate.config, self._estate.blocklist.current
        listed = f"{blocklist.names} (serial {blocklist.serial})" if blocklist else "none"
        dns = ",".join(map(str, config.listen))
        web = ",".join(map(str, config.web.listen)) or "none"
        try:
            sys.stdout.write(f"ready dns={dns} web={web} blocklist={listed} pid={os.getpid()}\n")
            sys.stdout.flush()
        except OSError as error:
            log.warning("nobody reads standard output, where it should say that it is ready: %s", error.strerror)

    # Signals.

    def _handle_signals(self) -> None:
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in HANDLED:
            # The wake-up descriptor gets the number; there only has to be a handler.
            signal.signal(number, lambda _number, _frame: None)
        self._selector.register(self._woken, selectors.EVENT_READ, self._hear_signals)

    def _hear_signals(self) -> None:
        for number in self._woken.recv(64):
            match number:
                case signal.SIGCHLD:
                    self._reap()
                case signal.SIGHUP:
                    self._reload()
                case signal.SIGTERM | signal.SIGINT:
                    self._stop()

    def _stop(self) -> None:
        """Let children answer what is outstanding and end; asked a second time, end them at once."""
        if self._stopping:
            self._status = 1
            for child in self._children:
                child.kill()
            return
        log.info("stopping")
        self._stopping = True
        for child in self._children:
            child.drain(DRAIN_TIME)
        self._children = [child for child in self._children if child.pid is not None]

    # Changes.

    def _reload(self) -> None:
        """Read configuration and blocklist again. What is wrong is logged, and what it concerns stays as it was."""
        if self._stopping:
            return
        log.info("reading configuration and blocklist again")
        try:
            self._change(read_apart(self._load))
        except SafeDNSError as error:
            for line in str(error).splitlines():
                log.error("%s", line)  # noqa: TRY400 - the text says it all
            log.error("the configuration in use stays")  # noqa: TRY400
        except Exception:
            # Names must go on being resolved, whatever is wrong with the reading of a file.
            log.exception("reading the configuration failed: a bug, please report it; the configuration in use stays")

    def _change(self, config: Config) -> None:
        old = self._estate.config
        if config.user != old.user:
            log.warning("user: takes effect at the next start")
        another_list = self._estate.change(config)
        setup("supervisor", config.log.level)
        if another_list:
            self._send_blocklist()
        else:
            self._watch_blocklist(anyway=True)
        self._send_config()
        if worker_frame(config) != worker_frame(old):
            self._replace([child for child in self._children if child.name != "web"], self._workers())
        if web_frame(config) != web_frame(old):
            self._replace([child for child in self._children if child.name == "web"], self._web())
        self._estate.close_unused()

    def _replace(self, old: list[Child], new: list[Child]) -> None:
        """Start children that are made for the configuration; those before them go when all answer."""
        for child in old:
            child.wanted, child.start_at = False, None
        self._children = [*(child for child in self._children if child.wanted or child.pid is not None), *new]
        self._on_ready()

    def _send_config(self) -> None:
        descriptor = write_memory(to_json(self._estate.config))
        for child in self._children:
            child.send("config", descriptor)
        os.close(descriptor)

    def _watch_blocklist(self, *, anyway: bool) -> None:
        if self._estate.blocklist.poll(anyway=anyway):
            self._send_blocklist()

    def _send_blocklist(self) -> None:
        blocklist = self._estate.blocklist.current
        for child in self._children:
            child.send("list", blocklist.fileno() if blocklist else None)
