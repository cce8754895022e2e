"""One sync: ask, verify, rebuild, guard, activate, test; or leave everything as it is and say why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from safedns.blocklist import delta, guard
from safedns.blocklist.output import replacing
from safedns.blocklist.release import NOTHING, Object, Release
from safedns.errors import BlocklistError, SafeDNSError, SyncError
from safedns.sync.apart import apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from safedns.sync.store import State, Store
    from safedns.sync.transfer import Mirrors

BUILT: Final = 1_790_000_000
"""Seconds since 1970 of a time that has passed: a router without a clock starts from here."""


@dataclass(frozen=True, slots=True)
class Router:
    """Who syncs.

    Attributes:
        channel: whose releases it takes.
        device: its own id, which says when its turn is.
        bootstrap: the root that it trusts from the beginning.
        mirrors: addresses that serve the files, in order of preference.
        news: the serial that it was told of; 0 if it asks by itself.
    """

    channel: str
    device: str
    bootstrap: bytes
    mirrors: Sequence[str]
    news: int = 0


class Traffic(NamedTuple):
    """Requests that were made, and bytes that came."""

    requests: int
    received: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did.

    Attributes:
        serial: of the blocklist that is active now; 0 if there is none.
        before: of the one before the sync.
        available: the newest that is signed.
        reason: why the newest is not active; empty if it is.
        traffic: what it cost the line.
    """

    serial: int
    before: int
    available: int
    reason: str
    traffic: Traffic


def sync(router: Router, store: Store, now: float, self_test: Callable[[Path], str | None]) -> Outcome:
    """Bring a router's blocklist up to date.

    Args:
        router: who syncs.
        store: where it keeps things.
        now: the clock, in seconds since 1970; it may be wrong.
        self_test: looks at the active blocklist as the resolver uses it; says what is wrong, or None.

    Raises:
        SafeDNSError: nothing was changed, and why.
    """
    state = store.load()
    before = _serial(store)
    # The file outlives the state: it is what was accepted, unless the router followed another channel then.
    known = before if state.follow(router.channel) else 0
    state.accepted = max(state.accepted, known)
    traffic = Traffic(0, 0)
    try:
        asked = apart(_ask, router, store, state, known, before, max(now, state.signed, BUILT))
        state.learn(asked.metadata, asked.signed, now)
        state.available, state.problem, traffic = asked.available, asked.reason, asked.traffic
        if asked.release is not None:
            more = _take(asked.release, asked.failure, router, store, before, self_test)
            traffic = Traffic(traffic.requests + more.requests, traffic.received + more.received)
            state.accepted, state.channel = asked.release.serial, router.channel
    except _QuarantineError as error:
        state.quarantine(error.serial, str(error))
        state.problem = str(error)
    except SafeDNSError as error:
        state.problem = str(error)
        store.save(state)
        raise
    store.save(state)
    return Outcome(_serial(store), before, state.available, state.problem, traffic)


# What is done in a process of its own.


class _Asked(NamedTuple):
    """What came of asking the mirrors.

    Attributes:
        metadata: theirs, verified, by name.
        signed: when it was, in seconds since 1970.
        available: the newest serial that is signed; 0 if none is.
        release: the one to take; None if there is none.
        reason: why the newest is not it; empty if it is.
        failure: why the first way to it was not fetched; None if it was.
        traffic: what that cost.
    """

    metadata: Mapping[str, str]
    signed: int
    available: int
    release: Release | None
    reason: str
    failure: SafeDNSError | None
    traffic: Traffic


def _ask(router: Router, store: Store, state: State, known: int, before: int, now: float) -> _Asked:
    """Find out what is signed, and fetch the first way to the release to take."""
    from safedns.sync.transfer import Mirrors
    from safedns.sync.trust import trusted

    failure = None
    with Mirrors(router.mirrors) as mirrors:
        signed = trusted(router.channel, router.bootstrap, state.metadata, now, mirrors.get, router.news)
        release, reason = choose(signed.releases, router.device, max(now, signed.signed), known, state)
        if release is not None:
            try:
                _download(mirrors, ways(release, before)[0], store)
            except SafeDNSError as error:
                failure = error
        available = signed.releases[0].serial if signed.releases else 0
        traffic = Traffic(mirrors.requests, mirrors.received)
        return _Asked(signed.metadata, signed.signed, available, release, reason, failure, traffic)


def _fetch(router: Router, way: Way, store: Store) -> Traffic:
    """Fetch another way to a release."""
    from safedns.sync.transfer import Mirrors

    with Mirrors(router.mirrors) as mirrors:
        _download(mirrors, way, store)
        return Traffic(mirrors.requests, mirrors.received)


def _download(mirrors: Mirrors, way: Way, store: Store) -> None:
    with replacing(store.fetched) as file:
        mirrors.download(way.object.path, way.object.length, file)


# Which release, and how to get there.


class _QuarantineError(SafeDNSError):
    """A serial is not to be taken again."""

    def __init__(self, serial: int, reason: str) -> None:
        super().__init__(f"serial {serial} is in quarantine: {reason}")
        self.serial = serial


def choose(
    releases: tuple[Release, ...], device: str, now: float, active: int, state: State
) -> tuple[Release | None, str]:
    """The release to take, or None and why the newest is not it; nothing has to be said if it is active.

    Args:
        releases: newest first.
        device: whose turn it may be.
        now: seconds since 1970.
        active: serial in use.
        state: what is known of serials.
    """
    reason = ""
    for release in releases:
        if release.serial == active:
            return None, reason
        if release.serial < max(active, state.accepted):
            return None, reason or f"serial {release.serial} is older than {max(active, state.accepted)}: never taken"
        if release.serial in state.quarantined:
            reason = reason or state.quarantined[release.serial]
        elif NOTHING not in release.deltas and active not in release.deltas:
            reason = reason or f"serial {release.serial} is being prepared for routers on serial {active}"
        elif release.paused:
            reason = reason or f"the rollout of serial {release.serial} is paused"
        elif not release.reaches(device, now):
            reason = reason or f"it is not this router's turn for serial {release.serial} yet"
        else:
            return release, reason
    return None, reason


class Way(NamedTuple):
    """An object to fetch, and the serial of the blocklist that it is applied to."""

    start: int
    object: Object


def ways(release: Release, before: int) -> list[Way]:
    """The ways from a blocklist to a release, the shortest first.

    Raises:
        SyncError: none is signed.
    """
    starts = [start for start in dict.fromkeys((before, NOTHING)) if start in release.deltas]
    if not starts:
        raise SyncError(f"serial {release.serial}: expected an object to make it of, found none signed")
    return [Way(start, release.deltas[start]) for start in starts]


def _serial(store: Store) -> int:
    """The serial of the blocklist in place, verified; 0 if there is none that can be used."""
    from safedns import _native

    if not store.active.exists():
        return NOTHING
    try:
        blocklist = _native.Blocklist.open(str(store.active))
        blocklist.verify()
    except BlocklistError:
        # Damaged: whatever is signed is better.
        return NOTHING
    return blocklist.serial


def _take(
    release: Release,
    failure: SafeDNSError | None,
    router: Router,
    store: Store,
    before: int,
    self_test: Callable[[Path], str | None],
) -> Traffic:
    made = store.folder / ".made.sdns"
    try:
        traffic = _make(release, failure, router, store, before, made)
        _guard(release, made, store.active if before else None)
        store.activate(made)
    finally:
        made.unlink(missing_ok=True)
    problem = self_test(store.active)
    if problem:
        went_back = store.go_back()
        then = "the one before is active again" if went_back else "there is none before it"
        raise _QuarantineError(release.serial, f"the self-test failed: {problem}; {then}")
    return traffic


def _make(
    release: Release, failure: SafeDNSError | None, router: Router, store: Store, before: int, made: Path
) -> Traffic:
    """Go the way to a release that was fetched; if it does not lead there, the next one."""
    first, *others = ways(release, before)
    try:
        if failure is not None:
            raise failure
        _apply(release, first, store, made)
    except SafeDNSError:
        if not others:
            raise
    else:
        return Traffic(0, 0)
    traffic = apart(_fetch, router, others[0], store)
    _apply(release, others[0], store, made)
    return traffic


def _apply(release: Release, way: Way, store: Store, made: Path) -> None:
    base = store.folder / ".nothing.sdns" if way.start == NOTHING else store.active
    try:
        _check(store.fetched, way.object, f"object {way.object.sha256[:12]}…")
        if way.start == NOTHING:
            _write_nothing(base)
        delta.apply(str(base), str(store.fetched), str(made))
        _check(made, release.bundle, f"serial {release.serial}")
    finally:
        store.fetched.unlink(missing_ok=True)
        if way.start == NOTHING:
            base.unlink(missing_ok=True)


def _check(path: Path, expected: Object, what: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    if (found, size) != expected:
        raise SyncError(
            f"{what}: expected {expected.length:,} bytes with SHA-256 {expected.sha256}, "
            f"found {size:,} bytes with {found}"
        )


def _write_nothing(path: Path) -> None:
    """The blocklist without entries that whole objects start from."""
    from safedns import _native

    with replacing(path) as file:
        _native.Builder([]).write(file.fileno(), serial=NOTHING)


def _guard(release: Release, made: Path, before: Path | None) -> None:
    from safedns import _native

    old = _native.Blocklist.open(str(before)) if before is not None else None
    refusals = guard.refusals(_native.Blocklist.open(str(made)), old, release.rules)
    if refusals:
        raise _QuarantineError(release.serial, f"the guard refuses it: {refusals[0].problem}")
