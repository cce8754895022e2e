"""Which releases of a channel are signed: The Update Framework's client, on metadata that the router keeps.

All metadata that changes often comes in one file, the *pack*, so that a poll is one request. A pack is as little
trusted as a mirror: it only saves requests. What is not in it is fetched by its name.

The client works in a folder of its own that is thrown away. What it accepted is handed back, and kept only together
with what it led to.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import zstandard
from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from safedns.blocklist.release import Release, prefix, read_release, role
from safedns.errors import SyncError
from safedns.sync.transfer import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Get = Callable[[str, int], bytes]

MOST_PACK: Final = 64 * 1024
"""Bytes of a pack."""

_MOST_UNPACKED: Final = 512 * 1024
_LIMITS: Final = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=4,
    root_max_length=64 * 1024,
    timestamp_max_length=4 * 1024,
    snapshot_max_length=16 * 1024,
    targets_max_length=64 * 1024,
)
_NOT_FOUND: Final = 404


class StaleError(SyncError):
    """The metadata has expired: somebody keeps newer one from us, or the publisher is gone."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """What is signed.

    Attributes:
        releases: of the channel, newest first.
        metadata: the client's files by name, to start from next time.
        signed: when the publisher said so, in seconds since 1970.
    """

    releases: tuple[Release, ...]
    metadata: Mapping[str, str]
    signed: int


def pack_path(channel: str) -> str:
    """Where a channel's pack is, below the address of a mirror."""
    return f"packs/{channel}.zst"


def trusted(
    channel: str, bootstrap: bytes, metadata: Mapping[str, str], now: float, get: Get, news: int = 0
) -> Trusted:
    """Find out which releases of a channel are signed.

    Args:
        channel: whose releases.
        bootstrap: the root that is trusted from the beginning.
        metadata: what an earlier call handed back.
        now: seconds since 1970; the clock, or what is known to be later.
        get: the content of a file at a mirror, given its path and how many bytes are accepted.
        news: the serial that was announced; 0 if none was.

    Raises:
        StaleError: the metadata has expired.
        SyncError: it can't be fetched, or is not signed as it has to be.
    """
    fetcher = _Fetcher(get, _unpack(_get_pack(channel, get, news)))
    try:
        with tempfile.TemporaryDirectory(prefix="safedns-sync-") as folder:
            _verify(channel, bootstrap, metadata, now, fetcher, folder)
            return Trusted(_releases(Path(folder, f"{role(channel)}.json"), channel), _files(folder), _signed(folder))
    except ExpiredMetadataError as error:
        raise StaleError(f"expected metadata that has not expired, found: {error}") from None
    except DownloadError as error:
        raise SyncError(str(error.__cause__ or error)) from None
    except (RepositoryError, ValueError) as error:
        raise SyncError(f"expected metadata that is signed as it has to be, found: {error}") from None
    except OSError as error:
        raise SyncError(f"a folder for metadata can't be written: {error.strerror or error}") from None


def _verify(
    channel: str, bootstrap: bytes, metadata: Mapping[str, str], now: float, fetcher: _Fetcher, folder: str
) -> None:
    """Have the client do its work in a folder."""
    for name, text in metadata.items():
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    updater = Updater(folder, "metadata", fetcher=fetcher, config=_LIMITS, bootstrap=bootstrap)
    # The client asks the clock only. A router's may be years behind.
    updater._trusted_set.reference_time = datetime.fromtimestamp(now, UTC)
    updater.refresh()
    updater.get_targetinfo(prefix(channel))


class _Fetcher(FetcherInterface):
    """Takes metadata from a pack, and what is not in it from the mirrors."""

    def __init__(self, get: Get, pack: Mapping[str, str]) -> None:
        self._get = get
        self._pack = pack

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.rpartition("/")[2]
        if name in self._pack:
            yield self._pack[name].encode()
            return
        version, _, rest = name.partition(".")
        if rest == "root.json" and int(version) > int(self._pack.get("root", version)):
            raise DownloadHTTPError(f"{name}: the pack says that there is none", _NOT_FOUND)
        try:
            yield self._get(f"metadata/{name}", _LIMITS.root_max_length)
        except NotFoundError as error:
            raise DownloadHTTPError(str(error), _NOT_FOUND) from error


def _get_pack(channel: str, get: Get, news: int) -> bytes:
    try:
        # Under a name of its own, what is new is not hidden by an older file in a cache on the way.
        return get(f"{pack_path(channel)}?serial={news}" if news else pack_path(channel), MOST_PACK)
    except NotFoundError:
        raise SyncError(f"channel {channel}: expected it at the mirrors, found none of that name") from None


def _unpack(data: bytes) -> dict[str, str]:
    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            pack = json.loads(reader.read(_MOST_UNPACKED))
    except (zstandard.ZstdError, ValueError):
        raise SyncError("expected a pack of metadata, found something else; a proxy may stand in between") from None
    if not isinstance(pack, dict) or not all(isinstance(value, str) for value in pack.values()):
        raise SyncError("expected a pack of metadata, found something else")
    return pack


def _releases(path: Path, channel: str) -> tuple[Release, ...]:
    if not path.exists():
        raise SyncError(f"channel {channel}: expected that it is signed for, found no role that signs it")
    targets = Metadata[Targets].from_file(str(path)).signed.targets
    found = [
        read_release(name, each.length, each.hashes.get("sha256", ""), each.custom)
        for name, each in targets.items()
        if name.startswith(prefix(channel))
    ]
    return tuple(sorted(found, key=lambda release: -release.serial))


def _files(folder: str) -> dict[str, str]:
    root = Path(folder)
    paths = [path for path in root.rglob("*.json") if not path.is_symlink()]
    return {str(path.relative_to(root)): path.read_text() for path in sorted(paths)}


def _signed(folder: str) -> int:
    timestamp = Metadata[Timestamp].from_file(str(Path(folder, "timestamp.json"))).signed
    signed = timestamp.unrecognized_fields.get("signed", 0)
    return signed if type(signed) is int else 0
