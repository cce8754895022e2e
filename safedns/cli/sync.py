"""`safedns sync`: keep the blocklist up to date with what a coordinator publishes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from safedns.cli.common import add_config, add_json, print_json, print_table
from safedns.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from safedns.config.model import Config
    from safedns.sync.store import State, Store

EXAMPLES = """\
  safedns sync --config /etc/safedns/safedns.yaml
  safedns sync --once
  safedns sync status

exit status: 0 up to date, 1 the newest release is not active (it says why), 2 the sync failed"""

_DEVICE = "device"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("what", nargs="?", choices=["status"], help="say what is active, since when, and why")
    add_config(parser)
    parser.add_argument("--once", action="store_true", help="sync and end, instead of going on until told to stop")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sync; the result is the exit status."""
    from safedns.config.load import read

    config = read(arguments.config)
    _check(config, arguments.config)
    if arguments.what == "status":
        return _status(config, as_json=arguments.json)
    return _once(config, as_json=arguments.json) if arguments.once else _for_ever(arguments.config)


def _check(config: Config, path: str | None) -> None:
    sync = config.coordinator
    missing = [
        word for word in ("mirrors", "channel", "root", "state") if not getattr(sync, word)
    ]  # fmt: skip
    if missing:
        keys = ", ".join(f"coordinator.{word}" for word in missing)
        raise ConfigError(f"{path or 'configuration'}: {keys}: expected a value, found none; sync needs it")


def _once(config: Config, *, as_json: bool) -> int:
    from safedns.sync.client import Router, sync
    from safedns.sync.transfer import Mirrors

    store = _store(config)
    router = Router(str(config.coordinator.channel), _device(store), _root(config))
    with Mirrors(config.coordinator.mirrors) as mirrors:
        outcome = sync(router, store, mirrors, time.time(), _loads)
        transfer = {"requests": mirrors.requests, "received": mirrors.received}
    if as_json:
        print_json(
            {"serial": outcome.serial, "before": outcome.before, "available": outcome.available,
             "reason": outcome.reason} | transfer
        )  # fmt: skip
    elif outcome.serial != outcome.before:
        print(f"serial {outcome.serial} is active, before it {outcome.before or 'none'}; {mirrors.received:,} bytes")
    else:
        print(f"serial {outcome.serial} stays active")
    if outcome.reason and not as_json:
        print(outcome.reason)
    return 1 if outcome.reason else 0


def _for_ever(path: str | None) -> int:
    """Each sync is a process that ends, so that what it needs in memory is given back."""
    from safedns.sync.schedule import FIRST, pause

    # So that routers that start at one moment don't ask at one moment; nothing secret hangs on it.
    generator = random.Random()  # noqa: S311
    config = ["--config", path] if path is not None else []
    failures = 0
    time.sleep(generator.uniform(0, FIRST))
    while True:
        done = subprocess.run([sys.executable, "-m", "safedns", "sync", "--once", *config], check=False)  # noqa: S603
        failures = failures + 1 if done.returncode not in (0, 1) else 0
        time.sleep(pause(failures, generator))


def _status(config: Config, *, as_json: bool) -> int:
    store = _store(config)
    state = store.load()
    serial, since = _active(store)
    if as_json:
        print_json(
            {"channel": config.coordinator.channel, "serial": serial, "since": since, "available": state.available,
             "checked": state.checked, "reason": state.problem}
        )  # fmt: skip
    else:
        print_table(_lines(config, state, serial, since))
    return 1 if state.problem else 0


def _lines(config: Config, state: State, serial: int, since: int) -> list[tuple[str, str]]:
    return [
        ("channel", str(config.coordinator.channel)),
        ("active", f"serial {serial}, since {_date(since)}" if serial else "none"),
        ("available", f"serial {state.available}" if state.available else "unknown"),
        ("last asked", _date(state.checked) if state.checked else "never with success"),
        ("different", state.problem or ("no" if serial == state.available else "not synced yet")),
    ]


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _active(store: Store) -> tuple[int, int]:
    """Serial of the active blocklist and since when it is; zeros if there is none."""
    from safedns import _native

    if not store.active.exists():
        return 0, 0
    return _native.Blocklist.open(str(store.active)).serial, int(store.active.stat().st_mtime)


def _store(config: Config) -> Store:
    from pathlib import Path

    from safedns.sync.store import Store

    folder = Path(str(config.coordinator.state))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"coordinator.state: expected a folder that can be made, {folder}: {error.strerror}"
        ) from None
    return Store(str(folder))


def _root(config: Config) -> bytes:
    from pathlib import Path

    path = Path(str(config.coordinator.root))
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


def _loads(path: Path) -> str | None:
    """Whether a resolver can load it."""
    from safedns import _native
    from safedns.errors import BlocklistError

    try:
        _native.Blocklist.load(str(path))
    except BlocklistError as error:
        return str(error)
    return None
