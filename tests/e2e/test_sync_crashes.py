"""A sync that is killed at any change to a file leaves a good blocklist, and the next one finishes the work."""

import resource
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from safedns import _native
from tests.helpers.publisher import Centre, Home, WebServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

# The interpreter reports each of these before it happens: the sync and what it started are gone before the change with
# this number, as after a power cut that lost all that was not synced. The count is one for all of its processes.
KILLED = """
import mmap, os, signal, sys
number, folder, *words = sys.argv[1:]
left = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
left[0] = int(number)
def hook(event, arguments):
    changes = event in ("os.rename", "os.remove", "os.link", "os.truncate", "os.mkdir", "shutil.rmtree") or (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    )
    if changes and str(arguments[0]).startswith(folder):
        left[0] -= 1
        if left[0] < 0:
            os.killpg(0, signal.SIGKILL)
sys.addaudithook(hook)
from safedns.cli.main import main
sys.exit(main(words))
"""


class Scene:
    """A router that has serial 1, and serial 2 to be had."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sync"
        self.config = folder / "safedns.yaml"
        self._before = folder / "before"
        self.centre = Centre(folder / "centre")
        # Signed by the clock that the program will read.
        self.centre.now = datetime.now(UTC)
        names = [f"n{number * 7919 % 1_000_003}.example" for number in range(500)]
        self.centre.publish(names, 1)
        self.server = WebServer(self.centre.public)
        assert Home(self._before, self.centre, self.server.url).sync().serial == 1
        (self._before / "device").write_text("router-1")
        self.centre.publish([*names, "new.example"], 2)
        (folder / "root.json").write_bytes(self.centre.root)
        self.config.write_text(
            f"coordinator: {{mirrors: ['{self.server.url}'], channel: isp-a, root: root.json, state: {self.folder}}}\n"
        )

    def again(self) -> None:
        """Back to serial 1."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._before, self.folder)

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        words = ["sync", "--once", "--config", str(self.config)]
        return subprocess.run(
            [sys.executable, *command, *words],
            capture_output=True, text=True, timeout=20, check=False, start_new_session=True, **options,
        )  # fmt: skip

    @property
    def serial(self) -> int:
        """Of the active blocklist, as a resolver loads it."""
        return _native.Blocklist.load(str(self.folder / "blocklist.sdns")).serial

    def finish(self) -> None:
        """The next sync does the work, and nothing is left behind."""
        assert Home(self.folder, self.centre, self.server.url).sync().serial == 2
        assert {path.name for path in self.folder.iterdir()} == {
            "blocklist.sdns",
            "previous.sdns",
            "state.json",
            "device",
        }


@pytest.fixture
def scene(tmp_path: Path):
    scene = Scene(tmp_path)
    yield scene
    scene.server.close()


def test_killed_before_every_change_to_a_file(scene: Scene) -> None:
    kills = 0
    while True:
        scene.again()
        done = scene.run("-c", KILLED, str(kills), str(scene.folder))
        assert scene.serial in (1, 2)
        if done.returncode == 0:
            assert scene.serial == 2
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
        scene.finish()
    assert kills > 8


def test_a_disk_that_is_full_after_any_number_of_bytes(scene: Scene) -> None:
    """A limit on the size of files stands for the disk: the kernel refuses the write in the same place."""
    refused = 0
    for limit in [0, 1, 200, *range(500, 12_000, 500)]:
        scene.again()
        done = scene.run(
            "-m", "safedns", preexec_fn=lambda most=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        )
        assert scene.serial in (1, 2)
        if done.returncode != 0:
            refused += 1
            assert done.returncode == 2
            assert done.stderr.startswith("safedns: ")
            assert "written" in done.stderr
            assert scene.serial == 1 or "state.json" in done.stderr
            scene.finish()
    assert 5 < refused < 26
    assert scene.serial == 2
