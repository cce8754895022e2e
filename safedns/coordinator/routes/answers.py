"""What the API answers. Times are seconds since 1970."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Me(BaseModel):
    """Whose token it is."""

    tenant: str
    national: bool
    person: str
    role: str


class Created(BaseModel):
    """What was made."""

    id: str


class TenantShown(BaseModel):
    """A tenant."""

    id: str
    title: str
    national: bool
    review: str


class TokenShown(BaseModel):
    """A token, without its secret."""

    id: str
    person: str
    role: str
    created: int
    expires: int
    revoked: bool


class TokenMade(TokenShown):
    """A token with its text, which is told this once."""

    token: str


class RecordShown(BaseModel):
    """A record of the audit chain."""

    number: int
    at: int
    tenant: str
    person: str
    action: str
    subject: str
    details: dict[str, Any]
    hash: str


class Head(BaseModel):
    """The end of the chain."""

    number: int
    hash: str


class AuditPage(BaseModel):
    """Records in order."""

    records: list[RecordShown]
    head: Head


class ListShown(BaseModel):
    """A list."""

    name: str
    title: str
    kind: str
    category: str | None
    national: bool
    appeal: str
    revision: int


class ListDetail(ListShown):
    """A list, with how many names come from where."""

    imported: int
    added: int
    removed: int


class EntryShown(BaseModel):
    """What somebody added to a list or took out of it."""

    id: int
    name: str
    scope: str
    removed: bool
    reason: str
    legal_basis: str
    appeal: str
    added: int
    expires: int | None
    change: int


class ChangeShown(BaseModel):
    """A change: how far it is, and what the guard says in a sentence."""

    id: int
    author: str
    reason: str
    state: str
    fast: bool
    created: int
    revision: int | None
    review: bool
    why: list[str]
    list: str
    names: int
    blob: str | None
    summary: str | None
    blocked: int | None
    freed: int | None


class Imported(BaseModel):
    """How a file was read."""

    format: str
    lines: int
    names: int
    bad: int
    first_bad: list[str]
    skipped: dict[str, int]
    left_out: int


class ChangeImported(ChangeShown):
    """A change that is an import."""

    imported: Imported


class DecisionShown(BaseModel):
    """What somebody said of a change."""

    person: str
    approves: bool
    comment: str
    at: int


class ItemShown(BaseModel):
    """What a change does with a name."""

    action: str
    name: str
    scope: str
    reason: str
    legal_basis: str
    appeal: str
    expires: int


class ChangeDetail(ChangeShown):
    """A change with everything: `report` is the guard's."""

    items: list[ItemShown]
    report: dict[str, Any] | None
    decisions: list[DecisionShown]


class ChannelShown(BaseModel):
    """A channel."""

    name: str
    national: bool
    serial: int
    has_key: bool
    lists: list[str]
    national_lists: list[str]


class ReleaseShown(BaseModel):
    """A release: `share` of the routers may have it, and more of them in `next_step` seconds."""

    channel: str
    serial: int
    author: str
    reason: str
    created: int
    fast: bool
    bulk: bool
    republished: int | None
    sha256: str | None
    size: int | None
    names: int | None
    problem: str
    pause_reason: str
    manifest: dict[str, int]
    ramp: list[list[int]]
    state: str
    share: float
    next_step: int | None


class HealthShown(BaseModel):
    """What routers reported together."""

    reports: int
    queries: int
    blocked: int
    failed: int
    self_tests: int
    self_tests_failed: int


class HealthCompared(BaseModel):
    """Routers on a release, and those on the serials before it."""

    new: HealthShown
    others: HealthShown


class ReleaseDetail(ReleaseShown):
    """A release with everything: objects by the serial that they start from, and the guard's report."""

    report: dict[str, Any] | None
    deltas: dict[str, list[str | int]]
    overrides: list[str]
    health: HealthCompared


class DifferenceShown(BaseModel):
    """An entry whose categories differ."""

    name: str
    before: list[str]
    after: list[str]


class DiffShown(BaseModel):
    """In which entries two releases differ."""

    entries: list[DifferenceShown]
    more: bool


class EnrolmentShown(BaseModel):
    """An enrolment token, without its secret."""

    id: str
    channel: str
    author: str
    created: int
    expires: int
    uses: int
    used: int
    revoked: bool


class EnrolmentMade(EnrolmentShown):
    """An enrolment token with its text, which is told this once."""

    token: str


class Enrolled(BaseModel):
    """What a router is told when it became a device."""

    device: str
    channel: str


class Assignment(Enrolled):
    """Which channel a device follows, signed by the key that signs timestamps."""

    at: int
    key: str
    signature: str


class DeviceShown(BaseModel):
    """A device."""

    id: str
    channel: str
    enrolled: int
    revoked: bool
    seen: int
    serial: int
    version: str
    healthy: bool


class FleetRow(BaseModel):
    """Devices of a channel on a serial."""

    channel: str
    serial: int
    devices: int
    seen_lately: int
    unwell: int
    last_seen: int
