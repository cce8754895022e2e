"""Syncs that are killed at a system call, at another one each time, as `strace` injects it; routers must stay well."""

import itertools
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fleet.parts import Found
from benchmarks.targets import Finding
from safedns import _native
from tests.helpers.coordinator import Router
from tests.helpers.publisher import Centre, WebServer

KILLS = 1000
CALLS = ",".join(
    ("write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat", "unlink",
     "unlinkat", "ftruncate", "fchmod", "flock", "mkdir", "connect", "sendto", "recvfrom")
)  # fmt: skip
"""Where it may be hit: whatever changes a file, or talks to the mirror."""

_NAMES = [f"n{number}.example" for number in range(300)]


def run(folder: Path, count: int) -> Found:
    """Kill syncs: the first one of a router, and those of an update, at every call in turn."""
    folder.mkdir(parents=True)
    centre = Centre(folder / "centre")
    centre.now = datetime.now(UTC)
    centre.repository.refresh(centre.online, centre.now)
    centre.repository.write()
    (folder / "root.json").write_bytes(centre.root)
    server = WebServer(centre.public)
    try:
        bad = hits = syncs = 0
        for syncs, (killed, well) in enumerate(_scenarios(folder, centre, server), 1):
            hits += killed
            bad += not well
            if syncs % 50 == 0:
                print(f"  {syncs} syncs, {hits} killed, {bad} routers not well", file=sys.stderr, flush=True)
            if hits == count:
                break
    finally:
        server.close()
    findings = (Finding("routers without a valid or with an older blocklist after a kill", bad, 0, ""),)
    return Found(findings, (("syncs", str(syncs)), ("killed before their end", str(hits))), {"killed": hits})


def _scenarios(folder: Path, centre: Centre, server: WebServer) -> Iterator[tuple[bool, bool]]:
    """Without end: a router, a release, and the call at which its sync is killed."""
    serial, numbers = 0, itertools.count()
    generator = random.Random(1)
    while True:
        serial += 1
        centre.publish([*_NAMES, f"s{serial}.example"], serial)
        root = str(folder / "root.json")
        router = Router(folder / f"router-{next(numbers)}", mirrors=[server.url], channel="isp-a", root=root)
        at = 1
        for _ in range(40):
            # Steps of random length, so that rounds hit other calls than those before.
            at += generator.randrange(1, 5)
            before = _serial(router)
            killed = _killed_sync(router, at)
            after = _serial(router)
            yield killed, before is not None and after is not None and after >= before
            if not killed:
                at = 1
                serial += 1
                centre.publish([*_NAMES, f"s{serial}.example"], serial)
        said = router.sync()
        yield False, "is active" in said or "stays active" in said


def _killed_sync(router: Router, at: int) -> bool:
    """Sync, with each of its processes to be killed at its nth such call; whether one was."""
    command = [sys.executable, "-m", "safedns", "sync", "--once", "--config", str(router.service.file)]
    inject = f"--inject={CALLS}:signal=SIGKILL:when={at}"
    seen = router.folder / "strace.txt"
    done = subprocess.run(
        ["strace", "-f", "--quiet=attach,personality", "-o", str(seen), f"--trace={CALLS}", inject, *command],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode not in (0, 1, 2, -9, 137):
        raise RuntimeError(re.sub(r"\s+", " ", done.stderr)[-500:])
    return "+++ killed by SIGKILL +++" in seen.read_text()


def _serial(router: Router) -> int | None:
    """The serial of the active blocklist, verified as a resolver does; 0 if there is none, None if it is damaged."""
    path = router.state / "blocklist.sdns"
    if not path.exists():
        return 0
    try:
        blocklist = _native.Blocklist.load(str(path))
    except Exception:
        return None
    return blocklist.serial
