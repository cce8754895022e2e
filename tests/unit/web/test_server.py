"""What clients can't do to the web process."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from safedns.config.model import Config
from safedns.web import requests, server
from tests.helpers.web import WebProcess, parse, read_all

REQUEST = b"GET / HTTP/1.1\r\nHost: bet.example\r\n\r\n"


def test_connection_ends_with_the_response(own_web):
    assert own_web.send(REQUEST * 3).count(b"HTTP/1.1") == 1


def test_request_in_pieces_is_answered(own_web):
    with own_web.connect() as end:
        for byte in REQUEST:
            end.sendall(bytes([byte]))
        assert parse(read_all(end)).status == 403


def test_slow_client_is_cut_off(blocklist, monkeypatch):
    monkeypatch.setattr(server, "LIFETIME", 1.0)
    with WebProcess(Config(), blocklist) as web, web.connect() as end:
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < started + 5:
                end.sendall(b"G")
                time.sleep(0.1)
        assert 0.9 < time.monotonic() - started < 2


def test_connections_are_limited(own_web):
    held = [own_web.connect() for _ in range(server.CONNECTIONS)]
    try:
        # All are accepted before the next one is.
        time.sleep(0.3)
        with own_web.connect() as end:
            end.settimeout(5)
            assert not answer_or_reset(end)
        held.pop().close()
        time.sleep(0.3)
        assert own_web.get("bet.example").status == 403
    finally:
        for end in held:
            end.close()


def answer_or_reset(end):
    try:
        end.sendall(REQUEST)
        return read_all(end)
    except ConnectionError:
        return b""


def test_body_is_read_before_the_answer(own_web):
    assert own_web.get("bet.example", method="POST", body=b"x" * requests.BODY_LIMIT).status == 403


def test_endless_body_is_not_read(own_web):
    head = b"POST / HTTP/1.1\r\nHost: bet.example\r\nContent-Length: 1000000000000\r\n\r\n"
    sent = 0
    with own_web.connect() as end:
        end.sendall(head)
        with suppress(ConnectionError):
            while sent < 64 * 2**20:
                sent += end.send(bytes(65536))
        assert sent < 64 * 2**20
    assert own_web.get("bet.example").status == 403


def test_body_that_does_not_come_is_not_waited_for(own_web):
    started = time.monotonic()
    answer = own_web.send(b"POST / HTTP/1.1\r\nHost: bet.example\r\nContent-Length: 5\r\n\r\nx")
    assert parse(answer).status == 403
    assert time.monotonic() - started < requests.BODY_TIMEOUT + 1


def test_client_that_reads_nothing_holds_nothing(own_web):
    ends = []
    for _ in range(50):
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        end.connect(("127.0.0.1", own_web.port))
        end.sendall(REQUEST)
        ends.append(end)
    assert own_web.get("bet.example").status == 403
    for end in ends:
        end.close()


def test_memory_does_not_grow(own_web):
    def resident():
        lines = Path(f"/proc/{own_web.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

    def load(times):
        for number in range(times):
            own_web.get(f"n{number}.bet.example")
            own_web.get("127.0.0.1", f"/?name=n{number}.bet.example")

    load(200)
    before = resident()
    load(1000)
    assert resident() < before + 512


def test_log_has_no_names(blocklist, tmp_path):
    log = os.open(tmp_path / "log", os.O_CREAT | os.O_RDWR)
    saved = os.dup(2)
    os.dup2(log, 2)
    try:
        with WebProcess(Config(), blocklist) as web:
            for request in (REQUEST, b"GET /secret HTTP/1.1\r\n\r\n", b"\0\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n"):
                with web.connect() as end:
                    end.sendall(request)
                    end.shutdown(socket.SHUT_WR)
                    read_all(end)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(log)
    assert (tmp_path / "log").read_text() == ""
