"""`safedns sync`: keep the blocklist up to date with what a coordinator publishes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from safedns.cli.common import add_config, add_json, print_json, print_table, warn
from safedns.errors import BlocklistError, ConfigError, SyncError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from safedns.config.model import Config
    from safedns.config.units import Endpoint
    from safedns.sync.identity import Enrolment
    from safedns.sync.push import Listener
    from safedns.sync.report import Counters, Told
    from safedns.sync.schedule import Rhythm
    from safedns.sync.store import State, Store

EXAMPLES = """\
  safedns sync --config /etc/safedns/safedns.yaml
  safedns sync --once
  safedns sync status

exit status: 0 up to date, 1 the newest release is not active (it says why), 2 the sync failed"""

NICENESS = 10
"""By how much less of a busy processor a sync gets than the resolver."""

_DEVICE = "device"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("what", nargs="?", choices=["status"], help="say what is active, since when, and why")
    add_config(parser)
    parser.add_argument("--once", action="store_true", help="sync and end, instead of going on until told to stop")
    parser.add_argument(
        "--news", metavar="SERIAL", type=int, default=0, help="the serial that was announced: ask past caches for it"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sync; the result is the exit status."""
    from safedns.config.load import read

    config = read(arguments.config)
    _check(config, arguments.config)
    if arguments.what == "status":
        return _status(config, as_json=arguments.json)
    _give_way()
    if arguments.once:
        return _once(config, arguments.news, as_json=arguments.json)
    return _for_ever(config, arguments.config)


def _check(config: Config, path: str | None) -> None:
    if not config.coordinator.state:
        raise ConfigError(f"{path or 'configuration'}: coordinator.state: expected a folder, found none; sync needs it")
    sync = config.coordinator
    missing = [word for word in ("mirrors", "channel", "root") if not getattr(sync, word)]
    if missing and _enrolment(config) is None:
        keys = ", ".join(f"coordinator.{word}" for word in missing)
        raise ConfigError(
            f"{path or 'configuration'}: {keys}: expected a value, found none; run safedns enroll, or set them"
        )


def _enrolment(config: Config) -> Enrolment | None:
    from safedns.sync.identity import load

    return load(_store(config).folder)


def _once(config: Config, news: int, *, as_json: bool) -> int:
    from safedns import _native
    from safedns.sync import report
    from safedns.sync.client import Router, sync

    _native.return_large_blocks()

    store, enrolment = _store(config), _enrolment(config)
    mirrors = config.coordinator.mirrors or ((enrolment.url,) if enrolment else ())
    router = Router(_channel(config), _device(store), _root(config, store), mirrors, news)
    told = report.load(store.folder)
    counters = report.read_counters(_metrics(config))
    quarantined = set(store.load().quarantined)
    outcome = sync(router, store, time.time(), _self_test(config, store))
    for serial in set(store.load().quarantined) - quarantined:
        told.tested(serial, failed=True)
    if outcome.serial != outcome.before:
        told.tested(outcome.serial, failed=False)
    if enrolment is not None:
        _tell(store, enrolment, told, counters, outcome.serial)
    if as_json:
        print_json(
            {"serial": outcome.serial, "before": outcome.before, "available": outcome.available,
             "reason": outcome.reason} | outcome.traffic._asdict()
        )  # fmt: skip
    elif outcome.serial != outcome.before:
        before, received = outcome.before or "none", outcome.traffic.received
        print(f"serial {outcome.serial} is active, before it {before}; {received:,} bytes")
    else:
        print(f"serial {outcome.serial} stays active")
    if outcome.reason and not as_json:
        print(outcome.reason)
    return 1 if outcome.reason else 0


def _give_way() -> None:
    """Let what a household asks come first, here and in what is started from here."""
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    # A batch process doesn't take the processor from one that wakes up. Who started us may have set something else.
    if os.sched_getscheduler(0) == os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _tell(store: Store, enrolment: Enrolment, told: Told, counters: Counters | None, serial: int) -> None:
    """Report, and follow another channel if the coordinator says so; that it can't be told is no failed sync."""
    from safedns.sync import device, identity, report

    state = store.load()
    now = max(time.time(), state.signed)
    try:
        answer = report.send(store.folder, enrolment, told, counters, serial, now)
        keys = device.timestamp_keys(state.metadata)
        found = device.assigned(enrolment, answer, keys, now)
    except SyncError as error:
        report.save(store.folder, told)
        warn(f"the report was not taken: {error}")
        return
    if found != enrolment:
        identity.save(store.folder, found)
        warn(f"this router follows channel {found.channel} from now on, as the coordinator says")


def _metrics(config: Config) -> Endpoint | None:
    return config.web.listen[0] if config.web.listen else None


def _self_test(config: Config, store: Store) -> Callable[[Path], str | None]:
    from safedns.sync.selftest import self_test

    # What the resolver does says something of this blocklist only if it is the one that it reads.
    reads = config.blocklist.file is not None and store.active.resolve() == Path(config.blocklist.file).resolve()
    metrics = _metrics(config) if reads else None
    return lambda path: self_test(path, metrics, config.listen[0])


def _for_ever(config: Config, path: str | None) -> int:
    """Each sync is a process that ends, so that what it needs in memory is given back."""
    from safedns.sync.schedule import FIRST, Rhythm

    # So that routers that start at one moment don't ask at one moment; nothing secret hangs on it.
    rhythm = Rhythm(random.Random())  # noqa: S311
    words = ["--config", path] if path is not None else []
    # It stays open while a sync runs: what is said meanwhile is heard afterwards.
    listener = _listener(config, None)
    news = _listen(config, rhythm, listener, rhythm.within(FIRST))
    while True:
        before = _active(_store(config))[0]
        ok = _run_once([*words, "--news", str(news)]) in (0, 1)
        behind = news > _store(config).load().available
        rhythm.synced(ok=ok, changed=_active(_store(config))[0] != before, behind=behind)
        there, listener = listener, _listener(config, listener)
        pause = rhythm.pause(connected=listener is not None and listener.connected)
        # What another channel announced says nothing of this one.
        news = max(news if behind and listener is there else 0, _listen(config, rhythm, listener, pause))


def _run_once(words: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "safedns", "sync", "--once", *words], check=False).returncode  # noqa: S603


def _listener(config: Config, there: Listener | None) -> Listener | None:
    """The connection for news of the channel that the router follows now; None if it is no device."""
    from safedns.sync.push import Listener

    enrolment = _enrolment(config)
    if enrolment is None:
        return None
    if there is not None and there.channel == enrolment.channel:
        return there
    if there is not None:
        there.close()
    made = Listener(enrolment.url, enrolment.channel)
    made.connect()
    return made


def _listen(config: Config, rhythm: Rhythm, listener: Listener | None, seconds: float) -> int:
    """Wait until it is time for a sync: after a while, or when the coordinator says that there is news.

    Returns:
        The highest serial that it spoke of and that is not active; 0 if none.
    """
    told = 0
    if listener is None:
        time.sleep(seconds)
        return told
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not listener.connected:
            time.sleep(min(left, rhythm.reconnect()))
            listener.connect()
            continue
        news = listener.listen(left)
        if news is not None and news.serial > _active(_store(config))[0]:
            told = max(told, news.serial)
            rhythm.heard()
            end = min(end, time.monotonic() + rhythm.spread(urgent=news.urgent))
    return told


def _status(config: Config, *, as_json: bool) -> int:
    store = _store(config)
    state = store.load()
    serial, since = _active(store)
    if as_json:
        print_json(
            {"channel": _channel(config), "serial": serial, "since": since, "available": state.available,
             "checked": state.checked, "reason": state.problem}
        )  # fmt: skip
    else:
        print_table(_lines(config, state, serial, since))
    return 1 if state.problem else 0


def _channel(config: Config) -> str:
    enrolment = _enrolment(config)
    return config.coordinator.channel or (enrolment.channel if enrolment else "")


def _lines(config: Config, state: State, serial: int, since: int) -> list[tuple[str, str]]:
    return [
        ("channel", _channel(config)),
        ("active", f"serial {serial}, since {_date(since)}" if serial else "none that can be used"),
        ("available", f"serial {state.available}" if state.available else "unknown"),
        ("last asked", _date(state.checked) if state.checked else "never with success"),
        ("different", state.problem or ("no" if serial == state.available else "not synced yet")),
    ]


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _active(store: Store) -> tuple[int, int]:
    """Serial of the active blocklist and since when it is; zeros if there is none that can be used."""
    from safedns import _native

    if not store.active.exists():
        return 0, 0
    try:
        serial = _native.Blocklist.open(str(store.active)).serial
    except BlocklistError:
        # The next sync puts another one in its place.
        return 0, 0
    return serial, int(store.active.stat().st_mtime)


def _store(config: Config) -> Store:
    from safedns.sync.store import Store

    folder = Path(str(config.coordinator.state))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"coordinator.state: expected a folder that can be made, {folder}: {error.strerror}"
        ) from None
    return Store(str(folder))


def _root(config: Config, store: Store) -> bytes:
    from safedns.sync.identity import ROOT

    path = Path(config.coordinator.root) if config.coordinator.root else store.folder / ROOT
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"coordinator.root: expected the coordinator's root.json, {path}: {error.strerror}") from None


def _device(store: Store) -> str:
    """A word of this router's own: made once, and sent to nobody."""
    from safedns.blocklist.output import replacing

    path = store.folder / _DEVICE
    if not path.exists():
        with replacing(path) as file:
            file.write(random.SystemRandom().randbytes(16).hex().encode())
    return path.read_text()
