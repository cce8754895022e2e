"""A coordinator, its people and a list, for measurements; real routers besides."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.coordinator import Coordinator, Router
from tests.helpers.nginx import Nginx

CHANNEL = "fleet"
LIST = "orders"


class Centre:
    """A coordinator behind nginx with one list in one channel."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.coordinator = Coordinator(folder / "centre", CHANNEL)
        self.backend = self.coordinator.start()
        self.nginx = Nginx(folder, folder / "centre" / "public", [self.backend])
        self.administrator = self.coordinator.administrator
        self.operator = self.coordinator.person("operator", "operator")
        self.reviewer = self.coordinator.person("reviewer", "reviewer")
        self.operator("list-add", LIST, "--category", "gambling")
        self.operator("channel-lists", CHANNEL, LIST)
        self.load(names)
        self.publish()

    @property
    def pid(self) -> int:
        return self.coordinator.processes[0].pid

    def load(self, names: Sequence[str]) -> None:
        """Import names in the place of those before."""
        file = self.folder / "names.txt"
        file.write_text("\n".join(names) + "\n")
        change = self.operator.json("import", LIST, str(file), "--reason", "measured", "--without-refused")
        self.reviewer("approve", str(change["id"]))

    def publish(self) -> dict:
        """Publish; the newest release."""
        self.operator("publish", CHANNEL, "--reason", "measured", "--at-once", "--no-wait")
        return self.operator.json("releases", CHANNEL)[0]

    def propose_fast(self, verb: str, name: str) -> int:
        """A change by the fast lane that waits for a second person."""
        return self.operator.json(verb, LIST, name, "--reason", "emergency", "--fast")["id"]

    def approve(self, number: int) -> float:
        """Approve it; the moment at which that was asked for."""
        moment = time.time()
        status, found = self.reviewer.ask("POST", f"/v1/changes/{number}/approve", {})
        assert status == 200, found
        return moment

    def wait_newest(self, serial: int) -> float:
        """Wait until a serial is in the pack; the moment at which it was seen there."""
        pack = self.folder / "centre" / "public" / "packs" / f"{CHANNEL}.zst"
        import zstandard

        wanted = f"bundle/{CHANNEL}/{serial}".encode()
        end = time.monotonic() + 120
        while wanted not in zstandard.ZstdDecompressor().decompress(pack.read_bytes()):
            assert time.monotonic() < end
            time.sleep(0.01)
        return time.time()

    def router(self, number: int) -> Router:
        """A real router: enrolled, synced, serving."""
        made = Router(self.folder / f"router-{number}")
        made.enrol(self.administrator("enrolment-add", CHANNEL, "--url", self.nginx.url).strip())
        made.sync()
        made.service.start()
        return made

    def close(self) -> None:
        self.nginx.close()
        self.coordinator.stop()


@contextmanager
def centre(folder: Path, names: Sequence[str]) -> Iterator[Centre]:
    """A coordinator while it is needed."""
    folder.mkdir(parents=True)
    made = Centre(folder, names)
    try:
        yield made
    finally:
        made.close()


class Simulated:
    """Simulated routers in a process of their own."""

    def __init__(self, events: str, files: str, count: int, base: int) -> None:
        words = [events, files, CHANNEL, str(count), str(base)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fleet.routers", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._line() == "connected\n"

    def wait(self, serial: int) -> dict[str, list[float]]:
        """Wait until all have a serial; the moments."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{serial}\n")
        self.process.stdin.flush()
        found: dict[str, list[float]] = json.loads(self._line())
        return found

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def wait_all(true: Sequence[Callable[[], bool]], seconds: float) -> list[float | None]:
    """Look at each until it is so; the moments, None for those that were not in time."""
    moments: list[float | None] = [None] * len(true)
    end = time.monotonic() + seconds
    while None in moments and time.monotonic() < end:
        for number, each in enumerate(true):
            if moments[number] is None and each():
                moments[number] = time.time()
        # Looking costs the processor that they run on.
        time.sleep(0.05)
    return moments
