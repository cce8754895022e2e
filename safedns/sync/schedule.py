"""When a router asks: always with jitter, and less and less often while nobody answers.

Full jitter spreads the requests of many routers that lost their mirror at one moment over the whole of the pause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

POLL: Final = 3600.0
"""Seconds between two syncs."""

POLL_CONNECTED: Final = 6 * 3600.0
"""The same while the coordinator would say that there is news."""

SETTLED: Final = 600.0
"""Seconds after which a new blocklist is reported on: until then it has shown what it does."""

SPREAD: Final = 0.2
"""By which share of it the pause is longer or shorter."""

FIRST: Final = 60.0
"""Seconds within which the first sync after a start comes."""

NEWS: Final = 60.0
"""Seconds over which routers spread that heard of a release at one moment."""

URGENT: Final = 0.5
"""The same for what is urgent."""

_BEHIND: Final = 1.0
_RETRY: Final = 15.0
_LONGEST_RETRY: Final = 3600.0
_RECONNECT: Final = 5.0
_LONGEST_RECONNECT: Final = 600.0


class Rhythm:
    """What was, and when the next thing comes of it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0
        self._lost = 0
        self._changed = False
        self._behind = False

    def synced(self, *, ok: bool, changed: bool, behind: bool = False) -> None:
        """A sync ended.

        Args:
            ok: whether it did what it should.
            changed: whether another blocklist is active.
            behind: whether the mirrors don't have yet what was announced.
        """
        self._failures = self._failures + 1 if behind or not ok else 0
        self._behind = behind and ok
        self._changed = changed

    def heard(self) -> None:
        """News came, so the connection works."""
        self._lost = 0

    def pause(self, *, connected: bool) -> float:
        """Seconds until the next sync."""
        if self._failures:
            first = _BEHIND if self._behind else _RETRY
            return self.within(min(first * 2 ** min(self._failures, 32), _LONGEST_RETRY))
        usual = SETTLED if self._changed else POLL_CONNECTED if connected else POLL
        return usual * self._random.uniform(1 - SPREAD, 1 + SPREAD)

    def spread(self, *, urgent: bool) -> float:
        """Seconds to wait with a sync after news."""
        return self.within(URGENT if urgent else NEWS)

    def reconnect(self) -> float:
        """Seconds to wait before the next try to connect; each try without news in between makes it longer."""
        self._lost += 1
        return self.within(min(_RECONNECT * 2 ** min(self._lost, 32), _LONGEST_RECONNECT))

    def within(self, seconds: float) -> float:
        """A moment within so many seconds."""
        return self._random.uniform(0, seconds)
