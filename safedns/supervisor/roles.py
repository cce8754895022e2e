"""What children do: each role, given what the supervisor holds at the moment of the fork."""

import mmap
import os
from dataclasses import dataclass

from safedns import _native
from safedns._native import Blocklist, Policy
from safedns.config.model import Config
from safedns.config.units import Endpoint
from safedns.control import Channel
from safedns.errors import ServeError
from safedns.policy.compile import compile_policy
from safedns.resolver import app as resolver
from safedns.supervisor import privileges
from safedns.supervisor.blocklist import BlocklistFile
from safedns.supervisor.sockets import Sockets
from safedns.telemetry.log import setup

LEAST_SLOTS = 16
"""Workers that the shared counters have room for at least, so that a reload may add some."""

SLOT_SIZE = 8 * _native.COUNTERS
"""Bytes of one worker's counters."""


@dataclass(slots=True)
class Estate:
    """What the supervisor holds and children inherit.

    Attributes:
        config: the configuration in use.
        sockets: all listening sockets.
        policy: the configuration's rules. Compiled here, they take memory once; compiled in each child (1 MB), often.
        blocklist: the blocklist file in use.
        counters: one slot for each worker, shared by all processes.
    """

    config: Config
    sockets: Sockets
    policy: Policy
    blocklist: BlocklistFile
    counters: mmap.mmap

    @classmethod
    def acquire(cls, config: Config) -> "Estate":
        """Open the sockets, give up privileges, and load the blocklist.

        Raises:
            SafeDNSError: one of these can't be done.
        """
        sockets = Sockets()
        sockets.open(config.listen, config.worker_count, stream_addresses(config))
        privileges.raise_descriptor_limit()
        privileges.drop(config.user)
        counters = mmap.mmap(-1, max(LEAST_SLOTS, config.worker_count) * SLOT_SIZE)
        return cls(config, sockets, compile_policy(config), BlocklistFile(config.blocklist.file), counters)

    def change(self, config: Config) -> bool:
        """Go over to another configuration.

        Returns:
            Whether there is another blocklist now.

        Raises:
            SafeDNSError: the configuration can't be used; nothing has changed.
        """
        slots = len(self.counters) // SLOT_SIZE
        if config.worker_count > slots:
            raise ServeError(
                f"expected workers to be at most {slots} until the next start, found {config.worker_count};"
                " restart to have more"
            )
        other = config.blocklist != self.config.blocklist
        blocklist = BlocklistFile(config.blocklist.file) if other else self.blocklist
        self.sockets.open(config.listen, config.worker_count, stream_addresses(config))
        self.config, self.policy, self.blocklist = config, compile_policy(config), blocklist
        return other

    def close_unused(self) -> None:
        """Close the sockets that the configuration in use has no use for."""
        self.sockets.close_all_but(self.config.listen, stream_addresses(self.config))

    def resolve(self, index: int, channel: Channel) -> None:
        """Be a resolver worker; runs in the child."""
        config = self.config
        udp = self.sockets.udp(config.listen, index, config.worker_count)
        tcp = self.sockets.tcp(config.listen)
        self.sockets.keep([*udp, *tcp])
        slot = memoryview(self.counters)[index * SLOT_SIZE : (index + 1) * SLOT_SIZE]
        name = f"resolver {index + 1}"
        blocklist = self._take_blocklist()
        descriptor = None if blocklist is None else os.dup(blocklist.fileno())
        del blocklist
        resolver.run(resolver.Given(name, config, self.policy, descriptor, slot, udp, tcp, channel))

    def show_pages(self, channel: Channel) -> None:
        """Be the web process; runs in the child."""
        setup("web", self.config.log.level)
        http = self.sockets.tcp(self.config.web.listen)
        tls = self.sockets.tcp(self.config.web.tls)
        self.sockets.keep([*http, *tls])
        # Imported here and not by the supervisor: no other process needs the memory that this takes.
        from safedns.web import app as web

        web.run(web.Given(self.config, self.policy, self._take_blocklist(), self.counters, http, tls, channel))

    def _take_blocklist(self) -> Blocklist | None:
        """In a child: take the blocklist out of here, lest the memory be kept when another takes its place."""
        blocklist, self.blocklist.current = self.blocklist.current, None
        return blocklist


def stream_addresses(config: Config) -> list[Endpoint]:
    """Addresses that are served over TCP alone."""
    return [*config.web.listen, *config.web.tls]


def worker_frame(config: Config) -> object:
    """What a worker is made for and can't change while it lives."""
    return config.listen, config.worker_count, config.cache, config.udp_payload


def web_frame(config: Config) -> object:
    """What the web process is made for and can't change while it lives."""
    return config.web
