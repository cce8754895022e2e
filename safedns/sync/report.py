"""What a router tells the coordinator: its version, its serial, and counters. No names, no addresses, no households."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from safedns.blocklist.enrolment import report_message
from safedns.blocklist.output import replacing
from safedns.errors import SafeDNSError
from safedns.telemetry.page import fetch, parse

if TYPE_CHECKING:
    from pathlib import Path

    from safedns.config.units import Endpoint
    from safedns.sync.identity import Enrolment

_FILE: Final = "report.json"
_MOST_TESTS: Final = 8


@dataclass(frozen=True, slots=True)
class Counters:
    """What the resolver counted since it started.

    Attributes:
        serial: of the blocklist that it uses; 0 if none.
        queries: that it answered.
        blocked: of them, answered as blocked.
        failed: of them, answered with SERVFAIL.
    """

    serial: int
    queries: int
    blocked: int
    failed: int


@dataclass(slots=True)
class Told:
    """What was told, and what is to be told next.

    Attributes:
        number: of the last report.
        counters: as they were then.
        tests: self-tests since then, by serial: how many, and how many of them failed.
    """

    number: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    tests: dict[str, tuple[int, int]] = field(default_factory=dict)

    def tested(self, serial: int, *, failed: bool) -> None:
        """Remember a self-test."""
        self.tests[str(serial)] = (1, int(failed))
        for old in sorted(self.tests, key=int)[:-_MOST_TESTS]:
            del self.tests[old]


def read_counters(endpoint: Endpoint | None) -> Counters | None:
    """What the running resolver counts; None if none is running."""
    if endpoint is None:
        return None
    try:
        samples = parse(fetch(endpoint))
    except SafeDNSError:
        return None
    totals: dict[str, float] = {}
    for metric, labels, value in samples:
        word = f"{metric}:{labels['rcode']}" if "rcode" in labels else metric
        totals[word] = totals.get(word, 0) + value
    return Counters(
        serial=int(totals.get("safedns_list_serial", 0)),
        queries=int(totals.get("safedns_queries_total", 0)),
        blocked=int(totals.get("safedns_blocked_total", 0)),
        failed=int(totals.get("safedns_answers_total:SERVFAIL", 0)),
    )


def load(folder: Path) -> Told:
    """What was told before; nothing if the file is missing or damaged."""
    try:
        plain = json.loads((folder / _FILE).read_text())
        tests = {str(int(serial)): (int(done), int(failed)) for serial, (done, failed) in plain["tests"].items()}
        counters = {str(word): int(value) for word, value in plain["counters"].items()}
        return Told(int(plain["number"]), counters, tests)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Told()


def save(folder: Path, told: Told) -> None:
    """Keep what was told."""
    with replacing(folder / _FILE) as file:
        file.write(json.dumps(asdict(told)).encode() + b"\n")


def send(folder: Path, enrolment: Enrolment, told: Told, counters: Counters | None, serial: int, now: float) -> Any:
    """Report, and remember that.

    Args:
        folder: where the router keeps what it fetched.
        enrolment: what the coordinator told it.
        told: what was told before, and the self-tests since.
        counters: what the resolver counted until now, on the serial that it used; None if it does not run.
        serial: of the active blocklist.
        now: the time; it keeps the numbers growing where the file was lost.

    Returns:
        The coordinator's answer: which channel the device follows.

    Raises:
        SyncError: the coordinator can't be reached or refuses it. Nothing is lost: the next one tells it.
    """
    from importlib import metadata

    from safedns.sync import device

    since = _since(told.counters, counters)
    number = max(told.number + 1, int(now))
    body = json.dumps(
        {
            "number": number,
            "channel": enrolment.channel,
            "serial": serial,
            "counted": counters.serial if counters else 0,
            "version": metadata.version("safedns"),
            "tests": told.tests,
        }
        | since
    ).encode()
    signature = device.sign(device.load_key(folder), report_message(enrolment.device, body))
    answer = device.post(f"{enrolment.url}/v1/devices/{enrolment.device}/reports", body, {"signature": signature})
    save(folder, Told(number, asdict(counters) if counters else {}, {}))
    return answer


def _since(before: dict[str, int], now: Counters | None) -> dict[str, int]:
    """What was counted since the last report; a resolver that started meanwhile counts from nothing."""
    words = ("queries", "blocked", "failed")
    if now is None:
        return dict.fromkeys(words, 0)
    found = asdict(now)
    restarted = any(found[word] < before.get(word, 0) for word in words)
    return {word: found[word] - (0 if restarted else before.get(word, 0)) for word in words}
