"""A publisher with keys of its own, a web server for what it publishes, and routers."""

import functools
import http.server
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from safedns import _native
from safedns.blocklist.release import AT_ONCE, EVERYONE, NOTHING, Release
from safedns.coordinator.publisher import Archive, bases, describe_bytes
from safedns.coordinator.repository import OfflineKeys, OnlineKeys, Repository
from safedns.sync.client import Outcome, Router, sync
from safedns.sync.store import Store

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CHANNEL = "isp-a"
GAMBLING = 23


def keys(count: int = 1) -> list[CryptoSigner]:
    return [CryptoSigner.generate_ed25519() for _ in range(count)]


def online(*channels: str) -> OnlineKeys:
    snapshot, timestamp, *others = keys(2 + len(channels))
    return OnlineKeys(snapshot, timestamp, dict(zip(channels, others, strict=True)))


def compile_names(path: Path, names: Sequence[str], serial: int) -> str:
    builder = _native.Builder([(1 << GAMBLING, 0, False)])
    builder.add("\n".join(names).encode(), 0)
    with path.open("wb") as file:
        builder.write(file.fileno(), serial=serial)
    return str(path)


class Centre:
    """A repository, its keys, and a time that only moves when told."""

    def __init__(self, folder: Path, *channels: str) -> None:
        self.folder = folder
        self.now = NOW
        self.offline = OfflineKeys(keys(3), 2, keys(2), 2)
        self.online = online(*(channels or (CHANNEL,)))
        self.repository = Repository(str(folder / "public"))
        self.root = self.repository.create(self.offline, self.online, self.now)
        self.repository.write()
        self.archive = Archive(str(folder / "archive"))

    @property
    def public(self) -> Path:
        return self.folder / "public"

    def publish(
        self,
        names: Sequence[str],
        serial: int,
        *,
        ramp: tuple[tuple[int, int], ...] = AT_ONCE,
        channel: str = CHANNEL,
        bulk: bool = False,
        overrides: tuple[str, ...] = (),
    ) -> Release:
        """Publish with the right keys; no guard is asked."""
        bundle = compile_names(self.folder / "bundle.sdns", names, serial)
        each = self.archive.keep(channel, serial, bundle)
        starts = [NOTHING, *bases(self.archive.serials(channel), serial)]
        made = self.archive.deltas(channel, serial, starts)
        release = Release(
            channel=channel,
            serial=serial,
            bundle=each,
            names=_native.Blocklist.load(bundle).names,
            created=int(self.now.timestamp()),
            deltas={start: describe_bytes(data) for start, data in made.items()},
            ramp=ramp,
            bulk=bulk,
            overrides=overrides,
        )
        for start, data in made.items():
            self.repository.add_object(release.deltas[start], data)
        stable = [old for old in self.repository.releases(channel) if old.share(self.now.timestamp()) == EVERYONE]
        self.repository.sign({channel: [release, *stable[:1]]}, self.online, self.now)
        self.repository.write()
        return release

    def later(self, **time: float) -> None:
        """Let time pass, and the online roles be signed anew."""
        self.now += timedelta(**time)
        self.repository.refresh(self.online, self.now)
        self.repository.write()


class WebServer:
    """Serves a folder on loopback, and counts."""

    def __init__(self, folder: Path) -> None:
        outer = self
        self.asked: list[str] = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.handler = functools.partial(Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler: http.server.SimpleHTTPRequestHandler) -> None:
        """Replaced by who wants other answers."""
        super(type(handler), handler).do_GET()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Home:
    """A router."""

    def __init__(
        self, folder: Path, centre: Centre, *urls: str, channel: str = CHANNEL, device: str = "router-1"
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.store = Store(str(folder))
        self._who = (channel, device, centre.root)
        self.urls = urls
        self.centre = centre
        self.problem: str | None = None

    def sync(self, clock: datetime | None = None, news: int = 0) -> Outcome:
        now = (clock or self.centre.now).timestamp()
        return sync(Router(*self._who, self.urls, news), self.store, now, lambda _path: self.problem)

    def blocks(self, name: str) -> bool:
        return bool(_native.Blocklist.load(str(self.store.active)).lookup(name)[0])
