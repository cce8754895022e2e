"""Processes for what takes long. The one that answers requests never waits for a compiler."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


NICENESS: Final = 10
"""By how much less of a busy processor a patient worker gets than who answers requests."""


class Worker:
    """One process that does one thing after the other. A new one takes its place if it dies.

    Args:
        patient: whether it gives way to everything else: to the routers that fetch an urgent release, say.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self._pool = self._start()

    async def warm(self) -> None:
        """Have the process started, with what it needs imported."""
        await self.run(_import)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of a module in the process.

        Raises:
            CoordinatorError: the process died of it: killed, or out of memory.
        """
        future = self._pool.submit(function, *args, **kwargs)
        try:
            return await asyncio.wrap_future(future)
        except BrokenProcessPool:
            log.warning("the process for %s died; another one takes its place", function.__name__)
            self._pool.shutdown(wait=False)
            self._pool = self._start()
            raise CoordinatorError(
                f"expected the process for {function.__name__} to finish, found it dead: killed, or out of memory"
            ) from None

    def close(self) -> None:
        """End the process when it is done with what it does."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            max_workers=1, mp_context=context, initializer=_prepare, initargs=(NICENESS if self._patient else 0,)
        )


def _prepare(niceness: int) -> None:
    """Give way, and don't outlive a parent that was killed."""
    os.nice(niceness)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _import() -> None:
    import safedns.coordinator.bundle  # noqa: F401
