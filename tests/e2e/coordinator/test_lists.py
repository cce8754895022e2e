"""Lists, changes, second persons, and what is published of them; on SQLite and on PostgreSQL with NATS."""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from safedns import _native
from tests.e2e.coordinator.conftest import Country
from tests.helpers.coordinator import Person, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


class Line:
    """A channel of the coordinating body's with a list of its own. What tests only need goes over the API; what they
    are about goes over the command line."""

    def __init__(self, country: Country, category: str = "gambling") -> None:
        self.country = country
        self.channel = next(country.lines)
        self.operator: Person = country.ministry["operator"]
        self.reviewer: Person = country.ministry["reviewer"]
        self.list = country.word("orders")
        self._ask("POST", "/v1/lists", {"name": self.list, "category": category})
        self._ask("PUT", f"/v1/channels/{self.channel}/lists", {"lists": [self.list]})

    def change(self, *names: str, verb: str = "block", **flags: str) -> dict:
        """Propose by the command line."""
        words = [word for flag, value in flags.items() for word in (f"--{flag.replace('_', '-')}", value)]
        return self.operator.json(verb, self.list, *names, "--reason", "order 1", *words)

    def approved(self, *names: str, action: str = "add") -> int:
        """Have names in the list, or out of it."""
        items = [{"action": action, "name": name, "reason": "order 1"} for name in names]
        number = self._ask("POST", f"/v1/lists/{self.list}/changes", {"reason": "order 1", "items": items})["id"]
        until(lambda: self._ask("GET", f"/v1/changes/{number}")["state"] == "open")
        self._ask("POST", f"/v1/changes/{number}/approve", {}, self.reviewer)
        return number

    def publish(self, *flags: str) -> None:
        """Publish, and wait until it is out."""
        body = {"reason": "weekly", "at_once": "--at-once" in flags}
        serial = self._ask("POST", f"/v1/channels/{self.channel}/releases", body)["serial"]
        until(lambda: self.release(serial)["state"] not in ("queued", "building"))
        assert self.release(serial)["state"] == "published", self.release(serial)

    def release(self, serial: int) -> dict:
        return self._ask("GET", f"/v1/channels/{self.channel}/releases/{serial}")

    def releases(self) -> list[dict]:
        return self._ask("GET", f"/v1/channels/{self.channel}/releases")

    def bundle(self, serial: int, folder: Path) -> _native.Blocklist:
        path = folder / f"{self.channel}-{serial}.sdns"
        self.operator("download", self.channel, str(serial), "--output", str(path))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == self.release(serial)["sha256"]
        return _native.Blocklist.load(str(path))

    def _ask(self, method: str, path: str, body: object = None, person: Person | None = None) -> Any:
        status, found = (person or self.operator).ask(method, path, body)
        assert status < 300, (method, path, found)
        return found


@pytest.fixture
def line(country: Country) -> Line:
    return Line(country)


def test_proposed_by_one_approved_by_another_and_published(line: Line, tmp_path: Path) -> None:
    change = line.change("casino.example", "Bài-bạc.example", scope="suffix", expires="30d")
    assert (change["state"], change["review"], change["blocked"]) == ("open", True, 2)
    assert change["report"]["news"][0]["categories"] == ["gambling"]
    assert {item["name"] for item in change["items"]} == {"casino.example", "xn--bi-bc-rqa6344c.example"}
    denied = line.operator("approve", str(change["id"]), status=2)
    assert "expected a token of a role that may review" in denied
    line.reviewer("approve", str(change["id"]))
    again = line.reviewer("approve", str(change["id"]), status=2)
    assert f"change {change['id']} is approved: there is nothing to decide" in again
    said = line.operator("publish", line.channel, "--reason", "weekly", "--at-once")
    assert "serial 1 is published: 2 names; for all routers" in said
    bundle = line.bundle(1, tmp_path)
    assert bundle.lookup("www.casino.example")[0]
    assert bundle.serial == 1
    entries = line.operator.json("entries", line.list)
    assert [entry["reason"] for entry in entries] == ["order 1", "order 1"]
    assert all(29 < (entry["expires"] - time.time()) / 86400 < 31 for entry in entries)


def test_nobody_approves_their_own_change(line: Line, country: Country) -> None:
    """Two tokens of one person are one person."""
    token = country.ministry["administrator"]("token-add", "ministry-operator", "reviewer").strip()
    second = Person(country.coordinator.people, "second", country.url, token)
    change = line.change("casino.example")
    assert "expected somebody else than its author" in second("approve", str(change["id"]), status=2)
    assert "expected somebody else than its author" in second("reject", str(change["id"]), status=2)
    line.reviewer("reject", str(change["id"]), "--comment", "no order")
    found = line.operator.json("change", str(change["id"]))
    assert (found["state"], found["decisions"][0]["comment"]) == ("rejected", "no order")


def test_what_breaks_the_internet_can_t_be_approved(line: Line) -> None:
    change = line.operator(
        "block", line.list, "com.vn", "time.windows.com", "--reason", "mistake", status=1
    )  # fmt: skip
    assert "REFUSED" in change
    number = line.operator.json("changes", "--state", "refused")[0]["id"]
    assert "there is nothing to decide" in line.reviewer("approve", str(number), status=2)
    line.reviewer("reject", str(number))


def test_an_import_without_what_the_guard_refuses(line: Line, tmp_path: Path) -> None:
    """Public lists have names in them that must stay; who imports one is told which, and gets the rest."""
    file = tmp_path / "public.txt"
    file.write_text("casino.example\ncom.vn\nbet.com.vn\ntime.windows.com\ngithub.io\npoker.github.io\n")
    refused = line.operator("import", line.list, str(file), "--reason", "weekly", status=1)
    assert "it would block time.windows.com" in refused
    assert "next: import the file again, with --without-refused" in refused
    said = line.operator("import", line.list, str(file), "--reason", "weekly", "--without-refused")
    assert "6 names in plain format; 0 bad lines\n3 of them taken out" in said
    change = line.operator.json("changes", "--state", "open")[0]
    items = line.operator.json("change", str(change["id"]))["items"]
    assert [(one["action"], one["name"]) for one in items] == [
        ("remove", "com.vn"),
        ("remove", "github.io"),
        ("remove", "time.windows.com"),
    ]
    assert items[2]["reason"].startswith("the guard refuses it: it would block time.windows.com")
    line.reviewer("approve", str(change["id"]))
    line.publish("--at-once")
    bundle = line.bundle(1, tmp_path)
    blocked = ("casino.example", "bet.com.vn", "poker.github.io")
    assert all(bundle.lookup(name)[0] for name in blocked)
    assert not any(bundle.lookup(name)[0] for name in ("x.com.vn", "time.windows.com", "someone.github.io"))
    # What was taken out stays out, and is not taken out again.
    file.write_text(file.read_text() + "bank.example\nocsp.digicert.com\n")
    again = line.operator.json("import", line.list, str(file), "--reason", "weekly", "--without-refused")
    assert [one["name"] for one in again["items"]] == ["ocsp.digicert.com"]
    assert again["state"] == "open"


def test_over_the_guard_s_limit_it_says_so_and_a_second_person_may(line: Line, tmp_path: Path) -> None:
    line.approved("a.example")
    line.publish("--at-once")
    file = tmp_path / "many.txt"
    file.write_text("\n".join(f"n{number}.example" for number in range(4000)))
    change = line.operator.json("import", line.list, str(file), "--reason", "a whole register")
    assert change["state"] == "open"
    assert any(why.startswith("over the guard's limit: it would grow from 1 to 4,001 names") for why in change["why"])
    line.reviewer("approve", str(change["id"]))
    line.publish("--at-once")
    release = line.release(2)
    assert (release["state"], release["bulk"], release["names"]) == ("published", True, 4001)
    assert line.bundle(2, tmp_path).lookup("n3999.example")[0]
    # What the second person let pass counts once.
    line.approved("b.example")
    line.publish("--at-once")
    assert line.release(3)["bulk"] is False


def test_mandatory_categories_need_an_order_and_a_second_person(country: Country) -> None:
    line = Line(country, "court_ministry_order")
    refused = line.operator("block", line.list, "a.example", "--reason", "hearsay", status=2)
    assert "legal_basis: expected the order or law, as court_ministry_order is mandatory" in refused
    change = line.change("a.example", legal_basis="Decision 5/2026")
    assert "court_ministry_order is a mandatory category" in change["why"]


def test_where_a_tenant_says_so_harmless_changes_need_no_second_person(country: Country) -> None:
    administrator = country.ministry["administrator"]
    tenant = country.word("quick")
    administrator("tenant-add", tenant, "--review", "needed")
    token = administrator("token-add", "first", "administrator", "--tenant", tenant).strip()
    first = Person(country.coordinator.people, tenant, country.url, token)
    operator = Person(
        country.coordinator.people, f"{tenant}-operator", country.url, first("token-add", "an", "operator").strip()
    )
    operator("list-add", "ours", "--category", "gambling")
    assert operator.json("block", "ours", "a.example", "--reason", "seen")["state"] == "approved"
    found = operator.json("block", "ours", "b.example", "--reason", "seen", "--fast")
    assert (found["state"], found["why"]) == ("open", ["it takes the fast lane"])


def test_taken_out_retracted_reverted(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("0.0.0.0 a.example\n0.0.0.0 b.example\n0.0.0.0 deep.a.example\n")
    change = line.operator.json("import", line.list, str(file), "--reason", "register")
    line.reviewer("approve", str(change["id"]))
    line.approved("a.example", action="remove")
    line.publish("--at-once")
    bundle = line.bundle(1, tmp_path)
    assert not bundle.lookup("a.example")[0]
    assert bundle.lookup("deep.a.example")[0]
    assert bundle.lookup("b.example")[0]
    removal = line.operator.json("changes")[0]
    assert removal["list"] == line.list
    revert = line.operator.json("revert", str(removal["id"]), "--comment", "the appeal failed")
    line.reviewer("approve", str(revert["id"]))
    line.publish("--at-once")
    assert line.bundle(2, tmp_path).lookup("a.example")[0]
    diff = line.operator.json("diff", line.channel, "2", "--since", "1")
    assert diff == {"entries": [{"name": "a.example", "before": [], "after": ["gambling"]}], "more": False}


def test_an_import_is_replaced_and_taken_back(line: Line, tmp_path: Path) -> None:
    for number, names in enumerate(("a.example\nb.example", "b.example\nc.example")):
        file = tmp_path / f"{number}.txt"
        file.write_text(names)
        change = line.operator.json("import", line.list, str(file), "--reason", "register")
        line.reviewer("approve", str(change["id"]))
    line.publish("--at-once")
    assert [bool(line.bundle(1, tmp_path).lookup(f"{name}.example")[0]) for name in "abc"] == [False, True, True]
    revert = line.operator.json("revert", str(change["id"]))
    line.reviewer("approve", str(revert["id"]))
    line.publish("--at-once")
    assert [bool(line.bundle(2, tmp_path).lookup(f"{name}.example")[0]) for name in "abc"] == [True, True, False]


def test_no_list_is_no_import(line: Line, tmp_path: Path) -> None:
    page = tmp_path / "list.txt"
    page.write_text("<html><body>Not found</body></html>")
    said = line.operator("import", line.list, str(page), "--reason", "register", status=2)
    assert "list.txt: expected a list, found what looks like" in said
    assert "/tmp/" not in said
    page.write_text("# nothing\n")
    assert "list.txt: expected names, found only comments" in line.operator(
        "import", line.list, str(page), "--reason", "register", status=2
    )


def test_entries_leave_on_time(line: Line, tmp_path: Path) -> None:
    body = {
        "reason": "for an hour",
        "items": [
            {"name": "short.example", "reason": "order", "expires": int(time.time()) + 5},
            {"name": "long.example", "reason": "order"},
        ],
    }
    status, change = line.operator.ask("POST", f"/v1/lists/{line.list}/changes", body)
    assert status == 202
    until(lambda: line.operator.ask("GET", f"/v1/changes/{change['id']}")[1]["state"] == "open")
    line.reviewer("approve", str(change["id"]))
    line.publish("--at-once")
    assert line.bundle(1, tmp_path).lookup("short.example")[0]
    until(lambda: any(row["serial"] == 2 and row["state"] == "published" for row in line.releases()), 20)
    bundle = line.bundle(2, tmp_path)
    assert not bundle.lookup("short.example")[0]
    assert bundle.lookup("long.example")[0]
    assert line.release(2)["share"] == 1
    assert [entry["name"] for entry in line.operator.json("entries", line.list)] == ["long.example"]


def test_a_hundred_changes_approved_at_once(line: Line, tmp_path: Path) -> None:
    line.approved("first.example")
    line.publish("--at-once")
    with ThreadPoolExecutor(10) as pool:
        bodies = [
            {"reason": "order", "items": [{"name": f"n{number}.example", "reason": "order"}]} for number in range(100)
        ]
        made = list(pool.map(lambda body: line.operator.ask("POST", f"/v1/lists/{line.list}/changes", body), bodies))
        assert {status for status, _ in made} == {202}
        numbers = [change["id"] for _, change in made]

        def approve(number: int) -> int:
            until(lambda: line.operator.ask("GET", f"/v1/changes/{number}")[1]["state"] == "open", 60)
            return line.reviewer.ask("POST", f"/v1/changes/{number}/approve", {})[0]

        assert list(pool.map(approve, numbers)) == [200] * 100
    revisions = {line.operator.ask("GET", f"/v1/changes/{number}")[1]["revision"] for number in numbers}
    assert revisions == set(range(2, 102))
    line.publish("--at-once")
    bundle = line.bundle(2, tmp_path)
    assert bundle.names == 101
    assert all(bundle.lookup(f"n{number}.example")[0] for number in range(100))


def test_rolled_back_means_rolled_forward(line: Line, tmp_path: Path) -> None:
    line.approved("a.example")
    line.publish("--at-once")
    line.approved("b.example")
    line.publish("--at-once")
    line.operator("republish", line.channel, "1", "--reason", "b.example is innocent", "--at-once")
    until(lambda: line.releases()[0]["state"] == "published")
    newest = line.releases()[0]
    assert (newest["serial"], newest["republished"]) == (3, 1)
    bundle = line.bundle(3, tmp_path)
    assert (bundle.serial, bundle.names) == (3, 1)
    assert list(_native.differences(line.bundle(1, tmp_path), bundle)) == []


def test_a_bundle_that_was_lost_is_made_again_to_the_byte(line: Line, country: Country, tmp_path: Path) -> None:
    line.approved("a.example", "b.example")
    line.publish("--at-once")
    archive = country.coordinator.folder / "archive" / f"{line.channel}-1.sdns"
    archive.unlink()
    for blob in (country.coordinator.folder / "blobs").glob("*.zst"):
        blob.unlink()
    line.bundle(1, tmp_path)
    assert archive.exists()


def test_a_rollout_pauses_resumes_and_is_aborted(line: Line, tmp_path: Path) -> None:
    line.approved("a.example")
    line.publish("--at-once")
    line.approved("b.example")
    line.publish()
    release = line.release(2)
    assert (release["share"], 1790 < release["next_step"] <= 1800) == (0.001, True)
    line.operator("pause", line.channel, "2", "--reason", "calls")
    assert (line.release(2)["state"], line.release(2)["pause_reason"]) == ("paused", "calls")
    assert "is paused: it can't be paused" in line.operator("pause", line.channel, "2", "--reason", "x", status=2)
    line.operator("resume", line.channel, "2")
    assert line.release(2)["state"] == "published"
    line.reviewer("abort", line.channel, "2", "--reason", "b.example is a hospital")
    until(lambda: line.releases()[0]["serial"] == 3 and line.releases()[0]["state"] == "published")
    assert [row["state"] for row in line.releases()] == ["published", "aborted", "published"]
    assert line.bundle(3, tmp_path).names == 1
    assert line.release(3)["share"] == 1


def test_a_release_without_its_guard_waits_for_a_second_person(line: Line) -> None:
    line.approved("a.example")
    said = line.operator("publish", line.channel, "--reason", "weekly", "--bulk")
    assert "serial 1 waits for a second person" in said
    assert "may review" in line.operator("release-approve", line.channel, "1", status=2)
    line.reviewer("release-approve", line.channel, "1")
    until(lambda: line.release(1)["state"] == "published")


def test_a_channel_without_a_key_says_what_to_do(country: Country) -> None:
    channel = country.word("keyless")
    country.ministry["administrator"]("channel-add", channel)
    operator = country.ministry["operator"]
    name = country.word("list")
    operator("list-add", name, "--category", "gambling")
    operator("channel-lists", channel, name)
    said = operator("publish", channel, "--reason", "first", status=2)
    assert f"channel {channel}: expected its key, found none; run safedns coordinator keys channel" in said


def test_the_audit_holds_every_step_and_shows_what_was_altered(line: Line, country: Country, tmp_path: Path) -> None:
    number = line.approved("a.example")
    records = country.ministry["auditor"].json("audit", "--after", "0")["records"]
    assert records[0]["action"] == "coordinator.init"
    said = country.coordinator.command("audit", "verify")
    head = said.split("head ")[1].strip()
    line.approved("b.example")
    country.coordinator.command("audit", "verify", "--head", head)
    wrong = country.coordinator.command("audit", "verify", "--head", head[:-4] + "beef", status=2)
    assert "the audit chain is another one" in wrong
    file = tmp_path / "audit.jsonl"
    country.coordinator.command("audit", "export", "--output", str(file))
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    assert lines[-1]["head"] == len(lines) - 1
    ours = [row["action"] for row in lines[:-1] if row["subject"] == str(number)]
    assert ours[:2] == ["change.propose", "change.approve"]
    denied = line.operator("audit", status=2)
    assert "expected a token of a role that may audit" in denied
