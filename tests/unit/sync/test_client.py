"""A router takes what is signed for it, by the shortest way, and nothing else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from safedns.blocklist.release import EVERYONE
from safedns.errors import SafeDNSError
from tests.helpers.publisher import Centre, Home, WebServer

NAMES = [f"n{number * 7919 % 1_000_003}.example" for number in range(3000)]


@pytest.fixture
def home(tmp_path: Path, centre: Centre, server: WebServer) -> Home:
    return Home(tmp_path / "home", centre, server.url)


def test_first_the_whole_then_a_delta(centre: Centre, server: WebServer, home: Home) -> None:
    first = centre.publish(NAMES, 5)
    outcome = home.sync()
    assert (outcome.before, outcome.serial, outcome.available, outcome.reason) == (0, 5, 5, "")
    assert home.store.active.stat().st_size == first.bundle.length
    second = centre.publish([*NAMES[10:], "new.example"], 6)
    server.asked.clear()
    assert home.sync().serial == 6
    assert server.asked == ["/packs/isp-a.zst", f"/objects/{second.deltas[5].sha256}"]
    assert second.deltas[5].length < second.deltas[0].length / 10
    assert home.blocks("new.example")
    assert not home.blocks(NAMES[0])
    server.asked.clear()
    assert home.sync().reason == ""
    assert server.asked == ["/packs/isp-a.zst"]


def test_news_are_asked_for_past_caches(centre: Centre, server: WebServer, home: Home) -> None:
    centre.publish(NAMES, 5)
    home.sync(news=5)
    assert server.asked[0] == "/packs/isp-a.zst?serial=5"


def test_far_behind_takes_the_whole(centre: Centre, home: Home) -> None:
    centre.publish(NAMES, 1)
    home.sync()
    for serial in range(2, 12):
        release = centre.publish([*NAMES, f"new{serial}.example"], serial)
    assert set(release.deltas) == {0, *range(3, 11)}
    assert home.sync().serial == 11
    assert home.blocks("new11.example")


def test_a_channel_of_another_isp_is_not_seen(centre: Centre, tmp_path: Path, server: WebServer) -> None:
    centre.publish(NAMES, 5)
    centre.publish(["other.example"], 9, channel="isp-b")
    other = Home(tmp_path / "other", centre, server.url, channel="isp-b")
    assert other.sync().serial == 9
    assert not other.blocks(NAMES[0])
    with pytest.raises(SafeDNSError, match="channel isp-c: expected it at the mirrors, found none of that name"):
        Home(tmp_path / "third", centre, server.url, channel="isp-c").sync()


def test_roll_back_is_a_new_serial_with_older_content(centre: Centre, home: Home) -> None:
    centre.publish(NAMES, 1)
    home.sync()
    centre.publish([*NAMES, "wrong.example"], 2)
    home.sync()
    assert home.blocks("wrong.example")
    centre.publish(NAMES, 3)
    assert home.sync().serial == 3
    assert not home.blocks("wrong.example")


def test_a_ramp_reaches_more_and_more_routers(centre: Centre, tmp_path: Path, server: WebServer) -> None:
    homes = [Home(tmp_path / f"home{number}", centre, server.url, device=f"d{number}") for number in range(40)]
    centre.publish(["a.example"], 1)
    for home in homes:
        home.sync()
    centre.publish(["a.example", "b.example"], 2, ramp=((0, 100_000), (3600, 500_000), (7200, EVERYONE)))
    reached = []
    for hours in (0, 1, 1):
        centre.later(hours=hours)
        reached.append(sum(home.sync().serial == 2 for home in homes))
    assert 0 < reached[0] < 12
    assert 12 <= reached[1] < 30
    assert reached[2] == 40


def test_a_router_that_waits_says_so_and_stays(centre: Centre, home: Home) -> None:
    centre.publish(["a.example"], 1)
    home.sync()
    centre.publish(["a.example", "b.example"], 2, ramp=((0, 0), (3600, EVERYONE)))
    outcome = home.sync()
    assert (outcome.serial, outcome.available) == (1, 2)
    assert outcome.reason == "it is not this router's turn for serial 2 yet"


def test_a_new_router_takes_what_everyone_has(centre: Centre, home: Home) -> None:
    centre.publish(["a.example"], 1)
    centre.publish(["a.example", "b.example"], 2, ramp=((0, 0), (3600, EVERYONE)))
    assert home.sync().serial == 1


def test_what_fails_the_self_test_is_not_taken_again(centre: Centre, server: WebServer, home: Home) -> None:
    centre.publish(["a.example"], 1)
    home.sync()
    centre.publish(["a.example", "b.example"], 2)
    home.problem = "names don't resolve"
    outcome = home.sync()
    assert (outcome.serial, outcome.available) == (1, 2)
    assert "the self-test failed: names don't resolve; the one before is active again" in outcome.reason
    home.problem = None
    server.asked.clear()
    assert home.sync().serial == 1
    assert server.asked == ["/packs/isp-a.zst"]
    centre.publish(["a.example", "c.example"], 3)
    assert home.sync().serial == 3


def test_what_the_guard_refuses_is_not_taken(centre: Centre, home: Home) -> None:
    centre.publish(["a.example"], 1)
    home.sync()
    centre.publish(["a.example", "time.windows.com"], 2)
    outcome = home.sync()
    assert outcome.serial == 1
    assert "the guard refuses it: it would block time.windows.com" in outcome.reason
    assert not home.blocks("time.windows.com")


def test_growth_needs_the_signed_flag(centre: Centre, home: Home) -> None:
    centre.publish(NAMES, 1)
    home.sync()
    more = [f"sudden{number}.example" for number in range(5000)]
    centre.publish([*NAMES, *more], 2)
    assert "the guard refuses it: it would grow" in home.sync().reason
    centre.publish([*NAMES, *more], 3, bulk=True)
    assert home.sync().serial == 3


def test_an_override_is_signed_with_the_release(centre: Centre, home: Home) -> None:
    centre.publish(["a.example", "github.io"], 1, overrides=("github.io",))
    assert home.sync().serial == 1
    assert home.blocks("someone.github.io")
    # What a router protects itself, no signature overrides.
    centre.publish(["a.example", "time.windows.com"], 2, overrides=("time.windows.com",))
    assert "the guard refuses it: it would block time.windows.com" in home.sync().reason


def test_a_damaged_active_file_is_replaced(centre: Centre, home: Home) -> None:
    centre.publish(NAMES, 1)
    home.sync()
    data = bytearray(home.store.active.read_bytes())
    data[5000] ^= 1
    home.store.active.write_bytes(data)
    assert home.sync().serial == 1
    assert home.blocks(NAMES[5])


def test_a_lost_or_damaged_state_costs_nothing(centre: Centre, home: Home) -> None:
    centre.publish(NAMES, 1)
    home.sync()
    for content in (None, b"", b"{}", b'{"metadata": 7}'):
        path = home.store.folder / "state.json"
        path.unlink() if content is None else path.write_bytes(content)
        assert home.sync().serial == 1


def test_a_clock_that_is_years_behind(centre: Centre, home: Home) -> None:
    centre.publish(NAMES, 1)
    assert home.sync(datetime(1970, 1, 1, tzinfo=UTC)).serial == 1
    centre.now += timedelta(days=300)
    centre.publish([*NAMES, "new.example"], 2)
    assert home.sync(datetime(1970, 1, 1, tzinfo=UTC)).serial == 2
    assert home.store.load().signed == int(centre.now.timestamp())
