"""What a publisher signs of a blocklist, and what a router reads of it: a release of a channel.

A release is a target of The Update Framework: path, length and SHA-256 are those of the compiled blocklist. That file
is not sent. Routers make it of an *object*, a delta from the serial that they have or from nothing, and compare the
hash.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from safedns.blocklist.guard import Override, Rules
from safedns.config.units import CHANNEL_NAME
from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: Final = 0
"""The serial that a delta from nothing starts from."""

MOST_OBJECT: Final = 2**30
"""Bytes of an object that a router fetches at the most, whatever is signed."""

EVERYONE: Final = 1_000_000
"""Shares of routers are millionths: what is signed has no fractions."""

DEFAULT_RAMP: Final = ((0, 1_000), (1800, 10_000), (3600, 100_000), (7200, 500_000), (14400, EVERYONE))
"""Seconds after the release, and the share of routers that take it from then on."""

AT_ONCE: Final = ((0, EVERYONE),)
"""The ramp of the fast lane."""


class Object(NamedTuple):
    """A file that is called by its hash.

    Attributes:
        sha256: in hexadecimal.
        length: bytes.
    """

    sha256: str
    length: int

    @property
    def path(self) -> str:
        """Where it is, below the address of a mirror."""
        return f"objects/{self.sha256}"


@dataclass(frozen=True, slots=True)
class Release:
    """A blocklist as it was published.

    Attributes:
        channel: which routers it is for.
        serial: its version.
        bundle: hash and length of the compiled blocklist.
        names: distinct names in it.
        created: when, in seconds since 1970.
        deltas: objects by the serial that they start from; `NOTHING` for a whole one.
        ramp: seconds after `created`, and the share of routers that take it from then on.
        paused: whether no more routers take it for now.
        bulk: whether it may grow or shrink beyond the limits of the guard.
        overrides: names that the guard lets it block all the same, as somebody decided with a reason.
    """

    channel: str
    serial: int
    bundle: Object
    names: int
    created: int
    deltas: Mapping[int, Object]
    ramp: tuple[tuple[int, int], ...] = DEFAULT_RAMP
    paused: bool = False
    bulk: bool = False
    overrides: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Path of the target."""
        return f"{prefix(self.channel)}{self.serial}"

    def custom(self) -> dict[str, Any]:
        """What is signed beside path, length and hash."""
        return {
            "names": self.names,
            "created": self.created,
            "deltas": {str(serial): list(each) for serial, each in sorted(self.deltas.items())},
            "ramp": [list(step) for step in self.ramp],
            "paused": self.paused,
            "bulk": self.bulk,
            "overrides": list(self.overrides),
        }

    @property
    def rules(self) -> Rules:
        """What the guard judges it by, at the publisher and at the router."""
        overrides = tuple(Override(name, f"signed for serial {self.serial}") for name in self.overrides)
        return Rules(bulk=self.bulk, overrides=overrides)

    def reaches(self, device: str, now: float) -> bool:
        """Whether it is a device's turn: by a hash of its id and the serial, so that others are the first each time."""
        digest = hashlib.sha256(f"{self.channel}/{self.serial}/{device}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % EVERYONE < self.share(now)

    def share(self, now: float) -> int:
        """The share of routers whose turn it is."""
        if self.paused:
            return 0
        return max((share for after, share in self.ramp if now >= self.created + after), default=0)


def prefix(channel: str) -> str:
    """What the paths of a channel's releases begin with."""
    return f"bundle/{channel}/"


def role(channel: str) -> str:
    """Name of the role that signs a channel's releases."""
    return f"channel-{channel}"


def read_release(path: str, length: int, sha256: str, custom: Any) -> Release:
    """Read what is signed.

    Raises:
        SyncError: it is no release; signed or not, what is in it is checked.
    """
    try:
        _, channel, serial = path.split("/")
        return Release(
            channel=_channel(channel),
            serial=_number(int(serial), 1, 2**64 - 1),
            bundle=_object(sha256, length),
            names=_number(custom["names"], 0, 2**40),
            created=_number(custom["created"], 0, 2**40),
            deltas={int(start): _object(*each) for start, each in custom["deltas"].items()},
            ramp=tuple((_number(after, 0, 2**32), _number(share, 0, EVERYONE)) for after, share in custom["ramp"]),
            paused=custom["paused"] is True,
            bulk=custom["bulk"] is True,
            overrides=tuple(_text(name) for name in custom["overrides"]),
        )
    except (AttributeError, LookupError, TypeError, ValueError):
        raise SyncError(f"{path}: expected the description of a release, found something else") from None


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _channel(value: str) -> str:
    if not CHANNEL_NAME.fullmatch(value):
        raise ValueError
    return value


def _object(sha256: object, length: object) -> Object:
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError
    return Object(sha256, _number(length, 1, MOST_OBJECT))
