"""A publisher with two channels, and a web server for what it publishes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.publisher import Centre, WebServer


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path / "centre", "isp-a", "isp-b")


@pytest.fixture
def server(centre: Centre):
    server = WebServer(centre.public)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def own_priority() -> Iterator[None]:
    """A sync gives way for good; the tests that come after one in this process don't have to."""
    yield
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
