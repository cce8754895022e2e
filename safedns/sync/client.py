"""One sync: ask, verify, rebuild, guard, activate, test; or leave everything as it is and say why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from safedns.blocklist import delta, guard
from safedns.blocklist.output import replacing
from safedns.blocklist.release import NOTHING, Object, Release
from safedns.errors import BlocklistError, SafeDNSError, SyncError
from safedns.sync.trust import BUILT, trusted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safedns._native import Blocklist
    from safedns.sync.store import State, Store
    from safedns.sync.transfer import Mirrors

_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Router:
    """Who syncs.

    Attributes:
        channel: whose releases it takes.
        device: its own id, which says when its turn is.
        bootstrap: the root that it trusts from the beginning.
    """

    channel: str
    device: str
    bootstrap: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did.

    Attributes:
        serial: of the blocklist that is active now; 0 if there is none.
        before: of the one before the sync.
        available: the newest that is signed.
        reason: why the newest is not active; empty if it is.
    """

    serial: int
    before: int
    available: int
    reason: str


def sync(
    router: Router, store: Store, mirrors: Mirrors, now: float, self_test: Callable[[Path], str | None]
) -> Outcome:
    """Bring a router's blocklist up to date.

    Args:
        router: who syncs.
        store: where it keeps things.
        mirrors: where the files are.
        now: the clock, in seconds since 1970; it may be wrong.
        self_test: looks at the active blocklist as the resolver uses it; says what is wrong, or None.

    Raises:
        SafeDNSError: nothing was changed, and why.
    """
    state = store.load()
    old = _active(store)
    before = old.serial if old else 0
    # The file outlives the state: it is what was accepted, unless the router followed another channel then.
    known = before if state.follow(router.channel) else 0
    state.accepted = max(state.accepted, known)
    now = max(now, state.signed, BUILT)
    try:
        signed = trusted(router.channel, router.bootstrap, state.metadata, now, mirrors.get)
        state.metadata, state.signed = dict(signed.metadata), max(state.signed, signed.signed)
        now = max(now, state.signed)
        state.checked = int(now)
        state.available = signed.releases[0].serial if signed.releases else 0
        release, state.problem = choose(signed.releases, router.device, now, known, state)
        if release is not None:
            _take(release, store, mirrors, old, self_test)
            state.accepted, state.channel = release.serial, router.channel
    except _QuarantineError as error:
        state.quarantine(error.serial, str(error))
        state.problem = str(error)
    except SafeDNSError as error:
        state.problem = str(error)
        store.save(state)
        raise
    store.save(state)
    active = _active(store)
    return Outcome(active.serial if active else 0, before, state.available, state.problem)


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


def _active(store: Store) -> Blocklist | None:
    """The blocklist in place, verified; None if there is none that can be used."""
    from safedns import _native

    if not store.active.exists():
        return None
    try:
        blocklist = _native.Blocklist.open(str(store.active))
        blocklist.verify()
    except BlocklistError:
        # Damaged: whatever is signed is better.
        return None
    return blocklist


def _take(
    release: Release,
    store: Store,
    mirrors: Mirrors,
    old: Blocklist | None,
    self_test: Callable[[Path], str | None],
) -> None:
    made = store.folder / ".made.sdns"
    try:
        _make(release, store, mirrors, old, made)
        _guard(release, made, old)
        store.activate(made)
    finally:
        made.unlink(missing_ok=True)
    problem = self_test(store.active)
    if problem:
        went_back = store.go_back()
        then = "the one before is active again" if went_back else "there is none before it"
        raise _QuarantineError(release.serial, f"the self-test failed: {problem}; {then}")


def _make(release: Release, store: Store, mirrors: Mirrors, old: Blocklist | None, made: Path) -> None:
    """Fetch the shortest way to a release and go it; the whole one if that does not lead there."""
    start = release.deltas.get(old.serial) if old else None
    failure: SafeDNSError | None = None
    if start is not None:
        try:
            _apply(release, start, store.active, store, mirrors, made)
        except SafeDNSError as error:
            failure = error
        else:
            return
    whole = release.deltas.get(NOTHING)
    if whole is None:
        raise failure or SyncError(f"serial {release.serial}: expected an object to make it of, found none signed")
    nothing = store.folder / ".nothing.sdns"
    _write_nothing(nothing)
    try:
        _apply(release, whole, nothing, store, mirrors, made)
    finally:
        nothing.unlink(missing_ok=True)


def _apply(release: Release, each: Object, base: Path, store: Store, mirrors: Mirrors, made: Path) -> None:
    fetched = store.folder / ".fetched.sdnd"
    try:
        with replacing(fetched) as file:
            mirrors.download(each.path, each.length, file)
        _check(fetched, each, f"object {each.sha256[:12]}…")
        delta.apply(str(base), str(fetched), str(made))
        _check(made, release.bundle, f"serial {release.serial}")
    finally:
        fetched.unlink(missing_ok=True)


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


def _guard(release: Release, made: Path, old: Blocklist | None) -> None:
    from safedns import _native

    verdict = guard.check(_native.Blocklist.open(str(made)), old, release.rules)
    if not verdict.passed:
        first = verdict.refusals[0]
        raise _QuarantineError(release.serial, f"the guard refuses it: {first.problem}")
