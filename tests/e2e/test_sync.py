"""`safedns sync` at a command line, against files that any web server serves; without enrolment, push and reports."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.helpers.coordinator import Router, run
from tests.helpers.publisher import Centre, WebServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

NAMES = [f"n{number * 7919 % 1_000_003}.example" for number in range(3000)]


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = Centre(tmp_path / "centre")
    made.now = datetime.now(UTC)
    made.repository.refresh(made.online, made.now)
    made.repository.write()
    (made.folder / "root.json").write_bytes(made.root)
    return made


@pytest.fixture
def server(centre: Centre) -> Iterator[WebServer]:
    made = WebServer(centre.public)
    yield made
    made.close()


@pytest.fixture
def router(tmp_path: Path, centre: Centre, server: WebServer) -> Iterator[Router]:
    root = str(centre.folder / "root.json")
    made = Router(tmp_path / "router", mirrors=[server.url], channel="isp-a", root=root)
    yield made
    made.close()


def test_fetched_and_served_then_blocked_and_unblocked(centre: Centre, router: Router) -> None:
    centre.publish(NAMES, 1)
    assert router.sync().startswith("serial 1 is active, before it none; ")
    router.service.start()
    assert router.blocks("www.n7919.example")
    assert not router.blocks("casino.example")
    release = centre.publish([*NAMES, "casino.example"], 2)
    assert release.deltas[1].length < release.deltas[0].length / 5
    router.sync()
    # The self-test waits until the resolver uses it.
    assert router.blocks("www.casino.example")
    centre.publish(NAMES, 3)
    done = json.loads(run("sync", "--once", "--json", "--config", str(router.service.file)))
    assert (done["serial"], done["before"], done["requests"]) == (3, 2, 2)
    assert not router.blocks("www.casino.example")
    assert router.blocks("www.n7919.example")


def test_a_resolver_that_does_not_take_it_gets_the_old_one_back(
    centre: Centre, router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver reads another file, and the configuration of the sync says that it reads this one."""
    centre.publish(["a.example"], 1)
    router.sync()
    router.service.start()
    other = router.folder / "other.sdns"
    other.write_bytes((router.state / "blocklist.sdns").read_bytes())
    router.service.stop()
    right = router.service.file.read_text()
    router.service.config["blocklist"] = {"file": str(other)}
    router.service.start()
    router.service.file.write_text(right)
    centre.publish(["a.example", "b.example"], 2)
    said = router.sync(status=1)
    assert "the self-test failed: the resolver does not use serial 2 after 15 seconds; the one before is active" in said
    assert router.status()["serial"] == 1
    assert "serial 2 is in quarantine" in router.sync(status=1)


def test_status_says_in_five_lines_what_runs_and_why(centre: Centre, router: Router, server: WebServer) -> None:
    config = str(router.service.file)
    lines = run("sync", "status", "--config", config).splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == ["channel", "active", "available", "last", "different"]
    centre.publish(["a.example"], 1)
    router.sync()
    found = router.status()
    assert (found["channel"], found["serial"], found["available"], found["reason"]) == ("isp-a", 1, 1, "")
    # An id by which it is not among the first.
    (router.state / "device").write_text("router-1")
    centre.publish(["a.example", "b.example"], 2, ramp=((0, 1_000), (1800, 1_000_000)))
    reason = "it is not this router's turn for serial 2 yet"
    assert reason in router.sync(status=1)
    assert reason in run("sync", "status", "--config", config, status=1)
    server.close()
    assert "can't be fetched" in router.sync(status=2)
    assert router.status()["serial"] == 1


def test_what_is_missing_is_said(router: Router, centre: Centre) -> None:
    config = router.service.file
    text = config.read_text()
    config.write_text("{}\n")
    assert "coordinator.state: expected a folder, found none" in router.sync(status=2)
    config.write_text("coordinator: {state: sync}\n")
    assert (
        "coordinator.mirrors, coordinator.channel, coordinator.root: expected a value, found none; run safedns enroll"
        in router.sync(status=2)
    )
    config.write_text(text.replace("root.json", "none.json"))
    assert "coordinator.root: expected the coordinator's root.json" in router.sync(status=2)
    config.write_text("{}\n")
    assert "coordinator.state: expected a folder for what comes, found none" in router.enrol("x", status=2)
