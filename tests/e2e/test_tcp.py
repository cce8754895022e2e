"""TCP clients of the running service (RFC 7766)."""

import contextlib
import socket
import time
from pathlib import Path

import pytest

from tests.helpers.service import Service, query, read_message, write_list

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tcp")
    write_list(folder / "blocklist.bin", ["bad.example"], serial=1)
    with Service(folder, blocklist={"file": str(folder / "blocklist.bin")}) as running:
        yield running


def framed(*messages):
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


def test_pipelined_queries_are_all_answered(service):
    with service.connect() as end:
        end.sendall(framed(*(query("bad.example", number=n) for n in range(1000))))
        assert sorted(int.from_bytes(read_message(end)[:2], "big") for _ in range(1000)) == list(range(1000))


def test_a_fast_answer_overtakes_a_slow_one(service):
    with service.connect() as end:
        end.sendall(framed(query("slow.example.com", number=1), query("bad.example", number=2)))
        assert [read_message(end)[:2], read_message(end)[:2]] == [b"\0\2", b"\0\1"]


def test_a_client_that_stops_sending_still_gets_its_answers(service):
    with service.connect() as end:
        end.sendall(framed(query("slower.example.com", number=1), query("bad.example", number=2)))
        end.shutdown(socket.SHUT_WR)
        assert {read_message(end)[:2], read_message(end)[:2]} == {b"\0\1", b"\0\2"}
        assert read_message(end) == b""


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_length_of_no_query_closes(service, length):
    with service.connect() as end:
        end.sendall(framed(bytes(length)))
        assert end.recv(1) == b""


def test_three_hundred_idle_connections_leave_room_for_a_query(service):
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(service.connect())
        time.sleep(0.1)
        start = time.perf_counter()
        end = stack.enter_context(service.connect())
        end.sendall(framed(query("bad.example")))
        assert read_message(end)
        assert time.perf_counter() - start < 0.05


def test_a_byte_every_half_second_is_closed_within_five_seconds(service):
    with service.connect() as end:
        end.settimeout(0.5)
        start = time.monotonic()
        for octet in framed(query("bad.example")):
            end.sendall(bytes([octet]))
            try:
                assert end.recv(1) == b""
                break
            except TimeoutError:
                continue
        assert 4 < time.monotonic() - start <= 5.05


def test_a_client_that_never_reads_does_not_grow_the_worker(service):
    (worker,) = service.children()

    def resident():
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096

    with service.connect() as end:
        end.settimeout(0.2)
        before = resident()
        queries = framed(*(query("bad.example", number=n) for n in range(200)))
        with pytest.raises((TimeoutError, ConnectionError)):
            end.sendall(queries * 5000)
        assert resident() - before < 4 * 2**20
        service.ask("bad.example", timeout=0.1)


def test_clients_that_leave_in_the_middle_leave_nothing_behind(service):
    (worker,) = service.children()

    def descriptors():
        return len(list(Path(f"/proc/{worker}/fd").iterdir()))

    before = descriptors()
    for n in range(100):
        with service.connect() as end:
            end.sendall(framed(query(f"gone{n}.example.com"), *[query("bad.example")] * 50) + b"\0")
    end_time = time.monotonic() + 4  # questions without an answer are given up after two seconds
    while descriptors() > before + 4:
        assert time.monotonic() < end_time
        time.sleep(0.05)
    assert service.children() == [worker]
