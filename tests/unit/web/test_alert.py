"""HTTPS to a blocked site ends at once, with an alert that arrives."""

import socket
import ssl
import time

import pytest

from safedns.web import alert

HELLO = b"\x16\x03\x01\x02\x00" + bytes(0x200)


def connect(web):
    return socket.create_connection(("127.0.0.1", web.tls_port), timeout=10)


def read_all(end):
    received = b""
    while data := end.recv(65536):
        received += data
    return received


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_is_told_that_access_is_denied(web, version):
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    started = time.monotonic()
    with connect(web) as end, pytest.raises(ssl.SSLError) as caught:
        context.wrap_socket(end, server_hostname="bet.example")
    assert caught.value.reason == "TLSV1_ALERT_ACCESS_DENIED"
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("step", [1, 7, 300])
def test_hello_in_pieces(web, step):
    with connect(web) as end:
        for start in range(0, len(HELLO), step):
            end.sendall(HELLO[start : start + step])
        assert read_all(end) == alert.ACCESS_DENIED


def test_alert_waits_for_the_whole_hello(web):
    with connect(web) as end:
        end.sendall(HELLO[:-1])
        end.settimeout(0.2)
        with pytest.raises(TimeoutError):
            end.recv(1)
        end.sendall(HELLO[-1:])
        end.settimeout(5)
        assert read_all(end) == alert.ACCESS_DENIED


def test_alert_arrives_though_the_client_goes_on_sending(web):
    with connect(web) as end:
        end.sendall(HELLO + bytes(8000))
        time.sleep(0.1)
        assert read_all(end) == alert.ACCESS_DENIED


def test_what_is_not_tls_is_not_waited_for(web):
    with connect(web) as end:
        end.sendall(b"GET / HTTP/1.1\r\n")
        assert read_all(end) == alert.ACCESS_DENIED


def test_silent_client_is_cut_off(web):
    started = time.monotonic()
    with connect(web) as end:
        assert read_all(end) == b""
    assert alert.TIME_LIMIT - 0.5 < time.monotonic() - started < alert.TIME_LIMIT + 1


def test_client_that_never_closes_is_cut_off(web):
    with connect(web) as end:
        end.sendall(HELLO)
        assert read_all(end) == alert.ACCESS_DENIED
        time.sleep(alert.TIME_LIMIT + 0.3)
        end.send(b"x")
        time.sleep(0.05)
        with pytest.raises(ConnectionError):
            end.send(b"x")


def test_flood_is_cut_off(web):
    with connect(web) as end, pytest.raises(ConnectionError):
        end.sendall(b"\x16\x03\x01\xff\xff" + bytes(64 * 2**20))


def test_connections_are_limited(own_web):
    held = [connect(own_web) for _ in range(alert.CONNECTIONS)]
    try:
        time.sleep(0.3)
        with connect(own_web) as end:
            assert read_all(end) == b""
        time.sleep(alert.TIME_LIMIT)
        with connect(own_web) as end:
            end.sendall(HELLO)
            assert read_all(end) == alert.ACCESS_DENIED
    finally:
        for end in held:
            end.close()
