"""The folder of last good copies: `<id>.list` for each source as it was fetched, and `<id>.json` with where it is from.

A copy is replaced only by renaming a whole one over it, so whoever reads finds the old or the new.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART: Final = ".part"
"""Ending of files that are still being written."""

_MAX_STATE: Final = 64 * 1024
"""Bytes; a state file has under 1 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a copy is from, and what is in it.

    Attributes:
        url: as the catalogue had it.
        etag: of the answer, empty if it had none.
        last_modified: of the answer, empty if it had none.
        fetched: when it came, seconds since 1970.
        checked: when the source last said that it is still the newest.
        sha256: of the file, hexadecimal.
        names: names in it.
        size: bytes of the file.
    """

    url: str
    etag: str
    last_modified: str
    fetched: int
    checked: int
    sha256: str
    names: int
    size: int


class Store:
    """A folder of copies."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def file(self, source_id: str) -> Path:
        """Where the last good copy of a source is, or will be."""
        return self.path / f"{source_id}.list"

    def part(self, source_id: str) -> Path:
        """Where a copy is written before it is known to be good."""
        return self.path / f".{source_id}{_PART}"

    def state(self, source_id: str) -> State | None:
        """What is known of the last good copy; None if there is none, or what was written of it is damaged."""
        try:
            with self._state_file(source_id).open("rb") as file:
                plain = json.loads(file.read(_MAX_STATE))
            if not self.file(source_id).is_file():
                return None
        except (OSError, ValueError, RecursionError):
            return None
        return _state(plain)

    def keep(self, source_id: str, state: State) -> None:
        """Make the part of a source its last good copy.

        Raises:
            OSError: the disk refuses; the old copy stays.
        """
        part = self.part(source_id)
        _sync(part)
        part.replace(self.file(source_id))
        self.note(source_id, state)

    def note(self, source_id: str, state: State) -> None:
        """Write what is known of a copy.

        Raises:
            OSError: the disk refuses.
        """
        part = self.path / f".{source_id}.json{_PART}"
        part.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
        _sync(part)
        part.replace(self._state_file(source_id))
        _sync(self.path)

    def intact(self, source_id: str, state: State) -> bool:
        """Whether the copy is the one that the state speaks of: a process may have ended between writing the two."""
        try:
            with self.file(source_id).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == state.sha256
        except OSError:
            return False

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the store for oneself, made if there is none and cleared of what an interrupted update left.

        Raises:
            BlocklistError: another process updates it, or it can't be written.
        """
        import fcntl

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / ".lock").open("ab")
        except OSError as error:
            raise BlocklistError(
                f"{self.path}: expected a folder that can be written, found: {error.strerror}; "
                "create it or give another one with --store"
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlocklistError(
                    f"{self.path}: expected the store to be free, found another update at work in it; "
                    "wait until it has ended"
                ) from None
            for part in self.path.glob(f".*{_PART}"):
                part.unlink()
            yield

    def _state_file(self, source_id: str) -> Path:
        return self.path / f"{source_id}.json"


def _state(plain: object) -> State | None:
    """A state from what a file holds; None if it is not one."""
    kinds = {field.name: {"str": str, "int": int}[str(field.type)] for field in fields(State)}
    if not isinstance(plain, dict) or plain.keys() != kinds.keys():
        return None
    if any(type(plain[word]) is not kind for word, kind in kinds.items()):
        return None
    # They go into requests as they are.
    if not all(
        plain[word].isascii() and plain[word].isprintable() for word in ("etag", "last_modified") if plain[word]
    ):
        return None
    return State(**plain)


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
