"""The configuration: one frozen section per concern, with its defaults, fit to be sent to another process as JSON.

A field's kind (`units`) says how it is read, checked and written. Reading YAML is `load`'s work: a process that is sent
its configuration never imports it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

from safedns.config.units import (
    CHANNEL,
    CONTACT,
    ENDPOINT,
    IPV4,
    IPV6,
    MIRROR,
    NAME,
    NETWORK,
    PATH,
    UPSTREAM,
    USER,
    Endpoint,
    Kind,
    ListOf,
    MapOf,
    SectionsOf,
    duration,
    either,
    null_word,
    number,
    one_of,
    optional,
    size,
)
from safedns.config.words import ANSWER_MODES, BLOCKABLE, LOG_LEVELS, SPECIAL_NAMES

T = TypeVar("T")

AUTO: Final = "auto"
"""The number of workers that stands for one per core."""

_WORD: Final = one_of(BLOCKABLE, "a category or group that can be blocked")
_MODE: Final = null_word(one_of(ANSWER_MODES, "one of " + ", ".join(ANSWER_MODES)))


def key(default: T, kind: Kind[Any] | ListOf[Any] | MapOf[Any] | SectionsOf[Any]) -> T:
    """Declare a key of a section."""
    return field(default=default, metadata={"kind": kind})


def required(kind: Kind[Any]) -> Any:
    """Declare a key of a section that has no default."""
    return field(metadata={"kind": kind})


@dataclass(frozen=True, slots=True)
class Upstream:
    """The resolvers that answer what we don't."""

    servers: tuple[Endpoint, ...] = key((), ListOf(UPSTREAM, most=64))
    """In order of preference at equal speed; empty until `load` has taken them from the system."""


@dataclass(frozen=True, slots=True)
class Cache:
    """Answers kept."""

    # Below the least, answers would push each other out all the time; above the most, it is a mistake on a router.
    size: int = key(8 * 2**20, size(64 * 2**10, 4 * 2**30))
    """Limit of each worker's cache, in bytes."""


@dataclass(frozen=True, slots=True)
class Tcp:
    """Limits on clients that use TCP (RFC 7766 section 6)."""

    idle_timeout: float = key(10.0, duration(0.1, 3600))
    """Seconds until a connection without a query is closed."""
    message_timeout: float = key(5.0, duration(0.1, 3600))
    """Seconds that a client may take to send one message."""
    connections: int = key(500, number(1, 100_000))
    """Connections open at a time in each worker."""
    queries_in_flight: int = key(100, number(1, 10_000))
    """Queries of one connection that may wait for an answer."""


@dataclass(frozen=True, slots=True)
class BlocklistFile:
    """The compiled blocklist."""

    file: str | None = key(None, optional(PATH))
    """Absolute path; None filters nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered for blocked names."""

    modes: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), metadata={"kind": MapOf(_WORD, _MODE)}
    )
    """Answer modes by category or group, where they differ from the category's own; a category beats its group."""
    ttl: float = key(10.0, duration(1, 3600))
    """Time to live in seconds: how long a device remembers that a name is blocked."""
    sinkhole_ipv4: str | None = key(None, optional(IPV4))
    """Address of the block page; None is the address that the query came in on."""
    sinkhole_ipv6: str | None = key(None, optional(IPV6))
    """The same for AAAA."""


@dataclass(frozen=True, slots=True)
class Special:
    """Names that are answered here and not asked of an upstream."""

    forward: tuple[str, ...] = key((), ListOf(one_of(SPECIAL_NAMES, "a name with special treatment")))
    """Those that are forwarded like any other name instead (RFC 6303 section 3)."""


@dataclass(frozen=True, slots=True)
class Web:
    """The block page."""

    listen: tuple[Endpoint, ...] = key((Endpoint("127.0.0.1", 80),), ListOf(ENDPOINT))
    """Where the pages and the metrics are served over HTTP."""
    tls: tuple[Endpoint, ...] = key((Endpoint("127.0.0.1", 443),), ListOf(ENDPOINT))
    """Where HTTPS connections to blocked names are ended at once."""


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Where the blocklist comes from, if `safedns sync` keeps it up to date."""

    mirrors: tuple[str, ...] = key((), ListOf(MIRROR, most=16))
    """Addresses that serve what the coordinator publishes, in order of preference."""
    channel: str | None = key(None, optional(CHANNEL))
    """Whose releases this router takes."""
    root: str | None = key(None, optional(PATH))
    """The root that is trusted from the beginning, as the coordinator made it."""
    state: str | None = key(None, optional(PATH))
    """Folder for the blocklists and what is known of them; the active one is `blocklist.sdns` in it."""


@dataclass(frozen=True, slots=True)
class Log:
    """The log: about the program, never about who asked what."""

    level: str = key("info", one_of(LOG_LEVELS, "one of " + ", ".join(LOG_LEVELS)))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that an operator sets."""

    workers: int | str = key(1, either(AUTO, number(1, 256)))
    """Resolver processes, or "auto"; see `worker_count`."""
    user: str = key("nobody", USER)
    """User to run as once the sockets are bound, when started as root."""
    listen: tuple[Endpoint, ...] = key((Endpoint("127.0.0.1", 53), Endpoint("::1", 53)), ListOf(ENDPOINT, least=1))
    """Where queries are answered, over UDP and TCP."""
    allow_clients: tuple[str, ...] = key(
        (
            "127.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
        ListOf(NETWORK, least=1),
    )
    """Networks that may ask."""
    upstream: Upstream = Upstream()
    cache: Cache = Cache()
    udp_payload: int = key(1232, size(512, 4096))
    """Largest UDP message to clients, in bytes."""
    tcp: Tcp = Tcp()
    blocklist: BlocklistFile = BlocklistFile()
    block: tuple[str, ...] = key(("illegal", "security", "adult", "harm", "gambling"), ListOf(_WORD))
    """Blocked categories and groups."""
    answer: Answer = Answer()
    protected: tuple[str, ...] = key((), ListOf(NAME))
    """Names that no list may block, with all below them, besides those that never are."""
    special: Special = Special()
    web: Web = Web()
    contact: tuple[str, ...] = key((), ListOf(CONTACT))
    """Whom a family can ask about a block: shown on the page and sent in structured errors."""
    coordinator: Coordinator = Coordinator()
    log: Log = Log()

    @property
    def worker_count(self) -> int:
        """Number of resolver processes."""
        return len(os.sched_getaffinity(0)) if isinstance(self.workers, str) else self.workers


def to_plain(section: object) -> dict[str, object]:
    """Write a section and those in it as plain data that `build` takes: equal configurations give equal data."""
    plain: dict[str, object] = {}
    for entry in fields(section):  # type: ignore[arg-type]
        value = getattr(section, entry.name)
        plain[entry.name] = to_plain(value) if is_dataclass(value) else _plain(value, entry.metadata["kind"])
    return plain


def _plain(value: Any, kind: Kind[Any] | ListOf[Any] | MapOf[Any]) -> object:
    if isinstance(kind, ListOf):
        return [kind.item.write(item) for item in value]
    if isinstance(kind, MapOf):
        return {word: kind.item.write(item) for word, item in sorted(value.items())}
    return kind.write(value)
