"""The database: SQLite in a file, or PostgreSQL by its URL. Whoever changes something does so one after the other."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from safedns.coordinator.audit import BEGINNING, append
from safedns.coordinator.schema import Head
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

_BUSY: Final = 30.0
"""Seconds that SQLite waits for another writer."""

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_HEAD: Final = 1


class Writing:
    """A transaction that changes something. It is written down as a whole, with its audit records, or not at all.

    Attributes:
        session: of SQLAlchemy.
        head: the locked end of the audit chain.
        now: the time, in seconds since 1970.
    """

    def __init__(self, session: AsyncSession, head: Head, now: int) -> None:
        self.session = session
        self.head = head
        self.now = now

    def audit(self, tenant: str, person: str, action: str, subject: str, **details: Any) -> None:
        """Write down who did what."""
        self.session.add(append(self.head, self.now, tenant, person, action, subject, details))


class Database:
    """Where the coordinator keeps everything.

    Args:
        url: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        CoordinatorError: the URL is of neither kind.
    """

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self._reader = self._engine("BEGIN")
        self._writer = self._engine("BEGIN IMMEDIATE") if self.is_sqlite else self._reader
        self._read = async_sessionmaker(self._reader, expire_on_commit=False)
        self._write = async_sessionmaker(self._writer, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing."""
        async with self._read() as session:
            yield session

    @asynccontextmanager
    async def writing(self, now: float) -> AsyncIterator[Writing]:
        """A transaction in which nobody else changes anything that people decide."""
        async with self._write() as session, session.begin():
            head = await session.scalar(select(Head).where(Head.id == _HEAD).with_for_update())
            if head is None:
                raise CoordinatorError(f"{self.shown}: expected a database that was initialised, found an empty one")
            yield Writing(session, head, int(now))

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[AsyncSession]:
        """A transaction for what routers report, which waits for nobody who decides."""
        async with self._write() as session, session.begin():
            yield session

    async def upgrade(self) -> None:
        """Make the tables, or bring them to this version.

        Raises:
            CoordinatorError: the database can't be reached.
        """
        try:
            if self.is_sqlite:
                self._make_file()
            async with self._writer.connect() as connection:
                await connection.run_sync(_migrate)
                await connection.commit()
            async with self._write() as session, session.begin():
                if await session.get(Head, _HEAD) is None:
                    session.add(Head(id=_HEAD, number=0, hash=BEGINNING, file=0, publishing="", until=0))
        except (DBAPIError, OSError) as error:
            raise CoordinatorError(f"{self.shown}: expected a database that answers, found: {_reason(error)}") from None

    async def check(self) -> None:
        """Find out whether it can be used.

        Raises:
            CoordinatorError: it can't be reached, or has other tables than this program.
        """
        try:
            async with self._reader.connect() as connection:
                found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        except (SQLAlchemyError, OSError) as error:
            raise CoordinatorError(
                f"{self.shown}: expected a database with tables, found: {_reason(error)}; run safedns coordinator init"
            ) from None
        wanted = ScriptDirectory.from_config(_alembic()).get_current_head()
        if found != wanted:
            raise CoordinatorError(
                f"{self.shown}: expected tables of version {wanted}, found {found}; run safedns coordinator upgrade"
            )

    async def close(self) -> None:
        """Give all connections back."""
        await self._reader.dispose()
        await self._writer.dispose()

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    def _make_file(self) -> None:
        """Keep the file for its owner: it holds who decided what."""
        path = str(self.url.database)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))

    def _engine(self, begin: str) -> AsyncEngine:
        if not self.is_sqlite:
            return create_async_engine(self.url, pool_pre_ping=True, pool_size=8, max_overflow=8)
        engine = create_async_engine(self.url, poolclass=NullPool, connect_args={"timeout": _BUSY})

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: object) -> None:
            # SQLAlchemy begins transactions itself: the driver begins them only at the first write, which may deadlock.
            connection.isolation_level = None
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")

        @event.listens_for(engine.sync_engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine


def _url(given: str) -> URL:
    wanted = "expected a database as sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
    try:
        url = make_url(given)
    except ArgumentError:
        raise CoordinatorError(f"{wanted}, found something else") from None
    if url.get_backend_name() not in _DRIVERS or not url.database:
        raise CoordinatorError(f"{wanted}, found {url.render_as_string(hide_password=True)}")
    return url.set(drivername=_DRIVERS[url.get_backend_name()])


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _migrate(connection: Connection) -> None:
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0] or type(cause).__name__
