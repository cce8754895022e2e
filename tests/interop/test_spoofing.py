"""Forged answers (RFC 5452): S01 to S14."""

import contextlib
import itertools
import socket
import time

import dns.name
import dns.rcode
import pytest

from tests.helpers.client import over_udp
from tests.helpers.messages import addresses, make_query, make_reply, read
from tests.helpers.upstream import address_of

pytestmark = pytest.mark.interop

GOOD, FORGED = "192.0.2.1", "192.0.2.66"
ATTRIBUTES = ("address", "port", "id", "name", "type", "class")
WRONG = [set(subset) for size in range(1, 7) for subset in itertools.combinations(ATTRIBUTES, size)]


def forge(wire, wrong):
    """An answer that is wrong in these ways."""
    query = read(wire)
    question = query.question[0]
    if "name" in wrong:
        question.name = dns.name.from_text(f"x{question.name.to_text()[1:]}")
    if "type" in wrong:
        question.rdtype = type(question.rdtype).TXT
    if "class" in wrong:
        question.rdclass = type(question.rdclass).CH
    if "id" in wrong:
        query.id ^= 0x0101
    return make_reply(query.to_wire(), f"{read(wire).question[0].name} 300 IN A {FORGED}")


def wait_for_query(upstream, name):
    end = time.monotonic() + 2
    while not upstream.about(name):
        assert time.monotonic() < end
        time.sleep(0.002)
    return upstream.about(name)[0]


def test_s01_to_s06_one_thing_wrong_is_enough(service, upstream):
    """All 63 ways to be wrong in source address, source port, id, name, type and class."""
    assert len(WRONG) == 63
    upstream.respond = lambda _: None
    with contextlib.ExitStack() as stack:
        ends = {
            key: stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            for key in (("address",), ("port",), ("address", "port"))
        }
        ends["address",].bind(("127.0.0.9", upstream.port))
        ends["port",].bind(("127.0.0.1", 0))
        ends["address", "port"].bind(("127.0.0.9", 0))
        client = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        client.settimeout(2)
        for number, wrong in enumerate(WRONG):
            name = f"s{number}.spoof.example"
            client.sendto(make_query(name), ("127.0.0.1", service.port))
            asked = wait_for_query(upstream, name)
            source = tuple(part for part in ("address", "port") if part in wrong)
            packet = forge(asked.wire, wrong)
            if source:
                ends[source].sendto(packet, asked.source)
            else:
                upstream.send_udp(packet, asked.source)
            upstream.send_udp(address_of(asked), asked.source)
            assert addresses(read(client.recv(512))) == [GOOD], wrong
            assert addresses(read(over_udp(service.port, make_query(name)))) == [GOOD], f"{wrong}: nothing was kept"


def test_a_guesser_of_ids_without_end_does_not_win(service, upstream):
    """S11: after a few wrong ones UDP counts no more for this question, and TCP, which can't be forged so, decides."""
    upstream.respond = lambda asked: address_of(asked) if asked.transport == "tcp" else None
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(make_query("guess.example"), ("127.0.0.1", service.port))
        asked = wait_for_query(upstream, "guess.example")
        forged = make_reply(asked.wire, f"{read(asked.wire).question[0].name} 300 IN A {FORGED}")
        guesses = [guess for guess in range(0, 65536, 997) if guess != asked.number]
        for guess in guesses:
            upstream.send_udp(guess.to_bytes(2, "big") + forged[2:], asked.source)
        upstream.send_udp(forged, asked.source)
        assert addresses(read(client.recv(512))) == [GOOD]
    assert [query.transport for query in upstream.about("guess.example")][-1] == "tcp"


def test_s08_questions_at_one_time_leave_from_ports_of_their_own(service, upstream):
    upstream.respond = lambda _: None
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        for number in range(40):
            client.sendto(make_query(f"s08-{number}.example"), ("127.0.0.1", service.port))
        for number in range(40):
            wait_for_query(upstream, f"s08-{number}.example")
        # What goes unanswered is tried again, and would take sockets from the next test's questions.
        upstream.respond = address_of
        client.settimeout(5)
        for _ in range(40):
            answer = read(client.recv(512))
            # On a busy machine some are given up before that.
            assert addresses(answer) == [GOOD] or answer.rcode() == dns.rcode.SERVFAIL, answer
    firsts = [upstream.about(f"s08-{number}.example")[0] for number in range(40)]
    assert len({asked.source[1] for asked in firsts}) == 40


def test_tries_of_one_question_have_ports_and_ids_of_their_own(service, upstream):
    upstream.respond = lambda asked: address_of(asked) if len(upstream.about("tries.example")) == 3 else None
    assert addresses(read(over_udp(service.port, make_query("tries.example")))) == [GOOD]
    tries = upstream.about("tries.example")
    assert len({asked.number for asked in tries}) == 3
    assert len({asked.source[1] for asked in tries}) == 3


def test_s14_one_question_at_a_time_whatever_the_client_says(service, upstream):
    """Client, case, transport size and options make no other question; DO and CD do."""
    upstream.respond = lambda asked: [(0.1, address_of(asked))]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(60)]
        for number, client in enumerate(clients):
            client.settimeout(2)
            name = "".join(
                letter.upper() if number >> place & 1 else letter for place, letter in enumerate("birth.example")
            )
            wire = make_query(
                name, use_edns=0 if number % 2 else -1, payload=512 + number, want_dnssec=number % 3 == 0,
                set_flags=0x10 if number % 5 == 0 else 0,
            )  # fmt: skip
            client.sendto(wire, ("127.0.0.1", service.port))
        assert all(addresses(read(client.recv(512))) == [GOOD] for client in clients)
    sent = [read(asked.wire) for asked in upstream.about("birth.example")]
    assert len(sent) == len({(message.flags, message.ednsflags) for message in sent}) <= 4
