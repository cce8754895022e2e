"""Builds from a whole configuration: what counts, what is said, and that nothing changes when the guard refuses."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from safedns import _native
from safedns.blocklist.build import RefusedError, build
from safedns.blocklist.categories import BY_ID
from safedns.blocklist.compile import Report, Summary
from safedns.blocklist.plan import load_plan
from safedns.errors import BlocklistError


class Operator:
    """Somebody with lists, a build configuration, and a blocklist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "out.sdns"
        self.config: dict[str, Any] = {"catalogue": None, "sources": []}
        self.bad: list[str] = []

    def add(self, word: str, text: str, **more: Any) -> None:
        """Add a list, or change it."""
        (self.folder / f"{word}.txt").write_text(text)
        lists = self.config.setdefault("lists", [])
        lists[:] = [each for each in lists if each["id"] != word]
        lists.append({"id": word, "path": f"{word}.txt"} | more)

    def write_config(self) -> Path:
        path = self.folder / "build.yaml"
        path.write_text(yaml.safe_dump(self.config, sort_keys=False))
        return path

    def command(self) -> list[str]:
        """The program that builds."""
        files = ("--config", str(self.write_config()), "--output", str(self.output))
        return [sys.executable, "-m", "safedns", "blocklist", "build", *files]

    def build(self, **options: Any) -> Summary:
        path = self.write_config()
        report = Report(lambda _path, _count: None, self.bad.append)
        return build(load_plan(str(path)), str(self.output), report, **options)[0]

    def categories(self, name: str) -> set[str]:
        mask, _ = _native.Blocklist.load(str(self.output)).lookup(name)
        return {word for word, category in BY_ID.items() if mask >> category.number & 1}

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name.startswith("out")}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def many(count: int, word: str = "n") -> str:
    return "".join(f"{word}{number}.example\n" for number in range(count))


def test_lists_entries_and_exceptions_in_their_order_of_strength(operator: Operator) -> None:
    operator.add("bets", "bet.example\nopen.example\nboth.example\n", category="gambling")
    operator.add("ads", "||ad.example^\n||both.example^\n@@||fine.ad.example^\n", category="ads_trackers")
    operator.add("more", "fine.ad.example\ndeep.open.example\n", category="malware")
    operator.add("open", "open.example\n", allow=True)
    operator.config["block"] = [
        {"name": "own.example", "category": "porn", "reason": "r", "scope": "exact"},
        {"name": "below.example", "category": "porn", "reason": "r", "scope": "below"},
    ]
    operator.config["allow"] = [
        {"name": "www.bet.example", "reason": "appeal"},
        {"name": "both.example", "categories": ["gambling"], "reason": "not that"},
    ]
    operator.build()
    for name, expected in {
        "bet.example": {"gambling"},
        "x.bet.example": {"gambling"},
        "www.bet.example": set(),
        "a.www.bet.example": set(),
        "both.example": {"ads_trackers"},
        "ad.example": {"ads_trackers"},
        "fine.ad.example": {"malware"},
        "open.example": set(),
        "deep.open.example": {"malware"},
        "own.example": {"porn"},
        "x.own.example": set(),
        "below.example": set(),
        "x.below.example": {"porn"},
    }.items():
        assert operator.categories(name) == expected, name


def test_counts_by_list(operator: Operator) -> None:
    operator.add("first", "a.example\nb.example\nb.example\nx.a.example\nno name here\n" + many(20), category="porn")
    operator.add("second", "||b.example^\n||c.example^\n||d.example^$removeparam=x\n", category="porn")
    summary = operator.build()
    first, second = summary.inputs
    assert (first.id, first.format, first.names, first.unique, first.covered, first.bad) == (
        "first", "plain", 23, 22, 1, 1
    )  # fmt: skip
    assert (second.format, second.names, second.unique, second.covered) == ("adblock", 2, 1, 0)
    assert sum(second.skipped.values()) == 1
    assert summary.overlaps == (("first", "second", 1),)
    assert (summary.names, summary.entries, summary.bad) == (24, 23, 1)
    assert summary.counts == {"porn": 24}
    assert len(operator.bad) == 1
    assert operator.bad[0].startswith(f"{operator.folder}/first.txt:5: ")
    assert operator.bad[0].endswith(": 'no name here'")


def test_the_same_names_give_the_same_bytes(operator: Operator) -> None:
    names = [f"n{number % 997}.d{number % 13}.example" for number in range(4000)]
    operator.add("one", "\n".join(names), category="porn")
    operator.add("two", "\n".join(names[::3]), category="malware")
    operator.build(serial=5)
    first = operator.output.read_bytes()
    random.Random(2).shuffle(names)
    operator.config["lists"].reverse()
    operator.add("one", "\n".join(names), category="porn")
    operator.config["memory"] = "1 MiB"
    operator.output.unlink()
    operator.build(serial=5)
    assert operator.output.read_bytes() == first


def test_sorting_on_the_disk_gives_the_same_files(operator: Operator) -> None:
    generator = random.Random(3)
    names = [f"{generator.getrandbits(64):x}.{generator.getrandbits(16):x}.example" for _ in range(60_000)]
    operator.add("one", "\n".join(names), category="porn")
    operator.config["memory"] = "1 GiB"
    operator.build(serial=5)
    in_memory = operator.files()
    for path in operator.folder.glob("out*"):
        path.unlink()
    operator.config["memory"] = "1 MiB"
    operator.build(serial=5)
    assert operator.files() == in_memory


def test_the_serial_counts_up_and_can_be_chosen(operator: Operator) -> None:
    operator.add("one", "a.example\n", category="porn")
    assert [operator.build().serial, operator.build().serial] == [1, 2]
    assert operator.build(serial=20).serial == 20
    assert operator.build().serial == 21
    before = operator.files()
    for serial in (21, 3):
        with pytest.raises(BlocklistError, match=f"--serial: expected more than 21, .* found {serial}; serials only"):
            operator.build(serial=serial)
    assert operator.files() == before


def refused(operator: Operator, **options: Any) -> str:
    before = operator.files()
    with pytest.raises(RefusedError) as caught:
        operator.build(**options)
    assert operator.files() == before
    return str(caught.value)


@pytest.mark.parametrize("name", ["google.com", "com.vn", "gov.vn", "windowsupdate.com", "vn"])
def test_a_list_that_would_break_the_internet_changes_nothing(operator: Operator, name: str) -> None:
    operator.add("bets", "bet.example\n", category="gambling")
    operator.build()
    operator.add("bets", f"bet.example\n{name}\n", category="gambling")
    assert name in refused(operator)
    operator.config["allow"] = [{"name": name, "reason": "the list is wrong"}]
    operator.build()
    assert operator.categories(f"www.{name}") == set()


def test_growth_of_the_whole_and_of_one_list(operator: Operator) -> None:
    operator.add("large", many(20_000), category="porn")
    operator.add("small", many(4_000, "s"), category="malware")
    operator.build()
    operator.add("small", many(7_000, "s"), category="malware")
    assert "small" in refused(operator)
    operator.add("small", many(4_000, "s"), category="malware")
    operator.add("new", many(9_000, "new"), category="phishing")
    assert "33,000" in refused(operator)
    assert operator.build(bulk=True).names == 33_000
    # What was built last is what the next build is judged by.
    operator.build()


def test_overrides_have_a_reason_and_let_it_pass(operator: Operator) -> None:
    operator.add("bets", "github.io\n", category="gambling")
    assert "github.io" in refused(operator)
    operator.config["guard"] = {"overrides": [{"name": "github.io", "reason": "decision 13/2026"}]}
    operator.build()
    assert operator.categories("someone.github.io") == {"gambling"}


def test_a_list_of_another_kind_changes_nothing(operator: Operator) -> None:
    operator.add("bets", "bet.example\n", category="gambling")
    operator.build()
    before = operator.files()
    operator.add("bets", "<!DOCTYPE html>\n<html><body>Not found</body></html>\n", category="gambling")
    with pytest.raises(BlocklistError, match=r"bets\.txt: expected a list.*HTML"):
        operator.build()
    assert operator.files() == before


def catalogue_of_one(operator: Operator) -> None:
    source = {
        "id": "some",
        "url": "https://lists.example/some.txt",
        "format": "plain",
        "licence": "MIT",
        "homepage": "https://lists.example/",
        "category": "porn",
        "refresh": "1 d",
        "expected": 10,
        "enabled": True,
    }
    catalogue = {"sources": [source]}
    (operator.folder / "catalogue.yaml").write_text(yaml.safe_dump(catalogue))
    operator.config |= {"catalogue": "catalogue.yaml", "sources": ["some"]}


def test_a_source_that_was_never_fetched_says_what_to_do(operator: Operator) -> None:
    catalogue_of_one(operator)
    with pytest.raises(BlocklistError, match=r"some: expected its list in .* run safedns blocklist update first"):
        operator.build()


def test_what_is_no_blocklist_is_not_written_over(operator: Operator) -> None:
    operator.add("bets", "bet.example\n", category="gambling")
    operator.output.write_bytes(b"a letter\n" * 100)
    with pytest.raises(BlocklistError, match=r"out\.sdns: expected a compiled blocklist.* or remove it"):
        operator.build()
    assert operator.output.read_bytes() == b"a letter\n" * 100


def test_a_list_of_one_s_own_needs_an_id_of_its_own(operator: Operator) -> None:
    catalogue_of_one(operator)
    (operator.folder / "store").mkdir()
    (operator.folder / "store" / "some.list").write_text("a.example\n")
    operator.add("some", "b.example\n", category="gambling")
    with pytest.raises(BlocklistError, match="lists: expected ids that no source of the catalogue has, found some"):
        operator.build()
    operator.config["lists"][0]["id"] = "mine"
    assert [each.id for each in operator.build().inputs] == ["some", "mine"]


def test_a_damaged_report_of_the_last_build_is_named(operator: Operator) -> None:
    operator.add("bets", "bet.example\n", category="gambling")
    operator.build()
    report = operator.folder / "out.sdns.report.json"
    assert json.loads(report.read_text())["inputs"][0]["names"] == 1
    report.write_text('{"inputs": 7}')
    with pytest.raises(BlocklistError, match=r"expected the report of the last build, .* remove it"):
        operator.build()


@pytest.mark.parametrize("limit", [4_000, 100_000, 300_000])
def test_a_full_disk_changes_nothing(operator: Operator, limit: int) -> None:
    """A limit on the size of files stands for the disk: the kernel refuses the write in the same place."""
    operator.add("bets", "bet.example\n", category="gambling")
    operator.build()
    before = operator.files()
    # The blocklist takes 160 kB, its origins 350 kB, and names that wait to be sorted more than 1 MiB.
    operator.add("more", many(40_000), category="gambling")
    operator.config["memory"] = "1 MiB" if limit == 4_000 else "64 MiB"
    done = subprocess.run(
        [*operator.command(), "--bulk"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 2
    assert done.stderr.endswith("can't be written: File too large; nothing was changed\n")
    assert done.stderr.count("\n") == 1
    assert operator.files() == before
    assert not list(operator.folder.glob(".*"))


def stopped_while_reading(operator: Operator) -> subprocess.Popen[str]:
    """A build that waits for the end of a list."""
    os.mkfifo(operator.folder / "slow.txt")
    operator.config["lists"].append({"id": "slow", "path": "slow.txt", "category": "porn", "format": "plain"})
    process = subprocess.Popen(operator.command(), stderr=subprocess.PIPE, text=True)
    operator.config["lists"].pop()
    end = time.monotonic() + 10
    while not (operator.folder / ".out.sdns.new").exists():
        assert time.monotonic() < end, "the build did not begin"
        time.sleep(0.01)
    return process


def test_of_two_builds_at_once_the_second_is_told(operator: Operator) -> None:
    operator.add("bets", "bet.example\n", category="gambling")
    operator.build()
    first = stopped_while_reading(operator)
    before = operator.files()
    with pytest.raises(BlocklistError, match="found another process at it; try again later"):
        operator.build()
    assert operator.files() == before
    (operator.folder / "slow.txt").write_text("slow.example\n")
    assert (first.communicate(timeout=10)[1], first.returncode) == ("", 0)
    assert operator.categories("slow.example") == {"porn"}


def test_a_killed_build_leaves_the_blocklist_and_nothing_in_the_way(operator: Operator) -> None:
    operator.add("bets", "bet.example\n", category="gambling")
    operator.build()
    before = operator.files()
    process = stopped_while_reading(operator)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert operator.files() == before
    assert operator.build().serial == 2
    assert not list(operator.folder.glob(".*"))
