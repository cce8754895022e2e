import gzip
import threading
import time
from types import MappingProxyType

import pytest

from safedns.blocklist.catalogue import Source
from safedns.blocklist.fetch import Limits
from safedns.blocklist.store import Store
from safedns.blocklist.update import Outcome, due, largest, update
from tests.helpers.listserver import ListServer, some_names

QUICK = Limits(total=5, stall=5)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server():
    server = ListServer()
    yield server
    server.close()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def source(url, word="one", **fields):
    values = {"options": MappingProxyType({}), "format": "plain", "expected": 1000, "refresh": 3600.0, "where": "test"}
    values |= {"licence": "MIT", "homepage": url, "category": "games", "enabled": True, "note": ""}
    return Source(id=word, url=url, **(values | fields))


def once(each, store, **options):
    return update([each], store, limits=options.pop("limits", QUICK), **options)[0]


def test_new_changed_unchanged(server, store):
    each = source(server.serve("/a", some_names(1000)))
    result = once(each, store)
    assert (result.outcome, result.names, result.difference) == (Outcome.NEW, 1000, 0)
    assert once(each, store, force=True).outcome is Outcome.UNCHANGED
    server.serve("/a", some_names(1010))
    result = once(each, store, force=True)
    assert (result.outcome, result.names, result.difference) == (Outcome.CHANGED, 1010, 10)
    assert store.file("one").read_bytes() == some_names(1010)


def test_only_what_is_due_is_asked(server, store):
    each = source(server.serve("/a", some_names(1000)))
    once(each, store)
    assert once(each, store).outcome is Outcome.NOT_DUE
    assert len(server.requests) == 1


def test_when_it_is_due(server, store):
    each = source(server.serve("/a", some_names(1000)))
    once(each, store)
    state = store.state("one")
    assert due(each, None, 0)
    assert not due(each, state, state.checked + 3599)
    assert due(each, state, state.checked + 3600)
    assert due(each, state, state.checked - 1)
    assert due(source(each.url + "?new"), state, state.checked)


def test_what_has_not_changed_is_asked_for_by_its_tag(server, store):
    each = source(server.serve("/a", some_names(1000), headers={"ETag": '"1"'}), refresh=0.0)
    once(each, store)
    before = store.state("one")
    assert once(each, store).outcome is Outcome.UNCHANGED
    assert server.requests[1][1]["if-none-match"] == '"1"'
    assert store.state("one").fetched == before.fetched


@pytest.mark.parametrize("damage", ["list", "state"])
def test_damage_costs_a_fetch(server, store, damage):
    each = source(server.serve("/a", some_names(1000), headers={"ETag": '"1"'}), refresh=0.0)
    once(each, store)
    (store.path / {"list": "one.list", "state": "one.json"}[damage]).write_text("damaged\n")
    once(each, store)
    assert "if-none-match" not in server.requests[1][1]
    assert store.file("one").read_bytes() == some_names(1000)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["file", "encoding"])
def test_gzip(server, store, headers):
    each = source(server.serve("/a.gz", gzip.compress(some_names(1000)), headers=headers))
    assert once(each, store).names == 1000


HTML = b"<!DOCTYPE html>\n<html><head><title>Error</title></head>\n<body>An error.</body></html>\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (HTML, "HTML"),
        (b"", "empty file"),
        (b"# only a comment\n", "only comments"),
        (some_names(99), "expected about 1,000 names, found 99"),
        (some_names(10_001), "expected about 1,000 names, found 10,001"),
        (some_names(500), "as if a part of the file were missing"),
        (gzip.compress(some_names(1000))[:-20], "found"),
        (gzip.compress(b"a.example\n" * 2**20), "found"),
    ],
    ids=["html", "empty", "comments", "tenth", "tenfold", "half", "broken gzip", "bomb"],
)
def test_a_bad_copy_leaves_the_good_one(server, store, body, said):
    each = source(server.serve("/a", some_names(1000)))
    checked = once(each, store).checked
    server.serve("/a", body)
    result = once(each, store, force=True)
    assert (result.outcome, result.names, result.checked) == (Outcome.FAILED, 1000, checked)
    assert said in result.problem
    assert str(store.path) not in result.problem
    assert store.file("one").read_bytes() == some_names(1000)
    assert store.state("one").names == 1000
    assert not store.part("one").exists()


def test_a_list_that_shrank_is_taken_on_demand(server, store):
    each = source(server.serve("/a", some_names(1000)))
    once(each, store)
    server.serve("/a", some_names(500))
    result = once(each, store, force=True, accept_shrinkage=True)
    assert (result.outcome, result.difference) == (Outcome.CHANGED, -500)


def test_one_that_fails_harms_no_other(server, store):
    urls = [server.serve(f"/{number}", some_names(1000)) for number in range(4)]
    server.serve("/1", HTML)
    server.serve("/2", some_names(1000), status="500 Internal Server Error")
    results = update([source(url, f"s{number}") for number, url in enumerate(urls)], store, limits=QUICK)
    assert [result.id for result in results] == ["s0", "s1", "s2", "s3"]
    assert [result.outcome.value for result in results] == ["new", "failed", "failed", "new"]
    assert results[1].names is None


def test_two_at_a_time_from_a_host(server, store):
    gate = threading.Barrier(2)  # one at a time would wait here for ever
    urls = [server.serve(f"/{number}", some_names(1000), gate=gate) for number in range(6)]
    results = update([source(url, f"s{number}") for number, url in enumerate(urls)], store, limits=QUICK)
    assert {result.outcome for result in results} == {Outcome.NEW}
    assert server.most_open == 2


def test_in_parallel_over_hosts(store):
    gate = threading.Barrier(8)
    servers = [ListServer() for _ in range(8)]
    sources = [source(each.serve("/a", some_names(1000), gate=gate), f"s{n}") for n, each in enumerate(servers)]
    assert {result.outcome for result in update(sources, store, limits=QUICK)} == {Outcome.NEW}
    for each in servers:
        each.close()


def test_a_server_that_stalls_holds_up_no_other(server, store):
    stalled = server.serve("/0", b"a", headers={"Content-Length": "9"}, wait=threading.Event())
    urls = [stalled, server.serve("/1", some_names(1000))]
    started = time.monotonic()
    results = update(
        [source(url, f"s{number}") for number, url in enumerate(urls)], store, limits=Limits(stall=0.3, total=5)
    )
    assert [result.outcome.value for result in results] == ["failed", "new"]
    assert time.monotonic() - started < 4


def test_the_largest_list():
    assert largest(source("http://127.0.0.1/", expected=1), Limits()) == 2**20
    assert largest(source("http://127.0.0.1/", expected=100_000), Limits()) == 64_000_000
    assert largest(source("http://127.0.0.1/", expected=100_000_000), Limits()) == 256 * 2**20


def test_progress(server, store):
    said = []
    once(source(server.serve("/a", some_names(1000))), store, progress=said.append)
    assert said == ["0 of 1 done, fetching one"]
