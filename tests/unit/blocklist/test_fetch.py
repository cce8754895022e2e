import asyncio
import gzip
import hashlib
import threading

import pytest

from safedns.blocklist.fetch import Limits, fetch, make_client, tls_context
from safedns.errors import BlocklistError
from tests.helpers.listserver import ListServer, make_certificate, some_names, tls_server

BODY = some_names(1000)
QUICK = Limits(size=100_000, total=5, stall=5)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server():
    server = ListServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secure(certificate):
    server = tls_server(*certificate)
    yield server
    server.close()


def get(url, target, limits=QUICK, ca=None, **known):
    async def run():
        async with make_client(tls_context(ca), limits) as client:
            return await fetch(client, url, target, limits, **known)

    return asyncio.run(run())


def refusal(url, target, limits=QUICK, ca=None):
    with pytest.raises(BlocklistError) as caught:
        get(url, target, limits, ca)
    return str(caught.value)


def test_a_body_is_written_as_it_came(server, tmp_path):
    url = server.serve("/a", BODY, headers={"ETag": '"1"', "Last-Modified": "Mon, 23 Nov 2026 10:00:00 GMT"})
    copy = get(url, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    assert copy.size == len(BODY)
    assert copy.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (copy.etag, copy.last_modified) == ('"1"', "Mon, 23 Nov 2026 10:00:00 GMT")


@pytest.mark.parametrize(
    ("name", "known"),
    [("ETag", {"etag": '"1"'}), ("Last-Modified", {"last_modified": "Mon, 23 Nov 2026 10:00:00 GMT"})],
)
def test_what_has_not_changed_is_not_sent(server, tmp_path, name, known):
    url = server.serve("/a", BODY, headers={name: next(iter(known.values()))})
    assert get(url, tmp_path / "a", **known) is None
    assert not (tmp_path / "a").exists()


def test_a_304_that_nobody_asked_for_is_refused(server, tmp_path):
    assert "304" in refusal(server.serve("/a", status="304 Not Modified"), tmp_path / "a")


def test_what_the_server_packed_stays_packed(server, tmp_path):
    packed = gzip.compress(BODY)
    get(server.serve("/a", packed, headers={"Content-Encoding": "gzip"}), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == packed
    assert server.asked("/a")[0]["accept-encoding"] == "gzip"


def test_packing_that_was_not_asked_for_is_refused(server, tmp_path):
    assert "'br'" in refusal(server.serve("/a", BODY, headers={"Content-Encoding": "br"}), tmp_path / "a")


def test_redirects_are_followed(server, tmp_path):
    server.serve("/b", BODY)
    get(server.serve("/a", status="302 Found", headers={"Location": "/b"}), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY


def test_a_redirect_loop_ends(server, tmp_path):
    url = server.serve("/a", status="301 Moved", headers={"Location": "/a"})
    assert "at most 5 redirects" in refusal(url, tmp_path / "a")
    assert len(server.asked("/a")) == 6


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "ftp://127.0.0.1/", "http://[::1", "//"])
def test_a_redirect_to_nowhere_is_refused(server, tmp_path, location):
    refusal(server.serve("/a", status="302 Found", headers={"Location": location}), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_redirect_from_https_to_http_is_refused(server, secure, certificate, tmp_path):
    away = secure.serve("/a", status="302 Found", headers={"Location": server.serve("/b", BODY)})
    assert "redirect to https" in refusal(away, tmp_path / "a", ca=str(certificate[0]))
    assert server.requests == []


def test_a_certificate_of_the_operator(secure, certificate, tmp_path):
    get(secure.serve("/a", BODY), tmp_path / "a", ca=str(certificate[0]))
    assert (tmp_path / "a").read_bytes() == BODY


def test_an_unknown_certificate_is_refused(secure, tmp_path):
    text = refusal(secure.serve("/a", BODY), tmp_path / "a")
    assert "expected a certificate that can be trusted, found: self" in text
    assert secure.requests == []


def test_a_certificate_for_another_name_is_refused(secure, certificate, tmp_path):
    url = secure.serve("/a", BODY).replace("127.0.0.1", "localhost")
    assert "certificate" in refusal(url, tmp_path / "a", ca=str(certificate[0]))


def test_a_file_of_authorities_without_any_is_refused(tmp_path):
    (tmp_path / "ca").write_text("nothing")
    for name in ("ca", "missing"):
        with pytest.raises(BlocklistError, match="expected certificates in PEM format"):
            tls_context(str(tmp_path / name))


@pytest.mark.parametrize(
    "fields",
    [{}, {"declare": False}, {"declare": False, "forever": True}],
    ids=["declared", "undeclared", "endless"],
)
def test_a_body_that_is_too_large_is_refused(server, tmp_path, fields):
    url = server.serve("/a", b"x" * 200_000, **fields)
    assert "expected at most 100000 B, found" in refusal(url, tmp_path / "a")
    assert not (tmp_path / "a").exists() or (tmp_path / "a").stat().st_size <= 100_000


def test_a_stalled_server_is_given_up(server, tmp_path):
    url = server.serve("/a", BODY, headers={"Content-Length": "100000"}, wait=threading.Event())
    assert "no byte for 200 ms" in refusal(url, tmp_path / "a", Limits(stall=0.2, total=5))


def test_a_server_that_takes_too_long_in_all_is_given_up(server, tmp_path):
    url = server.serve("/a", b"x" * 10, declare=False, forever=True)
    assert "within 300 ms" in refusal(url, tmp_path / "a", Limits(size=2**40, total=0.3, stall=5))


def test_a_body_cut_short_is_refused(server, tmp_path):
    url = server.serve("/a", BODY, headers={"Content-Length": str(len(BODY) + 1)})
    assert "the connection ended before" in refusal(url, tmp_path / "a")


def test_a_chunked_body_cut_short_is_refused(server, tmp_path):
    chunked = b"5\r\na.com\r\n"
    url = server.serve("/a", chunked, declare=False, headers={"Transfer-Encoding": "chunked"})
    assert "the connection ended before" in refusal(url, tmp_path / "a")


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        ("404 Not Found", {}, "the list has moved"),
        ("410 Gone", {}, "take it out"),
        ("403 Forbidden", {}, "refuses"),
        ("500 Internal Server Error", {}, "the next update tries again"),
        ("429 Too Many Requests", {"Retry-After": "120"}, "asks to wait 120 s"),
        ("206 Partial Content", {}, "HTTP status 206"),
    ],
)
def test_other_answers_say_what_to_do(server, tmp_path, status, headers, said):
    text = refusal(server.serve("/a", BODY, status=status, headers=headers), tmp_path / "a")
    assert status in text
    assert said in text


def test_no_server(server, tmp_path):
    server.close()
    assert "expected an answer over HTTP" in refusal(server.url + "/a", tmp_path / "a")


def test_no_http(server, tmp_path):
    assert "expected an answer over HTTP" in refusal(server.serve("/a", status="\x00"), tmp_path / "a")


def test_headers_that_can_not_be_sent_back_are_dropped(server, tmp_path):
    assert get(server.serve("/a", BODY, headers={"ETag": '"é"'}), tmp_path / "a").etag == ""
