"""What every packet pays for, in Rust: blocklist look-up, policy, cache, forwarding and batched socket calls.

Python compiles configuration into the immutable objects below and hands them over; the engine executes them. Nothing in
this module reads configuration, logs, or waits.
"""

from collections.abc import Sequence
from typing import Any, Final, final

__all__ = [
    "COUNTERS",
    "FORMAT_VERSION",
    "Blocklist",
    "Builder",
    "Built",
    "Differences",
    "Engine",
    "Entries",
    "Origins",
    "Policy",
    "counter_layout",
    "differences",
    "forbid_new_privileges",
    "histogram_bounds",
    "return_large_blocks",
]

FORMAT_VERSION: Final[int]
"""Version of the compiled blocklist that this build writes and reads."""

COUNTERS: Final[int]
"""Number of 64-bit counters that an `Engine` keeps; the size of its `counters` buffer is eight times this, in bytes."""

def counter_layout() -> list[tuple[str, str, int, int]]:
    """Describe the counters buffer: `(metric, label values, index, length)` rows, in index order.

    `label values` is the labels of the row's first value in Prometheus notation (`protocol="udp",type="A"`), or empty.
    A row of length 1 is one counter or gauge. A histogram is one row per metric: its length is the number of buckets
    plus one for the sum in nanoseconds, which comes last; bucket bounds are in `histogram_bounds`.
    """

def histogram_bounds(metric: str) -> list[float]:
    """Upper bounds in seconds of a histogram's buckets, the last one infinite."""

def forbid_new_privileges() -> None:
    """Set the kernel's no_new_privs flag (prctl(2)) on this process and what it starts; a no-op where unsupported."""

def return_large_blocks() -> None:
    """Have the process give large blocks of memory back to the kernel as soon as they are freed, from now on.

    It costs a system call for each; what rebuilds a blocklist needs a fifth less memory with it.
    """

@final
class Blocklist:
    """A compiled blocklist, read-only.

    A resolver loads it: verified, sealed in memory, shared by every process that attaches to it. A tool that looks
    into a file and ends opens it.
    """

    @staticmethod
    def load(path: str) -> Blocklist:
        """Read a compiled blocklist, verify all of it and seal it in memory.

        The copy is sealed so that nothing done to the file afterwards (overwritten, cut short, disk gone) can reach a
        running resolver.

        Raises:
            BlocklistError: unreadable, damaged, cut short, or of another format version; the text says what was
                expected and what was found.
        """

    @staticmethod
    def open(path: str) -> Blocklist:
        """Map a compiled blocklist, reading no more than its tables, in the same time whatever its size.

        Nothing is verified but the tables; see `verify`. The process is killed if the file is cut short meanwhile, so
        this is for tools, whose files are replaced and not written again. An engine doesn't take it.

        Raises:
            BlocklistError: as of `load`.
        """

    def verify(self) -> None:
        """Compare all of the content with its checksum.

        Raises:
            BlocklistError: damaged.
        """

    @staticmethod
    def attach(fd: int) -> Blocklist:
        """Map a blocklist that `load` sealed, in this or another process. The descriptor is duplicated.

        Raises:
            BlocklistError: the descriptor holds no sealed blocklist.
        """

    def fileno(self) -> int:
        """The file's descriptor, to hand to another process if it is sealed; it stays owned by this object."""

    @property
    def serial(self) -> int:
        """Version of the content, given when it was compiled."""

    @property
    def names(self) -> int:
        """Distinct names that were compiled in, over all categories."""

    @property
    def entries(self) -> int:
        """Entries left after names under an equally blocked parent were dropped."""

    @property
    def tops(self) -> bool:
        """Whether a top-level domain is an entry."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def version(self) -> int:
        """Format version of the file."""

    @property
    def checksum(self) -> str:
        """Hash of the content, in hexadecimal."""

    @property
    def counts(self) -> dict[int, int]:
        """Distinct names by category number."""

    def lookup(self, name: str, /) -> tuple[int, str | None]:
        """Look a name up.

        Args:
            name: a domain name in A-label form; case and a trailing dot don't matter.

        Returns:
            The set of categories as a bit mask (bit n = category number n), and the most specific entry that gave one,
            or `(0, None)`.

        Raises:
            ValueError: not a domain name.
        """

    def tables(self) -> bytes:
        """Its tables in the form that deltas have them, for a dictionary to compress these with."""

    def delta(self, new: Blocklist, /) -> tuple[int, int, int, list[bytes]]:
        """Say what turns this into another blocklist, byte for byte.

        Returns:
            Entries added, removed, and changed; and the content, in sections that each compress well by themselves. It
            is described in `native/core/src/trie/delta.rs`.
        """

    def apply(self, delta: bytes, fd: int, /) -> int:
        """Write what a delta makes of this: byte for byte the blocklist that the delta was made for.

        Args:
            delta: the joined sections.
            fd: a file, which nothing is written to unless all of the delta makes sense. It stays open.

        Returns:
            Size in bytes.

        Raises:
            BlocklistError: it is no delta for this blocklist.
            OSError: the file can't be written.
        """

    def walk(self, *, under: str | None = None, containing: str | None = None) -> Entries:
        """Walk over the entries, in an order in which every name follows its parents.

        Args:
            under: only the entry of this name and those below it.
            containing: only entries whose text holds this, in any case.

        Raises:
            ValueError: `under` is no domain name.
        """

@final
class Entries:
    """Entries of a blocklist, in batches of at most 4,096."""

    def __iter__(self) -> Entries: ...
    def __next__(self) -> list[tuple[str, int, int, int]]:
        """A batch of `(name, inherited, here, below)`.

        The last three are sets of categories as bit masks: what the nearest entry above gives, what the name is in, and
        what is below it, before more specific entries.
        """

@final
class Differences:
    """Names that two blocklists don't put into the same categories, in batches of at most 4,096."""

    def __iter__(self) -> Differences: ...
    def __next__(self) -> list[tuple[str, int, int, int, int]]:
        """A batch of `(name, here before, below before, here after, below after)`; the sets are bit masks.

        Only names that are entries of one or both come: where a name is dropped because a parent now says the same,
        nothing has changed.
        """

def differences(old: Blocklist, new: Blocklist, /) -> Differences:
    """Walk over two blocklists at once and stop where they differ."""

@final
class Builder:
    """Collects what sources say of names and compiles it. The same content in any order gives the same bytes.

    What a name's categories are, strongest first:

    1. Of the operator's entries (layer 1) at or above the name the most specific decides, per category.
    2. A list (layer 0) is evaluated by itself: its most specific entry decides; its exceptions hold only for itself. A
       list that allows takes its categories from all lists at the name and below, until a more specific entry of a list
       gives them again. The name has the categories that any list gives it.

    Said of the same name, an exception beats the others.
    """

    def __new__(
        cls, sources: Sequence[tuple[int, int, bool]], /, *, memory: int = ..., folder: str | None = None
    ) -> Builder:
        """Create a builder.

        Args:
            sources: for each source its categories as a bit mask (bit n = category number n), its layer (0 a list, 1
                the operator), and whether it takes names out of its categories instead.
            memory: bytes for names that wait to be sorted; past that they wait in a temporary file. 256 MiB by default.
            folder: where that file is made, without a name; the system's folder for temporary files by default.

        Raises:
            ValueError: a layer is not 0 or 1, or there are more than 65,536 sources.
        """

    def add(
        self,
        names: bytes,
        source: int,
        /,
        *,
        scope: int = 0,
        allow: bool = False,
        first: int = 1,
        numbers: bytes | None = None,
    ) -> list[tuple[int, str]]:
        """Add names of a source.

        Args:
            names: domain names in A-label form, one to a line (LF), in any order and case. Empty lines count as lines.
            source: number of the source, from 0.
            scope: 0 the name and all below, 1 the name only, 2 only what is below.
            allow: the names are exceptions: taken out.
            first: line of the source's file on which `names` begins.
            numbers: line of the source's file for each line, if not consecutive: native 32-bit numbers
                (`array("I").tobytes()`).

        Returns:
            The lines that hold no domain name: `(index from 0, reason)`.

        Raises:
            ValueError: no such source or scope, or fewer numbers than lines.
            OSError: the temporary file can't be written (disk full, say).
        """

    def write(
        self,
        fd: int,
        /,
        *,
        serial: int = 1,
        origins: int | None = None,
        header: bytes | None = None,
        previous: tuple[str, Sequence[int]] | None = None,
    ) -> Built:
        """Compile what was added and write it to a descriptor; the builder is empty afterwards.

        Args:
            fd: where the blocklist goes.
            serial: version of the content.
            origins: descriptor for the file of origins: who says what of a name, where, and since which serial.
            header: what else that file keeps.
            previous: file of origins of the blocklist before, and for each of its sources the present number, or -1.
                What was in it keeps the serial with which it came in.

        Raises:
            OSError: writing failed (disk full, say).
            BlocklistError: the origins before can't be used.
        """

@final
class Built:
    """What a builder compiled."""

    @property
    def names(self) -> int:
        """Distinct names given."""

    @property
    def entries(self) -> int:
        """Entries left after names were dropped whose parents say the same."""

    @property
    def size(self) -> int:
        """Bytes written."""

    @property
    def sources(self) -> list[tuple[int, int, int]]:
        """For each source `(names, alone, dropped)`.

        These are its distinct names, the names that no other source gave, and the names that are no entry because what
        is listed above them says the same.
        """

    @property
    def overlaps(self) -> list[tuple[int, int, int]]:
        """Pairs of sources, the lower number first, and the distinct names that both gave; only pairs with any."""

@final
class Origins:
    """Which line of which source says what of a name; the file is read where it is, and checked where it is read."""

    @staticmethod
    def open(path: str, /) -> Origins:
        """Open a file of origins that a builder wrote.

        Raises:
            BlocklistError: unreadable, damaged, cut short, or of another format version.
        """

    @property
    def header(self) -> bytes:
        """What the file keeps besides."""

    @property
    def serial(self) -> int:
        """Serial of the blocklist that it belongs to."""

    def find(self, name: str, /) -> list[tuple[str, int, int, int, bool, int]]:
        """All that is said of a name and what is above it, from the top level down.

        Returns:
            Rows of entry, source, line, scope, whether it is an exception, and the serial with which it came in.

        Raises:
            ValueError: not a domain name.
            BlocklistError: the file is damaged.
        """

@final
class Policy:
    """What to do with a name: an immutable snapshot that Python compiles from the configuration."""

    def __new__(
        cls,
        *,
        rules: Sequence[tuple[int, int, int, str, str]],
        protected: Sequence[str] = ...,
        special: Sequence[tuple[str, int]] = ...,
        allowed_clients: Sequence[str] = ...,
        sinkhole_ipv4: str | None = None,
        sinkhole_ipv6: str | None = None,
        block_ttl: int = 10,
    ) -> Policy:
        """Compile a policy.

        Args:
            rules: the blocked categories, strongest first: category number, answer mode (0 sinkhole, 1 NXDOMAIN, 2 null
                address, 3 REFUSED), Extended DNS Error code (RFC 8914), its text, and the structured form of
                draft-ietf-dnsop-structured-dns-error (JSON) for clients that ask for it.
            protected: names that no list may block, with all below them.
            special: names answered here, with all below them: 0 NXDOMAIN, 1 NODATA, 2 loopback addresses.
            allowed_clients: networks in CIDR notation that may ask; packets from others get no answer.
            sinkhole_ipv4: address of the block page; None is the address that the query came in on.
            sinkhole_ipv6: the same for AAAA.
            block_ttl: TTL in seconds of answers to blocked names.

        Raises:
            ValueError: an argument is out of range or no name, network or address.
        """

    def decide(self, name: str, blocklist: Blocklist | None, /) -> tuple[str, int | None, str | None]:
        """Say what happens to a name, with the code that every packet runs through.

        Returns:
            The rule that decided (`special`, `protected`, `category` or `default`), the category number for
            `category`, and the entry that matched.

        Raises:
            ValueError: not a domain name.
        """

@final
class Engine:
    """Answers queries: from policy, cache or upstream. One per worker; not thread-safe.

    UDP never returns to Python: register `receive` as the reader of each UDP socket and `receive_upstream` (which also
    runs the engine's timers) as the reader of `upstream_fd`. After `receive_upstream` and `answer`, collect with
    `take_replies` and `take_exchanges` what concerns streams.
    """

    def __new__(
        cls, *, counters: Any, cache_size: int = ..., max_udp_payload: int = ..., max_outstanding: int = ...
    ) -> Engine:
        """Create an engine.

        Args:
            counters: writable buffer of `COUNTERS` native 64-bit integers, shared with whoever reads the metrics.
            cache_size: limit of the cache in bytes.
            max_udp_payload: largest UDP message in bytes sent to clients (RFC 6891 section 6.2.5).
            max_outstanding: questions that may wait for upstreams at one time.
        """

    @property
    def upstream_fd(self) -> int:
        """Descriptor that is readable when upstream answers arrived or a timer is due."""

    def set_policy(self, policy: Policy, /) -> None:
        """Replace the policy; applies to the next query."""

    def set_blocklist(self, blocklist: Blocklist | None, /) -> None:
        """Replace the blocklist; applies to the next query, cached names included."""

    def set_upstreams(self, addresses: Sequence[tuple[str, int]], /) -> None:
        """Replace the upstream resolvers, `(IP address, port)` in order of preference at equal speed."""

    def listen(self, fd: int, address: str, /) -> None:
        """Take on a bound, non-blocking UDP socket, which stays the caller's, for `receive`.

        Args:
            fd: its descriptor.
            address: the IP address that it is bound to; on an unspecified one the kernel tells for each query on which
                address it came in, so that the reply leaves from there.
        """

    def receive(self, fd: int, /) -> None:
        """Read a batch of queries from a socket given to `listen`, and answer or forward each.

        Raises:
            ValueError: the descriptor was not given to `listen`.
            OSError: the socket can't be read.
        """

    def receive_upstream(self) -> bool:
        """Read upstream answers and run due timers.

        Returns:
            Whether `take_replies` or `take_exchanges` has something.
        """

    def answer(self, message: bytes, client: str, local: str, ticket: int, /) -> bytes | None:
        """Answer a query that came over a stream.

        Args:
            message: the query, without its length prefix.
            client: IP address of the client.
            local: IP address on which the query came in.
            ticket: the caller's number for this query, given back by `take_replies`.

        Returns:
            The reply; empty when none is due (the stream should be closed); None when it follows in `take_replies`.
        """

    def take_replies(self) -> list[tuple[int, bytes]]:
        """Replies to stream queries that became ready: `(ticket, reply)`."""

    def take_exchanges(self) -> list[tuple[int, str, int, bytes]]:
        """Exchanges to do over TCP: `(exchange, upstream address, port, query without length prefix)`."""

    def exchanged(self, exchange: int, message: bytes | None, /) -> bool:
        """Hand over the answer to an exchange from `take_exchanges`, or None if it failed.

        Returns:
            As `receive_upstream`.
        """

    def drain(self) -> int:
        """Number of clients still waiting for an upstream answer."""
