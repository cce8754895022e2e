"""Channels, releases and their rollouts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import Field
from sqlalchemy import delete, select

from safedns.blocklist.contents import category_ids
from safedns.coordinator import releases
from safedns.coordinator.bundle import diff
from safedns.coordinator.devices import figures
from safedns.coordinator.lists import find_channel, find_list, lists_of
from safedns.coordinator.problems import ConflictError
from safedns.coordinator.rollout import PUBLISHED, described, step
from safedns.coordinator.routes import answers
from safedns.coordinator.routes.shared import (
    MOST_NUMBER,
    Administrator,
    Input,
    Limit,
    NumberPath,
    Operator,
    Reader,
    Reviewer,
    Said,
    Stopper,
    TheCenter,
    Word,
    WordPath,
)
from safedns.coordinator.schema import Channel, ChannelList, Release

router = APIRouter(tags=["releases"])


class NewChannel(Input):
    """Which releases some routers will follow."""

    name: Word
    national: bool = Field(default=True, description="takes the national lists as well")


class ChannelLists(Input):
    """The tenant's own lists that go into a channel's bundles."""

    lists: Annotated[list[Word], Field(max_length=200)]


class NewRelease(Input):
    """What to publish: the channel's lists as they are now."""

    reason: Said
    at_once: bool = Field(default=False, description="to all routers at once, without a ramp")
    bulk: bool = Field(default=False, description="let it jump in size; waits for a second person")


class Reason(Input):
    """Why."""

    reason: Said


@router.get("/channels", response_model=list[answers.ChannelShown], summary="Channels of the tenant")
async def channels(caller: Reader, center: TheCenter) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        rows = await session.scalars(select(Channel).where(Channel.tenant == caller.tenant).order_by(Channel.name))
        return [await _channel(session, center, row) for row in rows]


@router.post(
    "/channels",
    response_model=answers.ChannelShown,
    status_code=201,
    summary="Make a channel; it can publish once it has a key",
)
async def add_channel(caller: Administrator, center: TheCenter, new: NewChannel) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        if await writing.session.get(Channel, new.name) is not None:
            raise ConflictError(f"there is a channel {new.name} already; choose another name")
        row = Channel(name=new.name, tenant=caller.tenant, national=new.national, serial=0, created=writing.now)
        writing.session.add(row)
        await writing.session.flush()
        writing.audit(caller.tenant, caller.person, "channel.create", new.name, national=new.national)
        return await _channel(writing.session, center, row)


@router.put(
    "/channels/{channel}/lists",
    response_model=answers.ChannelShown,
    summary="Say which of the tenant's lists go into a channel's bundles",
)
async def set_lists(caller: Operator, center: TheCenter, channel: WordPath, wanted: ChannelLists) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        row = await find_channel(writing.session, caller.tenant, channel)
        found = [await find_list(writing.session, caller.tenant, name) for name in dict.fromkeys(wanted.lists)]
        await writing.session.execute(delete(ChannelList).where(ChannelList.channel == channel))
        writing.session.add_all(ChannelList(channel=channel, list_id=each.id) for each in found)
        writing.audit(caller.tenant, caller.person, "channel.lists", channel, lists=wanted.lists)
        await writing.session.flush()
        return await _channel(writing.session, center, row)


@router.get(
    "/channels/{channel}/releases",
    response_model=list[answers.ReleaseShown],
    summary="Releases of a channel, newest first",
)
async def channel_releases(caller: Reader, center: TheCenter, channel: WordPath) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        await find_channel(session, caller.tenant, channel)
        return [_release(row, center.now) for row in await releases.recent(session, channel)]


@router.post(
    "/channels/{channel}/releases",
    response_model=answers.ReleaseShown,
    status_code=202,
    summary="Publish a channel's lists as they are now",
)
async def publish(caller: Operator, center: TheCenter, channel: WordPath, new: NewRelease) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        row = await find_channel(writing.session, caller.tenant, channel)
        if not await lists_of(writing.session, row):
            raise ConflictError(f"channel {channel}: expected lists to publish, found none; say which go into it")
        release = await releases.queue(writing, row, caller.person, new.reason, at_once=new.at_once, bulk=new.bulk)
        shown = _release(release, center.now)
    center.wake()
    return shown


@router.get(
    "/channels/{channel}/releases/{serial}",
    response_model=answers.ReleaseDetail,
    summary="A release: how far it is, and how its routers are",
)
async def one_release(caller: Reader, center: TheCenter, channel: WordPath, serial: NumberPath) -> dict[str, Any]:
    async with center.database.reading() as session:
        await find_channel(session, caller.tenant, channel)
        row = await releases.find_release(session, channel, serial)
        own, others = await figures(session, channel, serial)
        return _release(row, center.now) | {
            "report": row.report,
            "deltas": row.deltas,
            "overrides": row.overrides,
            "health": {"new": _figures(own), "others": _figures(others)},
        }


@router.get(
    "/channels/{channel}/releases/{serial}/bundle",
    summary="The compiled blocklist of a release",
    response_class=FileResponse,
)
async def bundle(caller: Reader, center: TheCenter, channel: WordPath, serial: NumberPath) -> FileResponse:
    path = await _bundle(center, caller, channel, serial)
    return FileResponse(path, media_type="application/octet-stream", filename=f"{channel}-{serial}.sdns")


@router.get(
    "/channels/{channel}/releases/{serial}/diff",
    response_model=answers.DiffShown,
    summary="In which entries a release differs from another",
)
async def release_diff(
    caller: Reader,
    center: TheCenter,
    channel: WordPath,
    serial: NumberPath,
    since: Annotated[int, Query(ge=1, le=MOST_NUMBER, description="the other serial")],
    limit: Limit = 1000,
) -> dict[str, Any]:
    old = await _bundle(center, caller, channel, since)
    new = await _bundle(center, caller, channel, serial)
    rows, more = await center.publishing.in_worker(diff, str(old), str(new), limit)
    return {
        "entries": [
            {"name": name, "before": category_ids(here | below), "after": category_ids(now_here | now_below)}
            for name, here, below, now_here, now_below in rows
        ],
        "more": more,
    }


@router.post(
    "/channels/{channel}/releases/{serial}/approve",
    response_model=answers.ReleaseShown,
    summary="Let a release be made that waits for that",
)
async def approve(caller: Reviewer, center: TheCenter, channel: WordPath, serial: NumberPath) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        where = await find_channel(writing.session, caller.tenant, channel)
        row = await releases.find_release(writing.session, channel, serial)
        await releases.approve(writing, where, row, caller.person)
        shown = _release(row, center.now)
    center.wake()
    return shown


@router.post(
    "/channels/{channel}/releases/{serial}/republish",
    response_model=answers.ReleaseShown,
    status_code=202,
    summary="Publish its content as a new serial",
)
async def republish(
    caller: Operator, center: TheCenter, channel: WordPath, serial: NumberPath, said: NewRelease
) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        where = await find_channel(writing.session, caller.tenant, channel)
        row = await releases.find_release(writing.session, channel, serial)
        new = await releases.republish(writing, where, row, caller.person, said.reason, at_once=said.at_once)
        shown = _release(new, center.now)
    center.wake()
    return shown


@router.post(
    "/channels/{channel}/releases/{serial}/pause",
    response_model=answers.ReleaseShown,
    summary="Let no more routers take it for now",
)
async def pause(
    caller: Stopper, center: TheCenter, channel: WordPath, serial: NumberPath, said: Reason
) -> dict[str, Any]:
    await _find(center, caller, channel, serial)
    await center.pause(channel, serial, caller.person, said.reason)
    return await _shown(center, channel, serial)


@router.post(
    "/channels/{channel}/releases/{serial}/resume",
    response_model=answers.ReleaseShown,
    summary="Go on where the ramp was",
)
async def resume(caller: Operator, center: TheCenter, channel: WordPath, serial: NumberPath) -> dict[str, Any]:
    await _find(center, caller, channel, serial)
    await center.resume(channel, serial, caller.person)
    return await _shown(center, channel, serial)


@router.post(
    "/channels/{channel}/releases/{serial}/abort",
    response_model=answers.ReleaseShown,
    summary="Take it back: who has it gets what was before as a new serial",
)
async def abort(
    caller: Stopper, center: TheCenter, channel: WordPath, serial: NumberPath, said: Reason
) -> dict[str, Any]:
    await _find(center, caller, channel, serial)
    await center.abort(channel, serial, caller.person, said.reason)
    return await _shown(center, channel, serial)


async def _bundle(center: TheCenter, caller: Reader, channel: str, serial: int) -> Any:
    row = await _find(center, caller, channel, serial)
    if row.sha256 is None:
        raise ConflictError(f"serial {serial} of {channel} is {releases.state_of(row)}: it was never published")
    return await center.publishing.bundle_file(channel, serial)


async def _find(center: TheCenter, caller: Reader, channel: str, serial: int) -> Release:
    async with center.database.reading() as session:
        await find_channel(session, caller.tenant, channel)
        return await releases.find_release(session, channel, serial)


async def _shown(center: TheCenter, channel: str, serial: int) -> dict[str, Any]:
    async with center.database.reading() as session:
        return _release(await releases.find_release(session, channel, serial), center.now)


async def _channel(session: Any, center: TheCenter, row: Channel) -> dict[str, Any]:
    found = await lists_of(session, row)
    return {
        "name": row.name,
        "national": row.national,
        "serial": row.serial,
        "has_key": row.name in center.publishing.repository.delegated(),
        "lists": [each.name for each in found if each.tenant == row.tenant],
        "national_lists": [each.name for each in found if each.tenant != row.tenant],
    }


def _release(row: Release, now: float) -> dict[str, Any]:
    share, wait = step(described(row), now) if row.state == PUBLISHED else (0, None)
    words = ("channel", "serial", "author", "reason", "created", "fast", "bulk", "republished")
    more = ("sha256", "size", "names", "problem", "pause_reason", "manifest", "ramp")
    return {word: getattr(row, word) for word in words + more} | {
        "state": releases.state_of(row),
        "share": share / 1_000_000,
        "next_step": wait,
    }


def _figures(found: Any) -> dict[str, Any]:
    words = ("reports", "queries", "blocked", "failed", "self_tests", "self_tests_failed")
    return {word: getattr(found, word) for word in words}
