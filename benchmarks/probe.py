"""Single questions: is a server ready, and does it do the work that it is about to be measured at?"""

import itertools
import random
import socket
import subprocess
import time
from collections.abc import Sequence

from benchmarks.names import SEED, Lists
from benchmarks.server import ADDRESS, SERVER_PORT, Server
from benchmarks.wire import Outcome, encode_query, judge

READY_SECONDS = 120.0
"""More than the slowest server needs to load a million names."""

ANSWER_SECONDS = 2.0
_POLL_SECONDS = 0.002
_SAMPLES = 50
_LONG = 230
"""Longer names are not put a label in front of, as a name has at most 253 characters."""

_IN_A_ROW = 500
"""Blocked names in a row that show that a list is loaded: BIND answers long before it is."""

LOADING_SECONDS = 20.0
"""How long after that a server may still fail the check, which then begins again."""


class NotWorkingError(Exception):
    """A server doesn't start, or doesn't block or resolve what it should: its numbers would mean nothing."""


def first_answer(server: Server, process: subprocess.Popen[bytes], names: Sequence[str], started: float) -> float:
    """Ask every 2 ms until blocked names are answered as blocked; return the seconds from `started` to the first.

    Some servers answer while they still load their list, so many names in a row must be blocked. Each question is
    for another name: an answer from before the list was loaded helps no cache.
    """
    wanted = Outcome.BLOCKED if server.filters else Outcome.REFLECTED
    sample = random.Random(SEED).sample(names, min(len(names), 20_000))
    streak, first = 0, 0.0
    for name in itertools.cycle(sample):
        found = ask(name, _POLL_SECONDS)
        if found is wanted:
            first = time.monotonic() - started if streak == 0 else first
            streak += 1
        elif found is not None:  # no answer within the 2 ms says nothing about the list
            streak = 0
        if streak == _IN_A_ROW:
            return first
        if process.poll() is not None:
            raise NotWorkingError(f"{server.name} ended with status {process.returncode} before it answered")
        if time.monotonic() > started + READY_SECONDS:
            raise NotWorkingError(f"{server.name} didn't block {name} within {READY_SECONDS:g} s of its start")
    raise AssertionError("the cycle of names has no end")


def check_work(server: Server, lists: Lists, warm: Sequence[str]) -> None:
    """See that blocked names are blocked, with what is below them, and warm and new ones resolve."""
    if not server.filters:
        return
    deadline = time.monotonic() + LOADING_SECONDS
    while (fault := find_fault(lists, warm)) is not None:
        if time.monotonic() > deadline:
            raise NotWorkingError(f"{server.name}: {fault}")
        time.sleep(0.5)


def find_fault(lists: Lists, warm: Sequence[str]) -> str | None:
    """Ask for a sample of names; the first that is not treated as it should be, or None."""
    rng = random.Random(SEED)
    blocked, cached, ordinary = (rng.sample(names, _SAMPLES) for names in (lists.blocked, warm, lists.allowed))
    expected = [(name, Outcome.BLOCKED) for name in blocked]
    expected += [(f"below.{name}", Outcome.BLOCKED) for name in blocked if len(name) < _LONG]
    expected += [(name, Outcome.RESOLVED) for name in cached + cached]
    expected += [(f"check{rng.getrandbits(40):x}.{name}", Outcome.RESOLVED) for name in ordinary if len(name) < _LONG]
    for name, wanted in expected:
        found = ask(name, ANSWER_SECONDS)
        if found is not wanted:
            return f"expected {name} to be {wanted.value}, found {found.value if found else 'no answer'}"
    return None


def ask(name: str, seconds: float) -> Outcome | None:
    """Ask the server once; None when no answer comes in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect((ADDRESS, SERVER_PORT))
        try:
            client.send(encode_query(name))
            return judge(client.recv(4096))
        except TimeoutError:
            return None
        except ConnectionRefusedError:
            time.sleep(seconds if seconds < ANSWER_SECONDS else 0)
            return None
