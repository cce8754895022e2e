"""A publisher with two channels, and a web server for what it publishes."""

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
