"""What is said of releases: they are queued, paused, taken back and published again; making them is publishing's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from safedns.blocklist.release import AT_ONCE, DEFAULT_RAMP
from safedns.coordinator.lists import manifest_now
from safedns.coordinator.problems import ConflictError, DeniedError, MissingError
from safedns.coordinator.rollout import ABORTED, PUBLISHED, described, resumed, stable
from safedns.coordinator.schema import Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from safedns.coordinator.database import Writing
    from safedns.coordinator.lists import Manifest
    from safedns.coordinator.schema import Channel, NameList

WAITING: Final = "waiting"
QUEUED: Final = "queued"
BUILDING: Final = "building"
FAILED: Final = "failed"
SUPERSEDED: Final = "superseded"
TO_MAKE: Final = (QUEUED, BUILDING)
"""Those of an instance that died while it made them are among them."""


async def recent(session: AsyncSession, channel: str) -> Sequence[Release]:
    """Releases of a channel, newest first."""
    rows = await session.scalars(
        select(Release).where(Release.channel == channel).order_by(Release.serial.desc()).limit(100)
    )
    return rows.all()


async def newest(session: AsyncSession, channel: str) -> Release | None:
    """The newest release of a channel that routers may have."""
    return await session.scalar(
        select(Release)
        .where(Release.channel == channel, Release.sha256.is_not(None))
        .order_by(Release.serial.desc())
        .limit(1)
    )


async def find_release(session: AsyncSession, channel: str, serial: int) -> Release:
    """A release.

    Raises:
        MissingError: the channel has none of that serial.
    """
    found = await session.get(Release, (channel, serial))
    if found is None:
        raise MissingError("release", f"{channel}/{serial}")
    return found


async def queue(
    writing: Writing,
    channel: Channel,
    author: str,
    reason: str,
    *,
    manifest: Manifest | None = None,
    fast: bool = False,
    at_once: bool = False,
    bulk: bool = False,
    republished: int | None = None,
) -> Release:
    """Have a release made, of the channel's lists as they are now or as a manifest says.

    One that may jump in size waits for a second person, unless its content was published before.
    """
    channel.serial += 1
    row = Release(
        channel=channel.name,
        serial=channel.serial,
        state=WAITING if bulk and republished is None else QUEUED,
        author=author,
        reason=reason,
        created=writing.now,
        manifest=manifest if manifest is not None else await manifest_now(writing.session, channel),
        overrides=[],
        bulk=bulk,
        fast=fast,
        ramp=[list(step) for step in (AT_ONCE if fast or at_once else DEFAULT_RAMP)],
        republished=republished,
        deltas={},
    )
    writing.session.add(row)
    # What has a default has it from then on.
    await writing.session.flush()
    writing.audit(
        channel.tenant, author, "release.queue", f"{channel.name}/{row.serial}", reason=reason, fast=fast,
        republished=republished,
    )  # fmt: skip
    return row


async def queue_fast(writing: Writing, channel: Channel, each: NameList, author: str, reason: str) -> Release:
    """Have one list's change go out at once, and nothing else with it."""
    rows = await recent(writing.session, channel.name)
    last = next((row for row in rows if row.state in (PUBLISHED, QUEUED, BUILDING)), None)
    manifest = dict(last.manifest) if last else await manifest_now(writing.session, channel)
    manifest[str(each.id)] = each.revision
    return await queue(writing, channel, author, reason, manifest=manifest, fast=True)


async def pause(writing: Writing, row: Release, person: str, reason: str) -> None:
    """Let no more routers take a release for now."""
    if row.state != PUBLISHED or row.paused is not None:
        raise ConflictError(f"serial {row.serial} of {row.channel} is {state_of(row)}: it can't be paused")
    row.paused, row.pause_reason = writing.now, reason
    writing.audit("", person, "rollout.pause", f"{row.channel}/{row.serial}", reason=reason)


async def resume(writing: Writing, row: Release, person: str) -> None:
    """Go on after a pause, where the ramp was."""
    if row.state != PUBLISHED or row.paused is None:
        raise ConflictError(f"serial {row.serial} of {row.channel} is {state_of(row)}: it can't be resumed")
    row.ramp = [list(step) for step in resumed(described(row), row.paused, writing.now)]
    row.paused, row.pause_reason = None, ""
    # Who resumes has seen the figures; they don't stop it a second time.
    row.watched = False
    writing.audit("", person, "rollout.resume", f"{row.channel}/{row.serial}")


async def abort(writing: Writing, channel: Channel, row: Release, person: str, reason: str) -> Release | None:
    """Take a release back: nobody takes it any more, and who has it gets what was before, as a new serial at once."""
    if row.state != PUBLISHED:
        raise ConflictError(f"serial {row.serial} of {row.channel} is {state_of(row)}: it can't be aborted")
    row.state = ABORTED
    writing.audit("", person, "rollout.abort", f"{row.channel}/{row.serial}", reason=reason)
    rows = await recent(writing.session, row.channel)
    before = stable([each for each in rows if each.serial < row.serial], writing.now)
    if before is None:
        return None
    return await republish(writing, channel, before, person, f"serial {row.serial} was aborted: {reason}", fast=True)


async def approve(writing: Writing, channel: Channel, row: Release, person: str) -> None:
    """Let a release be made that its author may not decide alone.

    Raises:
        DeniedError: the author asks.
        ConflictError: it does not wait for that.
    """
    if row.state != WAITING:
        raise ConflictError(f"serial {row.serial} of {row.channel} is {state_of(row)}: there is nothing to decide")
    if row.author == person:
        raise DeniedError(f"serial {row.serial}: expected somebody else than its author, found {person}")
    row.state = QUEUED
    writing.audit(channel.tenant, person, "release.approve", f"{row.channel}/{row.serial}")


async def republish(
    writing: Writing,
    channel: Channel,
    row: Release,
    person: str,
    reason: str,
    *,
    fast: bool = False,
    at_once: bool = False,
) -> Release:
    """Publish the content of an older release as a new serial."""
    if row.sha256 is None:
        raise ConflictError(f"serial {row.serial} of {row.channel} is {state_of(row)}: it was never published")
    return await queue(
        writing,
        channel,
        person,
        reason,
        manifest=dict(row.manifest),
        fast=fast,
        at_once=at_once,
        bulk=True,
        republished=row.serial,
    )


def state_of(row: Release) -> str:
    """The state of a release, in a word."""
    return "paused" if row.state == PUBLISHED and row.paused is not None else row.state


def next_of(rows: Sequence[Release]) -> Release:
    """The release to make first. Of fast ones of a channel only the newest: it has what is in the others."""
    first = rows[0]
    if not first.fast:
        return first
    same = [row for row in rows if row.fast and row.channel == first.channel]
    last = max(same, key=lambda row: row.serial)
    for row in same:
        if row is not last:
            row.state, row.problem = SUPERSEDED, f"serial {last.serial} has what is in it"
    return last
