"""The life of the running service: start, dying children, changes, stop."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tests.helpers.service import Service, free_port, query, write_list

pytestmark = pytest.mark.e2e

RESTART = 0.2
"""Seconds until the next answer after a worker was killed, at most."""


@pytest.fixture
def service(tmp_path):
    """One worker, blocking bad.example."""
    file = tmp_path / "blocklist.bin"
    write_list(file, ["bad.example"], serial=1)
    with Service(tmp_path, blocklist={"file": str(file)}) as running:
        running.list_file = file
        yield running


class Load:
    """Asks one question after the other in the background, and remembers how long each answer took."""

    def __init__(self, service, name="bad.example"):
        self._service, self._name, self._stopped = service, name, threading.Event()
        self.times, self.lost = [], 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        time.sleep(0.05)
        return self

    def __exit__(self, *_):
        time.sleep(0.05)
        self._stopped.set()
        self._thread.join()

    def _run(self):
        while not self._stopped.is_set():
            start = time.perf_counter()
            try:
                self._service.ask(self._name, timeout=2)
            except TimeoutError:
                self.lost += 1
            self.times.append(time.perf_counter() - start)


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it didn't happen in time"
        time.sleep(0.01)


def test_ready_says_what_it_serves(service):
    assert service.ready == (f"ready dns=127.0.0.1:{service.port} web=none blocklist=1 (serial 1) pid={service.pid}\n")
    assert service.is_blocked("www.bad.example")


def test_the_log_names_neither_names_nor_clients(service):
    service.ask("bad.example")
    service.ask("secret.example")
    with service.connect() as end:
        end.sendall(b"\0\x03abc")
        assert end.recv(1) == b""
    service.stop()
    assert "example" not in service.log
    assert "127.0.0.1" not in service.log


def test_a_killed_worker_is_replaced_before_anybody_notices(service):
    (worker,) = service.children()
    with Load(service) as load:
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: service.children() not in ([worker], []))
        time.sleep(RESTART)
    assert load.lost <= 1  # the query that it was handling
    assert sorted(load.times)[-1 - load.lost] < RESTART
    service.wait_for_log("resolver 1 was ended by SIGKILL; starting it again in 0 s")


def test_a_worker_is_replaced_however_often_it_dies(service):
    for _ in range(6):
        wait_until(service.children)
        for worker in service.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        time.sleep(0.02)
    wait_until(lambda: len(service.children()) == 1)
    assert service.is_blocked("bad.example")


def test_a_hung_worker_is_replaced(service):
    (worker,) = service.children()
    os.kill(worker, signal.SIGSTOP)
    wait_until(lambda: service.children() not in ([worker], []))
    assert service.is_blocked("bad.example")
    service.wait_for_log("resolver 1 hangs")


def test_children_end_when_the_supervisor_is_killed(tmp_path):
    with Service(tmp_path, workers=2) as service:
        first, second = service.children()
        os.kill(second, signal.SIGSTOP)  # it must not be what keeps the other alive
        service.process.kill()
        service.process.wait()
        wait_until(lambda: _has_ended(first))
        os.kill(second, signal.SIGCONT)
        wait_until(lambda: _has_ended(second))
        wait_until(lambda: not _is_bound(service.port))


def _has_ended(process):
    return not Path(f"/proc/{process}/exe").exists()  # a zombie has none either


def test_the_web_process_dies_and_names_still_resolve(tmp_path):
    port = free_port()
    web = {"listen": [f"127.0.0.1:{port}"], "tls": []}
    with Service(tmp_path, web=web) as service:
        _, pages = service.children()
        with Load(service, "nowhere.test") as load:
            os.kill(pages, signal.SIGKILL)
            wait_until(lambda: service.children()[-1] != pages)
        assert not load.lost
        assert max(load.times) < 0.1
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            assert b"safedns_queries_total" in page.read()


def test_a_web_process_that_cannot_start_keeps_nobody_waiting(tmp_path):
    (tmp_path / "h11.py").write_text("raise RuntimeError('broken')")
    web = {"listen": [f"127.0.0.1:{free_port()}"], "tls": []}
    with Service(tmp_path, web=web, environment={"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}) as service:
        service.wait_for_log("web ended with status 1; starting it again in 0.2 s")  # it is tried again and again
        assert service.ask("nowhere.test")
        service.stop()
        assert service.process.returncode == 0


def test_counters_outlive_workers_and_are_shared_with_the_web_process(tmp_path):
    port = free_port()
    web = {"listen": [f"127.0.0.1:{port}"], "tls": []}

    def queries(service):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("safedns_queries_total"))

    with Service(tmp_path, web=web, workers=2) as service:
        for _ in range(20):
            service.ask("nowhere.test")
        for worker in service.children()[:2]:
            os.kill(worker, signal.SIGKILL)
        for _ in range(20):
            service.ask("nowhere.test")
        assert queries(service) == 40


def test_a_new_list_is_used_within_two_seconds(service):
    with Load(service) as load:
        write_list(service.list_file, ["worse.example", "awful.example"], serial=2)
        wait_until(lambda: service.is_blocked("worse.example"), 2)
    assert not load.lost
    assert not service.is_blocked("bad.example")
    service.wait_for_log("blocklist serial 2, 2 names")


def test_a_damaged_list_is_refused_and_the_next_good_one_taken(service):
    content = service.list_file.read_bytes()
    service.list_file.write_bytes(content[: len(content) // 2])
    service.wait_for_log("the blocklist in use stays")
    assert service.is_blocked("bad.example")
    time.sleep(1)
    assert service.log.count("the blocklist in use stays") == 1  # refused once, not twice a second
    service.list_file.unlink()
    time.sleep(0.6)
    write_list(service.list_file, ["worse.example"], serial=3)
    wait_until(lambda: service.is_blocked("worse.example"), 2)


def test_a_list_that_was_replaced_takes_no_more_memory(service):
    def kept(process):
        maps = Path(f"/proc/{process}/maps").read_text().count("memfd:safedns-blocklist")
        files = [str(end.readlink()) for end in Path(f"/proc/{process}/fd").iterdir()]
        return maps, sum("memfd:safedns-blocklist" in file for file in files)

    (worker,) = service.children()
    before = [kept(worker), kept(service.pid)]
    for serial in (2, 3):
        write_list(service.list_file, [f"{serial}.example"], serial)
        wait_until(lambda serial=serial: service.is_blocked(f"{serial}.example"), 2)
    assert [kept(worker), kept(service.pid)] == before


def test_a_worker_that_starts_later_has_the_new_list(service):
    write_list(service.list_file, ["worse.example"], serial=2)
    wait_until(lambda: service.is_blocked("worse.example"), 2)
    (worker,) = service.children()
    os.kill(worker, signal.SIGKILL)
    assert service.is_blocked("worse.example")


def test_a_changed_configuration_is_taken_over_without_losing_a_query(service):
    before = service.children()
    with Load(service) as load:
        service.write_config(block=["adult"])
        service.reload()
        wait_until(lambda: not service.is_blocked("bad.example"), 2)
        service.write_config(block=["gambling"])
        service.reload()
        wait_until(lambda: service.is_blocked("bad.example"), 2)
    assert not load.lost
    assert service.children() == before  # the cache too is as it was


def test_the_list_is_read_again_when_told_even_if_it_seems_the_same(service):
    service.reload()
    service.wait_for_log(r"blocklist serial 1[\s\S]+blocklist serial 1")


def test_the_pages_move_and_names_resolve_from_the_same_workers(tmp_path):
    old, new = free_port(), free_port()
    with Service(tmp_path, web={"listen": [f"127.0.0.1:{old}"], "tls": []}) as service:
        worker, _ = service.children()
        service.write_config(web={"listen": [f"127.0.0.1:{new}"], "tls": []})
        service.reload()
        wait_until(lambda: _refuses(old))
        with urllib.request.urlopen(f"http://127.0.0.1:{new}/metrics", timeout=5) as page:
            assert page.status == 200
        assert worker in service.children()


def _refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # The listening socket was closed while this connection waited in its queue.
        return False
    return False


def test_a_wrong_configuration_is_reported_whole_and_the_old_one_stays(service):
    service.write_config(workers="many", nonsense=1)
    service.reload()
    service.wait_for_log("the configuration in use stays")
    assert "safedns.yaml" in service.log
    assert "workers: expected" in service.log
    assert "nonsense" in service.log
    assert service.is_blocked("bad.example")


def test_an_address_that_is_taken_leaves_all_as_it_was(service):
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        old = service.config["listen"]
        service.write_config(listen=[*old, taken], workers=3, block=["adult"])
        service.reload()
        service.wait_for_log("in use by python")
    time.sleep(0.2)
    assert len(service.children()) == 1
    assert all(service.is_blocked("bad.example") for _ in range(30))


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_the_number_of_workers_changes_without_losing_a_query(tmp_path, before, after):
    with Service(tmp_path, workers=before) as service:
        old = service.children()
        with Load(service, "nowhere.test") as load:
            service.write_config(workers=after)
            service.reload()
            wait_until(lambda: len(service.children()) == after and not set(service.children()) & set(old))
            time.sleep(0.2)
        assert not load.lost
        # Each port is another client to the kernel, which spreads them over all sockets: all must be read.
        assert all(service.ask("nowhere.test", timeout=1) for _ in range(60))


def test_addresses_come_and_go(service):
    old, new = service.port, free_port()
    service.write_config(listen=[f"127.0.0.1:{new}"])
    service.reload()
    service.port = new
    wait_until(lambda: len(service.children()) == 1 and not _is_bound(old))
    assert service.is_blocked("bad.example")
    service.write_config(listen=[f"127.0.0.1:{new}", f"127.0.0.1:{old}"])
    service.reload()
    service.port = old
    wait_until(lambda: _is_bound(old))
    assert service.is_blocked("bad.example")


def _is_bound(port):
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        try:
            end.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told(service, number):
    children = service.children()
    service.process.send_signal(number)
    start = time.monotonic()
    assert service.process.wait(5) == 0
    assert time.monotonic() - start < 1  # nothing was outstanding
    assert all(map(_has_ended, children))
    assert "error" not in service.log


def test_what_is_outstanding_is_answered_before_it_stops(tmp_path):
    with socket.socket(type=socket.SOCK_DGRAM) as upstream:
        upstream.bind(("127.0.0.1", 0))
        upstream.settimeout(5)
        server = f"127.0.0.1:{upstream.getsockname()[1]}"
        with (
            Service(tmp_path, upstream={"servers": [server]}) as service,
            service.connect() as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
        ):
            udp.settimeout(5)
            udp.sendto(query("slow.example.com"), ("127.0.0.1", service.port))
            question, worker = upstream.recvfrom(4096)
            tcp.sendall(b"\0\x22" + query("slow.example.com"))
            time.sleep(0.1)
            os.killpg(service.pid, signal.SIGINT)  # as Ctrl-C in a terminal: all processes get it
            time.sleep(0.2)
            assert service.process.poll() is None
            reply = bytearray(question[: question.index(b"\0\x01\0\x01", 12) + 4])
            reply[2:4], reply[4:12] = b"\x81\x83", b"\0\x01\0\0\0\0\0\0"
            upstream.sendto(reply, worker)
            assert udp.recv(4096)[3] & 15 == 3  # NXDOMAIN, as the upstream said
            assert tcp.recv(4096)[5] & 15 == 3
            assert tcp.recv(1) == b""
            assert service.process.wait(5) == 0


def test_a_second_signal_ends_it_at_once(tmp_path):
    with Service(tmp_path) as service, service.connect() as tcp:
        tcp.sendall(b"\0\x22" + query("slow.example.com"))
        for worker in service.children():
            os.kill(worker, signal.SIGSTOP)
        service.process.terminate()
        service.wait_for_log("stopping")
        start = time.monotonic()
        service.process.terminate()
        assert service.process.wait(5) == 1
        assert time.monotonic() - start < 0.5


def serve(tmp_path, **config):
    """Start a service that should refuse to; returns its status and what it says."""
    service = Service(tmp_path, **config)
    service.write_config()
    command = [sys.executable, "-m", "safedns", "serve", "--config", str(service.file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    return done.returncode, done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(("kind", "protocol"), [(socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")])
def test_a_port_in_use_is_one_sentence_with_who_has_it(tmp_path, kind, protocol):
    with socket.socket(type=kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        status, text = serve(tmp_path, listen=[address])
    assert status == 2
    assert f"{address} ({protocol})" in text
    assert f"(process {os.getpid()})" in text
    assert "listen on another port" in text


def test_a_second_service_does_not_take_half_of_the_queries(service, tmp_path):
    (tmp_path / "second").mkdir()
    status, text = serve(tmp_path / "second", listen=service.config["listen"])
    assert status == 2
    assert "in use by" in text


def test_an_address_that_the_machine_lacks_is_one_sentence(tmp_path):
    status, text = serve(tmp_path, listen=["192.0.2.1:5353"])
    assert status == 2
    assert "192.0.2.1:5353" in text
    assert "no such address" in text


def test_a_list_that_cannot_be_used_keeps_it_from_starting(tmp_path):
    status, text = serve(tmp_path, blocklist={"file": str(tmp_path / "absent.bin")})
    assert status == 2
    assert "absent.bin" in text


def test_without_a_list_it_serves_and_warns(tmp_path):
    with Service(tmp_path) as service:
        assert "blocklist=none" in service.ready
        assert "nothing is filtered" in service.log
