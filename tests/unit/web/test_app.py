"""The web process as the supervisor leads it."""

import os
import signal
import socket
from pathlib import Path

import pytest

from safedns import _native
from safedns.config.model import BlocklistFile, Config
from safedns.web.texts import TEXTS
from tests.helpers.web import WebProcess, compile_list, parse, read_all

VI = TEXTS["vi"].page


def metric(web, name):
    lines = web.get("127.0.0.1", "/metrics").text.splitlines()
    (line,) = [line for line in lines if line.startswith(name + " ")]
    return float(line.split()[1])


def test_new_configuration_applies_at_once(own_web):
    assert VI["open.title"] in own_web.get("shop.example").text
    own_web.configure(Config(block=("shopping",), contact=("mailto:help@provider.example",)))
    page = own_web.get("shop.example").text
    assert VI["blocked.title"] in page
    assert "help@provider.example" in page
    assert VI["open.title"] in own_web.get("bet.example").text


def test_new_list_applies_at_once(own_web, tmp_path):
    another = compile_list(tmp_path / "other.bin", {"free.example": "gambling"}, serial=42)
    own_web.order("list", another.fileno())
    assert VI["blocked.title"] in own_web.get("free.example").text
    assert VI["open.title"] in own_web.get("bet.example").text
    assert metric(own_web, "safedns_list_serial") == 42
    assert metric(own_web, "safedns_list_names") == 1


def test_no_list_any_more(own_web):
    own_web.order("list")
    assert VI["open.title"] in own_web.get("bet.example").text
    assert metric(own_web, "safedns_list_loaded") == 0
    assert VI["lookup.nolist"] in own_web.get("127.0.0.1").text


def test_orders_leak_no_descriptors(own_web, tmp_path):
    lists = [compile_list(tmp_path / f"{n}.bin", {"a.example": "gambling"}, serial=n) for n in (1, 2)]

    def descriptors():
        return len(list(Path(f"/proc/{own_web.pid}/fd").iterdir()))

    own_web.order("list", lists[0].fileno())
    before = descriptors()
    for number in range(20):
        own_web.order("list", lists[number % 2].fileno())
        own_web.configure(Config())
    assert descriptors() <= before


def test_replaced_list_is_let_go(tmp_path):
    def compiled(serial):
        return compile_list(tmp_path / f"{serial}.bin", {"a.example": "gambling"}, serial=serial)

    with WebProcess(Config(), compiled(1)) as web:
        others = mapped_lists(os.getpid()) - 1
        assert mapped_lists(web.pid) == others + 1
        second = compiled(2)
        web.order("list", second.fileno())
        assert mapped_lists(web.pid) == others + 1
        web.order("list")
        assert mapped_lists(web.pid) == others


def mapped_lists(pid):
    return Path(f"/proc/{pid}/maps").read_text().count("safedns-blocklist")


def test_list_is_as_old_as_its_file(blocklist, tmp_path):
    file = tmp_path / "list.bin"
    file.touch()
    os.utime(file, (1_700_000_000, 1_700_000_000))
    with WebProcess(Config(blocklist=BlocklistFile(str(file))), blocklist) as web:
        assert metric(web, "safedns_list_modified_timestamp_seconds") == 1_700_000_000
        assert metric(web, "safedns_list_age_seconds") > 86400


def test_metrics_are_read_from_shared_memory(own_web):
    (index,) = (index for name, _, index, _ in _native.counter_layout() if name == "safedns_cache_hits_total")
    for worker in range(own_web.workers):
        at = (worker * _native.COUNTERS + index) * 8
        own_web.counters[at : at + 8] = (worker + 1).to_bytes(8, "little")
    assert metric(own_web, "safedns_cache_hits_total") == 3


@pytest.mark.parametrize("how", ["drain", "SIGTERM", "end of the supervisor"])
def test_ends_when_told(own_web, how):
    match how:
        case "drain":
            own_web.channel.send("drain")
        case "SIGTERM":
            os.kill(own_web.pid, signal.SIGTERM)
        case _:
            own_web.channel.close()
    assert own_web.wait() == 0


def test_request_being_answered_is_finished_before_the_end(own_web):
    with own_web.connect() as end:
        end.sendall(b"POST / HTTP/1.1\r\nHost: bet.example\r\nContent-Length: 2\r\n\r\nx")
        with own_web.connect() as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: bet.example\r\n\r\n")
            read_all(other)
        own_web.channel.send("drain")
        end.sendall(b"x")
        assert parse(read_all(end)).status == 403
    assert own_web.wait() == 0


def test_sockets_outlive_the_process(blocklist):
    """A connection that comes while no process is there waits for the next."""
    with WebProcess(Config(), blocklist) as first:
        kept = first.http.dup()
        first.channel.send("drain")
        first.wait()
        with socket.create_connection(kept.getsockname()[:2], timeout=10) as waiting:
            waiting.sendall(b"GET / HTTP/1.1\r\nHost: bet.example\r\n\r\n")
            with WebProcess(Config(), blocklist, http=kept):
                assert parse(read_all(waiting)).status == 403
