"""Enrolment, reports, and what is known of the fleet; each attack is refused, and the router goes on."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from safedns.blocklist.enrolment import Ticket, enrol_message, report_message
from tests.e2e.coordinator.conftest import Country
from tests.e2e.coordinator.test_lists import Line
from tests.helpers.coordinator import Router, ask, until
from tests.helpers.publisher import WebServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


class Device:
    """A router as the coordinator sees it: a key, and reports that it signs."""

    def __init__(self, country: Country, token: str) -> None:
        self.url = country.url
        self.key = Ed25519PrivateKey.generate()
        self.number = 0
        status, found = ask(self.url, "POST", "/v1/devices", self.enrolling(token))
        assert status == 201, found
        self.id, self.channel = found["device"], found["channel"]

    def enrolling(self, token: str, proof: str | None = None) -> dict[str, str]:
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        signature = base64.b64encode(self.key.sign(enrol_message(token))).decode()
        return {"token": token, "key": public, "proof": proof or signature}

    def report(self, serial: int, **changes: Any) -> tuple[int, Any]:
        self.number += 1
        plain = {
            "number": self.number, "channel": self.channel, "serial": serial, "counted": serial, "version": "1.0",
            "queries": 0, "blocked": 0, "failed": 0, "tests": {},
        }  # fmt: skip
        return self.send(json.dumps(plain | changes).encode())

    def send(self, body: bytes, signature: str | None = None) -> tuple[int, Any]:
        import http.client

        signature = signature or base64.b64encode(self.key.sign(report_message(self.id, body))).decode()
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        connection.request("POST", f"/v1/devices/{self.id}/reports", body=body, headers={"signature": signature})
        answer = connection.getresponse()
        self.retry_after = answer.headers["retry-after"]
        found = json.loads(answer.read())
        connection.close()
        return answer.status, found


@pytest.fixture
def line(country: Country) -> Line:
    made = Line(country)
    made.approved("a.example")
    made.publish("--at-once")
    return made


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    made = Router(tmp_path / "router")
    yield made
    made.close()


def token_for(country: Country, line: Line, uses: int = 1) -> str:
    return country.ministry["administrator"]("enrolment-add", line.channel, "--uses", str(uses)).strip()


def test_enrolled_synced_and_seen(country: Country, line: Line, router: Router) -> None:
    assert f"channel {line.channel}" in router.enrol(token_for(country, line))
    key = router.state / "device.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert "serial 1 is active" in router.sync()
    device = json.loads((router.state / "enrolment.json").read_text())["device"]
    found = country.ministry["read-only"].json("devices", "--channel", line.channel)
    assert [(row["id"], row["serial"], row["healthy"]) for row in found] == [(device, 1, True)]
    fleet = [row for row in country.ministry["read-only"].json("fleet") if row["channel"] == line.channel]
    assert [(row["serial"], row["devices"], row["seen_lately"], row["unwell"]) for row in fleet] == [(1, 1, 1, 0)]
    health = line.release(1)["health"]["new"]
    assert (health["self_tests"], health["self_tests_failed"]) == (1, 0)
    again = router.enrol(token_for(country, line), status=2)
    assert "expected a router that is not enrolled, found one that is" in again


def test_a_token_is_used_as_often_as_it_may_be(country: Country, line: Line, router: Router) -> None:
    token = token_for(country, line)
    Device(country, token)
    assert "the enrolment token was used 1 times" in router.enrol(token, status=2)
    assert not (router.state / "enrolment.json").exists()
    # The key that was made is used again, so that nothing is left behind.
    assert "channel" in router.enrol(token_for(country, line))


def test_tampered_tokens_are_refused(country: Country, line: Line, router: Router) -> None:
    token = token_for(country, line)
    assert "it was not copied whole, or altered" in router.enrol(token[:-3], status=2)
    assert "expected text that begins with sde_" in router.enrol("nothing", status=2)
    ticket = Ticket.read(token)
    fields = {name: getattr(ticket, name) for name in ("url", "channel", "tenant", "root", "expires", "id", "secret")}
    for changed in ({"channel": "line-1"}, {"expires": ticket.expires + 9}, {"secret": "x"}, {"id": "0" * 16}):
        other = Ticket(**fields | changed).write()
        assert "found another or an altered one" in router.enrol(other, status=2)
    wrong_root = Ticket(**fields | {"root": "0" * 64}).write()
    assert "this is another coordinator, or somebody is in between" in router.enrol(wrong_root, status=2)
    assert not (router.state / "root.json").exists()
    nowhere = Ticket(**fields | {"url": "http://127.0.0.1:9"}).write()
    assert "expected a coordinator that answers" in router.enrol(nowhere, status=2)


def test_a_proxy_that_answers_html_enrols_nobody(country: Country, line: Line, router: Router, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    server = WebServer(tmp_path / "page")
    server.answer = lambda handler: (handler.send_response(200), handler.end_headers(), handler.wfile.write(b"<html>"))
    ticket = Ticket.read(token_for(country, line))
    fields = {name: getattr(ticket, name) for name in ("channel", "tenant", "root", "expires", "id", "secret")}
    said = router.enrol(Ticket(url=server.url, **fields).write(), status=2)
    server.close()
    assert "this is another coordinator, or somebody is in between" in said


def test_revoked_and_unproven_enrolments(country: Country, line: Line) -> None:
    administrator = country.ministry["administrator"]
    made = administrator.json("enrolment-add", line.channel, "--uses", "5")
    device = Device(country, made["token"])
    status, found = ask(country.url, "POST", "/v1/devices", device.enrolling(made["token"], proof="AAAA"))
    assert (status, found["detail"]) == (403, "expected a proof that the router has its key, found none")
    assert ask(country.url, "POST", "/v1/devices", device.enrolling(made["token"]))[0] == 403
    administrator("enrolment-revoke", made["id"])
    status, found = ask(country.url, "POST", "/v1/devices", device.enrolling(made["token"]))
    assert (status, "over or revoked" in found["detail"]) == (401, True)
    row = next(row for row in administrator.json("enrolments") if row["id"] == made["id"])
    assert (row["used"], row["uses"], row["revoked"]) == (1, 5, True)


def test_reports_are_signed_numbered_and_limited(country: Country, line: Line) -> None:
    device = Device(country, token_for(country, line))
    assert device.report(1)[0] == 200
    assert device.report(1)[0] == 429
    assert 0 < int(device.retry_after) <= 61
    time.sleep(5.1)
    status, found = device.report(2)
    assert (status, found["channel"]) == (200, line.channel)
    body = json.dumps({"number": 99}).encode()
    assert device.send(body, signature=base64.b64encode(Ed25519PrivateKey.generate().sign(body)).decode())[0] == 401
    assert device.send(body, signature="not base 64")[0] == 401
    device.number = 0
    assert device.report(3)[0] == 422
    for wrong in (b"", b"[]", b"{", b'{"number": "1"}', b"\xff" * 100, json.dumps({"number": 9e99}).encode()):
        assert device.send(wrong)[0] == 422
    device.number = 50
    time.sleep(5.1)
    assert device.report(3, queries=-1)[0] == 422
    assert device.report(3, tests={"1": [1, 2]})[0] == 422
    assert device.report(3, tests={str(n): [1, 0] for n in range(9)})[0] == 422
    country.ministry["administrator"]("device-revoke", device.id)
    assert device.report(4)[0] == 401


def test_a_device_moves_to_another_channel(country: Country, line: Line, router: Router) -> None:
    other = Line(country)
    other.approved("b.example")
    other.publish("--at-once")
    line.approved("c.example")
    line.publish("--at-once")
    router.enrol(token_for(country, line))
    router.sync()
    assert router.status()["serial"] == 2
    device = json.loads((router.state / "enrolment.json").read_text())["device"]
    country.ministry["administrator"]("device-move", device, other.channel)
    # The next report brings the news; a new serial brings the next report.
    line.approved("d.example")
    line.publish("--at-once")
    time.sleep(5.1)
    assert f"follows channel {other.channel} from now on" in router.sync()
    assert router.sync().startswith("serial 1 is active, before it 3")
    assert router.status()["channel"] == other.channel


def test_an_answer_that_somebody_else_signed_moves_nobody(
    country: Country, line: Line, router: Router, tmp_path: Path
) -> None:
    router.enrol(token_for(country, line))
    router.sync()
    enrolment = json.loads((router.state / "enrolment.json").read_text())
    (tmp_path / "public").symlink_to(country.coordinator.folder / "public")
    server = WebServer(tmp_path / "public")
    stranger = Ed25519PrivateKey.generate()
    forged = {"device": enrolment["device"], "channel": "line-1", "at": int(time.time()), "key": "0" * 64,
              "signature": stranger.sign(b"anything").hex()}  # fmt: skip

    def post(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(json.dumps(forged).encode())

    server.handler.func.do_POST = post
    (router.state / "enrolment.json").write_text(json.dumps(enrolment | {"url": server.url}))
    said = router.sync()
    server.close()
    assert "expected the coordinator's signed answer about this device, found another one" in said
    assert json.loads((router.state / "enrolment.json").read_text())["channel"] == line.channel


@pytest.mark.parametrize(
    ("new", "routers", "reason"),
    [
        ({"queries": 1000, "blocked": 100, "failed": 90}, 1, "9.0% of 1,000 queries failed, 0.5% at the others"),
        ({"queries": 1000, "blocked": 900, "failed": 5}, 1, "90.0% of 1,000 queries were blocked, 10.0% at the others"),
        ({"tests": {"2": [1, 1]}}, 2, "2 of 2 self-tests failed"),
    ],
)
def test_a_rollout_that_hurts_pauses_by_itself(
    country: Country, line: Line, new: dict, routers: int, reason: str
) -> None:
    token = token_for(country, line, uses=3)
    calm, *others = (Device(country, token) for _ in range(1 + routers))
    calm.report(1, queries=1000, blocked=100, failed=5)
    line.approved("b.example")
    line.publish()
    assert line.release(2)["state"] == "published"
    for other in others:
        assert other.report(1 if "tests" in new else 2, **new)[0] == 200
    until(lambda: line.release(2)["state"] == "paused", 10)
    assert line.release(2)["pause_reason"] == f"paused by itself: {reason}"
    # A person looked at it, and decides.
    line.operator("resume", line.channel, "2")
    time.sleep(3)
    assert line.release(2)["state"] == "published"


def test_a_rollout_that_does_no_harm_goes_on(country: Country, line: Line) -> None:
    token = token_for(country, line, uses=2)
    calm, canary = Device(country, token), Device(country, token)
    calm.report(1, queries=1000, blocked=100, failed=5)
    line.approved("b.example")
    line.publish()
    canary.report(2, queries=1000, blocked=110, failed=10)
    time.sleep(3)
    assert line.release(2)["state"] == "published"


def test_nothing_of_a_household_is_kept(country: Country, line: Line) -> None:
    """What a report holds beside the counters is not taken in."""
    device = Device(country, token_for(country, line))
    assert device.report(1, queries=5, names=["secret.example"], address="192.0.2.77")[0] == 200
    found = country.ministry["administrator"].json("devices", "--channel", line.channel)
    assert "secret" not in json.dumps(found)
    assert set(found[0]) == {"id", "channel", "enrolled", "revoked", "seen", "serial", "version", "healthy"}
