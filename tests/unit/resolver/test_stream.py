"""Clients over TCP, against an engine that answers as told, in time that passes as told."""

import dataclasses
import gc
import weakref

import pytest

from safedns.resolver.framing import frame
from safedns.resolver.stream import MESSAGES_PER_TURN, SWEEP, Connection, Limits, StreamServer
from tests.helpers.streams import FakeLoop, FakeTransport, ScriptedEngine

LIMITS = Limits(connections=40, connections_per_client=20, idle=10, message=5, unread=5, waiting=4)


class Service:
    def __init__(self, limits=LIMITS):
        self.loop, self.engine, self.collected = FakeLoop(), ScriptedEngine(), 0
        self.server = StreamServer(self.engine, self.loop, self._collect, limits)

    def _collect(self):
        self.collected += 1

    def connect(self, client="192.0.2.7"):
        return FakeTransport(self.loop, Connection(self.server), client)

    def answer(self, *messages):
        self.server.deliver(self.engine.ready(*messages))


@pytest.fixture
def service():
    return Service()


def test_a_query_is_answered_in_one_write(service):
    client = service.connect()
    client.send(frame(b"now 1"))
    assert client.messages() == [b"now 1"]
    assert client.writes == 1  # RFC 7766 section 8: length and message together


@pytest.mark.parametrize("split", range(1, 9))
def test_a_query_may_come_in_two_pieces_cut_anywhere(service, split):
    client, query = service.connect(), frame(b"now abc")
    client.send(query[:split])
    assert client.is_open
    client.send(query[split:])
    assert client.messages() == [b"now abc"]


def test_pipelined_queries_are_answered_in_the_order_in_which_answers_come(service):
    client = service.connect()
    client.send(frame(b"wait 1") + frame(b"now 2") + frame(b"wait 3"))
    service.answer(b"wait 3")
    service.answer(b"wait 1")
    assert client.messages() == [b"now 2", b"wait 3", b"wait 1"]


def test_the_engine_is_asked_for_what_it_has_once_after_several_queries(service):
    client = service.connect()
    client.send(frame(b"wait 1") + frame(b"wait 2"))
    assert service.collected == 1
    client.send(frame(b"now 3"))
    assert service.collected == 1


@pytest.mark.parametrize("garbage", [b"", b"x", b"elevenbytes", bytes(65535)])
def test_what_is_no_query_ends_the_connection(service, garbage):
    client = service.connect()
    client.send(frame(b"now 1") + frame(garbage) + frame(b"now 2"))
    assert not client.is_open
    assert client.messages() == [b"now 1"]
    assert service.engine.asked == [b"now 1", garbage]


def test_a_hundred_thousand_empty_messages_cost_one(service):
    client = service.connect()
    client.send(bytes(200_000))
    assert not client.is_open
    assert service.engine.asked == [b""]


def test_a_client_that_stops_sending_still_gets_its_answers(service):
    client = service.connect()
    client.send(frame(b"wait 1") + frame(b"wait 2"))
    client.end()
    service.answer(b"wait 2")
    assert client.is_open
    service.answer(b"wait 1")
    assert client.messages() == [b"wait 2", b"wait 1"]
    assert not client.is_open


def test_a_client_that_stops_sending_and_waits_for_nothing_is_closed(service):
    client = service.connect()
    client.send(frame(b"now 1") + frame(b"now 2")[:3])
    client.end()
    assert not client.is_open


def test_nothing_is_sent_to_a_client_that_is_gone(service):
    client, other = service.connect(), service.connect()
    client.send(frame(b"wait 1"))
    other.send(frame(b"wait 2"))
    client.vanish()
    service.answer(b"wait 1", b"wait 2")  # the transport refuses a write after the end
    assert other.messages() == [b"wait 2"]
    assert service.server.connections == 1


def test_nothing_is_kept_of_a_client_that_is_gone(service):
    client = service.connect()
    connection = weakref.ref(client.protocol)
    client.send(frame(b"wait 1"))
    client.vanish()
    del client
    service.loop.advance(2 * SWEEP)
    gc.collect()
    assert connection() is None


def test_a_message_that_comes_too_slowly_ends_the_connection_within_its_time(service):
    client = service.connect()
    for octet in frame(bytes(60)):
        client.send(bytes([octet]))
        service.loop.advance(SWEEP / 2)
        if not client.is_open:
            break
    assert not client.is_open
    assert LIMITS.message - 2 * SWEEP <= service.loop.time() - 1000 <= LIMITS.message


def test_slow_octets_do_not_keep_a_connection_from_being_idle():
    service = Service(dataclasses.replace(LIMITS, message=60))
    client = service.connect()
    for octet in frame(bytes(60))[:30]:
        client.send(bytes([octet]))
        service.loop.advance(0.5)
        if not client.is_open:
            break
    assert service.loop.time() - 1000 <= LIMITS.idle + 0.5


def test_an_idle_connection_is_closed_and_a_query_keeps_it(service):
    client = service.connect()
    service.loop.advance(LIMITS.idle - 1)
    client.send(frame(b"now 1"))
    service.loop.advance(LIMITS.idle - 1)
    assert client.is_open
    service.loop.advance(1 + SWEEP)
    assert not client.is_open
    assert not client.was_aborted


def test_a_connection_that_waits_for_an_answer_is_not_idle(service):
    client = service.connect()
    client.send(frame(b"wait 1"))
    service.loop.advance(LIMITS.idle * 2)
    assert client.is_open


def test_no_timer_is_left_when_all_are_gone(service):
    service.connect().vanish()
    service.loop.advance(60)
    assert not service.loop._timers


def test_connections_may_be_idle_for_less_time_when_there_are_many(service):
    clients = [service.connect(f"192.0.2.{n}") for n in range(31)]
    service.loop.advance(LIMITS.idle / 20 + 2 * SWEEP)
    assert not any(client.is_open for client in clients)


def test_the_one_that_is_idle_the_longest_makes_room(service):
    clients = [service.connect(f"192.0.2.{n}") for n in range(LIMITS.connections)]
    clients[0].send(frame(b"now 1"))
    newest = service.connect("198.51.100.1")
    newest.send(frame(b"now 2"))
    assert newest.messages() == [b"now 2"]
    assert [n for n, client in enumerate(clients) if not client.is_open] == [1]


def test_connections_that_wait_for_an_answer_make_room_last(service):
    clients = [service.connect(f"192.0.2.{n}") for n in range(LIMITS.connections)]
    for client in clients[:-1]:
        client.send(frame(b"wait %d" % id(client)))
    service.connect("198.51.100.1")
    assert [client.is_open for client in clients] == [True] * (LIMITS.connections - 1) + [False]
    service.connect("198.51.100.2").send(frame(b"wait new"))
    service.connect("198.51.100.3").send(frame(b"wait newer"))
    assert clients[1].is_open  # the idle 198.51.100.1 made room for 2, and clients[0] for 3
    assert not clients[0].is_open


def test_a_client_with_too_many_connections_makes_room_itself(service):
    other = service.connect("198.51.100.1")
    clients = [service.connect() for _ in range(LIMITS.connections_per_client + 5)]
    assert other.is_open
    assert [client.is_open for client in clients] == [False] * 5 + [True] * LIMITS.connections_per_client
    service.loop.advance()
    assert service.server.connections == LIMITS.connections_per_client + 1


def test_queries_beyond_those_that_may_wait_are_taken_later(service):
    client = service.connect()
    client.send(b"".join(frame(b"wait %d" % n) for n in range(LIMITS.waiting + 2)))
    assert len(service.engine.asked) == LIMITS.waiting
    assert not client.is_reading
    service.answer(b"wait 0")
    assert len(service.engine.asked) == LIMITS.waiting + 1
    service.answer(b"wait 1", b"wait 2", b"wait 3")
    assert client.is_reading
    service.answer(b"wait 4", b"wait 5")
    assert len(client.messages()) == LIMITS.waiting + 2


def test_queries_that_wait_their_turn_are_answered_after_the_client_stopped_sending():
    service = Service(dataclasses.replace(LIMITS, waiting=2))
    client = service.connect()
    client.send(b"".join(frame(b"wait %d" % n) for n in range(2)))
    service.answer(b"wait 0")
    client.send(frame(b"wait 2"))
    service.answer(b"wait 1", b"wait 2")
    client.send(frame(b"wait 3") + frame(b"wait 4"))
    service.answer(b"wait 3")
    client.end()
    service.answer(b"wait 4")
    assert len(client.messages()) == 5
    assert not client.is_open


def test_one_clients_flood_leaves_turns_to_others(service):
    flooder, other = service.connect(), service.connect()
    flooder.send(frame(b"now 1") * (3 * MESSAGES_PER_TURN))
    assert len(flooder.messages()) == MESSAGES_PER_TURN
    other.send(frame(b"now 2"))
    assert other.messages() == [b"now 2"]
    service.loop.advance()
    assert len(flooder.messages()) == 3 * MESSAGES_PER_TURN
    assert flooder.is_reading


def test_a_client_that_never_reads_is_held_and_then_given_up(service):
    client = service.connect()
    client.is_deaf = True
    query = frame(b"now" + bytes(1000))
    sent = 0
    while client.is_reading:
        client.send(query)
        sent += 1
    assert client.get_write_buffer_size() <= LIMITS.unsent + 2 * len(query)
    service.loop.advance(LIMITS.unread - 1)
    assert client.is_open
    service.loop.advance(1 + SWEEP)
    assert client.was_aborted


def test_a_client_that_reads_late_is_served_on(service):
    client = service.connect()
    client.is_deaf = True
    while client.is_reading:
        client.send(frame(b"now" + bytes(1000)))
    service.loop.advance(LIMITS.unread - 1)
    client.read()
    assert client.is_reading
    service.loop.advance(LIMITS.unread - 1)
    client.send(frame(b"now 2"))
    assert client.messages()[-1] == b"now 2"


def test_a_message_that_began_before_its_client_was_deaf_gets_its_time_anew(service):
    client = service.connect()
    client.send(frame(b"wait" + bytes(60_000)) + frame(b"now 2")[:3])
    client.is_deaf = True
    service.answer(b"wait" + bytes(60_000))
    service.loop.advance(LIMITS.unread - 1)
    client.read()
    service.loop.advance(LIMITS.message - 1)
    assert client.is_open
    client.send(frame(b"now 2")[3:])
    assert client.messages()[-1] == b"now 2"


def test_answers_that_pile_up_unread_are_bounded():
    service = Service(dataclasses.replace(LIMITS, waiting=100))
    client = service.connect()
    client.is_deaf = True
    queries = [b"wait %02d" % n + bytes(60_000) for n in range(30)]
    for query in queries:
        client.send(frame(query))
    for query in queries:
        service.answer(query)
    assert client.was_aborted
    assert client.get_write_buffer_size() <= LIMITS.unsent_most + 60_100


def test_a_closed_connection_whose_client_does_not_read_ends_too(service):
    client = service.connect()
    client.is_deaf = True
    client.send(frame(b"now" + bytes(1000)) + frame(b""))
    assert not client.is_open
    service.loop.advance(LIMITS.unread + SWEEP)
    assert client.was_aborted
    assert service.server.connections == 0


def test_draining_answers_what_was_asked_and_nothing_more(service):
    idle, waiting = service.connect(), service.connect()
    waiting.send(frame(b"wait 1") + frame(b"wait 2")[:4])
    service.server.drain()
    assert not idle.is_open
    assert waiting.is_open
    assert not waiting.is_reading
    service.answer(b"wait 1")
    assert waiting.messages() == [b"wait 1"]
    assert not waiting.is_open
