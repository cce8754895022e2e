"""The engine through the binding, on real sockets: what `safedns._native` promises of it."""

import gc
import mmap
import select
import socket
import threading
from pathlib import Path

import pytest

from safedns import _native
from tests.helpers.engine import Home, compile_blocklist
from tests.helpers.messages import addresses, make_query, make_reply, read

GAMBLING = 23


def address_of(query):
    name = read(query).question[0].name
    return make_reply(query, f"{name} 300 IN A 192.0.2.1")


@pytest.fixture
def home():
    with Home(address_of) as running:
        yield running


@pytest.fixture
def counters():
    return mmap.mmap(-1, _native.COUNTERS * 8)


def test_a_query_is_forwarded_and_the_answer_kept(home):
    for _ in range(3):
        assert addresses(read(home.ask(make_query("www.example.com")))) == ["192.0.2.1"]
    assert len(home.asked) == 1
    assert home.counter("safedns_queries_total", 'protocol="udp",type="A"') == 3
    assert home.counter("safedns_cache_hits_total") == 2
    assert home.counter("safedns_cache_misses_total") == 1
    assert home.counter("safedns_cache_entries") == 1
    assert home.counter("safedns_cache_size_bytes") > 0
    assert home.counter("safedns_upstream_queries_total") == 1
    assert home.counter("safedns_answers_total", 'rcode="NOERROR"') == 3
    assert home.counter("safedns_engine_faults_total") == 0


def test_streams_get_what_datagrams_get(home):
    wire = make_query("www.example.com")
    assert home.answer(wire) == home.ask(wire) == home.engine.answer(wire, "127.0.0.1", "127.0.0.1", 9)
    assert home.counter("safedns_queries_total", 'protocol="tcp",type="A"') == 2


def test_more_queries_than_fit_in_a_batch_are_all_answered(home):
    wires = [make_query(f"n{number}.localhost", id=number) for number in range(200)]
    assert sorted(reply[:2] for reply in home.ask_many(wires)) == sorted(wire[:2] for wire in wires)


def test_more_answers_from_upstream_than_fit_in_a_batch_all_arrive(home):
    wires = [make_query(f"n{number}.example.com", id=number) for number in range(200)]
    assert sorted(reply[:2] for reply in home.ask_many(wires)) == sorted(wire[:2] for wire in wires)
    assert home.engine.drain() == 0


def test_a_blocklist_applies_to_the_next_query_cached_names_included(home, tmp_path):
    blocklist = compile_blocklist(tmp_path / "list.bin", {"names": ["example.com"], "category": GAMBLING})
    seen = []
    for current in (None, blocklist, None):
        home.engine.set_blocklist(current)
        seen.append(addresses(read(home.ask(make_query("www.example.com")))))
    assert seen == [["192.0.2.1"], ["127.0.0.1"], ["192.0.2.1"]]
    assert len(home.asked) == 1


def test_other_upstreams_are_asked_from_the_next_question_on(home):
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(2)
        assert home.ask(make_query("one.example.com"))
        home.engine.set_upstreams([other.getsockname()])
        home.ask(make_query("two.example.com"), timeout=0.05)
        assert b"two" in other.recv(512).lower()
        assert len(home.asked) == 1


def test_questions_that_wait_are_counted_by_drain(home):
    home.respond = lambda _: None
    home.ask_many([make_query(f"n{number}.example.com") for number in range(5)], timeout=0.05)
    assert home.engine.drain() == 5


def test_a_listener_on_all_addresses_answers_from_the_one_that_was_asked(counters, tmp_path):
    home = Home(address_of)
    blocklist = compile_blocklist(tmp_path / "list.bin", {"names": ["example.com"], "category": GAMBLING})
    home.engine.set_blocklist(blocklist)
    with home, socket.socket(type=socket.SOCK_DGRAM) as end, socket.socket(type=socket.SOCK_DGRAM) as client:
        end.setblocking(False)
        end.bind(("0.0.0.0", 0))
        home.engine.listen(end.fileno(), "0.0.0.0")
        client.settimeout(2)
        for last in (1, 5, 77):
            client.sendto(make_query("example.com"), (f"127.0.0.{last}", end.getsockname()[1]))
            assert select.select([end], [], [], 2)[0]
            home.engine.receive(end.fileno())
            reply, source = client.recvfrom(512)
            assert source[0] == f"127.0.0.{last}"
            assert addresses(read(reply)) == [f"127.0.0.{last}"], "the sinkhole is where the query came in"


def test_ipv6(home):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as end, socket.socket(socket.AF_INET6) as _:
        end.setblocking(False)
        end.bind(("::1", 0))
        home.engine.listen(end.fileno(), "::1")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.sendto(make_query("localhost", "AAAA"), end.getsockname())
            assert select.select([end], [], [], 2)[0]
            home.engine.receive(end.fileno())
            assert addresses(read(client.recv(512))) == ["::1"]


def test_an_upstream_over_ipv6(home):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as upstream:
        upstream.bind(("::1", 0))
        upstream.settimeout(2)
        home.engine.set_upstreams([upstream.getsockname()[:2]])
        home.ask(make_query("www.example.com"), timeout=0.05)
        wire, source = upstream.recvfrom(512)
        upstream.sendto(address_of(wire), source)
        assert addresses(read(home.ask(make_query("www.example.com")))) == ["192.0.2.1"]


def test_what_is_no_query_has_no_reply_over_streams(home):
    for message in (b"", b"\0" * 11, make_reply(make_query("example.com"))):
        assert home.engine.answer(message, "127.0.0.1", "127.0.0.1", 1) == b""


def test_the_answer_to_an_unknown_exchange_is_nothing(home):
    assert home.engine.exchanged(12345, b"x" * 40) is False
    assert home.engine.exchanged(12345, None) is False


@pytest.mark.parametrize("size", [0, 8, _native.COUNTERS * 8 - 1])
def test_counters_that_are_too_small_are_refused(size):
    with pytest.raises(ValueError, match=f"expected a writable one of {_native.COUNTERS * 8}"):
        _native.Engine(counters=bytearray(size))


def test_counters_that_can_not_be_used_are_refused(counters):
    with pytest.raises(ValueError, match="counters"):
        _native.Engine(counters=bytes(_native.COUNTERS * 8))
    with pytest.raises(ValueError, match="aligned"):
        _native.Engine(counters=memoryview(mmap.mmap(-1, _native.COUNTERS * 8 + 8))[1:])


def test_counters_stay_while_the_engine_lives(counters):
    engine = _native.Engine(counters=counters)
    with pytest.raises(BufferError):
        counters.close()
    del engine
    counters.close()


@pytest.mark.parametrize("payload", [0, 511, 65_535])
def test_a_udp_payload_out_of_range_is_refused(counters, payload):
    with pytest.raises(ValueError, match=str(payload)):
        _native.Engine(counters=counters, max_udp_payload=payload)


def test_bad_arguments_are_refused(home):
    engine = home.engine
    with pytest.raises(ValueError, match="65 upstreams"):
        engine.set_upstreams([("127.0.0.1", 53)] * 65)
    with pytest.raises(ValueError, match=r"dns\.example"):
        engine.set_upstreams([("dns.example", 53)])
    with pytest.raises(ValueError, match="listen"):
        engine.receive(999)
    with pytest.raises(ValueError, match="nowhere"):
        engine.listen(0, "nowhere")
    with pytest.raises(ValueError, match="somebody"):
        engine.answer(b"", "somebody", "127.0.0.1", 1)
    assert home.ask(make_query("www.example.com")), "and goes on as before"


def test_it_is_used_by_the_thread_that_made_it(home):
    raised = []

    def use():
        try:
            home.engine.drain()
        # What PyO3 raises here is its own exception, which derives from none of Exception.
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(raised) == 1


def test_an_engine_that_is_gone_leaves_no_descriptor():
    def descriptors():
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for _ in range(20):
        with Home(address_of) as home:
            assert home.ask(make_query("www.example.com"))
        del home
    assert descriptors() <= before
