"""A client of the running service: sends bytes, gets bytes."""

import socket

from tests.helpers.service import read_message

PATIENCE = 3.0
"""Seconds to wait for a reply; the service promises one within two."""


def over_udp(port: int, wire: bytes, timeout: float = PATIENCE, address: str = "127.0.0.1") -> bytes | None:
    """Send a message and return the reply, or None if there is none in time."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as end:
        end.settimeout(timeout)
        end.connect((address, port))
        end.send(wire)
        try:
            return end.recv(65535)
        except TimeoutError:
            return None


def over_tcp(port: int, wire: bytes, timeout: float = PATIENCE, address: str = "127.0.0.1") -> bytes | None:
    """The same over TCP; None too if the connection is closed without a reply."""
    with socket.create_connection((address, port), timeout) as end:
        end.sendall(framed(wire))
        try:
            return read_message(end) or None
        except (TimeoutError, ConnectionResetError):
            return None


def framed(*messages: bytes) -> bytes:
    """Messages as they go over TCP: each with its length before it."""
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


TRANSPORTS = {"udp": over_udp, "tcp": over_tcp}
