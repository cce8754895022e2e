"""Fetching files from mirrors: bounded in bytes and in time, resumed at the next mirror when one fails.

What comes is not trusted. Whoever asks compares it with what is signed.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Final, Self

import urllib3

from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

_OK, _NOT_FOUND = 200, 404

_CONNECT: Final = 10.0
"""Seconds until a connection stands."""

_STALL: Final = 20.0
"""Seconds without a byte."""

_LEAST_RATE: Final = 2048
"""Bytes per second below which a mirror is given up, once `_STALL` seconds have passed."""

_PIECE: Final = 64 * 1024


class NotFoundError(SyncError):
    """The mirror says that there is no such file."""


class Mirrors:
    """Addresses that serve the same files, in order of preference."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT, read=_STALL),
            retries=False,
            headers={"User-Agent": "safedns", "Accept-Encoding": "identity"},
        )
        self.requests = 0
        self.received = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def get(self, path: str, most: int) -> bytes:
        """The content of a file.

        Args:
            path: below the address of a mirror.
            most: bytes that are accepted.

        Raises:
            NotFoundError: all mirrors say that it is not there.
            SyncError: none serves it; the text has a line for each.
        """
        failures: list[SyncError] = []
        for url in self._urls:
            try:
                return b"".join(self._pieces(f"{url}/{path}", most))
            except SyncError as error:
                failures.append(error)
        raise _of_all(failures)

    def download(self, path: str, most: int, file: IO[bytes]) -> None:
        """Write a file's content.

        Raises:
            SyncError: no mirror serves it.
            OSError: the file can't be written.
        """
        failures: list[SyncError] = []
        for url in self._urls:
            file.seek(0)
            file.truncate()
            try:
                for piece in self._pieces(f"{url}/{path}", most):
                    file.write(piece)
            except SyncError as error:
                failures.append(error)
            else:
                return
        raise _of_all(failures)

    def _pieces(self, url: str, most: int) -> Iterator[bytes]:
        begun = time.monotonic()
        self.requests += 1
        received = 0
        try:
            response = self._pool.request("GET", url, preload_content=False, redirect=False)
            # What is left of a broken response is not waited for: its connection is not used again.
            with closing(response):
                self._check(url, response, most)
                while piece := response.read1(_PIECE):
                    received += len(piece)
                    self.received += len(piece)
                    if received > most:
                        raise SyncError(f"{url}: expected at most {most:,} bytes, found more; the mirror is broken")
                    seconds = time.monotonic() - begun
                    if seconds > _STALL and received < seconds * _LEAST_RATE:
                        raise SyncError(f"{url}: expected {_LEAST_RATE:,} bytes a second, found fewer; given up")
                    yield piece
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise SyncError(f"{url}: can't be fetched: {error}") from None

    @staticmethod
    def _check(url: str, response: urllib3.BaseHTTPResponse, most: int) -> None:
        if response.status == _NOT_FOUND:
            raise NotFoundError(f"{url}: expected a file, found that there is none")
        if response.status != _OK:
            raise SyncError(f"{url}: expected a file, found HTTP status {response.status}")
        length = response.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > most:
            raise SyncError(f"{url}: expected at most {most:,} bytes, found {length}; the mirror is broken")


def _of_all(failures: Sequence[SyncError]) -> SyncError:
    kind = NotFoundError if all(isinstance(each, NotFoundError) for each in failures) else SyncError
    return kind("\n".join(map(str, failures)))
