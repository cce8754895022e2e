"""The files that routers download. Any web server can serve them as well; this one needs nothing else installed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_PATH: Final = re.compile(r"/(?:metadata|objects|packs)/[A-Za-z0-9][A-Za-z0-9.-]*")
_CHANGING: Final = re.compile(r"/metadata/timestamp\.json|/packs/.*")
FOR_EVER: Final = b"public, max-age=31536000, immutable"
FOR_NOW: Final = b"public, max-age=15, stale-while-revalidate=60, stale-if-error=86400"
_SMALL: Final = 64 * 1024
_MOST_KEPT: Final = 256
_PIECE: Final = 256 * 1024


class Static:
    """Serves a folder's files; those that are small and asked for all the time out of memory.

    Attributes:
        served: requests answered with a file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[tuple[int, int], Message, Message]] = {}
        self.served = 0

    @staticmethod
    def wants(path: str) -> bool:
        """Whether a path is one of a file that there may be."""
        return _PATH.fullmatch(path) is not None

    async def serve(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a request."""
        path, method = scope["path"], scope["method"]
        if method not in ("GET", "HEAD"):
            await _answer(send, 405, b"expected GET\n")
            return
        # In the kernel's memory: a look costs microseconds, a thread for it more.
        file = Path(f"{self._folder}{path}")
        try:
            found = file.stat()  # noqa: ASYNC240
        except OSError:
            await _answer(send, 404, b"there is no such file\n")
            return
        self.served += 1
        if found.st_size > _SMALL:
            await _send_large(send, file, found.st_size, path, method)
            return
        version = (found.st_mtime_ns, found.st_ino)
        kept = self._kept.get(path)
        if kept is None or kept[0] != version:
            kept = self._keep(path, version, file.read_bytes())  # noqa: ASYNC240
        await send(kept[1])
        await send(kept[2] if method == "GET" else {"type": "http.response.body", "body": b""})

    def _keep(self, path: str, version: tuple[int, int], data: bytes) -> tuple[tuple[int, int], Message, Message]:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        kept = self._kept[path] = (version, _start(path, len(data)), {"type": "http.response.body", "body": data})
        return kept


def _start(path: str, length: int) -> Message:
    cache = FOR_NOW if _CHANGING.fullmatch(path) else FOR_EVER
    kind = b"application/json" if path.endswith(".json") else b"application/octet-stream"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(length).encode()),
        (b"cache-control", cache),
        (b"x-content-type-options", b"nosniff"),
    ]
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def _send_large(send: Send, file: Path, length: int, path: str, method: str) -> None:
    await send(_start(path, length))
    if method == "GET":
        with file.open("rb") as source:
            left = length
            while left and (piece := await asyncio.to_thread(source.read, min(left, _PIECE))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
        return
    await send({"type": "http.response.body", "body": b""})


async def _answer(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
