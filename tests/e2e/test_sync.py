"""From a publisher's command line to a router's answers: published, fetched, served; blocked and unblocked at once."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.helpers.publisher import WebServer
from tests.helpers.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]


def run(*words: str, status: int = 0) -> str:
    """The program's output; its exit status must be this one."""
    done = subprocess.run(
        [sys.executable, "-m", "safedns", *words], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


class Publisher:
    """Somebody with a coordinator's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "centre"
        self.serial = 0
        run("coordinator", "init", "--folder", str(self.folder), "--channel", "isp-a",
            "--root-keys", "3", "--root-threshold", "2")  # fmt: skip

    def publish(self, *names: str, at_once: bool = True) -> dict:
        self.serial += 1
        (self.folder / "list.txt").write_text("\n".join(names))
        file = str(self.folder / "list.sdns")
        run("blocklist", "compile", "--output", file, "--serial", str(self.serial),
            f"gambling={self.folder / 'list.txt'}")  # fmt: skip
        words = ["--at-once"] if at_once else []
        return json.loads(
            run("coordinator", "publish", "--folder", str(self.folder), "--channel", "isp-a", "--json", *words, file)
        )


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


@pytest.fixture
def server(publisher: Publisher):
    server = WebServer(publisher.folder / "public")
    yield server
    server.close()


@pytest.fixture
def config(tmp_path: Path, publisher: Publisher, server: WebServer) -> Path:
    (tmp_path / "router").mkdir()
    path = tmp_path / "router" / "safedns.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "coordinator": {
                    "mirrors": [server.url],
                    "channel": "isp-a",
                    "root": str(publisher.folder / "root.json"),
                    "state": "sync",
                }
            }
        )
    )
    return path


def until(true, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_published_fetched_and_served_then_unblocked(publisher: Publisher, config: Path, tmp_path: Path) -> None:
    names = [f"n{number * 7919 % 1_000_003}.example" for number in range(3000)]
    publisher.publish(*names)
    assert run("sync", "--once", "--config", str(config)).startswith("serial 1 is active, before it none; ")
    active = config.parent / "sync" / "blocklist.sdns"
    with Service(tmp_path, blocklist={"file": str(active)}) as router:
        assert router.is_blocked("www.n7919.example")
        assert not router.is_blocked("casino.example")
        release = publisher.publish(*names, "casino.example")
        assert release["deltas"]["1"][1] < release["deltas"]["0"][1] / 5
        run("sync", "--once", "--config", str(config))
        until(lambda: router.is_blocked("www.casino.example"))
        publisher.publish(*names)
        done = json.loads(run("sync", "--once", "--json", "--config", str(config)))
        assert (done["serial"], done["before"], done["requests"]) == (3, 2, 2)
        until(lambda: not router.is_blocked("www.casino.example"))
        assert router.is_blocked("www.n7919.example")


def test_status_says_in_five_lines_what_runs_and_why(publisher: Publisher, config: Path, server: WebServer) -> None:
    lines = run("sync", "status", "--config", str(config)).splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == ["channel", "active", "available", "last", "different"]
    publisher.publish("a.example")
    run("sync", "--once", "--config", str(config))
    found = json.loads(run("sync", "status", "--json", "--config", str(config)))
    assert (found["channel"], found["serial"], found["available"], found["reason"]) == ("isp-a", 1, 1, "")
    # An id by which it is not among the first.
    (config.parent / "sync" / "device").write_text("router-1")
    publisher.publish("a.example", "b.example", at_once=False)
    reason = "it is not this router's turn for serial 2 yet"
    assert reason in run("sync", "--once", "--config", str(config), status=1)
    assert reason in run("sync", "status", "--config", str(config), status=1)
    server.close()
    assert "can't be fetched" in run("sync", "--once", "--config", str(config), status=2)
    assert json.loads(run("sync", "status", "--json", "--config", str(config), status=1))["serial"] == 1


def test_what_is_missing_is_said(config: Path, publisher: Publisher) -> None:
    text = config.read_text()
    config.write_text("{}\n")
    found = run("sync", "--once", "--config", str(config), status=2)
    assert "coordinator.mirrors, coordinator.channel, coordinator.root, coordinator.state: expected a value" in found
    config.write_text(text.replace("root.json", "none.json"))
    assert "coordinator.root: expected the coordinator's root.json" in run(
        "sync", "--once", "--config", str(config), status=2
    )
    again = run("coordinator", "init", "--folder", str(publisher.folder), "--channel", "isp-a", status=2)
    assert "root-1.pem: expected no key, found one; it is not written over" in again
    keys = publisher.folder / "keys"
    assert (keys / "root-1.pem").stat().st_mode & 0o777 == 0o600
    for path in keys.glob("root-*.pem"):
        path.unlink()
    publisher.publish("a.example")
    assert "signed anew: isp-a" in run("coordinator", "refresh", "--folder", str(publisher.folder))
    (keys / "snapshot.pem").write_text("-----BEGIN NOTHING-----")
    assert "snapshot.pem: expected an unencrypted private key in PEM format" in run(
        "coordinator", "refresh", "--folder", str(publisher.folder), status=2
    )
