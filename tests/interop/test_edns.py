"""EDNS on the wire (RFC 6891, RFC 7830, RFC 7828): E01 to E23, where packets and not units prove them."""

import dns.edns
import dns.flags
import dns.rcode
import pytest

from tests.helpers.client import TRANSPORTS, over_tcp, over_udp
from tests.helpers.messages import addresses, make_query, make_reply, read

pytestmark = pytest.mark.interop

transports = pytest.mark.parametrize("ask", TRANSPORTS.values(), ids=TRANSPORTS)
KEEPALIVE, PADDING, COOKIE, SUBNET = 11, 12, 10, 8


def large(asked, count=60):
    """So many addresses: 16 octets each."""
    return make_reply(asked.wire, *(f"{asked.name} 300 IN A 198.51.100.{number}" for number in range(count)))


KINDS = {
    "blocked": ("casino.example", "A", {}),
    "blocked, no data": ("casino.example", "TXT", {}),
    "forwarded": ("kinds.example", "A", {}),
    "cached": ("kinds.example", "A", {}),
    "special": ("localhost", "A", {}),
    "special, no such name": ("x.onion", "A", {}),
    "ANY": ("kinds.example", "ANY", {}),
    "transfer": ("kinds.example", "AXFR", {}),
    "no recursion": ("unknown.kinds.example", "A", {"clear_flags": dns.flags.RD}),
    "no such name": ("nxdomain.kinds.example", "A", {}),
    "refused": ("refused.kinds.example", "A", {}),
    "failed before": ("refused.kinds.example", "A", {}),
    "truncated": ("large.kinds.example", "A", {"payload": 512}),
}


@transports
def test_e01_opt_if_and_only_if_the_query_has_it(service, upstream, ask):
    def respond(asked):
        if "large" in asked.name:
            return large(asked)
        rcode = {"nxdomain": "NXDOMAIN", "refused": "REFUSED"}.get(asked.name.split(".")[0], "NOERROR")
        return make_reply(
            asked.wire, *([] if rcode != "NOERROR" else [f"{asked.name} 300 IN A 192.0.2.1"]), rcode=rcode
        )

    upstream.respond = respond
    for what, (name, kind, options) in KINDS.items():
        clear = options.get("clear_flags", 0)
        payload = options.get("payload", 1232)
        plain = read(ask(service.port, make_query(name, kind, clear_flags=clear)))
        assert plain.edns == -1, what
        extended = read(ask(service.port, make_query(name, kind, clear_flags=clear, use_edns=0, payload=payload)))
        assert (extended.edns, extended.payload) == (0, 1232), what
        assert extended.ednsflags & 0xFFFF == 0, what
        if what == "truncated":
            assert bool(extended.flags & dns.flags.TC) == (ask is over_udp)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 700, 1000, 1200, 1231, 1232, 1233, 4096, 65535])
def test_e07_e08_no_reply_is_larger_than_the_client_takes_or_we_send(service, upstream, size):
    limit = min(max(size, 512), 1232)
    for count in (10, 28, 29, 40, 60, 72, 73, 74, 80):
        upstream.respond = lambda asked, count=count: large(asked, count)
        name = f"e08-{size}-{count}.example"
        reply = over_udp(service.port, make_query(name, use_edns=0, payload=size))
        whole = over_tcp(service.port, make_query(name, use_edns=0, payload=size))
        assert len(reply) <= limit
        message = read(reply)
        assert bool(message.flags & dns.flags.TC) == (len(whole) > limit), "not truncated without need"
        assert len(addresses(message)) in (0, count), "all or nothing"
        assert message.edns == 0


def test_e09_what_one_client_said_is_not_another_clients(service, upstream):
    """Options, sizes, DO: nothing of the first query is in the second's reply, or in what goes upstream."""
    options = [dns.edns.GenericOption(code, data) for code, data in ((COOKIE, b"8 octets"), (PADDING, bytes(50)))]
    options += [dns.edns.GenericOption(SUBNET, b"\0\1\x18\0\xc0\0\2"), dns.edns.GenericOption(65001, b"secret")]
    first = make_query("e09.example", use_edns=0, payload=4096, options=options)
    assert addresses(read(over_udp(service.port, first))) == ["192.0.2.1"]
    for payload in (None, 512):
        use_edns = -1 if payload is None else 0
        second = read(over_udp(service.port, make_query("e09.example", use_edns=use_edns, payload=payload)))
        assert second.edns == use_edns
        assert second.options == ()
    sent = read(upstream.about("e09.example")[0].wire)
    assert (sent.payload, sent.options, sent.ednsflags) == (1232, (), 0)
    assert len(upstream.about("e09.example")) == 1


def test_options_of_the_upstream_stay_between_us_and_it(service, upstream):
    def respond(asked):
        reply = read(make_reply(asked.wire, f"{asked.name} 300 IN A 192.0.2.1"))
        options = [dns.edns.GenericOption(code, b"\0\1\x18\0\xc0\0\2\0") for code in (SUBNET, COOKIE, 18, 65001)]
        reply.use_edns(0, 0, 4096, options=options)
        return reply.to_wire()

    upstream.respond = respond
    for _ in ("fresh", "cached"):
        reply = read(over_udp(service.port, make_query("options.example", use_edns=0)))
        assert (reply.options, reply.payload) == ((), 1232)


def test_e13_an_upstream_that_forged_one_formerr_is_asked_with_edns_again(service, upstream):
    def respond(asked):
        if "first" in asked.name and read(asked.wire).edns == 0:
            return make_reply(asked.wire, rcode="FORMERR")
        return make_reply(asked.wire, f"{asked.name} 300 IN A 192.0.2.1")

    upstream.respond = respond
    assert addresses(read(over_udp(service.port, make_query("first.e13.example")))) == ["192.0.2.1"]
    assert [read(asked.wire).edns for asked in upstream.asked] == [0, -1]
    over_udp(service.port, make_query("second.e13.example"))
    assert read(upstream.asked[-1].wire).edns == 0


@transports
def test_e16_e17_neither_padding_nor_keepalive_where_they_must_not_be(service, upstream, ask):
    options = [dns.edns.GenericOption(PADDING, bytes(100)), dns.edns.GenericOption(KEEPALIVE, b"")]
    reply = read(ask(service.port, make_query("e16.example", use_edns=0, options=options)))
    assert addresses(reply) == ["192.0.2.1"]
    codes = {option.otype for option in reply.options}
    assert PADDING not in codes
    assert KEEPALIVE not in codes or ask is over_tcp
    for asked in upstream.about("e16.example"):
        assert read(asked.wire).options == ()


def test_e20_the_length_of_a_cookie(service):
    for length in range(50):
        options = [dns.edns.GenericOption(COOKIE, bytes(length))]
        reply = read(over_udp(service.port, make_query("localhost", use_edns=0, options=options)))
        good = length == 8 or 16 <= length <= 40
        assert reply.rcode() == (dns.rcode.NOERROR if good else dns.rcode.FORMERR), length
        assert reply.edns == 0


def test_e23_an_upstream_is_told_not_to_send_what_would_be_cut_into_fragments(service, upstream):
    assert over_udp(service.port, make_query("e23.example", use_edns=0, payload=4096))
    assert over_tcp(service.port, make_query("e23-tcp.example", use_edns=0, payload=65535))
    assert [read(asked.wire).payload for asked in upstream.asked] == [1232, 1232]
