"""Each attack is refused, and the blocklist that was there goes on serving."""

import hashlib
import json
import shutil
import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import zstandard
from tuf.api.metadata import Metadata, Targets

from safedns.blocklist.release import Object
from safedns.coordinator.repository import OnlineKeys
from safedns.errors import SafeDNSError
from safedns.sync import transfer
from safedns.sync.trust import StaleError
from tests.helpers.publisher import CHANNEL, Centre, Home, WebServer, keys


@pytest.fixture
def home(tmp_path: Path, centre: Centre, server: WebServer) -> Home:
    """A router that has serial 1."""
    centre.publish(["a.example"], 1)
    home = Home(tmp_path / "home", centre, server.url)
    assert home.sync().serial == 1
    return home


def refused(home: Home, match: str, kind: type[SafeDNSError] = SafeDNSError, **options: object) -> None:
    """A sync fails with this sentence; nothing that serves changes, and nothing is left behind."""
    before = home.store.active.read_bytes()
    with pytest.raises(kind, match=match):
        home.sync(**options)
    assert home.store.active.read_bytes() == before
    assert home.blocks("a.example")
    assert home.store.load().problem
    left = {path.name for path in home.store.folder.iterdir()}
    assert left <= {"blocklist.sdns", "previous.sdns", "state.json"}


def snapshot_of(centre: Centre, folder: Path) -> Path:
    """A copy of everything that is published now."""
    return Path(shutil.copytree(centre.public, folder))


def edit_pack(centre: Centre, **files: str) -> None:
    path = centre.public / "packs" / f"{CHANNEL}.zst"
    pack = json.loads(zstandard.decompress(path.read_bytes()))
    path.write_bytes(zstandard.compress(json.dumps(pack | files).encode()))


def newest(centre: Centre, name: str) -> Path:
    found = (centre.public / "metadata").glob(f"*.{name}.json")
    return max(found, key=lambda path: int(path.name.partition(".")[0]))


def test_a_mirror_that_serves_old_files_can_t_roll_back(centre: Centre, home: Home, tmp_path: Path) -> None:
    old = snapshot_of(centre, tmp_path / "old")
    centre.publish(["a.example", "b.example"], 2)
    assert home.sync().serial == 2
    stale = WebServer(old)
    home.urls = (stale.url,)
    refused(home, r"New timestamp version \d must be >= \d")
    stale.close()
    # Even one that has lost its memory does not go back: the blocklist itself says which serial it is.
    (home.store.folder / "state.json").unlink()
    stale = WebServer(old)
    home.urls = (stale.url,)
    outcome = home.sync()
    stale.close()
    assert (outcome.serial, outcome.reason) == (2, "serial 1 is older than 2: never taken")


def test_a_freeze_is_noticed_when_the_metadata_expires(centre: Centre, home: Home) -> None:
    clock = centre.now + timedelta(days=8)
    refused(home, "expected metadata that has not expired", StaleError, clock=clock)


def test_a_month_without_the_coordinator_and_then_it_is_back(centre: Centre, server: WebServer, home: Home) -> None:
    server.close()
    refused(home, "can't be fetched", clock=centre.now + timedelta(days=30))
    centre.now += timedelta(days=30)
    centre.publish(["a.example", "b.example"], 2)
    again = WebServer(centre.public)
    home.urls = (again.url,)
    assert home.sync().serial == 2
    again.close()


def test_a_clock_in_the_past_does_not_unfreeze(centre: Centre, home: Home) -> None:
    """What was signed last is a time that has passed, whatever the clock says."""
    centre.later(days=6)
    assert home.sync().serial == 1
    centre.publish(["a.example", "b.example"], 2)
    state = home.store.load()
    state.signed = int((centre.now + timedelta(days=30)).timestamp())
    home.store.save(state)
    refused(home, "has not expired", StaleError)


def test_files_of_different_times_are_not_mixed(centre: Centre, home: Home) -> None:
    old = newest(centre, f"channel-{CHANNEL}").read_text()
    centre.publish(["a.example", "b.example"], 2)
    name = newest(centre, f"channel-{CHANNEL}").name
    edit_pack(centre, **{name: old})
    refused(home, "found: Expected channel-isp-a v3, got v2")


def test_who_has_no_key_signs_nothing(centre: Centre, home: Home) -> None:
    centre.online = OnlineKeys(
        centre.online.snapshot, centre.online.timestamp, dict.fromkeys(("isp-a", "isp-b"), keys()[0])
    )
    centre.publish(["a.example", "b.example"], 2)
    refused(home, "signed as it has to be, found: channel-isp-a was signed by 0/1 keys")


def test_the_key_of_one_channel_does_not_sign_for_another(centre: Centre, home: Home) -> None:
    other = centre.online.channels["isp-b"]
    centre.online = replace(centre.online, channels={"isp-a": other, "isp-b": other})
    centre.publish(["a.example", "b.example"], 2)
    refused(home, "channel-isp-a was signed by 0/1 keys")


def test_a_channel_s_key_can_t_sign_paths_of_another(centre: Centre, home: Home) -> None:
    """isp-b's role names a release of isp-a: it is not looked for there."""
    release = centre.publish(["evil.example"], 9, channel="isp-b")
    centre.repository.sign({"isp-b": [replace(release, channel="isp-a")]}, centre.online, centre.now)
    centre.repository.write()
    outcome = home.sync()
    assert (outcome.serial, outcome.available) == (1, 1)


def test_too_few_offline_keys_don_t_move_a_channel_to_a_new_key(centre: Centre, home: Home) -> None:
    thief = keys()[0]
    centre.offline = replace(centre.offline, targets=centre.offline.targets[:1])
    centre.online = replace(centre.online, channels={"isp-a": thief, "isp-b": thief})
    centre.repository.delegate(centre.offline, centre.online, centre.now)
    centre.repository.write()
    centre.publish(["a.example", "b.example"], 2)
    refused(home, "targets was signed by 1/2 keys")


def test_stolen_online_keys_are_replaced_by_a_ceremony(centre: Centre, home: Home) -> None:
    """A thief has all online keys; another key is delegated offline, and the thief's signatures count no more."""
    thief = centre.online
    fresh = keys()[0]
    centre.online = replace(centre.online, channels={"isp-a": fresh, "isp-b": fresh})
    centre.repository.delegate(centre.offline, centre.online, centre.now)
    centre.repository.write()
    centre.publish(["a.example", "b.example"], 2)
    assert home.sync().serial == 2
    centre.online = thief
    centre.publish(["a.example", "evil.example"], 3)
    refused(home, "channel-isp-a was signed by 0/1 keys")


def test_endless_data_is_cut(centre: Centre, server: WebServer, home: Home) -> None:
    sent = []

    def endless(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while len(sent) < 2000:
            sent.append(handler.wfile.write(bytes(65536)))

    server.answer = endless
    refused(home, "expected at most 65,536 bytes, found more; the mirror is broken")
    assert len(sent) < 1000


def test_a_length_that_is_too_large_is_refused_at_once(server: WebServer, home: Home) -> None:
    def large(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2**40))
        handler.end_headers()

    server.answer = large
    refused(home, "found 1099511627776; the mirror is broken")


def test_slow_mirrors_are_given_up(server: WebServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_STALL", 0.5)

    def slow(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    server.answer = slow
    begun = time.monotonic()
    refused(home, "expected 2,048 bytes a second, found fewer; given up")
    assert time.monotonic() - begun < 5


def test_a_mirror_that_accepts_and_says_nothing(home: Home, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_STALL", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        home.urls = (f"http://127.0.0.1:{silent.getsockname()[1]}", server.url)
        assert home.sync().serial == 1
        home.urls = home.urls[:1]
        refused(home, "can't be fetched: .*timed out")


def test_a_proxy_that_answers_html(server: WebServer, home: Home) -> None:
    def page(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"<html><body>Please log in.</body></html>")

    server.answer = page
    refused(home, "expected a pack of metadata, found something else; a proxy may stand in between")


def test_a_redirect_is_not_followed(server: WebServer, home: Home) -> None:
    def elsewhere(handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.end_headers()

    server.answer = elsewhere
    refused(home, "expected a file, found HTTP status 302")


def test_an_object_that_is_another_is_refused_and_the_whole_taken(
    centre: Centre, server: WebServer, home: Home
) -> None:
    release = centre.publish(["a.example", "b.example"], 2)
    path = centre.public / release.deltas[1].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert home.sync().serial == 2
    assert server.asked[-2:] == [f"/{release.deltas[1].path}", f"/{release.deltas[0].path}"]


def test_objects_that_are_cut_short_or_gone_change_nothing(centre: Centre, home: Home) -> None:
    release = centre.publish(["a.example", "b.example"], 2)
    for each in release.deltas.values():
        path = centre.public / each.path
        path.write_bytes(path.read_bytes()[:-1])
    refused(home, "expected .* bytes with SHA-256")
    for each in release.deltas.values():
        (centre.public / each.path).unlink()
    refused(home, "expected a file, found that there is none")


def test_a_signed_delta_that_makes_something_else_is_refused(centre: Centre, home: Home) -> None:
    """Whoever may sign made a mistake: the objects lead to another blocklist than the one that is signed."""
    honest = centre.publish(["a.example", "b.example"], 2)
    other = replace(honest, bundle=Object(hashlib.sha256(b"other").hexdigest(), honest.bundle.length))
    centre.repository.sign({CHANNEL: [other]}, centre.online, centre.now)
    centre.repository.write()
    refused(home, "serial 2: expected .* bytes with SHA-256")


def test_signed_nonsense_is_no_release(centre: Centre, home: Home) -> None:
    release = centre.publish(["a.example", "b.example"], 2)
    path = newest(centre, f"channel-{CHANNEL}")
    metadata = Metadata[Targets].from_file(str(path))
    for custom in (
        None,
        {},
        {"deltas": 7},
        release.custom() | {"ramp": [[0, "all"]]},
        release.custom() | {"created": -1},
    ):
        target = metadata.signed.targets[release.path]
        target.unrecognized_fields = {} if custom is None else {"custom": custom}
        metadata.signed.version += 1
        metadata.sign(centre.online.channels[CHANNEL])
        metadata.to_file(str(path.with_name(f"{metadata.signed.version}.channel-{CHANNEL}.json")))
        centre.repository.refresh(centre.online, centre.now)
        centre.repository.write()
        refused(home, f"{release.path}: expected the description of a release, found something else")


def test_syncs_of_many_routers_at_a_time(centre: Centre, tmp_path: Path, server: WebServer) -> None:
    centre.publish(["a.example"], 1)
    homes = [Home(tmp_path / f"h{number}", centre, server.url, device=str(number)) for number in range(10)]
    threads = [threading.Thread(target=home.sync) for home in homes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert all(home.blocks("a.example") for home in homes)
