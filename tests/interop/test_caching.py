"""What is kept, for how long, and what happens when upstreams fail (RFC 2308, 8767, 9520): with real time."""

import contextlib
import socket
import time

import dns.flags
import dns.rcode
import pytest

from tests.helpers.client import over_udp
from tests.helpers.messages import addresses, extended_error, make_query, make_reply, read
from tests.helpers.service import Service, write_list
from tests.helpers.upstream import CLOSE, Upstream, address_of

pytestmark = pytest.mark.interop

GOOD = "192.0.2.1"
SOA = "ns.c.example. host.c.example. 1 3600 600 86400"


def ask(service, name, kind="A", **options):
    return read(over_udp(service.port, make_query(name, kind, **options)))


def test_c01_c08_ttls_run_down_and_end(service, upstream):
    upstream.respond = lambda asked: make_reply(asked.wire, f"{asked.name} 2 IN A {GOOD}")
    seen = []
    end = time.monotonic() + 2.3
    while time.monotonic() < end:
        seen.append(ask(service, "c01.example").answer[0].ttl)
        time.sleep(0.1)
    assert seen[0] == 2
    assert 1 in seen
    assert 0 not in seen
    assert len(upstream.about("c01.example")) == 2


def test_c03_no_ttl_is_longer_than_a_day(service, upstream):
    for number, ttl in enumerate((86_401, 604_800, 2**31 - 1, 2**31, 2**32 - 1)):
        name = f"c03-{number}.example"
        # dnspython writes no TTL with the highest bit set.
        upstream.respond = lambda asked, ttl=ttl: make_reply(asked.wire, f"{asked.name} 305419896 IN A {GOOD}").replace(
            bytes.fromhex("12345678"), ttl.to_bytes(4, "big")
        )
        assert 0 < ask(service, name).answer[0].ttl <= 86_400
        assert 0 < ask(service, name).answer[0].ttl <= 86_400
        assert len(upstream.about(name)) == 1


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "NOERROR"])
def test_c04_to_c07_negative_answers(service, upstream, rcode):
    name = f"c04.{rcode}.c.example"
    upstream.respond = lambda asked: make_reply(asked.wire, rcode=rcode, authority=[f"c.example. 300 IN SOA {SOA} 60"])
    for _ in range(3):
        reply = ask(service, name)
        assert (reply.rcode(), reply.answer) == (dns.rcode.from_text(rcode), [])
        assert [rrset.rdtype.name for rrset in reply.authority] == ["SOA"]
        assert 58 <= reply.authority[0].ttl <= 60, "the smaller of TTL and MINIMUM"
    assert len(upstream.about(name)) == 1
    ask(service, name, "AAAA")
    assert len(upstream.about(name)) == (1 if rcode == "NXDOMAIN" else 2), (
        "NXDOMAIN is for the name, NODATA for the type"
    )
    ask(service, name, rdclass="CH")
    assert upstream.about(name)[-1].wire.endswith(b"\0\1\0\3", 0, -11), "and each for the class"
    # A name below one that does not exist may exist behind another upstream.
    ask(service, f"below.{name}")
    assert len(upstream.about(f"below.{name}")) == 1


def test_c06_a_negative_answer_without_soa_is_not_kept(service, upstream):
    upstream.respond = lambda asked: make_reply(asked.wire, rcode="NXDOMAIN")
    for _ in range(2):
        assert ask(service, "c06.example").rcode() == dns.rcode.NXDOMAIN
    assert len(upstream.about("c06.example")) == 2


def test_c10_failures_are_kept_for_each_question_apart(service, upstream):
    upstream.respond = lambda asked: (
        make_reply(asked.wire, rcode="SERVFAIL") if "bad" in asked.name else address_of(asked)
    )
    for _ in range(5):
        assert ask(service, "bad.c10.example").rcode() == dns.rcode.SERVFAIL
    asked = len(upstream.about("bad.c10.example"))
    assert 1 <= asked <= 3
    assert ask(service, "bad.c10.example", "AAAA").rcode() == dns.rcode.SERVFAIL
    assert len(upstream.about("bad.c10.example")) > asked, "another type is another question"
    assert addresses(ask(service, "good.c10.example")) == [GOOD]


def test_c10_a_failure_is_forgotten_soon(service, upstream):
    upstream.respond = lambda asked: make_reply(asked.wire, rcode="SERVFAIL")
    assert ask(service, "c10.example").rcode() == dns.rcode.SERVFAIL
    upstream.respond = address_of
    start = time.monotonic()
    while not addresses(ask(service, "c10.example")):
        assert time.monotonic() - start < 5, "RFC 9520 allows five minutes, a family less"
        time.sleep(0.05)
    assert time.monotonic() - start >= 1.0


def test_c16_to_c23_stale_answers_stand_in(tmp_path):
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Upstream(lambda asked: make_reply(asked.wire, f"{asked.name} 1 IN A {GOOD}")))
        service = stack.enter_context(Service(tmp_path, upstream={"servers": [upstream.server]}))
        assert ask(service, "stale.example").answer[0].ttl == 1
        upstream.respond = lambda _: None
        time.sleep(1.1)
        start = time.monotonic()
        reply = ask(service, "stale.example", use_edns=0)
        assert 1.5 <= time.monotonic() - start <= 2.0
        assert (addresses(reply), reply.answer[0].ttl, extended_error(reply)) == ([GOOD], 30, 3)
        asked = len(upstream.asked)
        for _ in range(20):
            start = time.monotonic()
            assert addresses(ask(service, "stale.example")) == [GOOD]
            assert time.monotonic() - start < 0.1
        assert len(upstream.asked) == asked, "upstreams rest for half a minute"
        # C22: an upstream that is back but fails does not take the old answer away.
        upstream.respond = lambda asked: make_reply(asked.wire, rcode="SERVFAIL")
        assert addresses(ask(service, "stale.example")) == [GOOD]


def test_a_blocked_alias_stays_blocked_when_stale(tmp_path):
    write_list(tmp_path / "list.bin", ["casino.example"], serial=1)

    def respond(asked):
        return make_reply(
            asked.wire, f"{asked.name} 1 IN CNAME www.casino.example.", f"www.casino.example. 1 IN A {GOOD}"
        )

    with Upstream(respond) as upstream:
        config = {"upstream": {"servers": [upstream.server]}, "blocklist": {"file": str(tmp_path / "list.bin")}}
        with Service(tmp_path, **config) as service:
            assert addresses(ask(service, "alias.example")) == ["127.0.0.1"]
            upstream.respond = lambda _: None
            time.sleep(1.1)
            for _ in range(2):
                assert GOOD not in addresses(ask(service, "alias.example"))


FAILURES = {
    "silent": lambda asked: None,
    "servfail": lambda asked: make_reply(asked.wire, rcode="SERVFAIL"),
    "refused": lambda asked: make_reply(asked.wire, rcode="REFUSED"),
    "notimp": lambda asked: make_reply(asked.wire, rcode="NOTIMP"),
    "late": lambda asked: [(5.0, address_of(asked))],
    "garbage": lambda asked: asked.wire[:2] + b"\xff" * 60,
    "empty": lambda asked: b"" if asked.transport == "udp" else None,
    "echo": lambda asked: asked.wire,
    "other-id": lambda asked: bytes([asked.wire[0] ^ 1]) + address_of(asked)[1:],
    "cut-then-closed": lambda asked: (
        make_reply(asked.wire, flags=dns.flags.TC) if asked.transport == "udp" else [(0, CLOSE)]
    ),
    "cut-then-silent": lambda asked: make_reply(asked.wire, flags=dns.flags.TC) if asked.transport == "udp" else None,
    "badvers": lambda asked: read_badvers(asked),
}


def read_badvers(asked):
    reply = read(make_reply(asked.wire))
    reply.use_edns(0)
    reply.set_rcode(dns.rcode.BADVERS)
    return reply.to_wire()


def fail(asked):
    """Fail as the name says."""
    return FAILURES[asked.name.split(".")[0]](asked)


@pytest.fixture
def all_asked(tmp_path):
    """Asks a service with these upstreams for one name of each failure, all at one time: replies and seconds."""

    def ask_all(*servers):
        with Service(tmp_path, upstream={"servers": list(servers)}) as service, contextlib.ExitStack() as stack:
            ends, start = {}, time.monotonic()
            for kind in FAILURES:
                ends[kind] = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                ends[kind].settimeout(3)
                wire = make_query(f"{kind}.failure.example", use_edns=0)
                ends[kind].sendto(wire, ("127.0.0.1", service.port))
            return {kind: (read(end.recv(512)), time.monotonic() - start) for kind, end in ends.items()}

    return ask_all


def test_twelve_ways_to_fail_and_none_keeps_a_client_waiting(all_asked):
    with Upstream(fail) as upstream:
        for kind, (reply, seconds) in all_asked(upstream.server).items():
            assert seconds <= 2.0, kind
            assert not reply.answer, kind
            assert reply.rcode() != dns.rcode.NOERROR, kind
            assert reply.rcode() == dns.rcode.SERVFAIL or kind in ("refused", "notimp"), kind
            assert len(upstream.about(f"{kind}.failure.example")) <= 6, kind


def test_with_another_upstream_no_failure_is_seen(all_asked):
    with Upstream(fail) as bad, Upstream() as good:
        for kind, (reply, seconds) in all_asked(bad.server, good.server).items():
            assert seconds <= 2.0, kind
            assert addresses(reply) == [GOOD], kind


def test_a_port_that_nobody_listens_on_is_noticed_at_once(tmp_path):
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{end.getsockname()[1]}"
    start = time.monotonic()
    with Service(tmp_path, upstream={"servers": [dead]}) as service:
        start = time.monotonic()
        assert ask(service, "icmp.example").rcode() == dns.rcode.SERVFAIL
        assert time.monotonic() - start < 0.2
    (tmp_path / "second").mkdir()
    with Upstream() as good, Service(tmp_path / "second", upstream={"servers": [dead, good.server]}) as service:
        start = time.monotonic()
        assert addresses(ask(service, "icmp.example")) == [GOOD]
        assert time.monotonic() - start < 0.2


def test_an_upstream_that_is_back_is_used_within_a_second(tmp_path):
    with Upstream(lambda _: None) as upstream, Service(tmp_path, upstream={"servers": [upstream.server]}) as service:
        assert ask(service, "before.example").rcode() == dns.rcode.SERVFAIL
        upstream.respond = address_of
        start = time.monotonic()
        assert addresses(ask(service, "after.example")) == [GOOD]
        assert time.monotonic() - start <= 1.0


def test_c23_no_data_that_is_stale_stands_in_too(tmp_path):
    def respond(asked):
        return make_reply(asked.wire, authority=[f"c.example. 1 IN SOA {SOA} 1"])

    with Upstream(respond) as upstream, Service(tmp_path, upstream={"servers": [upstream.server]}) as service:
        assert ask(service, "nodata.c.example").rcode() == dns.rcode.NOERROR
        upstream.respond = lambda _: None
        time.sleep(1.2)
        reply = ask(service, "nodata.c.example", use_edns=0)
        assert (reply.rcode(), reply.answer, extended_error(reply)) == (dns.rcode.NOERROR, [], 3)


def test_questions_beyond_those_that_may_wait_are_refused_at_once(tmp_path):
    """A flood of names behind an upstream that is silent: everyone hears something, and what is known is answered."""
    total, waiting = 5000, 4096
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Upstream(lambda _: None))
        service = stack.enter_context(Service(tmp_path, upstream={"servers": [upstream.server]}))
        client = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        client.settimeout(3)
        template = make_query("00000.flood.example", use_edns=0)
        start = time.monotonic()
        for number in range(total):
            packet = number.to_bytes(2, "big") + template[2:13] + b"%05d" % number + template[18:]
            client.sendto(packet, ("127.0.0.1", service.port))
            if number % 100 == 0:
                time.sleep(0.005)
        assert time.monotonic() - start < 1.5, "before the first are given up"
        assert addresses(ask(service, "localhost")) == ["127.0.0.1"]
        errors = [extended_error(read(client.recv(512))) for _ in range(total)]
        assert errors.count(22) == waiting
        assert errors.count(23) == total - waiting
