"""What the web process answers, over real connections."""

import json

import pytest

from safedns.web.pages import SECURITY_POLICY
from safedns.web.texts import TEXTS
from tests.helpers.web import parse

VI, EN = TEXTS["vi"].page, TEXTS["en"].page
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON = "application/json"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/any/path?with=query", "/metrics", "*", "/%ff%00<script>"])
def test_blocked_site_gets_its_page_whatever_is_asked(web, method, path):
    response = web.get("www.bet.example:80", path, method=method, Accept=HTML, Accept_Language="en")
    assert response.status == 403
    assert EN["blocked.title"] in response.text
    assert "www.bet.example" in response.text
    assert "Gambling" in response.text
    assert '<dd translate="no">bet.example</dd>' in response.text
    assert "version 41" in response.text


def test_headers(web):
    headers = web.get("bet.example").headers
    assert headers["cache-control"] == "no-store"
    assert headers["connection"] == "close"
    assert headers["content-security-policy"] == SECURITY_POLICY.lower()
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["vary"] == "accept, accept-language"
    assert headers["x-content-type-options"] == "nosniff"
    assert "date" in headers
    assert "server" not in headers
    assert "default-src 'none'" in SECURITY_POLICY
    assert "unsafe" not in SECURITY_POLICY


def test_head_has_no_body(web):
    response = web.get("bet.example", method="HEAD")
    assert (response.status, response.body) == (403, b"")
    assert int(response.headers["content-length"]) > 1000


def test_language(web):
    assert VI["blocked.title"] in web.get("bet.example").text
    assert EN["blocked.title"] in web.get("bet.example", Accept_Language="en-GB,vi;q=0.5").text
    assert EN["blocked.title"] in web.get("bet.example", "/?safedns-language=en", Accept_Language="vi").text


def test_internationalised_name_is_shown_in_both_forms(web):
    text = web.get("xn--bcher-kva.example").text
    assert "bücher.example" in text
    assert "xn--bcher-kva.example" in text


@pytest.mark.parametrize("host", ["free.example", "shop.example", "time.google.com", "localhost.localdomain"])
def test_site_that_is_not_blocked(web, host):
    response = web.get(host)
    assert response.status == 403
    assert VI["open.title"] in response.text
    assert VI["open.lead"].format(seconds=10) in response.text


INVALID = [
    None,
    "",
    "<script>alert(1)</script>",
    "a" * 5000 + ".example",
    "a..b",
    "[::1",
    "bet.example:80:80",
    '"><img src=x>',
    "b\u00e9t\u202e.example\u00ff",
]


@pytest.mark.parametrize("host", INVALID)
def test_host_that_is_no_name(web, host):
    response = web.get(host)
    assert response.status == 403
    assert VI["invalid.title"] in response.text
    assert not host or host not in response.text


def test_host_that_is_no_text(web):
    response = parse(web.send(b"GET / HTTP/1.1\r\nHost: \xff\xfe.example\r\n\r\n"))
    assert response.status == 403
    assert VI["invalid.title"] in response.text


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n",
        b"GET / HTTP/1.1\r\nHost: a\x00b\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rb\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: a.example\r\n",
        b"nonsense\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: -1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n" + b"X-Long: " + b"x" * 70_000 + b"\r\n",
    ],
)
def test_request_that_breaks_http(web, head):
    answer = web.send(head + b"\r\n")
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))
    assert b"example" not in answer or b"403" in answer[:20]


def test_absolute_target_beats_the_host_header(web):
    answer = web.send(b"GET http://bet.example/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert parse(answer).status == 403
    assert b"bet.example" in answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "image/avif,image/webp,*/*;q=0.8"},
        {"Accept": "text/css,*/*;q=0.1"},
        {"Accept": "*/*", "Sec-Fetch-Dest": "script"},
        {"Accept": "*/*", "Sec-Fetch-Dest": "image"},
    ],
)
def test_part_of_a_page_gets_nothing(web, headers):
    response = web.get("bet.example", "/favicon.ico", **headers)
    assert (response.status, response.body) == (403, b"")


def test_program_gets_json(web):
    response = web.get("www.bet.example", "/api", method="POST", body=b"{}", Accept=JSON, Accept_Language="en")
    assert response.status == 403
    assert response.headers["content-type"] == JSON
    assert json.loads(response.body) == {
        "name": "www.bet.example",
        "readable": None,
        "blocked": True,
        "rule": "category",
        "category": {
            "id": "gambling",
            "name": "Gambling",
            "description": TEXTS["en"].descriptions["gambling"],
        },
        "authority": "household",
        "entry": "bet.example",
        "serial": 41,
        "contact": ["tel:111"],
        "lookup": f"http://127.0.0.1:{web.port}/?name=www.bet.example",
        "language": "en",
    }


def test_look_up_page(web):
    response = web.get("127.0.0.1")
    assert response.status == 200
    assert VI["lookup.title"] in response.text
    assert '<form action="/" method="get"' in response.text


@pytest.mark.parametrize(
    ("typed", "badge"),
    [
        ("bet.example", "lookup.blocked"),
        ("https%3A%2F%2Fwww.BET.example%2Fx", "lookup.blocked"),
        ("b%C3%BCcher.example", "lookup.blocked"),
        ("free.example", "lookup.open"),
        ("time.google.com", "lookup.open"),
        ("localhost", "lookup.open"),
        ("a+b", "lookup.invalid"),
        ("%3Cscript%3E", "lookup.invalid"),
        ("x" * 3000, "lookup.invalid"),
        ("%ff%00", "lookup.invalid"),
    ],
)
def test_look_up(web, typed, badge):
    response = web.get("localhost", f"/?name={typed}", Accept_Language="en")
    assert response.status == 200
    shown = {key for key in ("lookup.blocked", "lookup.open", "lookup.invalid") if f">{EN[key]}<" in response.text}
    assert shown == {badge}
    assert "<script>" not in response.text


@pytest.mark.parametrize(
    ("query", "status", "blocked"), [("bet.example", 200, True), ("free.example", 200, False), ("a..b", 400, None)]
)
def test_look_up_for_programs(web, query, status, blocked):
    response = web.get("127.0.0.1", f"/?name={query}", Accept=JSON)
    assert response.status == status
    assert json.loads(response.body)["blocked"] is blocked


def test_other_addresses_of_the_server(web):
    response = web.get("127.0.0.1", "/nothing/here", Accept=HTML)
    assert response.status == 404
    assert VI["missing.title"] in response.text
    assert web.get("127.0.0.1", "/favicon.ico", Accept="image/png").body == b""
    response = web.get("127.0.0.1", method="POST")
    assert response.status == 405
    assert response.headers["allow"] == "get, head"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8053", "[::1]"])
def test_metrics_are_the_servers(web, host):
    response = web.get(host, "/metrics")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "safedns_list_serial 41.0\n" in response.text


@pytest.mark.parametrize("host", [None, "", "bet.example", "router.example", "127.0.0.1.example", "a..b"])
def test_metrics_have_no_name(web, host):
    """A page in a browser may have its own name resolve to this server (DNS rebinding): it must not read them."""
    response = web.get(host, "/metrics")
    assert response.status == 403
    assert "safedns_list_serial" not in response.text
