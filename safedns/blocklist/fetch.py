"""Fetching one file over HTTP: conditional, within limits of size, time and redirects, TLS always verified.

The body is kept as it comes. If the server compressed it with gzip it stays so: lists are read compressed or not.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from safedns.config.units import format_duration, format_size
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

OK: Final = 200
NOT_MODIFIED: Final = 304
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_ADVICE: Final = {
    401: "the list is not public; take it out of the catalogue or ask its publisher",
    403: "the server refuses us; open the homepage to see whether the list moved or asks for something",
    404: "the list has moved or is gone; look on its homepage and correct the catalogue's url",
    410: "the list is gone; take it out of the catalogue",
    429: "the server wants fewer requests; raise the list's refresh interval",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one fetch may take.

    Attributes:
        size: bytes of a body.
        total: seconds for everything, redirects too.
        stall: seconds without a byte.
        redirects: how many are followed.
        parallel: fetches at a time.
        per_host: of them from one host.
    """

    size: int = 256 * 2**20
    total: float = 600
    stall: float = 30
    redirects: int = 5
    parallel: int = 8
    per_host: int = 2


@dataclass(frozen=True, slots=True)
class Copy:
    """A body that came whole.

    Attributes:
        etag: what to ask with next time, or empty.
        last_modified: the same.
        sha256: of the bytes written, hexadecimal.
        size: bytes written.
    """

    etag: str
    last_modified: str
    sha256: str
    size: int


def tls_context(ca: str | None = None) -> ssl.SSLContext:
    """The system's certificate authorities, and those of a file besides.

    Raises:
        BlocklistError: the file can't be used.
    """
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # ssl.SSLError is one
            raise BlocklistError(
                f"{ca}: expected certificates in PEM format, found: {error.strerror or error}"
            ) from None
    return context


def make_client(context: ssl.SSLContext, limits: Limits) -> httpx.AsyncClient:
    """A client for many fetches; proxies are those of the environment."""
    import httpx

    return httpx.AsyncClient(
        verify=context,
        timeout=limits.stall,
        follow_redirects=False,  # `fetch` does, and looks at each
        headers={"User-Agent": "safedns", "Accept-Encoding": "gzip"},
    )


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    target: Path,
    limits: Limits,
    *,
    etag: str = "",
    last_modified: str = "",
) -> Copy | None:
    """Write what a URL serves to a file; None if it is what the caller has already.

    Raises:
        BlocklistError: it could not be had whole; says why and what to do.
        OSError: the file can't be written.
    """
    import httpx

    headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    try:
        async with asyncio.timeout(limits.total):
            return await _follow(client, url, target, limits, {word: text for word, text in headers.items() if text})
    except TimeoutError:
        raise BlocklistError(
            f"{url}: expected the whole list within {format_duration(limits.total)}, found it still coming; "
            "allow more with --time if the list is that large"
        ) from None
    except httpx.TimeoutException:
        raise BlocklistError(
            f"{url}: expected an answer, found no byte for {format_duration(limits.stall)}; "
            "the server or the way to it is down, the next update tries again"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BlocklistError(f"{url}: {_explain(error)}") from None


async def _follow(
    client: httpx.AsyncClient, start: str, target: Path, limits: Limits, headers: dict[str, str]
) -> Copy | None:
    url = start
    for _ in range(limits.redirects + 1):
        async with client.stream("GET", url, headers=headers) as response:
            if response.status_code in _REDIRECTS:
                url = _next(url, response.headers.get("location", ""))
            elif response.status_code == NOT_MODIFIED and headers:
                return None
            elif response.status_code == OK:
                return await _write(response, target, limits)
            else:
                raise BlocklistError(f"{url}: expected the list, found {_status(response)}")
    raise BlocklistError(
        f"{start}: expected the list after at most {limits.redirects} redirects, found one more to {url}; "
        "open it in a browser and correct the catalogue's url"
    )


def _next(url: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        BlocklistError: nowhere, or where the way is less safe than so far.
    """
    try:
        following = urljoin(url, location)
        scheme = urlsplit(following).scheme
    except ValueError:
        raise BlocklistError(f"{url}: expected a redirect to an address, found {location[:80]!r}") from None
    if not location or scheme not in ("https", "http"):
        raise BlocklistError(f"{url}: expected a redirect to an address, found {location[:80]!r}")
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise BlocklistError(
            f"{url}: expected a redirect to https, found one to {following}, where anybody on the way could change "
            "the list; find an https address on its homepage and correct the catalogue's url"
        )
    return following


def _status(response: httpx.Response) -> str:
    code = response.status_code
    text = f"HTTP status {code} {response.reason_phrase}".rstrip()
    wait = response.headers.get("retry-after", "")
    if wait:
        text += f", which asks to wait {wait[:40]}{' s' if wait.isdecimal() else ''}"
    default = "the server has a problem, the next update tries again"
    return f"{text}; {_ADVICE.get(code, default if code >= 500 else 'look on the homepage of the list')}"


async def _write(response: httpx.Response, target: Path, limits: Limits) -> Copy:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise BlocklistError(
            f"{response.url}: expected a list as it is or with gzip, found it packed with {encoding!r}"
        )
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.size:
        raise _too_large(response, limits, f"{int(declared):,} bytes")
    digest = hashlib.sha256()
    size = 0
    with target.open("wb") as file:
        async for piece in response.aiter_raw(2**16):
            size += len(piece)
            if size > limits.size:
                raise _too_large(response, limits, "more")
            digest.update(piece)
            file.write(piece)
    return Copy(
        etag=_header(response, "etag"),
        last_modified=_header(response, "last-modified"),
        sha256=digest.hexdigest(),
        size=size,
    )


def _header(response: httpx.Response, name: str) -> str:
    """A header that is to be sent back; empty if it can't be."""
    text: str = response.headers.get(name, "")
    return text if text.isascii() and text.isprintable() and len(text) <= 1000 else ""


def _too_large(response: httpx.Response, limits: Limits, found: str) -> BlocklistError:
    return BlocklistError(
        f"{response.url}: expected at most {format_size(limits.size)}, found {found}; if the list is right, "
        "raise its expected names in the catalogue, or --size"
    )


def _explain(error: Exception) -> str:
    """What went wrong below HTTP, and what to do."""
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.split("verify failed: ")[-1].split(" (_ssl")[0]
        return (
            f"expected a certificate that can be trusted, found: {why}; somebody may be on the way, or the server "
            "is set up wrongly; for a mirror of your own give its authority with --ca"
        )
    if "without sending complete message body" in text or "incomplete chunked read" in text:
        return "expected the whole list, found that the connection ended before; the next update tries again"
    return f"expected an answer over HTTP, found: {text}; check the address and the way to it"
