"""Response policy zones (draft-vixie-dnsop-dns-rpz): what the owners say about queries for names.

Zones are read a record at a time, since a zone of a million records in memory takes a gigabyte. Records on one line of
the usual kinds are matched; all others (several lines, quotes, escapes) go through dnspython.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.addresses import REWRITE_KIND, is_sink
from safedns.blocklist.formats.batch import Batch
from safedns.blocklist.formats.entry import Chunk, Names, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

ZONE_KIND: Final = "data of the zone itself"
DIRECTIVE_KIND: Final = "directive"
CNAME_KIND: Final = "answer with another name"
DATA_KIND: Final = "local data other than an address"
TCP_KIND: Final = "rpz-tcp-only"
TRIGGERS: Final = frozenset((b"rpz-ip", b"rpz-client-ip", b"rpz-nsip", b"rpz-nsdname"))
"""Last labels of owners that are about something else than the name asked for; counted by these words."""

_BLOCK: Final = frozenset((b".", b"*.", b"rpz-drop."))
_ZONE_TYPES: Final = frozenset((b"SOA", b"NS", b"DNSKEY", b"RRSIG", b"NSEC", b"NSEC3", b"NSEC3PARAM", b"DS"))

# A record that does not close its parentheses must not swallow the file.
MAX_RECORD: Final = 2**16
MAX_RECORD_LINES: Final = 64

_SIMPLE = re.compile(
    rb"([^\s;\"()\\]*)[ \t]+(?:(?:[0-9][0-9A-Za-z]*|IN)[ \t]+){0,2}(CNAME|AAAA|A)[ \t]+([^\s;\"()\\]+)[ \t\r]*(?:;.*)?",
    re.IGNORECASE,
)
_QUOTED = re.compile(rb"\"(?:[^\"\\\n]|\\.)*\"|\\.|;[^\n]*")


class _Zone:
    """Reads the records of one zone."""

    def __init__(self, reading: Reading, options: Mapping[str, str]) -> None:
        self.batch = Batch(reading)
        given = options.get("origin", "").encode("utf-8", "replace").rstrip(b".").lower()
        self._zone: bytes | None = given or None
        self._origin = given
        self._owner = b"@"
        self._record: list[bytes] = []
        self._size = 0

    def line(self, line: bytes) -> None:
        """Read a line, which may go on with a record that earlier ones began."""
        simple = None if self._record else _SIMPLE.fullmatch(line)
        if simple:
            self._take(simple[1] or self._owner, simple[2].upper(), simple[3], line)
        elif self._record or (line.strip() and not line.lstrip().startswith(b";")):
            self._part(line)

    def _part(self, line: bytes) -> None:
        self._record.append(line)
        self._size += len(line)
        text = b"\n".join(self._record)
        bare = _QUOTED.sub(b"", text)
        is_open = bare.count(b"(") > bare.count(b")")
        if is_open and self._size <= MAX_RECORD and len(self._record) < MAX_RECORD_LINES:
            return
        if is_open:
            self.end()
        else:
            lines = len(self._record)
            self._record, self._size = [], 0
            self._whole(text, line, lines)

    def end(self) -> None:
        """A record that is still open, at the end of the file or of what a record may be, was cut short."""
        if self._record:
            count = len(self._record)
            self.batch.bad("expected a closing parenthesis; the record starts", self._record[0], count)
            self._record, self._size = [], 0

    def _whole(self, text: bytes, line: bytes, lines: int) -> None:
        if text.startswith(b"$"):
            self._directive(text.split(), line, lines)
            return
        import dns.exception

        try:
            owner, kind, value = _parsed(text.decode("utf-8"))
        except (dns.exception.DNSException, ValueError) as error:
            self.batch.bad(f"expected a record ({error})", line, lines)
            return
        self._take(owner or self._owner, kind, value, line)
        self.batch.skip(ZONE_KIND, lines - 1)

    def _directive(self, words: list[bytes], line: bytes, lines: int) -> None:
        key = words[0].upper()
        if key == b"$ORIGIN" and len(words) > 1:
            self._origin = self._absolute(words[1])
        elif key not in (b"$TTL", b"$GENERATE", b"$INCLUDE"):
            self.batch.bad("expected $TTL or $ORIGIN", line, lines)
            return
        self.batch.skip(DIRECTIVE_KIND if key in (b"$TTL", b"$ORIGIN") else f"directive {key.decode()}", lines)

    def _absolute(self, name: bytes) -> bytes:
        """A name without its last dot; what is relative is completed with the origin."""
        lower = name.lower()
        if lower == b"@":
            return self._origin
        if lower.endswith(b"."):
            return lower[:-1]
        return lower + b"." + self._origin if self._origin else lower

    def _take(self, owner: bytes, kind: bytes, value: bytes, line: bytes) -> None:
        self._owner = owner
        name = self._absolute(owner)
        if kind == b"SOA":
            self._zone = name
        trigger = self._trigger(owner, name)
        if kind in _ZONE_TYPES or trigger == b"":
            self.batch.skip(ZONE_KIND)
        elif trigger is None:
            self.batch.bad("expected a name in the zone", line)
        elif trigger.rpartition(b".")[2] in TRIGGERS:
            self.batch.skip(trigger.rpartition(b".")[2].decode())
        else:
            self._act(trigger, name, kind, value.lower())

    def _trigger(self, owner: bytes, name: bytes) -> bytes | None:
        """The name that a record is about: the owner without the zone."""
        if self._zone:
            if name == self._zone:
                return b""
            return name[: -len(self._zone) - 1] if name.endswith(b"." + self._zone) else None
        return b"" if owner == b"@" else None if owner.endswith(b".") else name

    def _act(self, trigger: bytes, name: bytes, kind: bytes, value: bytes) -> None:
        allow = False
        if kind == b"CNAME":
            # Before rpz-passthru a CNAME to the name itself said so.
            allow = value in (b"rpz-passthru.", trigger + b".")
            other = None if allow or value in _BLOCK else TCP_KIND if value == b"rpz-tcp-only." else CNAME_KIND
        elif kind in (b"A", b"AAAA"):
            other = None if is_sink(value) else REWRITE_KIND
        else:
            other = DATA_KIND
        if other:
            self.batch.skip(other)
        elif trigger == b"*":
            self.batch.skip("every name")
        elif trigger.startswith(b"*."):
            self.batch.add(trigger[2:], Scope.BELOW, allow)
        else:
            self.batch.add(trigger, Scope.EXACT, allow)


def _parsed(text: str) -> tuple[bytes, bytes, bytes]:
    """Owner (empty: that of the record before), type and first word of the data of a record.

    Raises:
        dns.exception.DNSException: it is none.
        ValueError: the same.
    """
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.tokenizer

    words = dns.tokenizer.Tokenizer(text)
    first = words.get(want_leading=True)
    owner = "" if first.is_whitespace() else first.value
    word = words.get_string()
    for _ in range(2):
        if word[:1].isdigit() or word.upper() == "IN":
            word = words.get_string()
    kind = dns.rdatatype.from_text(word)
    value = words.get()
    words.unget(value)
    dns.rdata.from_text(dns.rdataclass.IN, kind, words)
    return owner.encode(), dns.rdatatype.to_text(kind).encode(), value.value.encode()


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a zone."""
    zone = _Zone(reading, options)
    for data, first in chunks:
        for number, line in enumerate(data.split(b"\n")[:-1], first):
            zone.batch.number = number
            zone.line(line)
        yield from zone.batch.names()
    zone.end()
