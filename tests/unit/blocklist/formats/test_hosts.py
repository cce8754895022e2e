import pytest

from safedns.blocklist.formats import Reading, hosts
from safedns.blocklist.formats.entry import Chunk
from safedns.blocklist.formats.looks import format_of


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        (b"0.0.0.0 a.example\n", True),
        (b"# hosts\n\n127.0.0.1\tlocalhost\n", True),
        (b"::1 localhost\n", True),
        (b"fe80::1%lo0 localhost\n", True),
        (b":: a.example\n", True),
        (b"  255.255.255.255 broadcasthost\n", True),
        (b"a.example\nc.example\nd.example\n0.0.0.0 b.example\n", False),
        (b"1.2.3.4\n", False),
        (b"1.2.3.4 # one\n", False),
        (b"deadbeef.example\n", False),
        (b"# nothing\n", False),
    ],
)
def test_what_most_lines_look_like_decides(chunk: bytes, expected: bool) -> None:
    assert (format_of(chunk, {}) == "hosts") is expected


@pytest.mark.parametrize(
    ("chunk", "names"),
    [
        (b"0.0.0.0 a.example\n0.0.0.0 b.example\n", [("a.example", 1), ("b.example", 2)]),
        (b"127.0.0.1\ta.example\r\n0.0.0.0   b.example # why\n", [("a.example", 1), ("b.example", 2)]),
        (b"# x\n:: a.example\n\n::1 b.example\n", [("a.example", 2), ("b.example", 4)]),
        (b"0.0.0.0 a.example b.example\n0.0.0.0 c.example\n", [("a.example", 1), ("b.example", 1), ("c.example", 2)]),
        (b"192.168.1.9 a.example\n10.0.0.1 b.example\n", [("a.example", 1), ("b.example", 2)]),
        (b"0.0.0.0 0.0.0.0\n0.0.0.0 a.example\n", [("a.example", 2)]),
        (
            b"127.0.0.1 localhost localhost.localdomain local\n::1 ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\n"
            b"255.255.255.255 BroadcastHost\nfe80::1%lo0 localhost\n0.0.0.0 localhost.example local.example\n",
            [("localhost.example", 6), ("local.example", 6)],
        ),
        (b"0.0.0.0 a.example\nb.example\n", [("a.example", 1), ("b.example", 2)]),
        (b"0.0.0.0 10.0.0.0.example\n", [("10.0.0.0.example", 1)]),
    ],
)
def test_names_and_where_they_stood(chunk: bytes, names: list[tuple[str, int]]) -> None:
    reading = Reading("list")
    (lines,) = hosts.read([Chunk(chunk, 1)], reading, {})
    found = [(line.decode(), lines.number(index)) for index, line in enumerate(lines.data.split(b"\n")) if line.strip()]
    assert found == names
    assert lines.count == len(names)
