"""Packets that claim to be queries and are none, each with a whole header: what parsers are known to trip over.

Whoever sends one of these waits for a reply; silence costs the client its timeout.
"""

from collections.abc import Iterator

HEADER = bytes.fromhex("4a49 0100 0001 0000 0000 0000")
NAME = b"\3www\7example\3com\0"
A_IN = b"\0\1\0\1"
QUERY = HEADER + NAME + A_IN


def with_counts(questions: int = 1, answers: int = 0, authorities: int = 0, additional: int = 0) -> bytes:
    """A header that promises so many records."""
    return HEADER[:4] + b"".join(count.to_bytes(2, "big") for count in (questions, answers, authorities, additional))


def with_question(name: bytes, rest: bytes = A_IN) -> bytes:
    """A query with these octets for a name."""
    return HEADER + name + rest


def opt(options: bytes = b"", *, owner: bytes = b"\0", version: int = 0, length: int | None = None) -> bytes:
    """An OPT record, its length field true unless given."""
    size = len(options) if length is None else length
    return owner + b"\0\x29\x04\xd0\0" + bytes([version]) + b"\0\0" + size.to_bytes(2, "big") + options


def with_opt(record: bytes, count: int = 1) -> bytes:
    """The query with octets in the place of an OPT record."""
    return with_counts(additional=count) + NAME + A_IN + record


def record(kind: int, data: bytes, owner: bytes = b"\0", length: int | None = None) -> bytes:
    """A resource record of class ANY."""
    size = len(data) if length is None else length
    return owner + kind.to_bytes(2, "big") + b"\0\xff\0\0\0\0" + size.to_bytes(2, "big") + data


def counts() -> Iterator[tuple[str, bytes]]:
    """Counts in the header that lie."""
    yield "no question", with_counts(questions=0)
    yield "no question, yet one is there", with_counts(questions=0) + NAME + A_IN
    yield "two questions promised", with_counts(questions=2) + NAME + A_IN
    yield "two questions", with_counts(questions=2) + (NAME + A_IN) * 2
    yield "65,535 questions", with_counts(questions=65535) + NAME + A_IN
    for section in ("answers", "authorities", "additional"):
        yield f"one of {section} promised", with_counts(**{section: 1}) + NAME + A_IN
        yield f"65,535 {section}", with_counts(**{section: 65535}) + NAME + A_IN
    yield "all counts 65,535", with_counts(65535, 65535, 65535, 65535) + NAME + A_IN
    yield "all counts 65,535, header only", with_counts(65535, 65535, 65535, 65535)


def names() -> Iterator[tuple[str, bytes]]:
    """Names that are none."""
    yield "pointer to itself", with_question(b"\xc0\x0c")
    yield "pointer to the next octet", with_question(b"\xc0\x0d")
    yield "pointer forward", with_question(b"\xc0\x12", A_IN + NAME)
    yield "pointer behind the end", with_question(b"\xff\xff")
    yield "pointer into the header", with_question(b"\xc0\x04")
    yield "pointer to the start", with_question(b"\xc0\x00")
    yield "pointers to each other", with_question(b"\xc0\x0e\xc0\x0c")
    yield "label and pointer in a loop", with_question(b"\3www\xc0\x0c")
    yield "label and pointer into the label", with_question(b"\3\1a\0\xc0\x0d")
    yield "half a pointer", HEADER + b"\3www\xc0"
    yield "label type 01", with_question(b"\x41www\0")
    yield "label type 10", with_question(b"\x83www\0")
    yield "binary label of RFC 2673", with_question(b"\x41\x08\xff\0")
    yield "label behind the end", HEADER + b"\x3fwww"
    yield "label of 63 that ends the packet", HEADER + b"\x3f" + b"x" * 63
    yield "name of 256 octets", with_question((b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\0")
    yield "name of 128 labels", with_question(b"\1x" * 128 + b"\0")
    yield "name without end", HEADER + NAME[:-1]
    yield "500 labels without end", HEADER + b"\1x" * 500


def questions() -> Iterator[tuple[str, bytes]]:
    """Questions that end early, or ask for what can't be asked for."""
    yield "no type", HEADER + NAME
    yield "half a type", HEADER + NAME + b"\0"
    yield "no class", HEADER + NAME + b"\0\1"
    yield "half a class", HEADER + NAME + b"\0\1\0"
    yield "type OPT", HEADER + NAME + b"\0\x29\0\1"


def edns() -> Iterator[tuple[str, bytes]]:
    """OPT records and options that break RFC 6891 and RFC 7873."""
    yield "OPT twice", with_opt(opt() * 2, 2)
    yield "OPT owned by a name", with_opt(opt(owner=b"\1x\0"))
    yield "OPT owned by a pointer to itself", with_opt(opt(owner=b"\xc0\x21"))
    yield "OPT shorter than it says", with_opt(opt(length=4))
    yield "OPT of 65,535 octets", with_opt(opt(length=65535))
    yield "option code without length", with_opt(opt(b"\0\3"))
    yield "half an option length", with_opt(opt(b"\0\3\0"))
    yield "option behind the end of OPT", with_opt(opt(b"\0\3\0\5abc"))
    yield "option of 65,535 octets", with_opt(opt(b"\0\3\xff\xff"))
    yield "second option behind the end", with_opt(opt(b"\0\3\0\0\0\x0c\0\x40\0"))
    yield "cookie of 7 octets", with_opt(opt(b"\0\x0a\0\7" + b"c" * 7))
    yield "cookie of 9 octets", with_opt(opt(b"\0\x0a\0\x09" + b"c" * 9))
    yield "cookie of 41 octets", with_opt(opt(b"\0\x0a\0\x29" + b"c" * 41))
    yield "cookie without octets", with_opt(opt(b"\0\x0a\0\0"))
    yield "EDNS version 1", with_opt(opt(version=1))
    yield "EDNS version 255", with_opt(opt(version=255))
    yield "OPT among the answers", with_counts(answers=1) + NAME + A_IN + opt()
    yield "OPT among the authorities", with_counts(authorities=1) + NAME + A_IN + opt()


def records() -> Iterator[tuple[str, bytes]]:
    """Other records that break off, and a query cut at every octet."""
    yield "address of 3 octets, one promised behind it", with_counts(answers=2) + NAME + A_IN + record(1, b"abc")
    yield (
        "record owned by a pointer to itself",
        with_counts(answers=1) + NAME + A_IN + record(1, b"abcd", b"\xc0\x21", 9),
    )
    yield "record longer than the packet", with_counts(additional=1) + NAME + A_IN + record(16, b"abc", length=400)
    yield "TSIG longer than the packet", with_counts(additional=1) + NAME + A_IN + record(250, b"abc", length=40)
    whole = with_opt(opt(b"\0\x0a\0\x08" + b"c" * 8))
    for length in range(len(HEADER), len(whole)):
        yield f"cut at {length}", whole[:length]


MALFORMED = dict([*counts(), *names(), *questions(), *edns(), *records()])
