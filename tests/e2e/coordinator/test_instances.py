"""Several instances over one PostgreSQL, with NATS and without; killed, or without their database, at a bad moment."""

import asyncio
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from safedns import _native
from safedns.coordinator.push import Bus
from safedns.sync.push import Listener
from tests.helpers.backends import Nats, Postgres
from tests.helpers.coordinator import Coordinator, Person, Router, ask, until
from tests.helpers.service import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


class Cluster:
    """Instances, each with a folder of its own, and the three people who are needed."""

    def __init__(self, folder: Path, database: str, nats: str | None, count: int) -> None:
        folder.mkdir()
        self.coordinator = Coordinator(folder / "one", "isp-a", database=database, nats=nats)
        self.folders = [folder / "one"]
        for number in range(2, count + 1):
            other = folder / f"instance-{number}"
            other.mkdir()
            shutil.copytree(folder / "one" / "keys", other / "keys")
            self.folders.append(other)
        for each in self.folders:
            self.coordinator.start(each)
        self.urls = self.coordinator.urls
        self.administrator = self.coordinator.administrator
        self.operators, self.reviewers = self._people("operator"), self._people("reviewer")
        self.operators[0]("list-add", "orders", "--category", "gambling")
        self.operators[0]("channel-lists", "isp-a", "orders")

    def _people(self, role: str) -> list[Person]:
        """One at each instance."""
        person = self.coordinator.person
        return [person(f"{role}-{number}", role, url=url) for number, url in enumerate(self.urls)]

    def approve(self, *names: str, at: int = 0, fast: bool = False) -> None:
        flags = ["--fast"] if fast else []
        change = self.operators[at].json("block", "orders", *names, "--reason", "order", *flags)
        self.reviewers[at]("approve", str(change["id"]))

    def publish(self, at: int = 0) -> None:
        self.operators[at]("publish", "isp-a", "--reason", "weekly", "--at-once")

    def releases(self, at: int = 0) -> list[dict]:
        return self.operators[at].json("releases", "isp-a")

    def files(self, number: int) -> dict[str, bytes]:
        public = self.folders[number] / "public"
        return {str(path.relative_to(public)): path.read_bytes() for path in public.rglob("*") if path.is_file()}


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One that a test may kill."""
    server = Postgres(tmp_path_factory.mktemp("own") / "server")
    yield server
    server.close()


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres, nats: Nats) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "cluster", postgres.database(), nats.url if request.param else None, 2)
    yield made
    made.coordinator.stop()


with_and_without_nats = pytest.mark.parametrize("cluster", [True, False], indirect=True, ids=["nats", "no-nats"])


@with_and_without_nats
def test_what_one_publishes_all_serve_and_push(cluster: Cluster, request: pytest.FixtureRequest) -> None:
    cluster.approve("a.example")
    listener = Listener(cluster.urls[1], "isp-a")
    assert listener.connect()
    started = time.monotonic()
    cluster.publish(at=0)
    news = listener.listen(10)
    took = time.monotonic() - started
    listener.close()
    assert news is not None
    assert (news.serial, news.urgent) == (1, False)
    if "no-nats" not in request.node.name:
        assert took < 2
    until(lambda: cluster.files(0) == cluster.files(1))
    cluster.approve("b.example", at=1)
    cluster.publish(at=1)
    until(lambda: cluster.files(0) == cluster.files(1))
    assert [row["state"] for row in cluster.releases()] == ["published", "published"]


@with_and_without_nats
def test_two_publishers_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """Nine releases are asked for at two instances; each gets a serial of its own, and routers can follow them."""
    cluster.approve("a.example")
    cluster.publish()
    first = {path for path in cluster.files(0) if path.startswith("objects/")}
    assert first
    threads = [threading.Thread(target=cluster.publish, kwargs={"at": number % 2}) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [row["serial"] for row in cluster.releases()] == list(range(10, 0, -1))
    assert {row["state"] for row in cluster.releases()} == {"published"}
    until(lambda: cluster.files(0) == cluster.files(1))
    assert first.isdisjoint(cluster.files(0)), "what no router asks for is removed at both"
    router = Router(tmp_path / "router")
    router.enrol(cluster.administrator("enrolment-add", "isp-a").strip())
    assert "serial 10 is active" in router.sync()


@pytest.mark.parametrize("cluster", [True], indirect=True)
def test_an_instance_that_is_killed_while_it_publishes(cluster: Cluster, tmp_path: Path) -> None:
    """The other one goes on with what was begun."""
    cluster.approve("a.example")
    cluster.publish()
    file = tmp_path / "many.txt"
    file.write_text("\n".join(f"n{number}.x{number % 911}.example" for number in range(300_000)))
    change = cluster.operators[1].json("import", "orders", str(file), "--reason", "register")
    cluster.reviewers[1]("approve", str(change["id"]))
    status, made = cluster.operators[0].ask("POST", "/v1/channels/isp-a/releases", {"reason": "large", "at_once": True})
    assert (status, made["serial"]) == (202, 2)
    until(lambda: cluster.releases(1)[0]["state"] == "building")
    state = cluster.releases(1)[0]["state"]
    for process in cluster.coordinator.processes:
        if state == "building":
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            break
    until(lambda: cluster.releases(1)[0]["state"] == "published", 60)
    router = Router(tmp_path / "router")
    token = Person(tmp_path, "administrator", cluster.urls[1], cluster.coordinator.first_token)(
        "enrolment-add", "isp-a"
    ).strip()
    router.enrol(token)
    assert "serial 2 is active" in router.sync()
    assert _native.Blocklist.load(str(router.state / "blocklist.sdns")).names == 300_001


def test_nats_is_no_condition_for_anything(postgres: Postgres, tmp_path: Path) -> None:
    """Instances start and publish without it, and use it once it is there."""
    port = free_port()
    cluster = Cluster(tmp_path / "cluster", postgres.database(), f"nats://127.0.0.1:{port}", 1)
    cluster.approve("a.example")
    cluster.publish()
    started = time.monotonic()
    cluster.coordinator.stop()
    assert time.monotonic() - started < 8
    asyncio.run(_find_each_other(tmp_path, port))


async def _find_each_other(folder: Path, port: int) -> None:
    buses = [Bus(f"nats://127.0.0.1:{port}") for _ in range(2)]
    woken = [asyncio.Event(), asyncio.Event()]
    for bus, event in zip(buses, woken, strict=True):

        async def wake(event: asyncio.Event = event) -> None:
            event.set()

        bus.start(wake)
    await asyncio.sleep(0.5)
    assert not any(event.is_set() for event in woken)
    server = Nats(folder, port)
    try:
        # Once connected, each looks at what it missed.
        await asyncio.wait_for(asyncio.gather(*(event.wait() for event in woken)), 20)
        woken[1].clear()
        await buses[0].wake()
        await asyncio.wait_for(woken[1].wait(), 5)
    finally:
        for bus in buses:
            await bus.close()
        server.close()


def test_a_database_that_is_lost_in_the_middle_of_a_publish(own_postgres: Postgres, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "cluster", own_postgres.database(), None, 1)
    try:
        cluster.approve("a.example")
        cluster.publish()
        before = cluster.files(0)
        file = tmp_path / "many.txt"
        file.write_text("\n".join(f"n{number}.x{number % 911}.example" for number in range(200_000)))
        change = cluster.operators[0].json("import", "orders", str(file), "--reason", "register")
        cluster.reviewers[0]("approve", str(change["id"]))
        assert cluster.operators[0].ask("POST", "/v1/channels/isp-a/releases", {"reason": "large"})[0] == 202
        until(lambda: cluster.releases()[0]["state"] == "building")
        own_postgres.lose()
        time.sleep(3)
        status, found = cluster.operators[0].ask("GET", "/v1/lists")
        assert (status, "the database can't be reached" in found["detail"]) == (503, True)
        assert ask(cluster.urls[0], "GET", "/health/ready")[0] == 503
        assert ask(cluster.urls[0], "GET", "/health/live")[0] == 200
        assert cluster.files(0) == before
        assert ask(cluster.urls[0], "GET", "/packs/isp-a.zst")[0] == 200
        own_postgres.start()
        until(lambda: cluster.releases()[0]["state"] == "published", 60)
        router = Router(tmp_path / "router")
        router.enrol(cluster.administrator("enrolment-add", "isp-a").strip())
        router.sync(status=None)
        assert "records, unbroken" in cluster.coordinator.command("audit", "verify")
    finally:
        cluster.coordinator.stop()


@pytest.mark.parametrize("cluster", [True], indirect=True)
def test_told_to_stop_it_ends_in_order(cluster: Cluster) -> None:
    """Connections that wait for events are ended, and the process ends within seconds."""
    listener = Listener(cluster.urls[0], "isp-a")
    assert listener.connect()
    started = time.monotonic()
    statuses = cluster.coordinator.stop()
    assert time.monotonic() - started < 8
    assert set(statuses) <= {0, -signal.SIGTERM}
    assert listener.listen(2) is None
    assert not listener.connected


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    coordinator = Coordinator(tmp_path / "centre")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = coordinator.command("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", status=2)
    assert "expected an address to serve at, found: Address already in use" in said
    assert "expected a database with tables" in coordinator.command("serve", folder=tmp_path / "other", status=2)
    wrong = coordinator.command("serve", "--database", "mysql://x/y", status=2)
    assert "expected a database as sqlite:///PATH or postgresql://" in wrong
    for nats in ("nats://[bad", "nats://host:port", "http://127.0.0.1:4222", "127.0.0.1"):
        wrong = coordinator.command("serve", "--nats", nats, status=2)
        assert "expected a NATS server as nats://HOST:PORT, found something else" in wrong
    again = coordinator.command("init", "--channel", "isp-a", status=2)
    assert "expected an empty database, found a coordinator's" in again


def test_the_database_is_upgraded_by_command(tmp_path: Path) -> None:
    coordinator = Coordinator(tmp_path / "centre")
    assert "has the tables of this version" in coordinator.command("upgrade")
    assert coordinator.command("keys", "show").startswith("root, version 1, valid until ")
