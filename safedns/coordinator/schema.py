"""The tables. Times are seconds since 1970; names of domains are in A-label form.

A list is kept with its history: every change that takes effect raises its revision, and what is in it says from which
revision to which. So a release is made again from the revisions that it names.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only where the column is an `INTEGER`.
_Number = BigInteger().with_variant(Integer, "sqlite")

_NAMING: Final = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

NEVER: Final = 2**62
"""A revision or a time that never comes: what holds for ever ends there."""


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {int: BigInteger, str: String(255), dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class Tenant(Base):
    """The coordinating body or an ISP. What belongs to one is out of sight of the others."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    title: Mapped[str]
    national: Mapped[bool]
    review: Mapped[str] = mapped_column(String(16))
    created: Mapped[int]


class Token(Base):
    """A key of a person's. Only a hash of its secret is kept."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    person: Mapped[str]
    role: Mapped[str] = mapped_column(String(16))
    secret: Mapped[str] = mapped_column(String(64))
    created: Mapped[int]
    expires: Mapped[int]
    revoked: Mapped[bool] = mapped_column(default=False)


class NameList(Base):
    """Names of one category from one source, or names that are not to be blocked."""

    __tablename__ = "lists"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(String(63))
    title: Mapped[str]
    kind: Mapped[str] = mapped_column(String(8))
    category: Mapped[str | None] = mapped_column(String(63))
    national: Mapped[bool]
    appeal: Mapped[str]
    revision: Mapped[int]
    created: Mapped[int]


class Blob(Base):
    """Names of an imported file, compressed; called by the SHA-256 of what is compressed."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    names: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Import(Base):
    """From which revision on a list holds the names of a blob, beside its entries."""

    __tablename__ = "imports"

    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    blob: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"))
    change_id: Mapped[int]


class Entry(Base):
    """A name that somebody added to a list, or took out of it, with the reason; from one revision to before another."""

    __tablename__ = "entries"
    __table_args__ = (Index("ix_entries_list", "list_id", "ended", "name"),)

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    name: Mapped[str]
    scope: Mapped[str] = mapped_column(String(8))
    removed: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    legal_basis: Mapped[str] = mapped_column(Text)
    appeal: Mapped[str]
    expires: Mapped[int] = mapped_column(index=True)
    added: Mapped[int]
    ended: Mapped[int] = mapped_column(default=NEVER)
    change_id: Mapped[int]


class Change(Base):
    """A proposed edit of a list."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    author: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), index=True)
    fast: Mapped[bool]
    created: Mapped[int]
    blob: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"))
    items: Mapped[list[Any]]
    base: Mapped[int]
    revision: Mapped[int | None]
    report: Mapped[dict[str, Any] | None]
    review: Mapped[bool]
    why: Mapped[list[Any]]


class Decision(Base):
    """What a person said of a change."""

    __tablename__ = "decisions"

    change_id: Mapped[int] = mapped_column(ForeignKey("changes.id"), primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    approves: Mapped[bool]
    comment: Mapped[str] = mapped_column(Text)
    at: Mapped[int]


class Channel(Base):
    """Which releases some routers follow."""

    __tablename__ = "channels"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    national: Mapped[bool]
    serial: Mapped[int]
    created: Mapped[int]


class ChannelList(Base):
    """A list of the channel's tenant that goes into its releases."""

    __tablename__ = "channel_lists"

    channel: Mapped[str] = mapped_column(ForeignKey("channels.name"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"), primary_key=True)


class Release(Base):
    """A published bundle, or one that is being made. `manifest` names the revision of each list in it, by its id."""

    __tablename__ = "releases"

    channel: Mapped[str] = mapped_column(ForeignKey("channels.name"), primary_key=True)
    serial: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    author: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    created: Mapped[int]
    manifest: Mapped[dict[str, Any]]
    overrides: Mapped[list[Any]]
    bulk: Mapped[bool]
    fast: Mapped[bool]
    ramp: Mapped[list[Any]]
    paused: Mapped[int | None]
    pause_reason: Mapped[str] = mapped_column(Text, default="")
    watched: Mapped[bool] = mapped_column(default=True)
    republished: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None]
    names: Mapped[int | None]
    deltas: Mapped[dict[str, Any]]
    problem: Mapped[str] = mapped_column(Text, default="")
    report: Mapped[dict[str, Any] | None]


class PublicFile(Base):
    """A file that routers download. `number` grows with every write, so that an instance sees what it lacks."""

    __tablename__ = "files"

    path: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(index=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Enrolment(Base):
    """A token that routers become devices with."""

    __tablename__ = "enrolments"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channels.name"))
    secret: Mapped[str] = mapped_column(String(64))
    author: Mapped[str]
    created: Mapped[int]
    expires: Mapped[int]
    uses: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    revoked: Mapped[bool] = mapped_column(default=False)


class Device(Base):
    """A router. What is known of it is which serial it runs and how well; nothing of the household."""

    __tablename__ = "devices"
    __table_args__ = (Index("ix_devices_channel", "channel", "serial"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channels.name"))
    key: Mapped[str] = mapped_column(String(64))
    enrolled: Mapped[int]
    revoked: Mapped[bool] = mapped_column(default=False)
    seen: Mapped[int] = mapped_column(default=0)
    number: Mapped[int] = mapped_column(default=0)
    serial: Mapped[int] = mapped_column(default=0)
    version: Mapped[str] = mapped_column(String(32), default="")
    healthy: Mapped[bool] = mapped_column(default=True)


class Health(Base):
    """Sums of what the routers on a serial reported."""

    __tablename__ = "health"

    channel: Mapped[str] = mapped_column(ForeignKey("channels.name"), primary_key=True)
    serial: Mapped[int] = mapped_column(primary_key=True)
    reports: Mapped[int]
    queries: Mapped[int]
    blocked: Mapped[int]
    failed: Mapped[int]
    self_tests: Mapped[int]
    self_tests_failed: Mapped[int]


class Record(Base):
    """A state change, chained to the one before by a hash."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=False)
    at: Mapped[int]
    tenant: Mapped[str] = mapped_column(String(63), index=True)
    person: Mapped[str]
    action: Mapped[str] = mapped_column(String(63))
    subject: Mapped[str]
    details: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class Head(Base):
    """One row: the end of the chain. Who changes something locks it, so that changes come one after the other."""

    __tablename__ = "head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    file: Mapped[int]
    publishing: Mapped[str]
    until: Mapped[int]
