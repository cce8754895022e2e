"""The real `safedns blocklist update` and `sources` against real servers on loopback."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from safedns.cli.blocklist.sources import age
from tests.helpers.listserver import ListServer, make_certificate, some_names, tls_server

pytestmark = pytest.mark.e2e

DATA = Path(__file__).parents[3] / "shared" / "data" / "lists"
ENVIRONMENT = os.environ | {"NO_PROXY": "*", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def server():
    server = ListServer()
    yield server
    server.close()


def write_catalogue(folder, **urls):
    """A catalogue of plain lists of about 1,000 names."""
    text = "sources:\n" + "".join(
        f"- {{id: {word}, url: '{url}', format: plain, licence: MIT, homepage: 'https://lists.safedns.example/', "
        "category: games, refresh: 1 d, expected: 1000, enabled: true}\n"
        for word, url in urls.items()
    )
    (folder / "catalogue.yaml").write_text(text)


def command(folder, *words):
    places = ("--catalogue", str(folder / "catalogue.yaml"), "--store", str(folder / "store"))
    return [sys.executable, "-m", "safedns", "blocklist", words[0], *places, *words[1:]]


def run(folder, *words, **options):
    return subprocess.run(
        command(folder, *words), capture_output=True, text=True, env=ENVIRONMENT, check=False, timeout=25, **options
    )


def copy(folder, word="one"):
    return (folder / "store" / f"{word}.list").read_bytes()


def wait_until(true, what):
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)


def test_a_table_says_what_became_of_each(server, tmp_path):
    write_catalogue(tmp_path, one=server.serve("/1", some_names(1000)), two=server.serve("/2", some_names(1200)))
    first = run(tmp_path, "update")
    assert (first.returncode, first.stderr) == (0, "")
    server.serve("/1", some_names(1010))
    server.serve("/2", b"<html>An error.</html>")
    second = run(tmp_path, "update", "--force")
    assert second.returncode == 1
    lines = [line.split(maxsplit=3) for line in second.stdout.splitlines()]
    assert lines[1] == ["one", "changed", "1,010", "+10 names"]
    assert lines[2][:3] == ["two", "failed", "1,200"]
    assert "HTML" in lines[2][3]
    assert lines[2][3].endswith("(the copy of 0 min ago stays)")
    assert copy(tmp_path, "two") == some_names(1200)


def test_json(server, tmp_path):
    write_catalogue(tmp_path, one=server.serve("/1", some_names(1000)), two=server.url + "/none")
    done = run(tmp_path, "update", "--json")
    assert done.returncode == 1
    one, two = json.loads(done.stdout)
    assert (one["id"], one["outcome"], one["names"], one["problem"]) == ("one", "new", 1000, "")
    assert (two["outcome"], two["names"]) == ("failed", None)
    assert "404" in two["problem"]


def test_ids(server, tmp_path):
    write_catalogue(tmp_path, one=server.serve("/1", some_names(1000)), two=server.serve("/2", some_names(1000)))
    assert run(tmp_path, "update", "two").returncode == 0
    assert [path for path, _ in server.requests] == ["/2"]
    unknown = run(tmp_path, "update", "three")
    assert unknown.returncode == 2
    assert "found three" in unknown.stderr


def test_the_build_configuration_says_where(server, tmp_path):
    write_catalogue(tmp_path, one=server.serve("/1", some_names(1000)))
    (tmp_path / "build.yaml").write_text("catalogue: catalogue.yaml\nstore: kept\n")
    words = [sys.executable, "-m", "safedns", "blocklist", "update", "--config", str(tmp_path / "build.yaml")]
    subprocess.run(words, check=True, env=ENVIRONMENT, capture_output=True)
    assert (tmp_path / "kept" / "one.list").read_bytes() == some_names(1000)


def test_sources(server, tmp_path):
    write_catalogue(tmp_path, two=server.url + "/2", one=server.serve("/1", some_names(1000)))
    run(tmp_path, "update", "one")
    rows = json.loads(run(tmp_path, "sources", "--json").stdout)
    assert [row["id"] for row in rows] == ["one", "two"]
    assert (rows[0]["names"], rows[0]["licence"], rows[0]["enabled"]) == (1000, "MIT", True)
    assert rows[1]["names"] is None
    table = run(tmp_path, "sources").stdout.splitlines()
    assert table[1].split() == [
        "one",
        "games",
        "MIT",
        "plain",
        "yes",
        "1,000",
        "0",
        "min",
        f"{len(some_names(1000)):,}",
    ]


def test_a_certificate_is_verified(tmp_path):
    certificate, key = make_certificate(tmp_path)
    server = tls_server(certificate, key)
    write_catalogue(tmp_path, one=server.serve("/1", some_names(1000)))
    refused = run(tmp_path, "update")
    assert refused.returncode == 1
    assert "expected a certificate that can be trusted" in refused.stdout
    assert run(tmp_path, "update", "--ca", str(certificate)).returncode == 0
    server.close()


def stalled(server, folder):
    """An update that has a good copy and half of a new one, and waits for the rest; and what lets it go on."""
    write_catalogue(folder, one=server.serve("/1", some_names(1000)))
    assert run(folder, "update").returncode == 0
    rest = threading.Event()
    server.serve("/1", some_names(600), headers={"Content-Length": "1000000"}, wait=rest)
    process = subprocess.Popen(command(folder, "update", "--force"), env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    wait_until(lambda: (folder / "store" / ".one.part").exists(), "fetching")
    return process, rest


def test_a_killed_update_leaves_the_good_copy(server, tmp_path):
    process, rest = stalled(server, tmp_path)
    process.kill()
    process.wait()
    rest.set()
    assert copy(tmp_path) == some_names(1000)
    server.serve("/1", some_names(1010))
    assert run(tmp_path, "update", "--force").returncode == 0
    assert copy(tmp_path) == some_names(1010)
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".lock", "one.json", "one.list"]


def test_two_updates_at_once(server, tmp_path):
    process, rest = stalled(server, tmp_path)
    second = run(tmp_path, "update", "--force")
    rest.set()
    assert process.wait(10) == 1
    assert second.returncode == 2
    assert "found another update at work in it" in second.stderr
    assert copy(tmp_path) == some_names(1000)


def test_a_full_disk_leaves_the_good_copy(server, tmp_path):
    write_catalogue(tmp_path, one=server.serve("/1", some_names(1000)))
    run(tmp_path, "update")
    server.serve("/1", some_names(5000))
    full = run(
        tmp_path, "update", "--force", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    )
    assert full.returncode == 1
    assert "expected room for the list, found: File too large" in full.stdout
    assert copy(tmp_path) == some_names(1000)


@pytest.mark.skipif(not DATA.is_dir(), reason="the sample lists are not on this machine")
def test_real_lists(server, tmp_path):
    lists = [("gambling.hostsvn.txt", 65_759), ("adult.shadowwhisperer.txt", 219_522), ("games.ut1-games.txt", 33_741)]
    lists += [("gambling.hostsvn.sample.hosts", 390)]
    text = "sources:\n"
    for number, (name, expected) in enumerate(lists):
        url = server.serve(f"/{name}", (DATA / name).read_bytes())
        form = "hosts" if name.endswith(".hosts") else "plain"
        text += f"- {{id: s{number}, url: '{url}', format: {form}, licence: MIT, homepage: '{url}', category: games, "
        text += f"refresh: 1 d, expected: {expected}, enabled: true}}\n"
    (tmp_path / "catalogue.yaml").write_text(text)
    done = run(tmp_path, "update", "--json")
    assert done.returncode == 0, done.stdout
    for row, (name, expected) in zip(json.loads(done.stdout), lists, strict=True):
        assert expected * 0.99 <= row["names"] <= expected * 1.01, name  # some of their lines are no names


def test_ages():
    assert [age(0, now) for now in (-5, 59, 60, 3599, 3600, 86_400, 864_000)] == [
        "0 min",
        "0 min",
        "1 min",
        "59 min",
        "1 h",
        "1 d",
        "10 d",
    ]
