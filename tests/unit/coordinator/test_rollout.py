"""Ramps, what is signed of a channel's releases, and when a rollout is worse than what was before."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.blocklist.release import AT_ONCE, DEFAULT_RAMP, EVERYONE, Object, Release
from safedns.coordinator import schema
from safedns.coordinator.rollout import Figures, Limits, resumed, signed, stable, step, worse

START = 1_800_000_000
BUNDLE = Object("0" * 64, 100)


def release(**changes: object) -> Release:
    return replace(Release("isp-a", 1, BUNDLE, 10, START, {0: BUNDLE}, DEFAULT_RAMP), **changes)


def row(serial: int, **changes: object) -> schema.Release:
    words = {
        "channel": "isp-a", "serial": serial, "state": "published", "created": START, "ramp": [[0, EVERYONE]],
        "sha256": "0" * 64, "size": 100, "names": 10, "deltas": {"0": list(BUNDLE)}, "paused": None, "bulk": False,
        "overrides": [],
    }  # fmt: skip
    return schema.Release(**words | changes)


@given(st.integers(0, 20_000), st.integers(0, 100_000))
def test_a_pause_only_delays(at: int, long: int) -> None:
    """Whenever and for however long: who had it keeps it, and each further step comes as much later."""
    before = release()
    after = release(ramp=resumed(before, START + at, START + at + long))
    assert after.share(START + at + long) == before.share(START + at)
    for later, share in DEFAULT_RAMP:
        if later > at:
            assert after.share(START + later + long) >= share
            assert after.share(START + later + long - 1) < share


@given(st.integers(0, 20_000), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_router_s_turn_comes_once_and_stays(at: int, device: str) -> None:
    each = release()
    if each.reaches(device, START + at):
        assert each.reaches(device, START + at + 1)
    assert each.reaches(device, START + 14_400)
    assert not replace(each, paused=True).reaches(device, START + 14_400)


def test_the_share_is_that_of_the_ramp() -> None:
    each = release()
    at = START + 3600
    reached = sum(each.reaches(f"device-{number}", at) for number in range(20_000))
    assert 1800 < reached < 2200


def test_who_has_to_wait_gets_the_one_before() -> None:
    ramp = [list(pair) for pair in DEFAULT_RAMP]
    rows = [row(3, ramp=ramp), row(2, ramp=ramp), row(1)]
    assert [each.serial for each in signed(rows, START)] == [3, 1]
    assert [each.serial for each in signed(rows, START + 14_400)] == [3]
    rows[0].state = "aborted"
    assert [each.serial for each in signed(rows, START)] == [2, 1]
    rows[1].paused = START
    found = signed(rows, START + 14_400)
    assert [(each.serial, each.paused) for each in found] == [(2, True), (1, False)]
    assert stable(rows, START + 14_400).serial == 1
    assert signed([row(1, state="failed", sha256=None)], START) == []


def test_a_step_says_how_far_and_when_next() -> None:
    assert step(release(), START) == (1000, 1800)
    assert step(release(), START + 1900) == (10_000, 1700)
    assert step(release(), START + 14_400) == (EVERYONE, None)
    assert step(release(paused=True), START) == (0, None)
    assert step(release(ramp=AT_ONCE), START) == (EVERYONE, None)


CALM = Figures(reports=10, queries=10_000, blocked=1000, failed=50)


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (Figures(reports=3, queries=1000, blocked=110, failed=10), []),
        (Figures(reports=3, queries=100, blocked=90, failed=90), []),
        (Figures(reports=3, queries=1000, blocked=100, failed=26),
         ["2.6% of 1,000 queries failed, 0.5% at the others"]),
        (Figures(reports=3, queries=1000, blocked=0, failed=0), []),
        (Figures(reports=3, queries=1000, blocked=201, failed=0),
         ["20.1% of 1,000 queries were blocked, 10.0% at the others"]),
        (Figures(self_tests=100, self_tests_failed=1), []),
        (Figures(self_tests=100, self_tests_failed=6), ["6 of 100 self-tests failed"]),
        (Figures(self_tests=2, self_tests_failed=2), ["2 of 2 self-tests failed"]),
    ],
)  # fmt: skip
def test_worse_is_said_with_the_figures(new: Figures, found: list[str]) -> None:
    assert worse(new, CALM, Limits()) == found


def test_nothing_is_worse_than_nothing() -> None:
    assert worse(Figures(queries=1000, failed=1000), Figures(), Limits()) == []
    assert worse(Figures(), CALM, Limits()) == []
    assert Figures(queries=1) + Figures(queries=2, failed=1) == Figures(queries=3, failed=1)
