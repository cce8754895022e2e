"""When a router asks: always with jitter, and less and less often while nobody answers.

Full jitter spreads the requests of many routers that lost their mirror at one moment over the whole of the pause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

POLL: Final = 3600.0
"""Seconds between two syncs."""

SPREAD: Final = 0.2
"""By which share of it the pause is longer or shorter."""

FIRST: Final = 60.0
"""Seconds within which the first sync after a start comes."""

_RETRY: Final = 15.0
_LONGEST_RETRY: Final = 3600.0


def pause(failures: int, random: Random) -> float:
    """Seconds until the next sync, after so many that failed in a row."""
    if failures == 0:
        return POLL * random.uniform(1 - SPREAD, 1 + SPREAD)
    return random.uniform(0, min(_RETRY * 2 ** min(failures, 32), _LONGEST_RETRY))
