"""Changes: proposed by one person, looked at by the guard, decided by another, in effect from a revision on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from safedns.blocklist.formats import idn
from safedns.blocklist.formats.valid import invalid
from safedns.blocklist.guard import Override
from safedns.coordinator.access import Right
from safedns.coordinator.lists import BY_LAW, Contents, live_entries
from safedns.coordinator.problems import ConflictError, DeniedError, InvalidError, MissingError
from safedns.coordinator.schema import NEVER, Change, Decision, Entry, Import, NameList, Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from safedns.blocklist.guard import Rules
    from safedns.coordinator.access import Caller
    from safedns.coordinator.database import Writing

MOST_ITEMS: Final = 10_000
"""Names of one change; more come as an import."""

MOST_LIVE: Final = 200_000
"""Entries of one list that are in effect; more come as an import."""


class State(StrEnum):
    """How far a change is."""

    CHECKING = "checking"
    OPEN = "open"
    REFUSED = "refused"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    """What a change does with a name."""

    ADD = "add"
    REMOVE = "remove"
    RETRACT = "retract"


class Review(StrEnum):
    """Which changes of a tenant need a second person."""

    ALWAYS = "always"
    NEEDED = "needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a change does with one name.

    Attributes:
        action: add it to the list, take it out, or retract what was said of it before.
        name: in A-label form.
        scope: what it covers.
        reason: why.
        legal_basis: the order or law; needed in mandatory categories.
        appeal: where who is concerned can turn to.
        expires: when it leaves by itself, in seconds since 1970; `NEVER` if not.
    """

    action: Action
    name: str
    scope: str
    reason: str
    legal_basis: str
    appeal: str
    expires: int


async def propose(
    writing: Writing,
    caller: Caller,
    each: NameList,
    *,
    reason: str,
    fast: bool,
    items: Sequence[Item] = (),
    blob: str | None = None,
) -> Change:
    """Propose a change of a list; the guard looks at it next."""
    _check_items(each, items, writing.now)
    if not items and blob is None:
        raise InvalidError("items: expected at least one name, found none")
    change = Change(
        tenant=caller.tenant,
        list_id=each.id,
        author=caller.person,
        reason=reason,
        state=State.CHECKING,
        fast=fast,
        created=writing.now,
        blob=blob,
        items=[asdict(item) for item in items],
        base=each.revision,
        revision=None,
        report=None,
        review=True,
        why=[],
    )
    writing.session.add(change)
    await writing.session.flush()
    writing.audit(
        caller.tenant, caller.person, "change.propose", str(change.id), list=each.name, items=len(items), fast=fast
    )
    return change


def item(
    each: NameList, *, action: str, name: str, scope: str, reason: str, legal_basis: str, appeal: str, expires: int
) -> Item:
    """What somebody wants of a name.

    Raises:
        InvalidError: it is no domain name.
    """
    try:
        ascii_name = name if name.isascii() else idn.ascii_name(name)
    except ValueError as error:
        raise InvalidError(f"name: expected a domain name, found {name!r}: {error}") from None
    plain = ascii_name.lower().removesuffix(".")
    bad = list(invalid(plain.encode() + b"\n")) if plain and "\n" not in plain else [(0, "it is empty")]
    if bad:
        raise InvalidError(f"name: expected a domain name, found {name!r}: {bad[0][1]}")
    return Item(
        action=Action(action),
        name=plain,
        scope=scope,
        reason=reason,
        legal_basis=legal_basis,
        appeal=appeal or each.appeal,
        expires=expires,
    )


def _check_items(each: NameList, items: Sequence[Item], now: int) -> None:
    if len(items) > MOST_ITEMS:
        raise InvalidError(f"items: expected at most {MOST_ITEMS:,}, found {len(items):,}; import a file instead")
    if len({(one.name, one.scope) for one in items}) < len(items):
        raise InvalidError("items: expected each name once, found one twice")
    for one in items:
        if one.expires <= now:
            raise InvalidError(f"{one.name}: expires: expected a time to come, found one that is over")
        if each.category in BY_LAW and one.action is Action.ADD and not one.legal_basis.strip():
            raise InvalidError(
                f"{one.name}: legal_basis: expected the order or law, as {each.category} is mandatory, found none"
            )


def items_of(change: Change) -> list[Item]:
    """What a change does with names."""
    return [Item(**one | {"action": Action(one["action"])}) for one in change.items]


def with_change(inside: Contents, change: Change) -> Contents:
    """What would be in a list after a change."""
    items = items_of(change)
    names = {one.name for one in items}
    kept = [entry for entry in inside.entries if entry.name not in names]
    fresh = [_entry(change, one, 0) for one in items if one.action is not Action.RETRACT]
    return Contents(change.blob or inside.blob, [*kept, *fresh])


def relaxed(rules: Rules, report: dict[str, Any]) -> Rules:
    """Rules that let pass what a second person may decide: sizes, popular names and the like."""
    names = sorted({each["entry"] or each["subject"] for each in report["refusals"]} - {""})
    subjects = sorted({each["subject"] for each in report["refusals"]} - {""})
    extra = tuple(Override(name, "decided by a second person") for name in sorted({*names, *subjects}))
    return replace(rules, bulk=True, overrides=rules.overrides + extra)


def judge(change: Change, each: NameList, tenant: Tenant, report: dict[str, Any], *, lenient: bool) -> None:
    """Put into a change what the guard said, and whether a second person has to decide.

    Args:
        change: it.
        each: its list.
        tenant: whose it is.
        report: the guard's, as plain data.
        lenient: whether the guard lets it pass under relaxed rules.
    """
    over = [refusal["problem"] for refusal in report["refusals"]]
    why = [f"over the guard's limit: {problem}" for problem in over]
    if each.category in BY_LAW:
        why.append(f"{each.category} is a mandatory category")
    if change.fast:
        why.append("it takes the fast lane")
    if tenant.review == Review.ALWAYS:
        why.append(f"{tenant.id} has every change reviewed")
    change.report = report
    change.why = why
    change.review = bool(why)
    change.state = State.OPEN if lenient or not over else State.REFUSED


async def approve(writing: Writing, caller: Caller, change: Change, comment: str) -> None:
    """Approve a change as the second person; it is in effect from now on.

    Raises:
        DeniedError: the caller proposed it.
        ConflictError: there is nothing to decide.
    """
    await _decide(writing, caller, change, approves=True, comment=comment)
    await take_effect(writing, change)


async def reject(writing: Writing, caller: Caller, change: Change, comment: str) -> None:
    """Reject a change."""
    await _decide(writing, caller, change, approves=False, comment=comment)
    change.state = State.REJECTED


async def withdraw(writing: Writing, caller: Caller, change: Change) -> None:
    """Take a change back that nobody decided yet.

    Raises:
        DeniedError: somebody else proposed it.
    """
    caller.need(Right.OPERATE)
    if change.author != caller.person:
        raise DeniedError(f"expected its author, {change.author}, found {caller.person}; a reviewer can reject it")
    if change.state not in (State.CHECKING, State.OPEN, State.REFUSED):
        raise ConflictError(f"change {change.id} is {change.state}: it can't be withdrawn")
    change.state = State.WITHDRAWN
    writing.audit(caller.tenant, caller.person, "change.withdraw", str(change.id))


async def _decide(writing: Writing, caller: Caller, change: Change, *, approves: bool, comment: str) -> None:
    caller.need(Right.REVIEW)
    if change.author == caller.person:
        raise DeniedError(f"change {change.id}: expected somebody else than its author, found {caller.person}")
    if change.state == State.CHECKING:
        raise ConflictError(f"change {change.id} is not checked yet; look at the guard's report first")
    if change.state != State.OPEN and (approves or change.state != State.REFUSED):
        raise ConflictError(f"change {change.id} is {change.state}: there is nothing to decide")
    writing.session.add(
        Decision(change_id=change.id, person=caller.person, approves=approves, comment=comment, at=writing.now)
    )
    action = "change.approve" if approves else "change.reject"
    writing.audit(caller.tenant, caller.person, action, str(change.id), comment=comment)


async def take_effect(writing: Writing, change: Change) -> None:
    """Make a change part of its list, as a new revision."""
    each = await writing.session.get_one(NameList, change.list_id, with_for_update=True)
    revision = each.revision + 1
    items = items_of(change)
    for entry in await live_entries(writing.session, each.id, [one.name for one in items]):
        entry.ended = revision
    writing.session.add_all(_entry(change, one, revision) for one in items if one.action is not Action.RETRACT)
    if change.blob is not None:
        writing.session.add(Import(list_id=each.id, revision=revision, blob=change.blob, change_id=change.id))
    each.revision = change.revision = revision
    change.state = State.APPROVED
    writing.audit(change.tenant, change.author, "list.revise", each.name, revision=revision, change=change.id)


async def find_change(session: AsyncSession, tenant: str, number: int) -> Change:
    """A change of a tenant's.

    Raises:
        MissingError: the tenant has none of that number.
    """
    found = await session.get(Change, number)
    if found is None or found.tenant != tenant:
        raise MissingError("change", number)
    return found


async def opposite(session: AsyncSession, change: Change) -> tuple[list[Item], str | None]:
    """What takes a change back: its names retracted, and the import before its own.

    Raises:
        ConflictError: it never took effect, or there was no import before.
    """
    if change.state != State.APPROVED or change.revision is None:
        raise ConflictError(f"change {change.id} is {change.state}: it has no effect to take back")
    items = [replace(one, action=Action.RETRACT, expires=NEVER) for one in items_of(change)]
    if change.blob is None:
        return items, None
    before = await session.scalar(
        select(Import.blob)
        .where(Import.list_id == change.list_id, Import.revision < change.revision)
        .order_by(Import.revision.desc())
        .limit(1)
    )
    if before is None:
        raise ConflictError(f"change {change.id} is the list's first import: import another file in its place")
    return items, before


async def unchecked(session: AsyncSession) -> Sequence[int]:
    """Numbers of the changes that the guard has to look at."""
    return (await session.scalars(select(Change.id).where(Change.state == State.CHECKING).order_by(Change.id))).all()


async def is_over(session: AsyncSession, now: int) -> bool:
    """Whether an entry's time is over."""
    found = select(Entry.id).where(Entry.ended == NEVER, Entry.expires <= now).limit(1)
    return await session.scalar(found) is not None


async def expire(writing: Writing) -> list[NameList]:
    """Let entries whose time is over leave; the result is the lists that they were in."""
    over = await writing.session.scalars(select(Entry).where(Entry.ended == NEVER, Entry.expires <= writing.now))
    by_list: dict[int, list[Entry]] = {}
    for entry in over:
        by_list.setdefault(entry.list_id, []).append(entry)
    touched = []
    for list_id, entries in sorted(by_list.items()):
        each = await writing.session.get_one(NameList, list_id)
        each.revision += 1
        for entry in entries:
            entry.ended = each.revision
        names = [entry.name for entry in entries]
        writing.audit(each.tenant, "", "list.expire", each.name, revision=each.revision, names=names)
        touched.append(each)
    return touched


async def granted(session: AsyncSession, manifest: dict[str, int], before: dict[str, int]) -> tuple[bool, list[str]]:
    """What second persons let pass: whether a jump in size, and which names.

    Args:
        session: of the database.
        manifest: of the release to be made.
        before: of the one that routers have.
    """
    rows = await session.execute(
        select(Change.list_id, Change.revision, Change.report).where(
            Change.list_id.in_([int(number) for number in manifest]), Change.revision.is_not(None)
        )
    )
    bulk, names = False, set()
    for list_id, revision, report in rows:
        if revision > manifest[str(list_id)] or not report or not report["refusals"]:
            continue
        kinds = {refusal["kind"] for refusal in report["refusals"]}
        bulk |= revision > before.get(str(list_id), 0) and bool(kinds & {"growth", "shrinkage"})
        names |= {each[word] for each in report["refusals"] for word in ("entry", "subject") if each[word]}
    return bulk, sorted(names)


def _entry(change: Change, one: Item, revision: int) -> Entry:
    return Entry(
        list_id=change.list_id,
        name=one.name,
        scope=one.scope,
        removed=one.action is Action.REMOVE,
        reason=one.reason,
        legal_basis=one.legal_basis,
        appeal=one.appeal,
        expires=one.expires,
        added=revision,
        ended=NEVER,
        change_id=change.id,
    )
