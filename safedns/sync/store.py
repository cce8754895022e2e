"""What a router keeps between two syncs: two blocklists, and one small file about them.

The blocklist in place says by itself which serial it is, so that no crash between two writes makes the files contradict
each other. Every write is a new file that is synced and renamed; the active blocklist is never written to.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safedns.blocklist.output import replacing
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIVE: Final = "blocklist.sdns"
"""What the resolver reads."""

PREVIOUS: Final = "previous.sdns"
"""What was active before, to go back to."""

_STATE: Final = "state.json"

MOST_QUARANTINED: Final = 64


@dataclass(slots=True)
class State:
    """What is known beside the blocklists.

    Attributes:
        metadata: files of the trust client by name.
        signed: when the newest metadata was signed, in seconds since 1970.
        channel: whose release is active; empty if there never was one.
        accepted: the highest serial of it that was ever active.
        quarantined: why, by serial, for those that are not taken again.
        checked: when the publisher was asked with success for the last time, in seconds since 1970.
        available: the newest serial that was signed then.
        problem: why the last sync failed, or why what is available is not active; empty if there is nothing to say.
    """

    metadata: dict[str, str] = field(default_factory=dict)
    signed: int = 0
    channel: str = ""
    accepted: int = 0
    quarantined: dict[int, str] = field(default_factory=dict)
    checked: int = 0
    available: int = 0
    problem: str = ""

    def follow(self, channel: str) -> bool:
        """Whether the active blocklist is of this channel; if not, what is known of serials means nothing here."""
        if self.channel in ("", channel):
            return True
        self.accepted = 0
        self.quarantined = {}
        return False

    def learn(self, metadata: Mapping[str, str], signed: int, now: float) -> None:
        """Keep what was verified just now, and when it was signed: time does not go back behind that."""
        self.metadata, self.signed = dict(metadata), max(self.signed, signed)
        self.checked = int(max(now, self.signed))

    def quarantine(self, serial: int, reason: str) -> None:
        """Remember not to take a serial again; the oldest of too many are forgotten."""
        self.quarantined[serial] = reason
        for old in sorted(self.quarantined)[:-MOST_QUARANTINED]:
            del self.quarantined[old]


class Store:
    """A folder of a router's."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.active = self.folder / ACTIVE
        self.previous = self.folder / PREVIOUS
        self.fetched = self.folder / ".fetched.sdnd"

    def load(self) -> State:
        """What was saved; nothing if it is missing or damaged, as the blocklist in place says the most of it."""
        try:
            return _state(json.loads((self.folder / _STATE).read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return State()

    def save(self, state: State) -> None:
        """Keep the state.

        Raises:
            BlocklistError: it can't be written; the one before stays.
        """
        with replacing(self.folder / _STATE) as file:
            file.write(json.dumps(asdict(state), ensure_ascii=False, indent=1).encode() + b"\n")

    def activate(self, made: Path) -> None:
        """Make a finished file the active blocklist, and the active one the previous.

        Raises:
            BlocklistError: it can't be done; the active one stays.
        """
        try:
            if self.active.exists():
                self._link(self.active, self.previous)
            made.replace(self.active)
            self._sync()
        except OSError as error:
            raise BlocklistError(f"{self.active}: can't be replaced: {error.strerror}; it stays") from None

    def go_back(self) -> bool:
        """Make the previous blocklist the active one again; False if there is none.

        Raises:
            BlocklistError: it can't be done.
        """
        try:
            if not self.previous.exists():
                return False
            self._link(self.previous, self.active)
            self._sync()
        except OSError as error:
            raise BlocklistError(f"{self.active}: can't be replaced: {error.strerror}") from None
        return True

    def _link(self, source: Path, target: Path) -> None:
        """Give a file a second name, in place of what had it."""
        beside = self.folder / f".{target.name}.link"
        beside.unlink(missing_ok=True)
        # Renaming one name of a file to another of the same does nothing, so it must not be tried.
        if target.exists() and target.samefile(source):
            return
        os.link(source, beside)
        beside.replace(target)

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _state(plain: dict[str, Any]) -> State:
    return State(
        metadata={str(name): str(text) for name, text in plain["metadata"].items()},
        signed=int(plain["signed"]),
        channel=str(plain["channel"]),
        accepted=int(plain["accepted"]),
        quarantined={int(serial): str(reason) for serial, reason in plain["quarantined"].items()},
        checked=int(plain["checked"]),
        available=int(plain["available"]),
        problem=str(plain["problem"]),
    )
