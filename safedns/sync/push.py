"""Listening for news: an open connection on which the coordinator says that there is a newer serial, and no more.

It is an accelerator. Nothing depends on it: without it the router asks by itself, more often.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONNECT: Final = 10.0
"""Seconds until a connection stands."""

SILENCE: Final = 600.0
"""Seconds without a byte after which a connection is dead: the coordinator writes a comment every few minutes."""

_MOST_LINE: Final = 4096
_MOST_LINES: Final = 16
_MOST_SERIAL: Final = 2**53


class News(NamedTuple):
    """What was said.

    Attributes:
        serial: of the newest release.
        urgent: whether it is not to be waited with.
    """

    serial: int
    urgent: bool


class Listener:
    """A connection for events of a channel; a thread reads it, which ends with it.

    Attributes:
        channel: whose events they are.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = urlsplit(url)
        self.channel = channel
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._heard: queue.SimpleQueue[News | None] = queue.SimpleQueue()

    @property
    def connected(self) -> bool:
        """Whether it stands, as far as is known."""
        return self._connection is not None

    def connect(self) -> bool:
        """Connect; the result is whether it worked."""
        self.close()
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(str(self._url.hostname), self._url.port, timeout=CONNECT)
        path = f"{self._url.path.rstrip('/')}/v1/events?channel={self.channel}"
        try:
            connection.request("GET", path, headers={"Accept": "text/event-stream"})
            # The response takes the socket over if it lasts until the connection ends.
            ours = connection.sock
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        if response.status != http.client.OK or "event-stream" not in (response.headers["content-type"] or ""):
            connection.close()
            return False
        ours.settimeout(SILENCE)
        self._connection, self._socket, self._heard = connection, ours, queue.SimpleQueue()
        threading.Thread(target=_read, args=(response, self._heard), daemon=True).start()
        return True

    def listen(self, seconds: float) -> News | None:
        """Wait for news, at the longest for so many seconds; None if there is none, or the connection ended."""
        try:
            news = self._heard.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if news is None:
            self.close()
        return news

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None and self._socket is not None:
            with contextlib.suppress(OSError):
                # Wakes the thread, which has the lock that closing needs.
                self._socket.shutdown(socket.SHUT_RDWR)
            self._connection.close()
            self._connection = self._socket = None


def _read(response: http.client.HTTPResponse, heard: queue.SimpleQueue[News | None]) -> None:
    try:
        for news in events(_lines(response)):
            heard.put(news)
    except (OSError, ValueError, AttributeError, http.client.HTTPException):
        # The connection broke, or was closed under us, which shows in several ways.
        pass
    finally:
        heard.put(None)


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while line := response.readline(_MOST_LINE):
        yield line


def events(lines: Iterable[bytes]) -> Iterator[News]:
    """What a stream of events says (HTML Living Standard section 9.2.6); events of other kinds are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            if len(fields) < _MOST_LINES:
                fields[name] = value.removeprefix(" ")
            continue
        news = _news(fields)
        fields = {}
        if news is not None:
            yield news


def _news(fields: dict[str, str]) -> News | None:
    if fields.get("event") not in ("release", "urgent"):
        return None
    try:
        serial = json.loads(fields.get("data", ""))["serial"]
    except (ValueError, LookupError, TypeError):
        return None
    if type(serial) is not int or not 0 < serial < _MOST_SERIAL:
        return None
    return News(serial, fields["event"] == "urgent")
