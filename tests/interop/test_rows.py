"""What a home cares about, row by row: behaviour on which trusted resolvers differ, measured on the running service."""

import contextlib
import select
import socket
import time

import dns.edns
import dns.flags
import dns.opcode
import dns.rcode
import pytest

from tests.helpers.client import TRANSPORTS, framed, over_tcp, over_udp
from tests.helpers.malformed import MALFORMED
from tests.helpers.messages import addresses, extended_error, make_query, make_reply, read
from tests.helpers.service import read_message
from tests.helpers.upstream import address_of

pytestmark = pytest.mark.interop

GOOD = "192.0.2.1"
transports = pytest.mark.parametrize("ask", TRANSPORTS.values(), ids=TRANSPORTS)


def silent_for(*words):
    """An upstream that has no answer for names with one of these words in them."""
    return lambda asked: None if any(word in asked.name for word in words) else address_of(asked)


class TestRFC8906:
    """The tests of RFC 8906 section 8, with names that are forwarded and names that are blocked."""

    @pytest.fixture(params=["www.example.com", "casino.example"])
    def name(self, request):
        return request.param

    @pytest.fixture(autouse=True)
    def _upstream(self, upstream):
        def respond(asked):
            query = read(asked.wire)
            kind, name = query.question[0].rdtype.name, query.question[0].name
            if kind == "SOA":
                return make_reply(asked.wire, f"{name} 300 IN SOA ns.example.com. host.example.com. 1 60 60 60 60")
            if kind == "DNSKEY":
                long = " ".join(["x" * 60] * 20).replace("x", "A")
                return make_reply(asked.wire, f"{name} 300 IN DNSKEY 257 3 8 {long}")
            return make_reply(asked.wire, authority=["example.com. 300 IN SOA ns.example.com. host. 1 60 60 60 60"])

        upstream.respond = respond

    @staticmethod
    def exchange(ask, service, wire):
        reply = ask(service.port, wire)
        assert reply is not None
        message = read(reply)
        assert message.id == int.from_bytes(wire[:2], "big")
        assert message.flags & dns.flags.QR
        return message

    @transports
    @pytest.mark.parametrize(
        ("set_flags", "kept"),
        [(0, 0), (dns.flags.CD, dns.flags.CD), (dns.flags.AD, 0), (0x40, 0), (dns.flags.RD, dns.flags.RD)],
        ids=["8.1.1 plain", "8.1.3.1 CD", "8.1.3.2 AD", "8.1.3.3 Z", "8.1.3.4 RD"],
    )
    def test_header_bits(self, service, name, ask, set_flags, kept):
        reply = self.exchange(ask, service, make_query(name, "SOA", set_flags=set_flags))
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.flags & (dns.flags.CD | dns.flags.AD | 0x40 | dns.flags.RD | dns.flags.RA) == (
            kept | dns.flags.RD | dns.flags.RA
        )
        assert reply.edns == -1

    @transports
    def test_unknown_type(self, service, name, ask):
        reply = self.exchange(ask, service, make_query(name, 1000))
        assert (reply.rcode(), reply.answer, reply.edns) == (dns.rcode.NOERROR, [], -1)

    @transports
    @pytest.mark.parametrize("opcode", [1, 2, 3, *range(6, 16)])
    def test_unknown_opcode(self, service, upstream, ask, opcode):
        wire = b"\x12\x34" + bytes([opcode << 3]) + bytes(9)
        reply = ask(service.port, wire)
        assert reply == b"\x12\x34" + bytes([0x80 | opcode << 3, dns.rcode.NOTIMP]) + bytes(8)
        assert upstream.asked == []

    def test_tcp_says_what_udp_says(self, service, name):
        wire = make_query(name, "SOA")
        assert over_udp(service.port, wire) == over_tcp(service.port, wire)

    @transports
    def test_minimal_edns(self, service, name, ask):
        reply = self.exchange(ask, service, make_query(name, "SOA", use_edns=0))
        assert (reply.rcode(), reply.edns) == (dns.rcode.NOERROR, 0)

    @transports
    @pytest.mark.parametrize(
        ("ednsflags", "options"),
        [
            (0, []),
            (0x40, []),
            (0, [dns.edns.GenericOption(100, b"\1\2")]),
            (0x8000, []),
        ],
        ids=["8.2.2 version", "8.2.5 and flags", "8.2.6 and options", "8.2.9 and DO"],
    )
    def test_edns_versions(self, service, name, ask, ednsflags, options):
        wire = make_query(name, "SOA", use_edns=1, ednsflags=1 << 16 | ednsflags, options=options)
        reply = self.exchange(ask, service, wire)
        assert (reply.rcode(), reply.edns, reply.answer) == (dns.rcode.BADVERS, 0, [])
        assert reply.ednsflags & 0x7FFF == 0
        assert 100 not in [option.otype for option in reply.options]

    @transports
    @pytest.mark.parametrize(
        ("ednsflags", "codes"),
        [(0, [100]), (0x40, []), (0x8000, []), (0, [3, 8, 9, 10])],
        ids=["8.2.3 option", "8.2.4 flag", "8.2.8 DO", "8.2.10 several options"],
    )
    def test_edns(self, service, name, ask, ednsflags, codes):
        data = {8: b"\0\1\0\0", 10: b"\1\2\3\4\5\6\7\x08"}
        options = [dns.edns.GenericOption(code, data.get(code, b"")) for code in codes]
        reply = self.exchange(ask, service, make_query(name, "SOA", use_edns=0, ednsflags=ednsflags, options=options))
        assert (reply.rcode(), reply.edns) == (dns.rcode.NOERROR, 0)
        assert reply.ednsflags == ednsflags & 0x8000
        assert {option.otype for option in reply.options} <= {15}

    def test_truncated(self, service):
        """8.2.7: what doesn't fit says so, and has its OPT record."""
        wire = make_query("www.example.com", "DNSKEY", use_edns=0, payload=512, want_dnssec=True)
        reply = self.exchange(over_udp, service, wire)
        assert reply.flags & dns.flags.TC
        assert (reply.edns, reply.ednsflags & 0x8000, reply.answer) == (0, 0x8000, [])
        assert self.exchange(over_tcp, service, wire).answer


@transports
@pytest.mark.parametrize("questions", [0, 2, 3])
def test_not_one_question_is_formerr(service, upstream, ask, questions):
    question = make_query("www.example.com")[12:]
    wire = b"\x12\x34\1\0" + questions.to_bytes(2, "big") + bytes(6) + question * questions
    reply = ask(service.port, wire)
    assert reply is not None
    assert reply[:2] == b"\x12\x34"
    assert reply[3] & 15 == dns.rcode.FORMERR
    assert upstream.asked == []


def test_malformed_queries_are_answered_and_never_forwarded(service, upstream):
    assert len(MALFORMED) >= 54
    kept = service.children()
    for what, packet in MALFORMED.items():
        for ask in TRANSPORTS.values():
            reply = ask(service.port, packet, timeout=1)
            assert reply is not None, f"{what}: silence"
            assert reply[:2] == packet[:2], what
            assert reply[2] & 0x80, what
            code = read(reply).rcode()
            assert code in (dns.rcode.FORMERR, dns.rcode.BADVERS), f"{what}: {dns.rcode.to_text(code)}"
            assert read(over_udp(service.port, make_query("localhost"))).answer, f"dead after {what}"
    assert upstream.asked == []
    assert service.children() == kept


def test_packets_that_nobody_waits_for_get_no_reply(service, upstream):
    response = make_reply(make_query("www.example.com"))
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        end.connect(("127.0.0.1", service.port))
        for packet in (b"", *(b"\x12\x34\1\0\0\1\0\0\0\0\0"[:size] for size in range(1, 12)), response):
            end.send(packet)
        assert not select.select([end], [], [], 0.2)[0]
        end.send(make_query("localhost"))
        assert select.select([end], [], [], 1)[0]
    assert upstream.asked == []


@pytest.mark.parametrize("size", [600, 4000, 4096, 5000, 9000, 60_000])
def test_octets_behind_a_query_harm_nobody(service, upstream, size):
    reply = over_udp(service.port, make_query("casino.example") + bytes(size))
    assert reply is not None
    assert read(reply).rcode() in (dns.rcode.NOERROR, dns.rcode.FORMERR)
    assert upstream.asked == []


def changed(packet, at, value):
    return packet[:at] + bytes([value]) + packet[at + 1 :]


def question_end(packet):
    return packet.index(b"\0", 12) + 5


JUNK = {
    "nothing": lambda good: b"",
    "two octets": lambda good: good[:2],
    "half a header": lambda good: good[:7],
    "a header": lambda good: good[:12],
    "cut in the question": lambda good: good[:20],
    "cut in a record": lambda good: good[:-3],
    "a query": lambda good: changed(good, 2, good[2] & 0x7F),
    "another opcode": lambda good: changed(good, 2, good[2] | 0x20),
    "another id": lambda good: changed(good, 0, good[0] ^ 1),
    "another name": lambda good: changed(good, 13, ord("!")),
    "another type": lambda good: changed(good, question_end(good) - 3, 28),
    "another class": lambda good: changed(good, question_end(good) - 1, 3),
    "two questions": lambda good: changed(good, 5, 2),
    "no question": lambda good: good[:4] + bytes(8),
    "no question, REFUSED": lambda good: good[:2] + b"\x81\x85" + bytes(8),
    "more records than there are": lambda good: changed(good, 7, 9),
    "an address of 3 octets": lambda good: good[: question_end(good)] + b"\xc0\x0c\0\1\0\1\0\0\1\0\0\3abc",
    "a pointer to itself": lambda good: (
        good[: question_end(good)] + bytes([0xC0, question_end(good)]) + b"\0\1\0\1\0\0\1\0\0\4abcd"
    ),
}


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("kind", JUNK)
def test_junk_before_the_good_answer_costs_nothing(service, upstream, kind, times):
    name = f"{kind.replace(' ', '-').replace(',', '')}-{times}.junk.example"

    def respond(asked):
        good = make_reply(asked.wire, f"{read(asked.wire).question[0].name} 300 IN A {GOOD}")
        # Without an OPT record: where it is cut, the records of the answer are cut.
        good = good if read(good).edns == -1 else changed(good[:-11], 11, 0)
        return [(0, JUNK[kind](good))] * times + [(0.05, good)]

    upstream.respond = respond
    reply = over_udp(service.port, make_query(name))
    assert addresses(read(reply)) == [GOOD]
    assert len(upstream.about(name)) <= 3


def test_a_hundred_identical_questions_are_one_upstream(service, upstream):
    # Not so late that a first query would count as lost.
    upstream.respond = lambda asked: [(0.1, address_of(asked))]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(100)]
        for number, client in enumerate(clients):
            client.settimeout(2)
            name = "same.example.com" if number % 2 else "SAME.Example.com"
            wire = make_query(name, id=number, use_edns=number % 3 == 0, options=[dns.edns.GenericOption(65001, b"x")])
            client.sendto(wire, ("127.0.0.1", service.port))
        replies = [read(client.recv(512)) for client in clients]
    assert [reply.id for reply in replies] == list(range(100))
    assert all(addresses(reply) == [GOOD] for reply in replies)
    assert [reply.question[0].name.labels[0] for reply in replies[:2]] == [b"SAME", b"same"]
    assert len(upstream.about("same.example.com")) == 1


def test_ports_and_ids_are_never_the_same(service, upstream):
    for number in range(300):
        assert over_udp(service.port, make_query(f"p{number}.ports.example"))
    ports = [asked.source[1] for asked in upstream.asked]
    numbers = [asked.number for asked in upstream.asked]
    assert len(upstream.asked) == 300
    assert len(set(ports)) >= 299
    assert len(set(numbers)) >= 290
    # Spread over all of the range: an even eighth of it has 37 of 300, give or take five deviations.
    for bins, low, high in ((ports, 1024, 65536), (numbers, 0, 65536)):
        counts = [0] * 8
        for value in bins:
            counts[(value - low) * 8 // (high - low)] += 1
        assert all(10 <= count <= 66 for count in counts), counts


def test_names_are_sent_in_random_case_and_an_upstream_that_folds_it_is_served(service, upstream):
    for number in range(10):
        assert over_udp(service.port, make_query(f"random-case-of-names{number}.example"))
    seen = {read(asked.wire).question[0].name.to_text() for asked in upstream.asked}
    assert any(name.lower() != name for name in seen)
    assert any(letter.islower() for name in seen for letter in name)

    def fold(asked):
        end = question_end(asked.wire)
        return address_of(
            type(asked)(asked.wire[:12] + asked.wire[12:end].lower() + asked.wire[end:], asked.source, "")
        )

    upstream.respond = fold
    for number in range(6):
        reply = over_udp(service.port, make_query(f"folded-case-of-names{number}.example"))
        assert addresses(read(reply)) == [GOOD]


def test_a_reply_from_elsewhere_is_not_taken(service, upstream):
    """As the answer says who sent it, the right one must be the one that arrives."""
    upstream.respond = lambda _: None
    with socket.socket(type=socket.SOCK_DGRAM) as client, contextlib.ExitStack() as stack:
        client.settimeout(2)
        client.sendto(make_query("source.example.com"), ("127.0.0.1", service.port))
        while not upstream.asked:
            time.sleep(0.005)
        asked = upstream.asked[0]
        name = read(asked.wire).question[0].name
        for sender in (("127.0.0.1", 0), ("127.0.0.2", upstream.port), ("127.0.0.3", 0)):
            end = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            end.bind(sender)
            end.sendto(make_reply(asked.wire, f"{name} 300 IN A 192.0.2.66"), asked.source)
        time.sleep(0.05)
        upstream.send_udp(make_reply(asked.wire, f"{name} 300 IN A {GOOD}"), asked.source)
        assert addresses(read(client.recv(512))) == [GOOD]


def test_records_that_nobody_asked_for_are_neither_passed_on_nor_kept(service, upstream):
    def respond(asked):
        if "bank" in asked.name:
            return make_reply(asked.wire, f"{read(asked.wire).question[0].name} 300 IN A {GOOD}")
        name = read(asked.wire).question[0].name
        foreign = "www.bank.example. 300 IN A 192.0.2.66"
        others = [foreign, "bank.example. 300 IN NS evil.example."]
        return make_reply(asked.wire, f"{name} 300 IN A {GOOD}", foreign, authority=others, additional=[foreign])

    upstream.respond = respond
    reply = over_udp(service.port, make_query("foreign.example.com", use_edns=0))
    assert b"bank" not in reply
    assert addresses(read(reply)) == [GOOD]
    assert addresses(read(over_udp(service.port, make_query("www.bank.example")))) == [GOOD]
    assert len(upstream.about("www.bank.example")) == 1


@transports
def test_a_dead_upstream_is_told_in_time_and_asked_no_more_for_a_while(service, upstream, ask):
    name = f"dead-{ask.__name__.replace('_', '-')}.example"
    upstream.respond = silent_for("dead")
    start = time.monotonic()
    reply = read(ask(service.port, make_query(name, use_edns=0)))
    told = time.monotonic()
    assert told - start <= 2.0
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert extended_error(reply) in (22, 23)
    asked = len(upstream.about(name))
    for transport in TRANSPORTS:
        assert sum(query.transport == transport for query in upstream.about(name)) <= 3
    for _ in range(20):
        start = time.monotonic()
        again = read(ask(service.port, make_query(name, use_edns=0)))
        assert again.rcode() == dns.rcode.SERVFAIL
        assert time.monotonic() - start < 0.1
    start = time.monotonic()
    assert addresses(read(ask(service.port, make_query(f"healthy-{name}".replace("dead", "live"))))) == [GOOD]
    assert time.monotonic() - start < 0.1, "other names do not suffer"
    while time.monotonic() - told < 1.0:
        assert read(ask(service.port, make_query(name, use_edns=0))).rcode() == dns.rcode.SERVFAIL
        time.sleep(0.05)
    assert len(upstream.about(name)) == asked


@pytest.mark.parametrize("opcode", [dns.opcode.UPDATE, dns.opcode.NOTIFY])
@pytest.mark.parametrize("name", ["www.example.com", "casino.example", "localhost"])
def test_update_and_notify_get_the_same_everywhere_and_go_nowhere(service, upstream, opcode, name):
    wire = bytearray(make_query(name, "SOA"))
    wire[2] = opcode << 3
    datagram, stream = (ask(service.port, bytes(wire)) for ask in TRANSPORTS.values())
    assert datagram == stream
    assert datagram is not None
    assert datagram[:3] == bytes([wire[0], wire[1], 0x80 | opcode << 3])
    assert datagram[3] & 15 in (dns.rcode.NOTIMP, dns.rcode.REFUSED)
    assert upstream.asked == []


def test_a_fast_answer_overtakes_a_slow_one(service, upstream):
    upstream.respond = lambda asked: [(0.3 if "slow" in asked.name else 0.0, address_of(asked))]
    with service.connect() as end:
        end.sendall(
            framed(*(make_query(f"{name}.pipe.example", id=number) for number, name in enumerate(("slow", "fast"))))
        )
        assert [read(read_message(end)).id for _ in range(2)] == [1, 0]


def test_a_byte_every_half_second_is_closed_within_five_seconds(service):
    with service.connect() as end:
        start = time.monotonic()
        end.settimeout(0.5)
        for octet in framed(make_query("www.example.com")):
            end.sendall(bytes([octet]))
            with contextlib.suppress(TimeoutError):
                assert end.recv(1) == b""
                break
        assert time.monotonic() - start <= 5.1


def test_three_hundred_idle_connections_keep_nobody_out(service):
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(service.connect())
        time.sleep(0.1)
        for _ in range(5):
            start = time.perf_counter()
            assert over_tcp(service.port, make_query("casino.example"))
            assert time.perf_counter() - start <= 0.05
        assert over_udp(service.port, make_query("casino.example"))


@transports
def test_cd_and_do_are_passed_and_echoed(service, upstream, ask):
    for number, (flags, want_dnssec) in enumerate([(0, False), (dns.flags.CD, False), (0, True), (dns.flags.CD, True)]):
        name = f"{ask.__name__.replace('_', '-')}-{number}.dnssec.example"
        reply = read(ask(service.port, make_query(name, use_edns=0, want_dnssec=want_dnssec, set_flags=flags)))
        sent = read(upstream.about(name)[0].wire)
        for message in (reply, sent):
            assert message.flags & dns.flags.CD == flags
            assert bool(message.ednsflags & dns.flags.DO) == want_dnssec
            assert not message.flags & dns.flags.AD
