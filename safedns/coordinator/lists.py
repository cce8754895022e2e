"""Lists: what is in them at a revision, and which of them go into a channel's bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import or_, select

from safedns.blocklist.categories import CATEGORIES, Authority
from safedns.blocklist.plan import mask
from safedns.config.units import CHANNEL_NAME
from safedns.coordinator.bundle import Part
from safedns.coordinator.problems import ConflictError, DeniedError, InvalidError, MissingError
from safedns.coordinator.schema import NEVER, Channel, ChannelList, Entry, Import, NameList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from safedns.coordinator.access import Caller
    from safedns.coordinator.database import Writing

BLOCK: Final = "block"
ALLOW: Final = "allow"

BY_LAW: Final = frozenset(
    category.id for category in CATEGORIES if category.blockable and category.authority is Authority.LAW
)
"""Mandatory categories: an ISP's allow list does not reach them, and nobody changes them alone."""

_BLOCKABLE: Final = tuple(category.id for category in CATEGORIES if category.blockable)

Manifest = dict[str, int]
"""Revision of each list, by its id in decimal: JSON has no other keys."""


class Contents(NamedTuple):
    """What is in a list.

    Attributes:
        blob: SHA-256 of its import; None if it has none.
        entries: what people added and took out.
    """

    blob: str | None
    entries: Sequence[Entry]


async def create_list(
    writing: Writing,
    caller: Caller,
    *,
    name: str,
    title: str,
    kind: str,
    category: str | None,
    national: bool,
    appeal: str,
) -> NameList:
    """Make an empty list."""
    if not CHANNEL_NAME.fullmatch(name):
        raise InvalidError(f"name: expected lower-case letters, digits and hyphens, found {name!r}")
    if (kind == BLOCK) != (category is not None):
        raise InvalidError("category: expected one for a list that blocks, and none for one that allows")
    if category is not None and category not in _BLOCKABLE:
        raise InvalidError(f"category: expected one that can be blocked, found {category!r}")
    if national and not caller.national:
        raise DeniedError("national: expected a token of the coordinating body, whose lists go to all, found another")
    if await _by_name(writing.session, caller.tenant, name) is not None:
        raise ConflictError(f"there is a list {name} already; choose another name")
    made = NameList(
        tenant=caller.tenant,
        name=name,
        title=title,
        kind=kind,
        category=category,
        national=national,
        appeal=appeal,
        revision=0,
        created=writing.now,
    )
    writing.session.add(made)
    await writing.session.flush()
    writing.audit(caller.tenant, caller.person, "list.create", name, kind=kind, category=category, national=national)
    return made


async def find_list(session: AsyncSession, tenant: str, name: str) -> NameList:
    """A list of a tenant's.

    Raises:
        MissingError: the tenant has none of that name.
    """
    found = await _by_name(session, tenant, name)
    if found is None:
        raise MissingError("list", name)
    return found


async def find_channel(session: AsyncSession, tenant: str, name: str) -> Channel:
    """A channel of a tenant's.

    Raises:
        MissingError: the tenant has none of that name.
    """
    found = await session.get(Channel, name)
    if found is None or found.tenant != tenant:
        raise MissingError("channel", name)
    return found


async def contents(session: AsyncSession, list_id: int, revision: int) -> Contents:
    """What is in a list at a revision."""
    imported = await session.scalar(
        select(Import.blob)
        .where(Import.list_id == list_id, Import.revision <= revision)
        .order_by(Import.revision.desc())
        .limit(1)
    )
    entries = await session.scalars(
        select(Entry)
        .where(Entry.list_id == list_id, Entry.added <= revision, Entry.ended > revision)
        .order_by(Entry.name, Entry.scope, Entry.id)
    )
    return Contents(imported, entries.all())


async def lists_of(session: AsyncSession, channel: Channel) -> Sequence[NameList]:
    """Lists that go into a channel's bundles: the national ones, and its own."""
    own = select(ChannelList.list_id).where(ChannelList.channel == channel.name)
    wanted = or_(NameList.id.in_(own), NameList.national) if channel.national else NameList.id.in_(own)
    return (await session.scalars(select(NameList).where(wanted).order_by(NameList.id))).all()


async def channels_of(session: AsyncSession, each: NameList, tenant: str | None = None) -> Sequence[Channel]:
    """Channels whose bundles a list goes into; only a tenant's if one is given."""
    holding = select(ChannelList.channel).where(ChannelList.list_id == each.id)
    found = select(Channel).order_by(Channel.name)
    found = found.where(
        or_(Channel.name.in_(holding), Channel.national) if each.national else Channel.name.in_(holding)
    )
    if tenant is not None:
        found = found.where(Channel.tenant == tenant)
    return (await session.scalars(found)).all()


async def manifest_now(session: AsyncSession, channel: Channel) -> Manifest:
    """The lists of a channel as they are now."""
    return {str(each.id): each.revision for each in await lists_of(session, channel)}


def part(each: NameList, inside: Contents, blob_file: Callable[[str], str]) -> Part:
    """A list, as it goes into a bundle.

    Args:
        each: the list.
        inside: what is in it.
        blob_file: where the file of a blob is.
    """
    reached = _BLOCKABLE if each.national else tuple(word for word in _BLOCKABLE if word not in BY_LAW)
    return Part(
        categories=mask((each.category,) if each.category is not None else reached),
        allow=each.kind == ALLOW,
        blob=blob_file(inside.blob) if inside.blob is not None else None,
        added=tuple((entry.name, entry.scope) for entry in inside.entries if not entry.removed),
        removed=tuple((entry.name, entry.scope) for entry in inside.entries if entry.removed),
    )


async def live_entries(session: AsyncSession, list_id: int, names: Sequence[str]) -> Sequence[Entry]:
    """Entries of a list for some names, as it is now."""
    rows = await session.scalars(
        select(Entry).where(Entry.list_id == list_id, Entry.ended == NEVER, Entry.name.in_(names))
    )
    return rows.all()


async def _by_name(session: AsyncSession, tenant: str, name: str) -> NameList | None:
    return await session.scalar(select(NameList).where(NameList.tenant == tenant, NameList.name == name))
