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


class NotWorkingError(Exception):
    """A server doesn't start, or doesn't block or resolve what it should: its numbers would mean nothing."""


def first_answer(server: Server, process: subprocess.Popen[bytes], names: Sequence[str], started: float) -> float:
    """Ask every 2 ms until blocked names are answered as blocked; return the seconds from `started` to the first.

    Some servers answer while they still load their list, so `_SAMPLES` names in a row must be blocked. Each question is
    for another name: an answer from before the list was loaded helps no cache.
    """
    wanted = Outcome.BLOCKED if server.filters else Outcome.REFLECTED
    sample = random.Random(SEED).sample(names, min(len(names), 20_000))
    streak, first = 0, 0.0
    for name in itertools.cycle(sample):
        if ask(name, _POLL_SECONDS) is not wanted:
            streak = 0
        elif streak == 0:
            streak, first = 1, time.monotonic() - started
        else:
            streak += 1
        if streak == _SAMPLES:
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
    rng = random.Random(SEED)
    blocked, cached, ordinary = (rng.sample(names, _SAMPLES) for names in (lists.blocked, warm, lists.allowed))
    _expect(server, Outcome.BLOCKED, blocked)
    _expect(server, Outcome.BLOCKED, [f"below.{name}" for name in blocked if len(name) < 240])
    _expect(server, Outcome.RESOLVED, cached + cached)
    _expect(server, Outcome.RESOLVED, [f"check{rng.getrandbits(40):x}.{name}" for name in ordinary if len(name) < 230])


def _expect(server: Server, wanted: Outcome, names: Sequence[str]) -> None:
    for name in names:
        found = ask(name, ANSWER_SECONDS)
        if found is not wanted:
            raise NotWorkingError(
                f"{server.name}: expected {name} to be {wanted.value}, found {found.value if found else 'no answer'}"
            )


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
