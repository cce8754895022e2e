"""The compiled blocklist on disk: read at start, and again when the file is another one.

Lists are published by renaming a finished file over the old one, so a changed file is complete or damaged for good: one
that can't be used is refused once, and looked at again when it changes again.
"""

import logging
import os
from concurrent.futures import ThreadPoolExecutor

from safedns._native import Blocklist
from safedns.errors import BlocklistError

log = logging.getLogger(__name__)

Signature = tuple[int, int, int]
"""Inode, time of modification in nanoseconds, size: another file, or another content, has another."""


class BlocklistFile:
    """The file, and the blocklist that was last read from it."""

    def __init__(self, path: str | None) -> None:
        """Read the blocklist.

        Args:
            path: the file; None for no blocklist.

        Raises:
            BlocklistError: the file can't be read or used.
        """
        self.path = path
        self._seen = self._signature()
        self.current = None if path is None else _load(path)

    def poll(self, *, anyway: bool = False) -> Blocklist | None:
        """Look at the file.

        Args:
            anyway: read it even if it seems to be the same.

        Returns:
            A new blocklist if there is a good one, else None: the current one stays.
        """
        signature = self._signature()
        if self.path is None or (signature == self._seen and not anyway):
            return None
        self._seen = signature
        try:
            self.current = _load_gently(self.path)
        except BlocklistError as error:
            log.error("%s; the blocklist in use stays", error)  # noqa: TRY400 - the sentence says it all
            return None
        return self.current

    def _signature(self) -> Signature | None:
        if self.path is None:
            return None
        try:
            status = os.stat(self.path)  # noqa: PTH116 - twice a second, for ever
        except OSError:
            # Absent, or not ours to see: reading it, if that is due, says so.
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _load_gently(path: str) -> Blocklist:
    """Load while workers serve: on processor time that they leave, in a thread so that this process keeps its own.

    Even at the lowest nice value a worker that wakes up would wait for the rest of a time slice, about 3 ms (EEVDF); a
    thread of SCHED_IDLE gives way at once.

    Raises:
        BlocklistError: the file can't be read or used.
    """
    idle = (0, os.SCHED_IDLE, os.sched_param(0))
    with ThreadPoolExecutor(1, initializer=os.sched_setscheduler, initargs=idle) as thread:
        return thread.submit(_load, path).result()


def _load(path: str) -> Blocklist:
    blocklist = Blocklist.load(path)
    log.info("blocklist serial %d, %d names", blocklist.serial, blocklist.names)
    return blocklist
