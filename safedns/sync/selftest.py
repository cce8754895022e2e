"""After a blocklist became active: whether the resolver takes it and still answers."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

from safedns.errors import BlocklistError
from safedns.sync.report import read_counters

if TYPE_CHECKING:
    from pathlib import Path

    from safedns.config.units import Endpoint

TAKEN: Final = 15.0
"""Seconds within which a running resolver uses a new blocklist."""

_ANSWER: Final = 2.0
_TRIES: Final = 3
_PAUSE: Final = 0.05

# `localhost.`, A, with recursion desired; answered by every resolver itself (RFC 6761 section 6.3).
_QUERY: Final = b"\x5a\xfe\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01"


def self_test(path: Path, metrics: Endpoint | None, resolver: Endpoint | None) -> str | None:
    """Look at the active blocklist as the resolver uses it.

    Args:
        path: it.
        metrics: where the running resolver shows its counters, if it reads this file.
        resolver: where it answers.

    Returns:
        What is wrong; None if nothing is. Where no resolver runs, the file alone is looked at.
    """
    from safedns import _native

    try:
        serial = _native.Blocklist.load(str(path)).serial
    except BlocklistError as error:
        return str(error)
    if read_counters(metrics) is None:
        return None
    if not _taken(metrics, serial):
        return f"the resolver does not use serial {serial} after {TAKEN:.0f} seconds"
    if resolver is not None and not _answers(resolver):
        return "the resolver does not answer since"
    return None


def _taken(metrics: Endpoint | None, serial: int) -> bool:
    end = time.monotonic() + TAKEN
    while time.monotonic() < end:
        counters = read_counters(metrics)
        if counters is not None and counters.serial == serial:
            return True
        time.sleep(_PAUSE)
    return False


def _answers(resolver: Endpoint) -> bool:
    family = socket.AF_INET6 if ":" in resolver.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as end:
        end.settimeout(_ANSWER)
        for _ in range(_TRIES):
            try:
                end.sendto(_QUERY, (resolver.address, resolver.port))
                answer = end.recv(4096)
            except OSError:
                continue
            # The same id, and NOERROR.
            if answer[:2] == _QUERY[:2] and len(answer) > 3 and answer[3] & 15 == 0:
                return True
    return False
