"""What passes through unchanged (RFC 5625, RFC 3597, RFC 4343): P01 to P18."""

import itertools

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import pytest

from safedns import _native
from tests.helpers.client import TRANSPORTS, over_tcp, over_udp
from tests.helpers.engine import Home
from tests.helpers.messages import addresses, make_query, make_reply, read
from tests.helpers.service import Service
from tests.helpers.upstream import CLOSE

pytestmark = pytest.mark.interop

GOOD = "192.0.2.1"
KEYS = dns.tsigkeyring.from_text({"key.example.": "c2VjcmV0LW9mLWEta2V5LXRoYXQtaXMtbG9uZw=="})
QNAME = b"\xc0\x0c"
transports = pytest.mark.parametrize("ask", TRANSPORTS.values(), ids=TRANSPORTS)


def reply_with(query, *records):
    """A reply with records in wire form behind the question."""
    end = question_end(query)
    return query[:2] + b"\x81\x80\0\1" + len(records).to_bytes(2, "big") + bytes(4) + query[12:end] + b"".join(records)


def question_end(message):
    end = 12
    while message[end]:
        end += message[end] + 1
    return end + 5


def record(owner, kind, data, rdclass=1):
    head = kind.to_bytes(2, "big") + rdclass.to_bytes(2, "big")
    return owner + head + (300).to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


FOREIGN = record(b"\5other\4test\0", 1, b"\xc0\0\2\x42")
"""A record that is left out of the reply, so that what follows it moves."""


def data_of(reply):
    """RDATA of the only answer, which stands behind the question."""
    start = question_end(reply) + 12
    return reply[start : start + int.from_bytes(reply[start - 2 : start], "big")]


@transports
@pytest.mark.parametrize("bits", [a | b | c for a, b, c in itertools.product((0, 0x20), (0, 0x10), (0, 0x40))])
def test_p01_every_combination_of_ad_cd_z_is_served(service, upstream, ask, bits):
    name = f"p01-{bits}.{ask.__name__.replace('_', '-')}.example"
    reply = read(ask(service.port, make_query(name, set_flags=bits)))
    assert addresses(reply) == [GOOD]
    assert reply.flags & 0x50 == bits & 0x10


@pytest.mark.parametrize("foreign", [(), (FOREIGN,)], ids=["as it came", "moved"])
def test_p02_answers_with_and_without_compression(service, upstream, foreign):
    names = {"compressed": (QNAME, lambda _: QNAME), "plain": (b"", lambda query: query[12 : question_end(query) - 4])}
    for kind, (_, owner) in names.items():
        upstream.respond = lambda asked, owner=owner: reply_with(
            asked.wire, *foreign, record(owner(asked.wire), 15, b"\0\7" + owner(asked.wire))
        )
        reply = read(over_udp(service.port, make_query(f"{kind}{len(foreign)}.p02.example", "MX")))
        exchange = reply.answer[0][0]
        assert (exchange.preference, exchange.exchange) == (7, reply.question[0].name)


def test_p03_every_type_and_class_is_asked_for():
    """All types; what is answered here by rule are OPT (no type to ask for), transfers and ANY."""
    policy = _native.Policy(rules=[], allowed_clients=["127.0.0.0/8"])
    query = bytearray(make_query("p03.example"))
    place = len(query) - 4
    with Home(lambda wire: reply_with(wire), policy) as home:

        def sweep(wires):
            for start in range(0, len(wires), 100):
                batch = wires[start : start + 100]
                assert len(home.ask_many(batch)) == len(batch)

        def wire(kind, rdclass=1):
            query[place:] = kind.to_bytes(2, "big") + rdclass.to_bytes(2, "big")
            return bytes(query)

        sweep([wire(kind) for kind in range(1, 65536)])
        asked = {int.from_bytes(sent[place : place + 2], "big") for sent in home.asked}
        assert set(range(1, 65536)) - asked == {41, 251, 252, 255}
        home.asked.clear()
        classes = [0, 2, 3, 4, 5, 77, 253, 254, 255, 256, 4096, 32767, 32768, 65279, 65280, 65535]
        sweep([wire(1, rdclass) for rdclass in classes])
        assert {int.from_bytes(sent[place + 2 : place + 4], "big") for sent in home.asked} == set(classes)


@pytest.mark.parametrize("foreign", [(), (FOREIGN,)], ids=["as it came", "moved"])
@pytest.mark.parametrize(("kind", "rdclass"), [(65280, 1), (1000, 1), (65534, 1), (1000, 77), (65280, 3)])
def test_p04_data_of_unknown_types_and_classes_is_identical(service, upstream, kind, rdclass, foreign):
    data = bytes(range(256)) + b"\xc0\x0c"
    upstream.respond = lambda asked: reply_with(asked.wire, *foreign, record(QNAME, kind, data, rdclass))
    name = f"p04-{kind}-{rdclass}-{len(foreign)}.example"
    for _ in ("fresh", "cached"):
        assert data_of(over_udp(service.port, make_query(name, kind, rdclass=rdclass))) == data
    assert len(upstream.about(name)) == 1


@pytest.mark.parametrize("foreign", [(), (FOREIGN,)], ids=["as it came", "moved"])
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (65, b"\0\1\3WwW\7ExAmPlE\0"),  # HTTPS
        (64, b"\0\0\3WwW\7ExAmPlE\0"),  # SVCB
        (33, b"\0\1\0\2\0\3\3WwW\7ExAmPlE\0"),  # SRV
        (35, b"\0\1\0\2\1u\3sip\0\3WwW\7ExAmPlE\0"),  # NAPTR
        (47, b"\3WwW\7ExAmPlE\0\0\1\x40"),  # NSEC
        (46, b"\0\1\5\3" + bytes(12) + b"\0\7\3WwW\7ExAmPlE\0sig"),  # RRSIG
    ],
)
def test_p05_p06_names_in_data_are_neither_compressed_nor_recased(service, upstream, kind, data, foreign):
    upstream.respond = lambda asked: reply_with(asked.wire, *foreign, record(QNAME, kind, data))
    wire = make_query(f"p05-{kind}-{len(foreign)}.WwW.ExAmPlE", kind)
    for _ in ("fresh", "cached"):
        assert data_of(over_udp(service.port, wire)) == data


def test_p07_ascii_case_makes_no_difference_and_other_octets_do(service, upstream):
    def ask(label):
        name = dns.name.Name([label, b"p07", b"example", b""])
        return addresses(read(over_udp(service.port, make_query(name))))

    for label in (b"caf\xc9", b"CAF\xc9", b"cAf\xc9"):
        assert ask(label) == [GOOD]
    assert len(upstream.asked) == 1
    assert ask(b"caf\xe9") == [GOOD]
    assert ask(b"caf[") == ask(b"caf{") == [GOOD], "[ and { differ by the bit that makes case"
    assert len(upstream.asked) == 4


@transports
def test_p08_the_question_is_repeated_in_the_clients_case(service, upstream, ask):
    for name in ("Www.P08.ExamplE", "wWW.p08.eXAMPLe", "www.p08.example", "WWW.Casino.eXample"):
        reply = read(ask(service.port, make_query(name)))
        assert reply.question[0].name.labels == dns.name.from_text(name).labels


def test_p09_p10_truncation_is_never_hidden(upstream, tmp_path):
    """An answer that was cut short and can't be had over TCP is no answer."""

    def respond(asked):
        if asked.transport == "tcp":
            return [(0, CLOSE)]
        return make_reply(asked.wire, f"{asked.name} 300 IN A {GOOD}", flags=dns.flags.TC)

    upstream.respond = respond
    # A service of its own: an upstream that fails over TCP is not asked over TCP again soon.
    with Service(tmp_path, upstream={"servers": [upstream.server]}) as service:
        reply = read(over_udp(service.port, make_query("p10.example")))
    assert reply.flags & dns.flags.TC or reply.rcode() == dns.rcode.SERVFAIL
    assert not reply.answer


def test_p11_what_the_client_takes_is_not_truncated(service, upstream):
    lines = [f"p11.example. 300 IN A 198.51.100.{number}" for number in range(40)]
    upstream.respond = lambda asked: make_reply(asked.wire, *lines)
    wire = make_query("p11.example", use_edns=0, payload=1232)
    assert len(addresses(read(over_udp(service.port, wire)))) == 40


def test_p12_p13_a_query_over_tcp_goes_on_over_tcp(service, upstream):
    assert addresses(read(over_tcp(service.port, make_query("p12.example")))) == [GOOD]
    assert [asked.transport for asked in upstream.about("p12.example")] == ["tcp"]


@transports
def test_p16_a_signed_query_and_its_answer_pass_untouched(service, upstream, ask):
    seen = []

    def respond(asked):
        query = dns.message.from_wire(asked.wire, keyring=KEYS)
        seen.append(query)
        reply = dns.message.make_response(query, recursion_available=True)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", GOOD))
        reply.use_tsig(KEYS, "key.example.")
        return reply.to_wire()

    upstream.respond = respond
    for number in range(2):
        query = dns.message.make_query("P16.ExAmPlE", "A")
        query.use_tsig(KEYS, "key.example.")
        wire = query.to_wire()
        reply = ask(service.port, wire)
        checked = dns.message.from_wire(reply, keyring=KEYS, request_mac=query.mac)
        assert checked.had_tsig
        assert addresses(checked) == [GOOD]
        assert upstream.asked[-1].wire[2:] == wire[2:], "all but the id"
        assert len(seen) == number + 1, "not from the cache"


def test_p16_tkey_is_passed(service, upstream):
    upstream.respond = lambda asked: make_reply(asked.wire)
    wire = make_query("P16.tkey.example", "TKEY", rdclass="ANY")
    assert read(over_udp(service.port, wire)).rcode() == dns.rcode.NOERROR
    assert upstream.asked[-1].wire[2:] == wire[2:]


def test_p17_who_may_not_ask_gets_not_one_octet(upstream, tmp_path):
    servers = {"servers": [upstream.server]}
    with Service(tmp_path, upstream=servers, allow_clients=["192.168.0.0/16"]) as service:
        for name in ("p17.example", "localhost"):
            assert over_udp(service.port, make_query(name), timeout=0.2) is None
            assert over_tcp(service.port, make_query(name), timeout=0.5) is None
        assert over_udp(service.port, b"\x12\x34\1\0\0\2" + bytes(6), timeout=0.2) is None
        assert upstream.asked == []


def test_p18_a_malformed_answer_is_servfail(service, upstream):
    upstream.respond = lambda asked: reply_with(asked.wire, record(QNAME, 1, b"abc"))
    reply = read(over_udp(service.port, make_query("p18.example"), timeout=2.0))
    assert reply.rcode() == dns.rcode.SERVFAIL
