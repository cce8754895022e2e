"""Fetching the catalogue's sources into a store; a source that fails keeps its last good copy and harms no other."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from safedns.blocklist import formats
from safedns.blocklist.fetch import Limits, fetch, make_client, tls_context
from safedns.blocklist.store import State
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

    from safedns.blocklist.catalogue import Source
    from safedns.blocklist.fetch import Copy
    from safedns.blocklist.store import Store

PLAUSIBLE: Final = 10
"""A copy with this many times fewer or more names than the catalogue expects is another thing than the list."""

LEAST_OF_LAST: Final = 0.6
"""Share of the last good copy's names that a new one must have: half a file is not taken for a list that shrank."""

SMALL: Final = 100
"""A list of fewer names may lose more at once."""

_BYTES_PER_NAME: Final = 32
_SIZE_MARGIN: Final = 20
_SMALLEST_LIMIT: Final = 2**20


class Outcome(StrEnum):
    """What became of a source."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_DUE = "not due"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a source, and what the store has of it now.

    Attributes:
        id: of the source.
        outcome: what became of it.
        names: of the copy in the store; None if there is none.
        difference: names more than before.
        checked: when the copy was last known to be the newest, seconds since 1970; None if there is none.
        problem: why it failed and what to do, or empty.
    """

    id: str
    outcome: Outcome
    names: int | None
    difference: int = 0
    checked: int | None = None
    problem: str = ""


def due(source: Source, state: State | None, now: float) -> bool:
    """Whether a source is to be asked again; a copy from the future says that the clock was wrong."""
    return state is None or state.url != source.url or not state.checked <= now < state.checked + source.refresh


def largest(source: Source, limits: Limits) -> int:
    """Bytes that a list may have, as fetched and decompressed."""
    return min(limits.size, max(_SMALLEST_LIMIT, source.expected * _SIZE_MARGIN * _BYTES_PER_NAME))


def update(
    sources: Iterable[Source],
    store: Store,
    *,
    limits: Limits | None = None,
    ca: str | None = None,
    force: bool = False,
    accept_shrinkage: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Result]:
    """Fetch the sources that are due.

    Args:
        sources: what to fetch.
        store: where to.
        limits: for each fetch.
        ca: file with certificate authorities to trust besides the system's.
        force: fetch also what is not due, and whole.
        accept_shrinkage: take a copy that lost a large part of its names.
        progress: called with what happens, in words.

    Returns:
        A result for each source, in their order.

    Raises:
        BlocklistError: nothing could be tried: the store is in use or can't be written.
    """
    update = _Update(store, limits or Limits(), force, accept_shrinkage, progress)
    with store.lock():
        return asyncio.run(update.run(list(sources), ca))


class _Update:
    def __init__(
        self, store: Store, limits: Limits, force: bool, accept_shrinkage: bool, progress: Callable[[str], None]
    ) -> None:
        self._store = store
        self._limits = limits
        self._force = force
        self._accept_shrinkage = accept_shrinkage
        self._progress = progress
        self._slots = asyncio.Semaphore(limits.parallel)
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits.per_host))
        self._done = 0

    async def run(self, sources: list[Source], ca: str | None) -> list[Result]:
        async with make_client(tls_context(ca), self._limits) as client:
            work = [self._one(client, source, len(sources)) for source in sources]
            return list(await asyncio.gather(*work))

    async def _one(self, client: httpx.AsyncClient, source: Source, count: int) -> Result:
        state = self._store.state(source.id)
        if state is not None and not self._force and not due(source, state, time.time()):
            result = _result(source, Outcome.NOT_DUE, state)
        else:
            # The host first: who waits for a host must not keep a slot from others.
            async with self._hosts[urlsplit(source.url).netloc], self._slots:
                self._progress(f"{self._done} of {count} done, fetching {source.id}")
                result = await self._try(client, source, state)
        self._done += 1
        return result

    async def _try(self, client: httpx.AsyncClient, source: Source, state: State | None) -> Result:
        problem = ""
        try:
            return await self._fetch(client, source, state)
        except BlocklistError as error:
            problem = str(error).replace(str(self._store.part(source.id)), source.url)
        except OSError as error:
            problem = (
                f"{self._store.path}: expected room for the list, found: {error.strerror or error}; "
                "free some or give another folder with --store"
            )
        finally:
            self._store.part(source.id).unlink(missing_ok=True)
        return replace(_result(source, Outcome.FAILED, state), problem=problem)

    async def _fetch(self, client: httpx.AsyncClient, source: Source, state: State | None) -> Result:
        known = None
        if state is not None and not self._force and state.url == source.url:
            known = state if await asyncio.to_thread(self._store.intact, source.id, state) else None
        copy = await fetch(
            client,
            source.url,
            self._store.part(source.id),
            replace(self._limits, size=largest(source, self._limits)),
            etag=known.etag if known else "",
            last_modified=known.last_modified if known else "",
        )
        now = int(time.time())
        if copy is None:
            assert known is not None  # noqa: S101 - without it nothing conditional was asked
            fresh = replace(known, checked=now)
            await asyncio.to_thread(self._store.note, source.id, fresh)
            return _result(source, Outcome.UNCHANGED, fresh)
        names = await asyncio.to_thread(self._check, source, state)
        fresh = _state(source, copy, names, now)
        await asyncio.to_thread(self._store.keep, source.id, fresh)
        return _compared(source, state, fresh)

    def _check(self, source: Source, state: State | None) -> int:
        """Names of the part, if it may replace the last good copy.

        Raises:
            BlocklistError: it may not.
        """
        options = {"max_bytes": str(largest(source, self._limits)), **source.options}
        names = formats.check(str(self._store.part(source.id)), source.format, options).names
        if not source.expected <= names * PLAUSIBLE <= source.expected * PLAUSIBLE**2:
            raise BlocklistError(
                f"{source.url}: expected about {source.expected:,} names, found {names:,}; look at the list: "
                "if it is right, correct expected in the catalogue"
            )
        last = state.names if state is not None and state.url == source.url else 0
        if last >= SMALL and names < last * LEAST_OF_LAST and not self._accept_shrinkage:
            raise BlocklistError(
                f"{source.url}: expected most of the {last:,} names of the last copy, found {names:,}, as if a part "
                "of the file were missing; look at the list: if it is right, update it with --accept-shrinkage"
            )
        return names


def _state(source: Source, copy: Copy, names: int, now: int) -> State:
    return State(
        url=source.url,
        etag=copy.etag,
        last_modified=copy.last_modified,
        fetched=now,
        checked=now,
        sha256=copy.sha256,
        names=names,
        size=copy.size,
    )


def _compared(source: Source, old: State | None, new: State) -> Result:
    if old is None:
        return _result(source, Outcome.NEW, new)
    outcome = Outcome.UNCHANGED if old.sha256 == new.sha256 else Outcome.CHANGED
    return replace(_result(source, outcome, new), difference=new.names - old.names)


def _result(source: Source, outcome: Outcome, state: State | None) -> Result:
    return Result(
        id=source.id,
        outcome=outcome,
        names=state.names if state else None,
        checked=state.checked if state else None,
    )
