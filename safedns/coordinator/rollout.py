"""Rollouts: which releases are signed for routers, and when one of them is paused without anybody asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from safedns.blocklist.release import EVERYONE, Object, Release

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safedns.coordinator import schema

PUBLISHED: Final = "published"
ABORTED: Final = "aborted"


@dataclass(frozen=True, slots=True)
class Figures:
    """What routers on a serial, or on all others, reported together.

    Attributes:
        reports: how many reports.
        queries: queries that their resolvers answered.
        blocked: of them, answered as blocked.
        failed: of them, answered with SERVFAIL.
        self_tests: activations that were tested.
        self_tests_failed: of them, after which the router went back.
    """

    reports: int = 0
    queries: int = 0
    blocked: int = 0
    failed: int = 0
    self_tests: int = 0
    self_tests_failed: int = 0

    def __add__(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(
            self.reports + other.reports,
            self.queries + other.queries,
            self.blocked + other.blocked,
            self.failed + other.failed,
            self.self_tests + other.self_tests,
            self.self_tests_failed + other.self_tests_failed,
        )

    @property
    def failed_share(self) -> float:
        """Share of the queries that failed."""
        return self.failed / self.queries if self.queries else 0.0

    @property
    def blocked_share(self) -> float:
        """Share of the queries that were blocked."""
        return self.blocked / self.queries if self.queries else 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """When routers on a new serial are worse than the others.

    Attributes:
        queries: below so many, on either side, shares say nothing.
        failed: by how much the share of failed queries may be larger.
        blocked: by how much the share of blocked ones may be larger or smaller.
        self_tests: failed self-tests from which on they count.
        self_tests_share: share of failed ones that is too many.
    """

    queries: int = 200
    failed: float = 0.02
    blocked: float = 0.10
    self_tests: int = 2
    self_tests_share: float = 0.05


def worse(new: Figures, others: Figures, limits: Limits) -> list[str]:
    """Why routers on a new serial are worse than the others, with the figures; nothing if they are not."""
    found = []
    if new.self_tests_failed >= limits.self_tests and new.self_tests_failed > limits.self_tests_share * new.self_tests:
        found.append(f"{new.self_tests_failed} of {new.self_tests} self-tests failed")
    if min(new.queries, others.queries) < limits.queries:
        return found
    if new.failed_share > others.failed_share + limits.failed:
        found.append(
            f"{new.failed_share:.1%} of {new.queries:,} queries failed, {others.failed_share:.1%} at the others"
        )
    if abs(new.blocked_share - others.blocked_share) > limits.blocked:
        found.append(
            f"{new.blocked_share:.1%} of {new.queries:,} queries were blocked, {others.blocked_share:.1%} at the others"
        )
    return found


def resumed(release: Release, paused: int, now: int) -> tuple[tuple[int, int], ...]:
    """The ramp after a pause: what was to come comes as much later as the pause was long."""
    return tuple(
        (after, share) if release.created + after <= paused else (after + now - paused, share)
        for after, share in release.ramp
    )


def described(row: schema.Release) -> Release:
    """A release as it is signed, of its row."""
    return Release(
        channel=row.channel,
        serial=row.serial,
        bundle=Object(str(row.sha256), int(row.size or 0)),
        names=int(row.names or 0),
        created=row.created,
        deltas={int(start): Object(*each) for start, each in row.deltas.items()},
        ramp=tuple((after, share) for after, share in row.ramp),
        paused=row.paused is not None,
        bulk=row.bulk,
        overrides=tuple(row.overrides),
    )


def signed(rows: Iterable[schema.Release], now: float) -> list[Release]:
    """The releases that routers may have: the newest, and one for those whose turn is later.

    Args:
        rows: of a channel, newest first.
        now: the time.
    """
    chosen: list[Release] = []
    for row in rows:
        if row.state != PUBLISHED:
            continue
        release = described(row)
        everyone = release.share(now) == EVERYONE
        if everyone or not chosen:
            chosen.append(release)
        if everyone:
            break
    return chosen


def step(release: Release, now: float) -> tuple[int, int | None]:
    """How far a rollout is: the share of routers in millionths, and seconds until the next step if there is one."""
    share = release.share(now)
    later = [after for after, wanted in release.ramp if wanted > share and release.created + after > now]
    return share, (int(release.created + min(later) - now) if later and not release.paused else None)


def stable(rows: Sequence[schema.Release], now: float) -> schema.Release | None:
    """The newest release that all routers may have."""
    for row in rows:
        if row.state == PUBLISHED and described(row).share(now) == EVERYONE:
            return row
    return None
