"""The running service in front of an upstream that does as it is told."""

import pytest

from tests.helpers.service import Service, write_list
from tests.helpers.upstream import Upstream, address_of


@pytest.fixture(scope="module")
def upstream_server():
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream(upstream_server):
    """The upstream: any name has an address, until `respond` is set."""
    upstream_server.respond = address_of
    upstream_server.asked.clear()
    return upstream_server


@pytest.fixture(scope="module")
def service(upstream_server, tmp_path_factory):
    """The service, blocking casino.example. Its cache lives as long as it: tests ask for names of their own."""
    folder = tmp_path_factory.mktemp("service")
    write_list(folder / "list.bin", ["casino.example"], serial=1)
    servers, file = [upstream_server.server], str(folder / "list.bin")
    with Service(folder, upstream={"servers": servers}, blocklist={"file": file}) as running:
        yield running
