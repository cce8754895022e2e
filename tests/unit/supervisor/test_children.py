"""A child's deaths and starts, with real processes."""

import os
import select
import signal
import time

import pytest

from safedns.supervisor import children
from safedns.supervisor.children import Child, describe_end


def wait_for_end(child):
    end = time.monotonic() + 5
    while not child.reap():
        assert time.monotonic() < end
        time.sleep(0.005)


def obey(channel):
    """Say what is asked for until the other end is closed."""
    while True:
        select.select([channel], [], [])
        message = channel.receive()
        if message is None:
            return
        channel.send("alive")


@pytest.fixture
def make():
    made = []

    def make(main):
        signals = lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, children.HANDLED)  # noqa: E731
        made.append(Child("child", main, signals))
        return made[-1]

    yield make
    for child in made:
        child.kill()
        child.forget_channel()
        if child.pid is not None:
            os.waitpid(child.pid, 0)


def delays(child, deaths):
    found = []
    for _ in range(deaths):
        child.start()
        wait_for_end(child)
        child.forget_channel()
        found.append(round(max(0.0, child.start_at - time.monotonic()), 2))
    return found


def test_the_first_death_costs_nothing_and_later_ones_more_and_more(make):
    found = delays(make(lambda _: None), 9)
    assert found == pytest.approx([0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2], abs=0.02)


def test_a_child_that_lived_is_started_at_once(make, monkeypatch):
    child = make(lambda _: None)
    delays(child, 4)
    monkeypatch.setattr(children, "STABLE", 0.0)
    assert delays(child, 1) == [0]


def test_a_child_that_fails_ends_alone(make, capfd):
    def fail(_):
        raise KeyError("no such thing")

    child = make(fail)
    child.start()
    wait_for_end(child)
    assert child.failures == 1


def test_an_unwanted_child_is_not_started_again(make):
    child = make(obey)
    child.start()
    child.drain(3)
    child.kill()
    wait_for_end(child)
    assert child.start_at is None
    assert child.pid is None


def test_a_child_that_answers_lives(make):
    child = make(obey)
    channel = child.start()
    child.ready = True
    for _ in range(10):
        child.ping()
        select.select([channel], [], [], 5)
        assert channel.receive().order == "alive"
        child.is_alive()
    assert not child.reap()


def test_a_child_that_gives_no_sign_of_life_is_killed(make):
    child = make(lambda _: time.sleep(60))
    child.start()
    child.ready = True
    for _ in range(children.MISSED_PINGS):
        child.ping()
    assert not child.reap()
    child.ping()
    wait_for_end(child)


def test_a_child_that_starts_is_given_its_time(make):
    child = make(lambda _: time.sleep(60))
    child.start()
    for _ in range(20):
        child.ping()
    time.sleep(0.05)
    assert not child.reap()


def test_a_child_that_takes_no_orders_is_killed(make):
    child = make(lambda _: time.sleep(60))
    child.start()
    for _ in range(10_000):
        child.send("list")
    wait_for_end(child)


def test_how_a_process_ended_is_told():
    assert describe_end(9) == "was ended by SIGKILL"
    assert describe_end(256) == "ended with status 1"
