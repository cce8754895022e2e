"""The coordinator as a whole: what its requests and its command line work with."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from safedns.coordinator import bundle, changes
from safedns.coordinator.database import Database
from safedns.coordinator.devices import figures
from safedns.coordinator.keys import KeyFolder
from safedns.coordinator.lists import Contents, channels_of, contents, lists_of, part
from safedns.coordinator.publishing import Publishing
from safedns.coordinator.push import Bus, Hub
from safedns.coordinator.releases import TO_MAKE, abort, newest, pause, queue, queue_fast, recent, resume
from safedns.coordinator.rollout import PUBLISHED, Limits, described, step, worse
from safedns.coordinator.schema import NEVER, Change, Channel, NameList, Release, Tenant
from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncSession

    from safedns.coordinator.database import Writing
    from safedns.coordinator.publishing import Published

log = logging.getLogger(__name__)

TICK: Final = 2.0
"""Seconds between two looks at what is due: expiries, health, files of other instances."""


class Center:
    """One instance of the coordinator.

    Args:
        folder: where it keeps its files.
        database: URL of the database.
        nats: URL of a NATS server, if there are several instances.
        limits: when a rollout is paused.
        clock: the time, in seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        database: str,
        nats: str | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self.clock = clock
        self.database = Database(database)
        self.hub = Hub()
        self.limits = limits or Limits()
        self._bus = Bus(nats)
        self.publishing = Publishing(self.database, folder, self._announce, clock)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._due = asyncio.Event()
        self._shares: dict[tuple[str, int], int] = {}

    @property
    def now(self) -> float:
        """The time, in seconds since 1970."""
        return self.clock()

    @property
    def keys(self) -> KeyFolder:
        """The keys of this instance."""
        return KeyFolder(str(self.folder / "keys"))

    async def start(self) -> None:
        """Begin to work.

        Raises:
            CoordinatorError: the database can't be used.
        """
        await self.database.check()
        self._bus.start(self.publishing.pull)
        await self.publishing.pull()
        self._background(
            self._repeat(self.work, self._due), self._repeat(self._finish, asyncio.Event()), self.hub.keep_alive()
        )
        # The first import waits for no process to start.
        self._background(self.publishing.warm())

    async def stop(self) -> None:
        """Finish what was begun, and end."""
        self.hub.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bus.close()
        await asyncio.to_thread(self.publishing.close)
        await self.database.close()

    def wake(self) -> None:
        """Something was queued: don't wait for the next look."""
        self._due.set()

    # What is due.

    async def _repeat(self, work: Callable[[], Awaitable[None]], due: asyncio.Event) -> None:
        """Do something for ever: when it is due, and every few seconds anyway."""
        while True:
            try:
                await work()
            except (SafeDNSError, SQLAlchemyError, OSError) as error:
                # The database may be away for a while; whoever asks for something is told so.
                log.warning("%s", str(error).partition("\n")[0])
            try:
                await asyncio.wait_for(due.wait(), TICK)
            except TimeoutError:
                continue
            finally:
                due.clear()

    async def work(self) -> None:
        """Do what is due now."""
        if await self._is_queued():
            await self._publish()
        await self._check_changes()
        await self._expire()
        await self._watch()
        await self._announce_steps()
        if await self._is_queued():
            await self._publish()
        if await self.publishing.refresh():
            await self._bus.wake()
        await self.publishing.pull()

    async def _publish(self) -> None:
        if await self.publishing.publish_all():
            await self._bus.wake()

    async def _finish(self) -> None:
        if await self.publishing.finish():
            await self._bus.wake()

    async def _is_queued(self) -> bool:
        async with self.database.reading() as session:
            return await session.scalar(
                select(Release.serial).where(Release.state.in_(TO_MAKE)).limit(1)
            ) is not None  # fmt: skip

    async def _expire(self) -> None:
        async with self.database.reading() as session:
            if not await changes.is_over(session, int(self.now)):
                return
        async with self.database.writing(self.now) as writing:
            touched = await changes.expire(writing)
            by_channel: dict[str, Channel] = {}
            for each in touched:
                by_channel |= {channel.name: channel for channel in await channels_of(writing.session, each)}
            for channel in by_channel.values():
                if await newest(writing.session, channel.name) is not None:
                    await queue(writing, channel, "", "entries whose time is over left", at_once=True)

    async def _watch(self) -> None:
        """Pause rollouts on which routers are worse than the others."""
        async with self.database.reading() as session:
            channels = (await session.scalars(select(Channel.name))).all()
            found = [each for name in channels if (each := await self._ill(session, name))]
        for row, reasons in found:
            await self.pause(row.channel, row.serial, "", "paused by itself: " + "; ".join(reasons))

    async def _ill(self, session: AsyncSession, channel: str) -> tuple[Release, list[str]] | None:
        rows = await recent(session, channel)
        row = next((each for each in rows if each.state == PUBLISHED), None)
        if row is None or row.paused is not None or not row.watched or step(described(row), self.now)[1] is None:
            return None
        reasons = worse(*await figures(session, channel, row.serial), self.limits)
        return (row, reasons) if reasons else None

    async def _announce_steps(self) -> None:
        """Tell routers when it is the turn of more of them."""
        async with self.database.reading() as session:
            channels = (await session.scalars(select(Channel.name))).all()
            rows = [row for name in channels if (row := await newest(session, name)) is not None]
        for row in rows:
            share = described(row).share(self.now)
            if share > self._shares.get((row.channel, row.serial), share):
                await self.hub.tell(row.channel, row.serial, urgent=False)
            self._shares[row.channel, row.serial] = share

    async def pause(self, channel: str, serial: int, person: str, reason: str) -> None:
        """Pause a rollout."""

        async def change(writing: Writing) -> str:
            await pause(writing, await writing.session.get_one(Release, (channel, serial)), person, reason)
            return channel

        await self.publishing.change_rollout(change)
        await self._bus.wake()

    async def resume(self, channel: str, serial: int, person: str) -> None:
        """Go on with a rollout."""

        async def change(writing: Writing) -> str:
            await resume(writing, await writing.session.get_one(Release, (channel, serial)), person)
            return channel

        await self.publishing.change_rollout(change)
        await self._bus.wake()

    async def abort(self, channel: str, serial: int, person: str, reason: str) -> None:
        """Take a release back."""

        async def change(writing: Writing) -> str:
            row = await writing.session.get_one(Release, (channel, serial))
            await abort(writing, await writing.session.get_one(Channel, channel), row, person, reason)
            return channel

        await self.publishing.change_rollout(change)
        await self._bus.wake()
        self.wake()

    # Changes.

    async def _check_changes(self) -> None:
        async with self.database.reading() as session:
            waiting = await changes.unchecked(session)
        for number in waiting:
            await self.check(number)

    async def check(self, number: int) -> None:
        """Have the guard look at a change; what needs no second person is in effect then."""
        async with self.database.reading() as session:
            change = await session.get_one(Change, number)
            each = await session.get_one(NameList, change.list_id)
            held = await channels_of(session, each, change.tenant)
            reports = [await self._report(session, change, each, channel) for channel in held]
            if not held:
                reports = [await self._report(session, change, each, None)]
        report, lenient = max(reports, key=lambda one: (not one[1], len(one[0]["refusals"])))
        async with self.database.writing(self.now) as writing:
            change = await writing.session.get_one(Change, number)
            if change.state != changes.State.CHECKING:
                return
            tenant = await writing.session.get_one(Tenant, change.tenant)
            changes.judge(change, each, tenant, report, lenient=lenient)
            if change.state == changes.State.OPEN and not change.review:
                await self.in_effect(writing, change)
        self.wake()

    async def refused(self, session: AsyncSession, each: NameList, blob: str) -> list[changes.Item]:
        """What takes the names out of an import of a list that the guard would refuse.

        Raises:
            BlocklistError: they are too many.
        """
        inside = await contents(session, each.id, each.revision)
        await self.publishing.need_blob(session, blob)
        imported = replace(part(each, Contents(blob, inside.entries), self.publishing.blob_file), added=())
        rules = self.publishing.rules()
        found = await self.publishing.in_worker(bundle.refused, imported, rules, changes.MOST_ITEMS)
        return [
            changes.item(
                each, action=changes.Action.REMOVE, name=name, scope="suffix",
                reason=f"the guard refuses it: {problem}", legal_basis="", appeal="", expires=NEVER,
            )
            for name, problem in found
        ]  # fmt: skip

    async def _report(
        self, session: AsyncSession, change: Change, each: NameList, channel: Channel | None
    ) -> tuple[dict[str, Any], bool]:
        """What the guard says of a change in a channel, and whether it lets it pass under relaxed rules."""
        lists = await lists_of(session, channel) if channel is not None else [each]
        parts = []
        for one in lists:
            inside = await contents(session, one.id, one.revision)
            if one.id == each.id:
                inside = changes.with_change(inside, change)
            if inside.blob is not None:
                await self.publishing.need_blob(session, inside.blob)
            parts.append(part(one, inside, self.publishing.blob_file))
        last = await newest(session, channel.name) if channel is not None else None
        rules = self.publishing.rules()
        report = await self.publishing.preview(parts, last, rules)
        report["channel"] = channel.name if channel is not None else None
        if not report["refusals"]:
            return report, True
        again = await self.publishing.preview(parts, last, changes.relaxed(rules, report))
        return report, not again["refusals"]

    async def in_effect(self, writing: Writing, change: Change) -> None:
        """Make a change part of its list; by the fast lane it goes out at once."""
        await changes.take_effect(writing, change)
        await self.send_fast(writing, change)

    async def send_fast(self, writing: Writing, change: Change) -> None:
        """Queue releases for a change that is in effect, if it takes the fast lane."""
        if not change.fast:
            return
        each = await writing.session.get_one(NameList, change.list_id)
        for channel in await channels_of(writing.session, each):
            if await newest(writing.session, channel.name) is not None:
                await queue_fast(writing, channel, each, change.author, change.reason)

    async def _announce(self, published: Published) -> None:
        await self.hub.tell(published.channel, published.serial, urgent=published.urgent)

    def _background(self, *works: Coroutine[Any, Any, None]) -> None:
        for work in works:
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
