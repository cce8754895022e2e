"""The whole: a coordinator behind nginx, two ISPs, three routers, and `dig` at each of them."""

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from safedns.sync.push import Listener
from tests.helpers.coordinator import Coordinator, Person, Router, ask, run, until
from tests.helpers.nginx import Nginx

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


class Country:
    """The coordinating body, the ISPs `viet` and `nam`, their people and channels, and nginx before it all."""

    def __init__(self, folder: Path) -> None:
        # Channels of the ISPs need keys; the body keeps a channel of its own.
        self.folder = folder
        self.coordinator = Coordinator(folder / "centre", "national")
        self.backend = self.coordinator.start()
        self.nginx = Nginx(folder, folder / "centre" / "public", [self.backend])
        self.url = self.nginx.url
        self.administrator = Person(folder, "ministry", self.url, self.coordinator.first_token)
        self.operator = self._person("lan", "operator", self.administrator)
        self.reviewer = self._person("minh", "reviewer", self.administrator)
        self.isps = {name: self._isp(name) for name in ("viet", "nam")}
        self.operator("list-add", "orders", "--category", "gambling", "--national")
        self.routers: dict[str, Router] = {}

    def _person(self, name: str, role: str, by: Person) -> Person:
        return Person(self.folder, name, self.url, by.give(name, role))

    def _isp(self, name: str) -> dict[str, Person]:
        self.administrator("tenant-add", name)
        token = self.administrator("token-add", f"{name}-admin", "administrator", "--tenant", name).strip()
        administrator = Person(self.folder, f"{name}-admin", self.url, token)
        administrator("channel-add", f"{name}-home")
        proposal = str(self.folder / f"{name}.json")
        self.coordinator.command("keys", "channel", f"{name}-home", "--output", proposal)
        run("coordinator", "keys", "sign", proposal, "--key", str(self.folder / "centre/keys/targets-1.pem"))
        self.coordinator.command("keys", "install", proposal)
        people = {role: self._person(f"{name}-{role}", role, administrator) for role in ("operator", "reviewer")}
        return {"administrator": administrator} | people

    def router(self, name: str, isp: str) -> Router:
        """A router that is enrolled, serves, and listens for news."""
        made = self.routers[name] = Router(self.folder / name)
        made.enrol(self.isps[isp]["administrator"]("enrolment-add", f"{isp}-home").strip())
        return made

    def publish(self, isp: str, *flags: str) -> None:
        self.isps[isp]["operator"]("publish", f"{isp}-home", "--reason", "weekly", "--no-wait", *flags)

    def close(self) -> None:
        for router in self.routers.values():
            router.close()
        self.nginx.close()
        self.coordinator.stop()


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    made = Country(tmp_path)
    yield made
    made.close()


def test_proposed_approved_published_staged_seen_and_rolled_back(country: Country) -> None:
    names = country.folder / "names.txt"
    names.write_text("\n".join(f"n{number}.orders.example" for number in range(2000)))
    change = country.operator.json("import", "orders", str(names), "--reason", "order 1")
    country.reviewer("approve", str(change["id"]))
    # What only one ISP wants.
    viet = country.isps["viet"]
    viet["operator"]("list-add", "ours", "--category", "phishing")
    viet["operator"]("channel-lists", "viet-home", "ours")
    own = viet["operator"].json("block", "ours", "fake-viet-bank.example", "--reason", "customers were robbed")
    viet["reviewer"]("approve", str(own["id"]))
    for isp in ("viet", "nam"):
        country.publish(isp, "--at-once")

    routers = {"a": country.router("a", "viet"), "b": country.router("b", "viet"), "c": country.router("c", "nam")}
    for router in routers.values():
        assert "serial 1 is active" in router.sync()
        router.service.start()
        assert router.blocks("www.n7.orders.example")
    assert [router.blocks("fake-viet-bank.example") for router in routers.values()] == [True, True, False]

    # A national change, staged: at first nobody of three has their turn.
    change = country.operator.json("block", "orders", "slow.example", "--reason", "order 2")
    country.reviewer("approve", str(change["id"]))
    for isp in ("viet", "nam"):
        country.publish(isp)
    for router in routers.values():
        said = router.sync(status=None)
        if "serial 2 is active" not in said:
            assert "it is not this router's turn for serial 2 yet" in said
            assert not router.blocks("slow.example")
            assert "not this router's turn" in router.status()["reason"]
        time.sleep(0.1)

    # By the fast lane, with the routers listening: everywhere within seconds.
    for router in routers.values():
        router.listen()
    _wait_connected(country, 3)
    change = country.operator.json("block", "orders", "urgent.example", "--reason", "order 3", "--fast")
    started = time.monotonic()
    country.reviewer("approve", str(change["id"]))
    until(lambda: all(router.blocks("urgent.example") for router in routers.values()), 20)
    assert time.monotonic() - started < 15
    # It went alone: what was staged stays staged.
    change = country.operator.json("unblock", "orders", "urgent.example", "--reason", "a mistake", "--fast")
    country.reviewer("approve", str(change["id"]))
    until(lambda: not any(router.blocks("urgent.example") for router in routers.values()), 20)
    assert all(router.blocks("n7.orders.example") for router in routers.values())

    # Rolled back by one ISP: the content of its first release as a new serial.
    viet["operator"]("republish", "viet-home", "1", "--reason", "back", "--at-once")
    until(lambda: routers["a"].sync(status=None) and not routers["a"].blocks("slow.example"), 20)
    fleet = {row["serial"]: row for row in country.isps["nam"]["operator"].json("fleet")}
    assert sum(row["devices"] for row in fleet.values()) == 1
    assert "fake-viet-bank" not in str(country.isps["nam"]["operator"].json("channels"))


def test_routers_sync_while_every_coordinator_is_down(country: Country) -> None:
    change = country.operator.json("block", "orders", "a.example", "--reason", "order")
    country.reviewer("approve", str(change["id"]))
    country.publish("viet", "--at-once")
    router = country.router("a", "viet")
    country.coordinator.stop()
    said = router.sync()
    assert "serial 1 is active" in said
    assert "the report was not taken" in said
    assert ask(country.url, "GET", "/v1/lists")[0] == 502


def test_what_nginx_serves_and_what_not(country: Country) -> None:
    def head(path: str, method: str = "HEAD") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(country.url.removeprefix("http://"), timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    assert "immutable" in head("/metadata/1.root.json").headers["cache-control"]
    assert "max-age=15" in head("/packs/national.zst").headers["cache-control"]
    assert "max-age=15" in head("/metadata/timestamp.json").headers["cache-control"]
    for path in ("/metrics", "/health/ready", "/keys/root-1.pem", "/../keys/root-1.pem", "/packs/", "/objects/x",
                 "/coordinator.db", "/metadata/../../keys/timestamp.pem", "/packs/.national.zst.new"):  # fmt: skip
        assert head(path).status in (400, 404), path
    assert head("/packs/national.zst", "DELETE").status == 403
    status, _ = ask(country.url, "POST", "/v1/devices", b"x" * (5 * 2**20))
    assert status == 413
    assert ask(country.url, "GET", "/openapi.json")[0] == 200


def test_events_come_through_nginx_at_once(country: Country) -> None:
    change = country.operator.json("block", "orders", "a.example", "--reason", "order")
    country.reviewer("approve", str(change["id"]))
    listener = Listener(country.url, "viet-home")
    assert listener.connect()
    country.publish("viet", "--at-once")
    news = listener.listen(5)
    listener.close()
    assert news is not None
    assert news.serial == 1


def _wait_connected(country: Country, count: int) -> None:
    wanted = f"safedns_coordinator_connected {count}.0"
    until(lambda: wanted in ask(country.backend, "GET", "/metrics")[1].decode(), 30)


def test_nginx_serves_what_changes_as_it_is_now(tmp_path: Path) -> None:
    """A router that was told of a release fetches it at once: what nginx remembers of a file must not be older."""
    pack = tmp_path / "public" / "packs" / "isp-a.zst"
    pack.parent.mkdir(parents=True)
    pack.write_bytes(b"0")
    nginx = Nginx(tmp_path, tmp_path / "public", ["http://127.0.0.1:9"])
    try:
        for number in range(1, 50):
            beside = pack.with_suffix(".new")
            beside.write_bytes(str(number).encode())
            beside.replace(pack)
            assert ask(nginx.url, "GET", f"/packs/isp-a.zst?serial={number}") == (200, number)
    finally:
        nginx.close()
