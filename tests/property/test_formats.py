"""Any bytes as a list of any format: names or errors, never another exception, and no more than went in."""

import contextlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedns.blocklist.formats import FORMATS, Reading, read
from safedns.blocklist.formats.valid import invalid
from safedns.errors import BlocklistError

SAMPLES = {
    "plain": b"# list\na.example\n*.b.example\n.c.example:80\n192.0.2.1\n::1\nb\xc3\xbccher.example \r\n",
    "hosts": b"127.0.0.1 localhost\n0.0.0.0 a.example b.example # why\n::1\tc.example\n",
    "adblock": b"[Adblock]\n! x\n||a.example^\n@@||b.example^$important\n|c.example^\n||*.d.example^\n##.ad\n/ads/\n",
    "dnsmasq": b"address=/a.example/b.example/0.0.0.0\nlocal=/c.example/\nserver=/d.example/#\ncache-size=3\n",
    "unbound": b'server:\nlocal-zone: "a.example" static\nlocal-data: "b.example 60 IN A 0.0.0.0"\n',
    "rpz": b'$ORIGIN r.\n@ 60 IN SOA a. b. (1 2\n 3 4 5)\n NS l.\na.example CNAME .\n*.b CNAME *.\nt TXT "x\\" ("\n',
    "v2fly": b"a.example @ads\nfull:b.example\ndomain:c.example\nkeyword:x\nregexp:.*\ninclude:none\ninclude:list\n",
    "csv": b'id,domain\n1,a.example\n2,"b.example"\n3,"x\ny"\n4,http://c.example/\n',
    "urls": b"http://a.example/\nhttps://u@b.example:443\nhttp://c.example/p\nhttp://[::1]/\n",
}
# Lines enough that the damage is less than what makes a file another kind of file.
GOOD = {
    "plain": b"a.example\n",
    "hosts": b"0.0.0.0 a.example\n",
    "adblock": b"||a.example^\n",
    "dnsmasq": b"local=/a.example/\n",
    "unbound": b'local-zone: "a.example" deny\n',
    "rpz": b"a.example CNAME .\n",
    "v2fly": b"a.example\n",
    "csv": b"1,a.example\n",
    "urls": b"http://a.example\n",
}
TOKENS = [b"\n", b"\0", b'"', b"(", b")", b"#", b"*", b".", b"$", b" ", b"\t", b"\r", b"/", b":", b"^", b"|", b"\xff"]
TOKENS += [b"\xc3\xa9", b"\\", b"@", b",", b"\\999", b"TYPE1 \\# 1", b"\x1f\x8b", b"xn--", b"\xe2\x80\x8b", b";", b"%"]

lines = st.sampled_from(sorted({line for sample in SAMPLES.values() for line in sample.split(b"\n")}))
shaken = st.lists(st.one_of(lines, st.sampled_from(TOKENS), st.binary(max_size=20)), max_size=40).map(b"".join)
real_looking = st.lists(lines, max_size=40).map(b"\n".join)


def read_all(path: Path, content: bytes, style: str) -> Reading:
    """Read as a build does; what comes out is checked."""
    path.write_bytes(content)
    reading = Reading(str(path))
    size = 0
    for names in read(str(path), reading, format=style):
        assert names.data.isascii()
        assert names.data.endswith(b"\n") or not names.data
        count = names.data.count(b"\n")
        assert names.numbers is None or len(names.numbers) == count
        # The last line may come without its LF.
        assert count == 0 or 1 <= names.number(0) <= names.number(count - 1) <= content.count(b"\n") + 1
        size += len(names.data)
        for index, reason in invalid(names.data):
            reading.reject(names, index, reason)
    # An A-label takes at most as many bytes again for each character, and its prefix.
    assert size <= 8 * len(content) + 16
    assert reading.lines == reading.blank + reading.listed + reading.bad + reading.skipped.total()
    assert min(reading.blank, reading.listed, reading.names, reading.bad) >= 0
    return reading


@pytest.mark.parametrize("style", ["auto", *FORMATS])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000, max_examples=60)
@given(content=st.one_of(st.binary(max_size=300), shaken, real_looking))
def test_any_bytes(tmp_path: Path, style: str, content: bytes) -> None:
    # A refusal is an answer as good as names are.
    with contextlib.suppress(BlocklistError):
        read_all(tmp_path / "list", content, style)


def mutated(sample: bytes, chance: random.Random) -> bytes:
    data = bytearray(sample * chance.randrange(1, 3))
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(data) + 1)
        what = chance.random()
        if what < 0.5:
            data[place:place] = chance.choice(TOKENS)
        elif what < 0.8:
            del data[place : place + chance.randrange(1, 9)]
        else:
            data[place : place + 1] = bytes([chance.randrange(256)])
    return bytes(data)


@pytest.mark.parametrize("style", FORMATS)
def test_lists_with_damage(tmp_path: Path, style: str) -> None:
    chance = random.Random(1)
    read_count = 0
    for _ in range(500):
        content = mutated(SAMPLES[style], chance) + b"\n" + GOOD[style] * 100
        try:
            read_all(tmp_path / "list", content, style)
        except BlocklistError:
            continue
        read_count += 1
    # Damage to the header of a table, or a quotation mark that opens, costs the whole file.
    assert read_count > 200


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("piece", [b" ", b"#", b"(", b'"', b"a.", b":", b"/", b"\xc3\xa9", b"\n", b"(\n", b"x ", b"##"])
def test_repeated_bytes_take_linear_time(tmp_path: Path, style: str, piece: bytes) -> None:
    content = b"domain\n" + piece * (200_000 // len(piece)) + b"x\n"
    started = time.process_time()
    with contextlib.suppress(BlocklistError):
        read_all(tmp_path / "list", content, style)
    # Quadratic time would be minutes.
    assert time.process_time() - started < 5
