"""Devices: how a router gets its identity, what it reports, and what is known of all of them together."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import case, func, select

from safedns.blocklist.enrolment import Ticket, assignment_message, enrol_message, report_message
from safedns.coordinator.access import DAY, digest
from safedns.coordinator.problems import BusyError, DeniedError, InvalidError, MissingError, UnauthenticatedError
from safedns.coordinator.rollout import Figures
from safedns.coordinator.schema import Channel, Device, Enrolment, Health

if TYPE_CHECKING:
    from securesystemslib.signer import Signer
    from sqlalchemy.ext.asyncio import AsyncSession

    from safedns.coordinator.database import Writing

REPORT_PAUSE: Final = 60
"""Seconds between two reports of a device about the same serial."""

NEWS_PAUSE: Final = 5
"""Seconds between two reports of a device at all."""

MOST_QUERIES: Final = 1_000_000
"""Queries of one report that are counted: no device outweighs thousands of others."""

OTHERS: Final = 8
"""Serials before a new one whose routers are what it is compared with."""

SEEN_LATELY: Final = 2 * DAY


def new_enrolment(
    writing: Writing, author: str, channel: Channel, *, url: str, root: bytes, days: int, uses: int
) -> tuple[Enrolment, str]:
    """Make a token for routers; its text is told once."""
    ticket = Ticket(
        url=url,
        channel=channel.name,
        tenant=channel.tenant,
        root=hashlib.sha256(root).hexdigest(),
        expires=writing.now + days * DAY,
        id=secrets.token_hex(8),
        secret=secrets.token_urlsafe(24),
    )
    text = ticket.write()
    row = Enrolment(
        id=ticket.id,
        tenant=channel.tenant,
        channel=channel.name,
        secret=digest(text),
        author=author,
        created=writing.now,
        expires=ticket.expires,
        uses=uses,
    )
    writing.session.add(row)
    writing.audit(channel.tenant, author, "enrolment.create", row.id, channel=channel.name, uses=uses, days=days)
    return row, text


async def enrol(writing: Writing, text: str, key: str, proof: str) -> Device:
    """Make a router a device.

    Args:
        writing: the transaction.
        text: the enrolment token.
        key: the router's public key, in hexadecimal.
        proof: signature of the token's hash by it, in base 64.

    Raises:
        UnauthenticatedError: the token is none, altered, used up, revoked or over.
        DeniedError: the router does not have the key.
    """
    try:
        ticket = Ticket.read(text)
    except ValueError as error:
        raise UnauthenticatedError(f"expected an enrolment token, found none: {error}") from None
    row = await writing.session.get(Enrolment, ticket.id, with_for_update=True)
    if row is None or not hmac.compare_digest(row.secret, digest(text)):
        raise UnauthenticatedError("expected an enrolment token of this coordinator, found another or an altered one")
    if row.revoked or row.expires <= writing.now:
        raise UnauthenticatedError("the enrolment token is over or revoked; ask the provider for another")
    if row.used >= row.uses:
        raise UnauthenticatedError(f"the enrolment token was used {row.used} times, as often as it may be")
    if not _signed(key, enrol_message(text), proof):
        raise DeniedError("expected a proof that the router has its key, found none")
    row.used += 1
    identifier = hashlib.sha256(bytes.fromhex(key)).hexdigest()[:32]
    if await writing.session.get(Device, identifier) is not None:
        raise DeniedError("expected a new key, found one of a device that is there; remove the router's key and retry")
    device = Device(id=identifier, tenant=row.tenant, channel=row.channel, key=key, enrolled=writing.now)
    writing.session.add(device)
    writing.audit(row.tenant, "", "device.enrol", identifier, enrolment=row.id, channel=row.channel)
    return device


async def report(session: AsyncSession, now: float, device_id: str, body: bytes, signature: str) -> Device:
    """Take in what a router says of itself: counters, no names and no addresses.

    Raises:
        UnauthenticatedError: no device of that id, or not signed by it.
        BusyError: it comes too often.
        InvalidError: it is no report.
    """
    device = await session.get(Device, device_id, with_for_update=True)
    if device is None or device.revoked or not _signed(device.key, report_message(device_id, body), signature):
        raise UnauthenticatedError("expected a report that a device signed, found another; enrol the router again")
    found = _read_report(body)
    if found["number"] <= device.number:
        raise InvalidError(f"number: expected more than {device.number}, found {found['number']}: an old report")
    wait = NEWS_PAUSE if found["serial"] != device.serial or found["tests"] else REPORT_PAUSE
    if device.seen and now < device.seen + wait:
        raise BusyError(f"expected a report every {wait} seconds at most", int(device.seen + wait - now) + 1)
    same = found["channel"] == device.channel
    device.number, device.seen, device.version = found["number"], int(now), found["version"]
    if same:
        device.serial = found["serial"]
        device.healthy = not any(failed for _, failed in found["tests"].values())
        await _count(session, device.channel, found)
    return device


def _read_report(body: bytes) -> dict[str, Any]:
    """A report, checked: whatever is in it is from outside."""
    try:
        plain = json.loads(body)
        tests = {int(serial): (int(done), int(failed)) for serial, (done, failed) in plain["tests"].items()}
        read: dict[str, Any] = {
            "number": _count_of(plain["number"], 2**53),
            "channel": str(plain["channel"])[:63],
            "serial": _count_of(plain["serial"], 2**53),
            "counted": _count_of(plain["counted"], 2**53),
            "version": str(plain["version"])[:32],
            "queries": _count_of(plain["queries"], 2**53),
            "blocked": _count_of(plain["blocked"], 2**53),
            "failed": _count_of(plain["failed"], 2**53),
            "tests": {_count_of(serial, 2**53): (done, bad) for serial, (done, bad) in tests.items()},
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        raise InvalidError("expected a report of counters, found something else") from None
    if len(read["tests"]) > 8 or any(each not in ((1, 0), (1, 1)) for each in read["tests"].values()):
        raise InvalidError("tests: expected at most 8 serials, each tested once, found something else")
    return read


def _count_of(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError
    return value


async def _count(session: AsyncSession, channel: str, found: dict[str, Any]) -> None:
    queries = min(found["queries"], MOST_QUERIES)
    share = queries / found["queries"] if found["queries"] else 0
    blocked = min(int(found["blocked"] * share), queries)
    failed = min(int(found["failed"] * share), queries)
    await _sum(session, channel, found["counted"], Figures(1, queries, blocked, failed))
    for serial, (done, failures) in found["tests"].items():
        await _sum(session, channel, serial, Figures(0, 0, 0, 0, done, failures))


async def _sum(session: AsyncSession, channel: str, serial: int, more: Figures) -> None:
    row = await session.get(Health, (channel, serial), with_for_update=True)
    if row is None:
        row = Health(
            channel=channel, serial=serial, reports=0, queries=0, blocked=0, failed=0, self_tests=0, self_tests_failed=0
        )
        session.add(row)
    row.reports += more.reports
    row.queries += more.queries
    row.blocked += more.blocked
    row.failed += more.failed
    row.self_tests += more.self_tests
    row.self_tests_failed += more.self_tests_failed


def assignment(device: Device, signer: Signer, now: float) -> dict[str, Any]:
    """Which channel a device follows, signed by the key that signs timestamps."""
    said = {"device": device.id, "channel": device.channel, "at": int(now)}
    signature = signer.sign(assignment_message(said))
    return said | {"key": signature.keyid, "signature": signature.signature}


async def figures(session: AsyncSession, channel: str, serial: int) -> tuple[Figures, Figures]:
    """What routers on a serial reported, and those on the serials before it."""
    rows = await session.scalars(select(Health).where(Health.channel == channel, Health.serial >= serial - OTHERS))
    own, others = Figures(), Figures()
    for row in rows:
        each = Figures(row.reports, row.queries, row.blocked, row.failed, row.self_tests, row.self_tests_failed)
        if row.serial == serial:
            own = each
        elif row.serial < serial:
            others = others + each
    return own, others


async def find_device(session: AsyncSession, tenant: str, identifier: str) -> Device:
    """A device of a tenant's.

    Raises:
        MissingError: the tenant has none of that id.
    """
    found = await session.get(Device, identifier)
    if found is None or found.tenant != tenant:
        raise MissingError("device", identifier)
    return found


async def fleet(session: AsyncSession, tenant: str, now: float) -> list[dict[str, Any]]:
    """How many devices of a tenant are on which serial, how many of them reported lately, and how many are not well."""
    lately = func.sum(case((Device.seen >= int(now) - SEEN_LATELY, 1), else_=0))
    unwell = func.sum(case((Device.healthy.is_(False), 1), else_=0))
    rows = await session.execute(
        select(Device.channel, Device.serial, func.count(), lately, unwell, func.max(Device.seen))
        .where(Device.tenant == tenant, Device.revoked.is_(False))
        .group_by(Device.channel, Device.serial)
        .order_by(Device.channel, Device.serial.desc())
    )
    words = ("channel", "serial", "devices", "seen_lately", "unwell", "last_seen")
    return [dict(zip(words, map(_plain, row), strict=True)) for row in rows]


def _plain(value: Any) -> Any:
    """Sums are decimals with PostgreSQL."""
    return value if isinstance(value, str | int) else int(value or 0)


def _signed(key: str, message: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            base64.b64decode(signature, validate=True), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True
