"""Who changed what: records that are chained by hashes, so that none can be altered, removed or put in between.

Each record's hash covers the one before it. Who cuts off the end of the chain has to alter its head as well; a copy of
the head that is kept elsewhere, as every export has one, shows that.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from safedns.coordinator.schema import Head, Record
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from safedns.coordinator.database import Database

_BATCH: Final = 1000

BEGINNING: Final = "0" * 64
"""The hash before the first record."""


def append(head: Head, at: int, tenant: str, person: str, action: str, subject: str, details: dict[str, Any]) -> Record:
    """Make the next record and move the head of the chain to it."""
    record = Record(
        number=head.number + 1,
        at=at,
        tenant=tenant,
        person=person,
        action=action,
        subject=subject,
        details=json.dumps(details, sort_keys=True, ensure_ascii=False),
    )
    record.hash = digest(head.hash, plain(record))
    head.number, head.hash = record.number, record.hash
    return record


def plain(record: Record) -> dict[str, Any]:
    """A record as it is exported, without its hash."""
    return {
        "number": record.number,
        "at": record.at,
        "tenant": record.tenant,
        "person": record.person,
        "action": record.action,
        "subject": record.subject,
        "details": json.loads(record.details),
    }


def digest(before: str, record: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the hash before and of a record."""
    text = json.dumps([before, record], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify(rows: Iterable[tuple[dict[str, Any], str]], before: str = BEGINNING, number: int = 0) -> tuple[int, str]:
    """Follow a chain.

    Args:
        rows: records and their hashes, in order.
        before: hash of the record before the first.
        number: its number.

    Returns:
        Number and hash of the last one.

    Raises:
        ValueError: it is broken; the text says at which record.
    """
    for record, found in rows:
        if record["number"] != number + 1:
            raise ValueError(f"expected record {number + 1} after record {number}, found record {record['number']}")
        number, before = number + 1, digest(before, record)
        if found != before:
            raise ValueError(
                f"record {number}: expected the hash {before}, found {found}: it was altered, or one before"
            )
    return number, before


async def records(database: Database) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """All records of a database and their hashes, in order."""
    number = 0
    while True:
        async with database.reading() as session:
            wanted = select(Record).where(Record.number > number).order_by(Record.number).limit(_BATCH)
            rows = (await session.scalars(wanted)).all()
        for row in rows:
            yield plain(row), row.hash
        if not rows:
            return
        number = rows[-1].number


async def follow(database: Database, known: str | None) -> tuple[int, str]:
    """Verify the chain in a database, to the head that the database has.

    Args:
        database: it.
        known: number and hash, as `N:HASH`, of a record that was kept elsewhere.

    Returns:
        Number and hash of the last record.

    Raises:
        CoordinatorError: it was altered; the text says where.
    """
    number, before = 0, BEGINNING
    wanted = known.partition(":")[::2] if known else None
    seen = wanted is None
    try:
        async for record, found in records(database):
            number, before = verify([(record, found)], before, number)
            seen = seen or (wanted is not None and (str(number), before) == wanted)
    except ValueError as error:
        raise CoordinatorError(f"the audit chain is broken: {error}") from None
    async with database.reading() as session:
        head = await session.get_one(Head, 1)
    if (head.number, head.hash) != (number, before):
        raise CoordinatorError(
            f"the audit chain is cut: expected record {head.number} with hash {head.hash} at its end, "
            f"found record {number} with {before}"
        )
    if not seen:
        raise CoordinatorError(f"the audit chain is another one: expected {known} in it, found none such")
    return number, before
