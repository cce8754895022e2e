"""The compiled blocklists that were published, and the deltas between them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safedns.blocklist import delta, guard
from safedns.blocklist.output import replacing
from safedns.blocklist.release import NOTHING, Object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safedns.blocklist.guard import Rules
    from safedns.blocklist.guard_verdict import Verdict

CONSECUTIVE: Final = 8
"""Serials back from which a router gets to the newest with one delta; farther back, those that are a power of two."""

_FARTHEST: Final = 4096

MOST_ARCHIVED: Final = 4 * 2**30
"""Bytes of compiled blocklists that are kept of a channel; routers that have an older one take the whole new one."""


def bases(serials: Iterable[int], serial: int) -> list[int]:
    """Which of the earlier serials a delta is made from, newest first."""
    back = {*range(1, CONSECUTIVE + 1)}
    distance = 2 * CONSECUTIVE
    while distance <= _FARTHEST:
        back.add(distance)
        distance *= 2
    return [each for each in sorted(serials, reverse=True) if serial - each in back]


class Archive:
    """A folder of compiled blocklists. It is not served, and what is missing in it can be compiled again."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def file(self, channel: str, serial: int) -> Path:
        """Where a blocklist is, if it is there."""
        return self.folder / f"{channel}-{serial}.sdns"

    def serials(self, channel: str) -> list[int]:
        """Serials of a channel that are there."""
        # A channel's name may begin with another one's and a hyphen.
        stems = (path.stem.rpartition("-") for path in self.folder.glob(f"{channel}-*.sdns"))
        return [int(serial) for name, _, serial in stems if name == channel]

    def keep(self, channel: str, serial: int, bundle: str) -> Object:
        """Copy a compiled blocklist into the folder."""
        path = self.file(channel, serial)
        with replacing(path) as file, Path(bundle).open("rb") as source:
            shutil.copyfileobj(source, file)
        return describe(path)

    def check(self, channel: str, serial: int, before: int | None, rules: Rules) -> Verdict:
        """What the guard says of a blocklist in place of another, as routers will ask it."""
        from safedns import _native

        old = _native.Blocklist.open(str(self.file(channel, before))) if before is not None else None
        return guard.check(_native.Blocklist.open(str(self.file(channel, serial))), old, rules)

    def deltas(self, channel: str, serial: int, starts: Sequence[int]) -> dict[int, bytes]:
        """What turns blocklists that are there into another one; from `NOTHING` all of it.

        One that is as large as the whole is left out.
        """
        new = self.file(channel, serial)
        made: dict[int, bytes] = {}
        for start in starts:
            each = self._delta(self._nothing() if start == NOTHING else self.file(channel, start), new)
            if start == NOTHING or NOTHING not in made or len(each) < len(made[NOTHING]):
                made[start] = each
        return made

    def prune(self, channel: str, most: int = MOST_ARCHIVED) -> None:
        """Remove the oldest, if all of them take more than so many bytes; the newest stays."""
        total = 0
        for number, serial in enumerate(sorted(self.serials(channel), reverse=True)):
            path = self.file(channel, serial)
            total += path.stat().st_size
            if total > most and number:
                path.unlink()

    def _delta(self, old: Path, new: Path) -> bytes:
        made = new.with_suffix(".sdnd")
        delta.make(str(old), str(new), str(made))
        data = made.read_bytes()
        made.unlink()
        return data

    def _nothing(self) -> Path:
        from safedns import _native

        path = self.folder / "nothing.sdns"
        if not path.exists():
            with replacing(path) as file:
                _native.Builder([]).write(file.fileno(), serial=NOTHING)
        return path


def describe(path: Path) -> Object:
    """A file by its hash."""
    with path.open("rb") as file:
        return Object(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def describe_bytes(data: bytes) -> Object:
    """Octets by their hash."""
    return Object(hashlib.sha256(data).hexdigest(), len(data))
