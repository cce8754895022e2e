"""TCP to clients and to upstreams (RFC 7766, RFC 9210): T01 to T16 on real connections."""

import socket
import time

import dns.flags
import dns.rcode
import pytest

from tests.helpers.client import framed, over_tcp, over_udp
from tests.helpers.messages import addresses, make_query, make_reply, read
from tests.helpers.service import Service, free_port, read_message
from tests.helpers.upstream import CLOSE, address_of

pytestmark = pytest.mark.interop

GOOD = "192.0.2.1"


def test_t01_t02_tcp_is_served_on_every_address_without_udp_before(upstream, tmp_path):
    port = free_port()
    places = [("127.0.0.1", f"127.0.0.1:{port}"), ("127.0.0.2", f"127.0.0.2:{port}"), ("::1", f"[::1]:{port}")]
    config = {"listen": [place for _, place in places], "upstream": {"servers": [upstream.server]}}
    with Service(tmp_path, **config):
        for number, (address, _) in enumerate(places):
            reply = over_tcp(port, make_query(f"t01-{number}.example"), address=address)
            assert addresses(read(reply)) == [GOOD]


def test_t03_replies_come_on_the_connection_that_asked(service, upstream):
    upstream.respond = lambda asked: [(0.05, address_of(asked))]
    with service.connect() as first, service.connect() as second:
        for number, end in enumerate((first, second)):
            end.sendall(framed(*(make_query(f"t03-{number}-{n}.example", id=100 * number + n) for n in range(20))))
        for number, end in enumerate((first, second)):
            assert {read(read_message(end)).id for _ in range(20)} == {100 * number + n for n in range(20)}


def test_t05_a_message_may_be_cut_anywhere(service):
    data = framed(make_query("casino.example", use_edns=0))
    with service.connect() as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(1, len(data)):
            end.sendall(data[:place])
            time.sleep(0.002)
            end.sendall(data[place:])
            assert read(read_message(end)).answer
        for octet in data:
            end.sendall(bytes([octet]))
        assert read(read_message(end)).answer


def test_t08_clients_that_leave_before_their_answer_harm_nobody(service, upstream):
    upstream.respond = lambda asked: [(0.1, address_of(asked))]
    before = service.children()
    for number in range(20):
        with service.connect() as end:
            end.sendall(framed(make_query(f"t08-{number}.example")))
    time.sleep(0.2)
    assert over_tcp(service.port, make_query("casino.example"))
    assert service.children() == before
    assert "unexpected" not in service.log


def test_t10_t13_questions_share_one_connection_upstream(service, upstream):
    upstream.respond = lambda asked: [(0.02, address_of(asked))]
    before = upstream.connections
    with service.connect() as end:
        end.sendall(framed(*(make_query(f"t13-{number}.example", id=number) for number in range(50))))
        assert {read(read_message(end)).id for _ in range(50)} == set(range(50))
    asked = [query for query in upstream.asked if query.transport == "tcp"]
    assert len(asked) == 50
    assert len({query.number for query in asked}) >= 49, "drawn anew, not the clients'"
    assert upstream.connections - before <= 1


def test_t11_answers_of_the_upstream_may_come_in_any_order(service, upstream):
    upstream.respond = lambda asked: [(0.2 if "slow" in asked.name else 0.0, address_of(asked))]
    with service.connect() as end:
        end.sendall(framed(*(make_query(f"{what}.t11.example", id=n) for n, what in enumerate(("slow", "a", "b")))))
        ids = [read(read_message(end)).id for _ in range(3)]
    assert ids[-1] == 0
    assert {query.transport for query in upstream.asked} == {"tcp"}


def test_t12_a_connection_that_the_upstream_closes_is_no_reason_to_fail(service, upstream):
    def respond(asked):
        first = len(upstream.about("t12.example")) == 1
        return [(0, CLOSE)] if first and asked.transport == "tcp" else address_of(asked)

    upstream.respond = respond
    reply = over_tcp(service.port, make_query("t12.example"))
    assert addresses(read(reply)) == [GOOD]
    assert [query.transport for query in upstream.about("t12.example")] == ["tcp", "tcp"]


@pytest.mark.parametrize("wrong", ["id", "question"])
def test_t11_another_answer_over_tcp_is_not_taken(upstream, tmp_path, wrong):
    def respond(asked):
        if asked.transport == "udp":
            return address_of(asked)
        name = read(asked.wire).question[0].name
        other = make_query("other.example", id=asked.number) if wrong == "question" else asked.wire
        reply = bytearray(make_reply(other, f"{name} 300 IN A 192.0.2.66"))
        reply[0] ^= wrong == "id"
        return bytes(reply)

    upstream.respond = respond
    with Service(tmp_path, upstream={"servers": [upstream.server]}) as service:
        reply = over_tcp(service.port, make_query("t11.example"), timeout=2.0)
    assert addresses(read(reply)) in ([GOOD], [])
    assert b"\xc0\0\2\x42" not in reply


def test_t14_a_truncated_answer_is_fetched_whole_before_the_client_hears(service, upstream):
    def respond(asked):
        if asked.transport == "udp":
            return make_reply(asked.wire, f"{asked.name} 300 IN A 192.0.2.66", flags=dns.flags.TC)
        return address_of(asked)

    upstream.respond = respond
    reply = read(over_udp(service.port, make_query("t14.example")))
    assert addresses(reply) == [GOOD]
    assert not reply.flags & dns.flags.TC
    assert [query.transport for query in upstream.about("t14.example")] == ["udp", "tcp"]


@pytest.mark.parametrize("length", [12, 100, 65_535])
def test_t16_messages_of_any_length(service, length):
    query = make_query("casino.example")
    message = (query + bytes(length))[:length]
    with service.connect() as end:
        end.sendall(framed(message))
        reply = read_message(end)
        # Octets behind the last record are no reason to refuse; a header alone is.
        assert reply[3] & 15 == (dns.rcode.FORMERR if length == 12 else dns.rcode.NOERROR)
        end.sendall(framed(query))
        assert read(read_message(end)).answer
