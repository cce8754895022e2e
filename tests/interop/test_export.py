"""Resolvers that ISPs run come to the verdicts that we come to, with lists exported for them."""

import asyncio
import random
import socket
from collections.abc import Sequence
from pathlib import Path

import dns.rcode
import pytest

from safedns import _native
from safedns.blocklist.categories import BY_ID
from safedns.blocklist.export import FORMATS, Summary, export
from tests.helpers.messages import make_query, read
from tests.helpers.resolvers import BLOCKED, PROGRAMS, start
from tests.helpers.upstream import Upstream

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

GAMBLING, GOV = (1 << BY_ID[word].number for word in ("gambling", "gov"))
SUFFIX, EXACT, BELOW = 0, 1, 2
ALLOWING = (2, 4)
"""The sources that take names out."""
LABELS = ["a", "b", "xn--bt-g6s", "_tcp", "0", "long-" + "x" * 58]
TOPS = ["example", "test.example", "vn", "co.uk"]


def random_name(generator: random.Random) -> str:
    """A name of few different labels, so that names stand above and below each other."""
    labels = generator.choices(LABELS, [8, 8, 2, 2, 2, 1], k=generator.randrange(1, 5))
    return ".".join([*labels, f"site{generator.randrange(150)}", generator.choice(TOPS)])


def build(folder: Path, blocking: Sequence[int], allowing: Sequence[int]) -> _native.Blocklist:
    """Names blocked, excepted, and blocked again, in these scopes; and some of a harmless category."""
    generator = random.Random(7)
    # Two lists, one that allows, and the operator: entries at any depth contradict each other.
    builder = _native.Builder(
        [(GAMBLING, 0, False), (GOV, 0, False), (GAMBLING, 0, True), (GAMBLING, 1, False), (GAMBLING, 1, True)]
    )
    builder.add(BLOCKED.encode(), 0)
    for source, count in enumerate((1500, 200, 300, 500, 500)):
        for _ in range(count):
            name = random_name(generator)
            if source == 0:
                # Sites above most of them.
                name = generator.choice([name, ".".join(name.split(".")[-2:])])
            scopes = allowing if source in ALLOWING else blocking
            builder.add(name.encode(), source, scope=generator.choice(scopes))
    with (folder / "blocklist").open("wb") as file:
        builder.write(file.fileno(), serial=7)
    return _native.Blocklist.load(str(folder / "blocklist"))


def questions(blocklist: _native.Blocklist) -> list[str]:
    """2,000 names: entries, names below, above and beside them, and others."""
    generator = random.Random(8)
    entries = [row[0] for batch in blocklist.walk() for row in batch]
    names = {BLOCKED}
    while len(names) < 2000:
        entry = generator.choice(entries)
        names.add(
            generator.choice(
                [
                    entry,
                    f"{generator.choice(LABELS)}.{entry}",
                    f"deep.down.{entry}",
                    entry.partition(".")[2],
                    f"{generator.choice(LABELS)}.{entry.partition('.')[2]}",
                    random_name(generator),
                    f"unlisted{generator.randrange(1000)}.example",
                ]
            )
        )
    return sorted(names)


async def ask_all(port: int, names: Sequence[str]) -> dict[str, bool]:
    """Whether each name is blocked, 30 questions at a time, each up to five times."""
    loop, slots = asyncio.get_running_loop(), asyncio.Semaphore(30)

    async def ask(name: str) -> tuple[str, bool]:
        async with slots:
            with socket.socket(type=socket.SOCK_DGRAM) as end:
                end.setblocking(False)
                end.connect(("127.0.0.1", port))
                for _ in range(5):
                    await loop.sock_sendall(end, make_query(name))
                    try:
                        answer = await asyncio.wait_for(loop.sock_recv(end, 4096), 2)
                    except TimeoutError:
                        continue
                    return name, is_blocked(answer)
        raise AssertionError(f"no answer for {name}")

    return dict(await asyncio.gather(*map(ask, names)))


def is_blocked(answer: bytes) -> bool:
    """Blocked names are answered with NXDOMAIN or an address that leads nowhere, others with the upstream's address."""
    message = read(answer)
    addresses = {record.to_text() for rrset in message.answer for record in rrset}
    if message.rcode() == dns.rcode.NXDOMAIN or addresses == {"0.0.0.0"}:
        return True
    assert addresses == {"192.0.2.1"}, message.to_text()
    return False


def exported(blocklist: _native.Blocklist, name: str, folder: Path) -> tuple[Path, Summary]:
    path = folder / f"export.{name}"
    return path, export(blocklist, name, str(path), GAMBLING, lambda _lines: None)


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as running:
        yield running


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_verdict_for_2000_names(name: str, tmp_path: Path, upstream: Upstream) -> None:
    # Unbound's own words can't say that only what is below a name is blocked; its response policy zones can.
    every = (SUFFIX, EXACT, BELOW)
    blocklist = build(tmp_path, (SUFFIX, EXACT), (SUFFIX,)) if name == "unbound" else build(tmp_path, every, every)
    file, summary = exported(blocklist, PROGRAMS[name][1], tmp_path)
    names = questions(blocklist)
    expected = {name: bool(blocklist.lookup(name)[0] & GAMBLING) for name in names}
    assert 500 < sum(expected.values()) < 1500
    assert not summary.left_out
    with start(name, tmp_path, file, int(upstream.server.rpartition(":")[2])) as port:
        found = asyncio.run(ask_all(port, names))
    assert {name: verdict for name, verdict in found.items() if verdict != expected[name]} == {}
    assert len(found) == 2000
    assert set(FORMATS) >= {form for _, form in PROGRAMS.values()}
