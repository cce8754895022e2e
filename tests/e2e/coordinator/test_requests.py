"""Requests that are too large, malformed or hostile: each gets an answer that says so, and nothing else happens."""

import http.client
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.coordinator.conftest import Country
from tests.e2e.coordinator.test_lists import Line
from tests.helpers.coordinator import ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

HOSTILE = [
    "'; DROP TABLE lists; --", "\" OR 1=1 --", "a\r\nset-cookie: x=1", "../../etc/passwd", "%00", "\u202e", "${7*7}",
    "<script>alert(1)</script>", "a" * 100_000,
]  # fmt: skip


@pytest.fixture
def line(country: Country) -> Line:
    return Line(country)


@pytest.mark.parametrize(
    ("country", "role", "phase"),
    [("sqlite", "operator", "coverage"), ("postgres", "administrator", "fuzzing")],
    indirect=["country"],
)
def test_whatever_the_description_allows_is_answered_as_it_says(
    country: Country, line: Line, role: str, phase: str, tmp_path: Path
) -> None:
    """schemathesis makes requests of the description, valid and not, against things that exist."""
    line.approved("a.example")
    line.publish("--at-once")
    number = line.change("b.example")["id"]
    (tmp_path / "schemathesis.toml").write_text(f"""\
[parameters]
"path.name" = "{line.list}"
"path.channel" = "{line.channel}"
"path.serial" = 1
"path.number" = {number}
""")
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    done = subprocess.run(
        [Path(sys.executable).parent / "schemathesis", "run", f"{country.url}/openapi.json", "--no-color",
         "-H", f"Authorization: Bearer {country.ministry[role].token}", "--checks", checks,
         "--max-examples", "3", "--request-timeout", "30", "--phases", phase, "--generation-deterministic",
         "--exclude-path-regex", "/v1/(tokens|devices)/"],
        capture_output=True, text=True, check=False, timeout=150, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout or " passed" in done.stdout


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(country: Country, line: Line, text: str) -> None:
    operator = line.operator
    before = operator.ask("GET", "/v1/lists")
    for body in ({"name": text, "category": "gambling"}, {"name": country.word("x"), "category": text}):
        assert operator.ask("POST", "/v1/lists", body)[0] == 422
    item = {"name": text, "reason": "x"}
    status, found = operator.ask("POST", f"/v1/lists/{line.list}/changes", {"reason": "x", "items": [item]})
    assert status == 422
    assert len(json.dumps(found)) < 300_000
    status, found = operator.ask("POST", f"/v1/lists/{line.list}/changes",
                                 {"reason": text, "items": [{"name": "a.example", "reason": text}]})  # fmt: skip
    if status == 202:
        assert operator.ask("GET", f"/v1/changes/{found['id']}")[1]["reason"] == text
    else:
        assert status == 422
    assert operator.ask("GET", "/v1/lists") == before


def test_headers_can_t_be_made_by_values(country: Country, line: Line) -> None:
    path = f"/v1/lists/{line.list}/imports?reason=x&file=a%0d%0aset-cookie:%20x=1"
    connection = http.client.HTTPConnection(country.url.removeprefix("http://"), timeout=10)
    connection.request("POST", path, body=b"a.example\n", headers={"authorization": f"Bearer {line.operator.token}"})
    answer = connection.getresponse()
    assert answer.status == 422
    assert answer.headers["set-cookie"] is None
    connection.close()


def test_bodies_that_are_too_large_are_refused(country: Country, line: Line) -> None:
    status, found = line.operator.ask("POST", "/v1/lists", b"x" * (5 * 2**20))
    assert (status, found["detail"]) == (413, "expected a body of at most 4,194,304 bytes within 60 seconds")
    items = [{"name": f"n{number}.example", "reason": "x"} for number in range(10_001)]
    assert line.operator.ask("POST", f"/v1/lists/{line.list}/changes", {"reason": "x", "items": items})[0] == 422


def test_a_body_that_never_ends_keeps_nobody_waiting(country: Country) -> None:
    """A client that says it will send much and sends nothing; others are answered meanwhile."""
    host, port = country.url.removeprefix("http://").split(":")
    held = []
    for _ in range(50):
        end = socket.create_connection((host, int(port)), timeout=5)
        end.sendall(b"POST /v1/devices HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        held.append(end)
    started = time.monotonic()
    assert ask(country.url, "GET", "/health/live")[0] == 200
    assert time.monotonic() - started < 2
    for end in held:
        end.close()


@pytest.mark.parametrize(
    "raw",
    [b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
     b"POST /v1/devices HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n", b"GET /%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_ends_the_connection_only(country: Country, raw: bytes) -> None:
    host, port = country.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as end:
        end.sendall(raw)
        end.settimeout(3)
        try:
            answer = end.recv(4096)
        except (TimeoutError, ConnectionResetError):
            answer = b""
    assert answer == b"" or answer.split(b" ")[1][:1] == b"4"
    assert ask(country.url, "GET", "/health/live")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/packs/../keys/timestamp.pem", "/packs/%2e%2e/keys/timestamp.pem", "/metadata/..%2f..%2fcoordinator.db",
     "/objects/", "/objects", "/keys/root-1.pem", "/packs/line-1.zst/", "//packs/line-1.zst", "/packs/.line-1.zst.new"],
)  # fmt: skip
def test_nothing_but_the_public_files_is_served(country: Country, path: str) -> None:
    assert ask(country.url, "GET", path)[0] in (404, 307)
    assert ask(country.url, "GET", "/packs/line-1.zst")[0] == 200
    assert ask(country.url, "POST", "/packs/line-1.zst", {})[0] == 405


def test_files_say_how_long_they_may_be_kept(country: Country) -> None:
    def kept(path: str) -> str:
        connection = http.client.HTTPConnection(country.url.removeprefix("http://"), timeout=10)
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert int(answer.headers["content-length"]) > 100
        connection.close()
        return answer.headers["cache-control"]

    assert "immutable" in kept("/metadata/1.root.json")
    assert "max-age=15" in kept("/metadata/timestamp.json")
    assert "max-age=15" in kept("/packs/line-1.zst")


def test_events_want_a_channel(country: Country) -> None:
    for path in ("/v1/events", "/v1/events?channel=", "/v1/events?channel=A%20B", "/v1/events?channel=" + "a" * 64):
        assert ask(country.url, "GET", path)[0] == 400
    assert ask(country.url, "POST", "/v1/events?channel=line-1")[0] == 400


def test_metrics_say_what_happens_and_not_to_whom(country: Country, line: Line) -> None:
    line.approved("very-secret.example")
    line.publish("--at-once")
    until(lambda: f'safedns_coordinator_serial{{channel="{line.channel}"}} 1.0' in _metrics(country))
    page = _metrics(country)
    assert 'safedns_coordinator_requests_total{route="POST /changes/{number}/approve",status="200"}' in page
    assert "very-secret" not in page
    assert line.list not in page


def _metrics(country: Country) -> str:
    return ask(country.url, "GET", "/metrics")[1].decode()
