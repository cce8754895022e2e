"""Releases: queued by people, made by one instance at a time, in the database before anybody sees them.

What is signed is a transaction: files, release and audit record appear together, or not at all. Each instance then
writes the files that it lacks into its folder. So an instance that is killed, or a database that is lost at any moment,
leaves either the old files or the new ones.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from sqlalchemy import delete, select

from safedns.blocklist.guard import Override, Rules
from safedns.blocklist.output import replacing
from safedns.blocklist.protected import read_protected
from safedns.blocklist.release import NOTHING, Object
from safedns.coordinator import bundle
from safedns.coordinator.changes import granted
from safedns.coordinator.keys import KeyFolder
from safedns.coordinator.lists import contents, part
from safedns.coordinator.publisher import Archive, describe_bytes
from safedns.coordinator.releases import BUILDING, FAILED, TO_MAKE, newest, next_of, recent
from safedns.coordinator.repository import Repository
from safedns.coordinator.rollout import PUBLISHED, signed
from safedns.coordinator.schema import Blob, Channel, NameList, PublicFile, Release
from safedns.coordinator.workers import Worker
from safedns.errors import CoordinatorError, SafeDNSError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession
    from tuf.api.metadata import Metadata

    from safedns.coordinator.bundle import Made, Part
    from safedns.coordinator.database import Database, Writing

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

_LEASE: Final = 15
"""Seconds for which an instance has the right to publish; it renews it while it lives."""

REFRESH: Final = 6 * 3600
"""Seconds after which what expires is signed anew."""

WAVE: Final = 2
"""Seconds in which routers fetch a fast release that they were told of; what others need of it is made after that."""

_KEPT_RELEASES: Final = 3
"""Releases of a channel whose objects are kept: a router may be about to fetch what was signed a minute ago."""

_KEPT_VERSIONS: Final = 16
"""Versions of what is signed online that are kept."""


class Published:
    """What an instance found to be new: channels, their newest serials, and whether it is urgent."""

    __slots__ = ("channel", "serial", "urgent")

    def __init__(self, channel: str, serial: int, urgent: bool) -> None:
        self.channel = channel
        self.serial = serial
        self.urgent = urgent


class Publishing:
    """Makes releases and keeps this instance's folder like the database.

    Args:
        database: where everything is.
        folder: of this instance; `public`, `archive`, `blobs` and `keys` are below it.
        announce: called with what is new in the folder.
        clock: the time, in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        announce: Callable[[Published], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._folder = folder
        self._announce = announce
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._mine = asyncio.Lock()
        self._pulling = asyncio.Lock()
        self._worker = Worker()
        self._previewer = Worker(patient=True)
        self.repository = Repository(str(folder / "public"))
        self.archive = Archive(str(folder / "archive"))
        (folder / "blobs").mkdir(exist_ok=True)

    async def warm(self) -> None:
        """Start the processes that compile."""
        await asyncio.gather(self._worker.warm(), self._previewer.warm())

    def close(self) -> None:
        """End them."""
        self._worker.close()
        self._previewer.close()

    # Rules and parts.

    def rules(self, *, bulk: bool = False, overrides: Sequence[str] = (), reason: str = "") -> Rules:
        """What the guard of this coordinator asks for: with `popular.csv` and `protected.txt` of its folder."""
        popular, protected = self._folder / "popular.csv", self._folder / "protected.txt"
        return Rules(
            protected=read_protected(str(protected)) if protected.exists() else (),
            popularity=str(popular) if popular.exists() else None,
            bulk=bulk,
            overrides=tuple(Override(name, reason) for name in overrides),
        )

    async def parts(self, session: AsyncSession, manifest: Mapping[str, int]) -> list[Part]:
        """The lists of a bundle, with the files of their imports in this instance's folder."""
        found = []
        for number, revision in sorted(manifest.items(), key=lambda row: int(row[0])):
            each = await session.get_one(NameList, int(number))
            inside = await contents(session, each.id, revision)
            if inside.blob is not None:
                await self.need_blob(session, inside.blob)
            found.append(part(each, inside, self.blob_file))
        return found

    def blob_file(self, sha256: str) -> str:
        """Where the file of a blob is."""
        return str(self._folder / "blobs" / f"{sha256}.zst")

    async def need_blob(self, session: AsyncSession, sha256: str) -> None:
        """Get a blob out of the database, if its file is not there."""
        path = self.blob_file(sha256)
        if not os.path.exists(path):  # noqa: ASYNC240, PTH110 - a look, not a read
            data = (await session.get_one(Blob, sha256)).data
            await asyncio.to_thread(_write, path, data)

    async def preview(self, parts: Sequence[Part], before: Release | None, rules: Rules) -> dict[str, Any]:
        """What the guard says of lists in place of a release, or of nothing."""
        old = str(await self.bundle_file(before.channel, before.serial)) if before is not None else None
        return await self._previewer.run(bundle.preview, parts, old, rules)

    async def in_worker(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of a module in a process that nobody in a hurry waits for."""
        return await self._previewer.run(function, *args, **kwargs)

    def first_root(self) -> bytes:
        """The root that routers start from."""
        return (self.repository.folder / "metadata" / "1.root.json").read_bytes()

    # Making releases.

    async def publish_all(self) -> bool:
        """Make everything that is queued; the result is whether there was something."""
        done = False
        while await self._publish_one():
            done = True
        return done

    async def _publish_one(self) -> bool:
        # One at a time: who wants to pause a rollout waits for one release at the most.
        async with self._lease():
            return await self._publish_next()

    async def _publish_next(self) -> bool:
        row, before, parts = await self._take()
        if row is None:
            return False
        try:
            made = await self._make(row, before, parts)
            if made.refused:
                raise CoordinatorError("the guard refuses it: " + "; ".join(made.refused[:10]))
            await self._publish(row, made)
        except SafeDNSError as error:
            await self._fail(row, str(error))
        return True

    async def _take(self) -> tuple[Release | None, int | None, list[Part]]:
        """The next release to make."""
        async with self._database.writing(self._clock()) as writing:
            waiting = await writing.session.scalars(
                select(Release)
                .where(Release.state.in_(TO_MAKE))
                .order_by(Release.fast.desc(), Release.created, Release.serial)
            )
            rows = waiting.all()
            if not rows:
                return None, None, []
            row = next_of(rows)
            row.state = BUILDING
            if row.created < writing.now:
                # The ramp begins when it is out.
                row.created = writing.now
            before = await newest(writing.session, row.channel)
            manifest_before = before.manifest if before else {}
            bulk, overrides = await granted(writing.session, row.manifest, manifest_before)
            row.bulk, row.overrides = row.bulk or bulk, sorted({*row.overrides, *overrides})
            return row, before.serial if before else None, await self.parts(writing.session, row.manifest)

    async def _make(self, row: Release, before: int | None, parts: list[Part]) -> Made:
        if before is not None:
            await self._need_bundle(row.channel, before)
        if KeyFolder(str(self._folder / "keys")).channels().count(row.channel) == 0:
            raise CoordinatorError(
                f"channel {row.channel}: expected its key, found none; "
                "run safedns coordinator keys channel, as docs/how-to/hold-a-key-ceremony.md says"
            )
        rules = self.rules(bulk=row.bulk, overrides=row.overrides, reason=row.reason)
        log.info("serial %d of channel %s: being made", row.serial, row.channel)
        return await self._worker.run(
            bundle.make, parts, row.channel, row.serial, str(self.archive.folder), before, rules, row.fast
        )

    async def _publish(self, row: Release, made: Made) -> None:
        async with self._signing() as writing:
            row = await writing.session.get_one(Release, (row.channel, row.serial))
            row.sha256, row.size = made.bundle
            row.names, row.report, row.state = made.names, dict(made.report), PUBLISHED
            row.created = writing.now
            self._add(row, made.deltas)
            await self._sign(writing, row.channel)
            writing.audit("", row.author, "release.publish", f"{row.channel}/{row.serial}", sha256=row.sha256)
        log.info("serial %d of channel %s: published, %d names", row.serial, row.channel, made.names)

    async def finish(self) -> bool:
        """Make what leads to a fast release for routers on older ones; the result is whether there was such a release.

        That takes seconds, in which nobody is kept from publishing something else that is urgent.
        """
        async with self._database.reading() as session:
            names = (await session.scalars(select(Channel.name))).all()
            rows = [row for name in names if (row := await newest(session, name)) is not None]
        unfinished = (each for each in rows if each.state == PUBLISHED and str(NOTHING) not in each.deltas)
        row = next((each for each in unfinished if each.created + WAVE <= self._clock()), None)
        if row is None:
            return False
        await self._need_bundle(row.channel, row.serial)
        deltas = await self.in_worker(bundle.finish, row.channel, row.serial, str(self.archive.folder))
        async with self._lease(), self._signing() as writing:
            found = await writing.session.get_one(Release, (row.channel, row.serial))
            self._add(found, deltas)
            await self._sign(writing, row.channel)
        return True

    def _add(self, row: Release, deltas: Mapping[int, bytes]) -> None:
        described_by_start = {start: describe_bytes(data) for start, data in deltas.items()}
        for start, each in described_by_start.items():
            self.repository.add_object(each, deltas[start])
        row.deltas = row.deltas | {str(start): list(each) for start, each in described_by_start.items()}

    async def _fail(self, row: Release, problem: str) -> None:
        async with self._database.writing(self._clock()) as writing:
            found = await writing.session.get_one(Release, (row.channel, row.serial))
            found.state, found.problem = FAILED, problem
            writing.audit("", found.author, "release.fail", f"{row.channel}/{row.serial}", problem=problem)
        log.warning("serial %d of channel %s: not published: %s", row.serial, row.channel, problem)

    async def _need_bundle(self, channel: str, serial: int) -> None:
        """Have the bundle of a release in the archive: made again from the database if it is not there.

        Raises:
            CoordinatorError: what the database gives is not what was published.
        """
        if self.archive.file(channel, serial).exists():
            return
        async with self._database.reading() as session:
            row = await session.get_one(Release, (channel, serial))
            parts = await self.parts(session, row.manifest)
        found = await self._worker.run(bundle.recompile, parts, channel, serial, str(self.archive.folder))
        if found.sha256 != row.sha256:
            self.archive.file(channel, serial).unlink()
            raise CoordinatorError(
                f"serial {serial} of channel {channel}: expected {row.sha256} as it was published, "
                f"the database gives {found.sha256}; restore the database from before it was altered"
            )

    async def bundle_file(self, channel: str, serial: int) -> Path:
        """The compiled blocklist of a release."""
        await self._need_bundle(channel, serial)
        return self.archive.file(channel, serial)

    # Rollouts.

    async def change_rollout(self, change: Callable[[Writing], Awaitable[str]]) -> None:
        """Change what is said of a channel's releases, and have that signed.

        Args:
            change: does it in the transaction, and says which channel.
        """
        async with self._lease(), self._signing() as writing:
            await self._sign(writing, await change(writing))

    async def create(self, writing: Writing) -> None:
        """Put the files of a new repository into the database; they are in the folder when the transaction is."""
        await self.store(writing)
        self.repository.pending.clear()

    async def install(self, metadata: Metadata[Any], person: str) -> None:
        """Take in a root or targets that their holders signed, with the keys that wait for them.

        Raises:
            SyncError: it is not the next version, or not signed by as many as have to.
        """
        async with self._lease(), self._signing() as writing:
            self.repository.install(metadata)
            KeyFolder(str(self._folder / "keys")).activate()
            await self._sign(writing, *self.repository.delegated())
            version = f"{metadata.signed.version}.{metadata.signed.type}"
            writing.audit("", person, "keys.install", version)

    async def refresh(self) -> bool:
        """Sign anew what expires, if it is time; the result is whether it was."""
        path = self.repository.folder / "metadata" / "timestamp.json"
        if not path.exists() or json.loads(path.read_text())["signed"]["signed"] + REFRESH > self._clock():
            return False
        async with self._lease(), self._signing() as writing:
            await self._sign(writing, *self.repository.delegated())
        return True

    # Files.

    async def pull(self) -> None:
        """Make the folder like the database where that has something new, and announce it."""
        async with self._pulling:
            seen = self._seen()
            async with self._database.reading() as session:
                rows = await session.scalars(
                    select(PublicFile).where(PublicFile.number > seen).order_by(PublicFile.number)
                )
                new = rows.all()
                channels = [each.path[len("packs/") : -len(".zst")] for each in new if each.path.startswith("packs/")]
                announced = [each for channel in channels if (each := await self._newest(session, channel))]
            for file in new:
                await asyncio.to_thread(self.repository.place, file.path, file.data)
            if new:
                self._remember(new[-1].number)
        for published in announced:
            await self._announce(published)
        if new:
            await self._tidy()

    async def _tidy(self) -> None:
        """Remove the files that the database has no more."""
        # Looked at first: what is in the folder was in the database before, so it was removed there if it is missing.
        there = await asyncio.to_thread(self.repository.files)
        async with self._database.reading() as session:
            kept = set(await session.scalars(select(PublicFile.path)))
        for path in there - kept:
            (self.repository.folder / path).unlink(missing_ok=True)

    async def _newest(self, session: AsyncSession, channel: str) -> Published | None:
        row = await newest(session, channel)
        return Published(channel, row.serial, row.fast) if row else None

    async def store(self, writing: Writing) -> None:
        """Put the repository's pending files into the database."""
        for path, data in self.repository.pending.items():
            writing.head.file += 1
            await writing.session.merge(PublicFile(path=path, number=writing.head.file, data=data))

    async def _sign(self, writing: Writing, *channels: str) -> None:
        rows = {channel: await recent(writing.session, channel) for channel in channels}
        now = datetime.fromtimestamp(writing.now, UTC)
        online = KeyFolder(str(self._folder / "keys")).online()
        releases = {channel: signed(each, writing.now) for channel, each in rows.items()}
        self.repository.sign(releases, online, now)
        await self.store(writing)
        for each in rows.values():
            await self._forget(writing.session, each)

    async def _forget(self, session: AsyncSession, rows: Sequence[Release]) -> None:
        """Remove what no router asks for any more."""
        published = [row for row in rows if row.sha256 is not None]
        for row in published[_KEPT_RELEASES : _KEPT_RELEASES + 4]:
            kept = {tuple(each) for one in published[:_KEPT_RELEASES] for each in one.deltas.values()}
            old = [Object(*each).path for each in row.deltas.values() if tuple(each) not in kept]
            await session.execute(delete(PublicFile).where(PublicFile.path.in_(old)))
        old = self.repository.old_versions(_KEPT_VERSIONS)
        await session.execute(delete(PublicFile).where(PublicFile.path.in_(old)))

    def _seen(self) -> int:
        path = self._folder / "pulled"
        try:
            return int(path.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _remember(self, number: int) -> None:
        with replacing(self._folder / "pulled") as file:
            file.write(str(number).encode())

    # The right to publish.

    @asynccontextmanager
    async def _signing(self) -> AsyncIterator[Writing]:
        """A transaction for who has the lease. What is signed in it is in the folder afterwards, or nowhere."""
        try:
            async with self._database.writing(self._clock()) as writing:
                yield writing
        finally:
            self.repository.pending.clear()
        await self.pull()

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[None]:
        """Be the only one who signs, of all instances."""
        async with self._mine:
            # Held by another instance, whose end nothing here can tell.
            while not await self._acquire():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            renewing = asyncio.create_task(self._renew())
            try:
                await self.pull()
                yield
            finally:
                renewing.cancel()
                await self._release()

    async def _acquire(self) -> bool:
        async with self._database.writing(self._clock()) as writing:
            free = not writing.head.publishing or writing.head.until < writing.now
            if free or writing.head.publishing == self._name:
                writing.head.publishing, writing.head.until = self._name, writing.now + _LEASE
                return True
            return False

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_LEASE / 3)
            await self._acquire()

    async def _release(self) -> None:
        async with self._database.writing(self._clock()) as writing:
            if writing.head.publishing == self._name:
                writing.head.publishing = ""


def _write(path: str, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)
