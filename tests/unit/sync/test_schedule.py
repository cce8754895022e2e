"""Routers spread what they ask, and ask less and less of who does not answer."""

import random
import statistics
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safedns.cli.main import main
from safedns.sync.schedule import FIRST, NEWS, POLL, POLL_CONNECTED, SETTLED, SPREAD, URGENT, Rhythm
from tests.helpers.publisher import Centre, Home, WebServer


def rhythm() -> Rhythm:
    return Rhythm(random.Random(1))


def _published(folder: Path) -> tuple[Centre, WebServer, Path]:
    """A publisher with serial 1, a mirror of it, and a router's configuration."""
    centre = Centre(folder / "centre")
    centre.now = datetime.now(UTC)
    centre.publish(["a.example"], 1)
    server = WebServer(centre.public)
    (folder / "root.json").write_bytes(centre.root)
    config = folder / "safedns.yaml"
    config.write_text(f"coordinator: {{mirrors: ['{server.url}'], channel: isp-a, root: root.json, state: sync}}\n")
    return centre, server, config


@pytest.mark.parametrize(("connected", "usual"), [(False, POLL), (True, POLL_CONNECTED)])
def test_polls_are_spread_around_the_pause(connected: bool, usual: float) -> None:
    each = rhythm()
    pauses = [each.pause(connected=connected) for _ in range(1000)]
    assert usual * (1 - SPREAD) <= min(pauses) < usual * 0.85
    assert usual * 1.15 < max(pauses) <= usual * (1 + SPREAD)


@pytest.mark.parametrize(("failures", "most"), [(1, 30), (2, 60), (5, 480), (8, 3600), (1000, 3600)])
def test_failures_back_off_over_the_whole_of_the_pause(failures: int, most: float) -> None:
    each = rhythm()
    for _ in range(failures):
        each.synced(ok=False, changed=False)
    pauses = [each.pause(connected=True) for _ in range(1000)]
    assert min(pauses) < most * 0.01
    assert most * 0.95 < max(pauses) <= most
    assert most * 0.45 < statistics.mean(pauses) < most * 0.55


def test_what_was_announced_and_is_not_there_yet_is_asked_for_again_soon() -> None:
    """A cache between router and coordinator may be some seconds behind; and a false announcement costs little."""
    each = rhythm()
    each.synced(ok=True, changed=False, behind=True)
    pauses = [each.pause(connected=True) for _ in range(1000)]
    assert 1.9 < max(pauses) <= 2
    for _ in range(20):
        each.synced(ok=True, changed=False, behind=True)
    assert 3400 < max(each.pause(connected=True) for _ in range(1000)) <= 3600
    each.synced(ok=True, changed=False)
    assert each.pause(connected=True) > POLL


def test_a_new_blocklist_is_reported_on_soon() -> None:
    each = rhythm()
    each.synced(ok=True, changed=True)
    assert SETTLED * (1 - SPREAD) <= each.pause(connected=True) <= SETTLED * (1 + SPREAD)
    each.synced(ok=True, changed=False)
    assert each.pause(connected=True) > SETTLED * 2


def test_lost_connections_are_tried_again_over_longer_and_longer_pauses() -> None:
    each = rhythm()
    first = [rhythm().reconnect() for _ in range(3)]
    assert max(first) <= 10
    pauses = [each.reconnect() for _ in range(200)]
    assert 300 < max(pauses) <= 600
    each.heard()
    assert each.reconnect() <= 10


def test_what_is_urgent_is_not_waited_with() -> None:
    each = rhythm()
    assert max(each.spread(urgent=True) for _ in range(100)) <= URGENT
    assert 50 < max(each.spread(urgent=False) for _ in range(100)) <= NEWS


def test_who_was_told_of_more_than_there_is_asks_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The mirror has serial 2 only when it is asked for the third time."""
    centre, server, config = _published(tmp_path)
    waited: list[float] = []

    def listen(_config: object, _rhythm: Rhythm, _listener: object, seconds: float) -> int:
        waited.append(seconds)
        if len(waited) == 3:
            centre.publish(["a.example", "b.example"], 2)
        elif len(waited) == 4:
            raise KeyboardInterrupt
        return 2 if len(waited) == 1 else 0

    monkeypatch.setattr("safedns.cli.sync._listen", listen)
    assert main(["sync", "--config", str(config)]) == 130
    server.close()
    assert waited[1] <= 2
    assert waited[2] <= 4
    assert waited[3] >= SETTLED * (1 - SPREAD)
    assert [path for path in server.asked if "packs" in path] == ["/packs/isp-a.zst?serial=2"] * 3
    assert "serial 2 is active" in capfd.readouterr().out


@pytest.mark.parametrize("left", [b"", b"not a blocklist", bytes(4096)])
def test_a_blocklist_that_a_power_cut_left_damaged_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], left: bytes
) -> None:
    centre, server, config = _published(tmp_path)
    (tmp_path / "sync").mkdir()
    (tmp_path / "sync" / "blocklist.sdns").write_bytes(left)
    assert main(["sync", "status", "--config", str(config)]) == 0
    assert "none that can be used" in capsys.readouterr().out
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["sync", "--config", str(config)]) == 130
    server.close()
    assert Home(tmp_path / "sync", centre).blocks("a.example")


def test_it_goes_on_until_told_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Three syncs: the first finds a release, the mirror is gone for the second and back for the third."""
    centre, server, config = _published(tmp_path)
    slept: list[float] = []
    pack = centre.public / "packs" / "isp-a.zst"

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            pack.rename(pack.with_suffix(".gone"))
        elif len(slept) == 3:
            pack.with_suffix(".gone").rename(pack)
        elif len(slept) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["sync", "--config", str(config)]) == 130
    server.close()
    assert 0 <= slept[0] <= FIRST
    assert SETTLED * (1 - SPREAD) <= slept[1] <= SETTLED * (1 + SPREAD)
    assert slept[2] <= 30
    assert slept[3] >= POLL * (1 - SPREAD)
    out, error = capfd.readouterr()
    assert out.splitlines()[0].startswith("serial 1 is active, before it none")
    assert out.splitlines()[1] == "serial 1 stays active"
    assert "found none of that name" in error
    assert Home(tmp_path / "sync", centre).blocks("a.example")
