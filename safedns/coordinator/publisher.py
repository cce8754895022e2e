"""From a compiled blocklist to a signed release: its objects, the deltas from earlier serials, and the rollout."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safedns.blocklist import delta, guard
from safedns.blocklist.output import replacing
from safedns.blocklist.release import DEFAULT_RAMP, EVERYONE, NOTHING, Object, Release
from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from safedns._native import Blocklist
    from safedns.coordinator.repository import OnlineKeys, Repository

CONSECUTIVE: Final = 8
"""Serials back from which a router gets to the newest with one delta; farther back, those that are a power of two."""

_FARTHEST: Final = 4096


def bases(serials: Iterable[int], serial: int) -> list[int]:
    """Which of the earlier serials a delta is made from."""
    back = {*range(1, CONSECUTIVE + 1)}
    distance = 2 * CONSECUTIVE
    while distance <= _FARTHEST:
        back.add(distance)
        distance *= 2
    return [each for each in sorted(serials, reverse=True) if serial - each in back]


class Publisher:
    """Publishes compiled blocklists, and keeps them to make deltas from.

    Args:
        repository: what routers download.
        archive: folder for the compiled blocklists; it is not served.
    """

    def __init__(self, repository: Repository, archive: str) -> None:
        self._repository = repository
        self._archive = Path(archive)
        self._archive.mkdir(parents=True, exist_ok=True)

    def publish(
        self,
        channel: str,
        bundle: str,
        online: OnlineKeys,
        now: datetime,
        *,
        ramp: tuple[tuple[int, int], ...] = DEFAULT_RAMP,
        bulk: bool = False,
        overrides: tuple[str, ...] = (),
    ) -> Release:
        """Publish a compiled blocklist as the newest release of a channel.

        Args:
            channel: whose routers take it.
            bundle: the compiled blocklist; its serial must be above all that were published.
            online: keys to sign with.
            now: the time.
            ramp: when which share of routers takes it.
            bulk: whether routers let it grow or shrink beyond their limits.
            overrides: names that it may block though routers would refuse that.

        Raises:
            SafeDNSError: it can't be published; what was published before stays.
        """
        from safedns import _native

        blocklist = _native.Blocklist.load(bundle)
        signed = self._repository.releases(channel)
        newest = max([*(release.serial for release in signed), *self._serials(channel)], default=0)
        if blocklist.serial <= newest:
            raise SyncError(f"{bundle}: expected a serial above {newest}, found {blocklist.serial}; serials only grow")
        release = Release(
            channel=channel,
            serial=blocklist.serial,
            bundle=_object(Path(bundle)),
            names=blocklist.names,
            created=int(now.timestamp()),
            deltas={},
            ramp=ramp,
            bulk=bulk,
            overrides=overrides,
        )
        self._guard(release, blocklist, signed)
        with replacing(self._file(channel, release.serial)) as file, Path(bundle).open("rb") as source:
            shutil.copyfileobj(source, file)
        release = replace(release, deltas=self._deltas(channel, release.serial))
        self._repository.sign(channel, [release, *_stable(signed, now)], online, now)
        return release

    def _guard(self, release: Release, blocklist: Blocklist, signed: list[Release]) -> None:
        """What routers would refuse is not published."""
        from safedns import _native

        old = _native.Blocklist.open(str(self._file(release.channel, signed[0].serial))) if signed else None
        verdict = guard.check(blocklist, old, release.rules)
        if not verdict.passed:
            raise SyncError("\n".join(f"routers would refuse it: {each.sentence}" for each in verdict.refusals[:10]))

    def _serials(self, channel: str) -> list[int]:
        return [int(path.stem.rpartition("-")[2]) for path in self._archive.glob(f"{channel}-*.sdns")]

    def _file(self, channel: str, serial: int) -> Path:
        return self._archive / f"{channel}-{serial}.sdns"

    def _deltas(self, channel: str, serial: int) -> dict[int, Object]:
        """Objects that lead to a serial, from nothing and from earlier ones."""
        new = self._file(channel, serial)
        nothing = self._archive / "nothing.sdns"
        self._write_nothing(nothing)
        made = {NOTHING: self._delta(nothing, new)}
        whole = made[NOTHING].length
        for base in bases(self._serials(channel), serial):
            each = self._delta(self._file(channel, base), new)
            if each.length < whole:
                made[base] = each
        return made

    def _delta(self, old: Path, new: Path) -> Object:
        made = self._archive / "made.sdnd"
        delta.make(str(old), str(new), str(made))
        each = _object(made)
        self._repository.add_object(made.read_bytes(), each.sha256)
        made.unlink()
        return each

    @staticmethod
    def _write_nothing(path: Path) -> None:
        from safedns import _native

        with replacing(path) as file:
            _native.Builder([]).write(file.fileno(), serial=NOTHING)


def _stable(releases: list[Release], now: datetime) -> list[Release]:
    """The newest release that all routers may have: those whose turn is later stay with it."""
    return [release for release in releases if release.share(now.timestamp()) == EVERYONE][:1]


def _object(path: Path) -> Object:
    with path.open("rb") as file:
        return Object(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
