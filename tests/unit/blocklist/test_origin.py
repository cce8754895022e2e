"""Why a name is listed: every line that has a say, since when, and what it takes to unblock it."""

from pathlib import Path

import pytest

from safedns.blocklist.build import build
from safedns.blocklist.compile import Report
from safedns.blocklist.formats.idn import ascii_name
from safedns.blocklist.origin import Explanation, explain
from safedns.blocklist.plan import load_plan
from safedns.errors import BlocklistError, SafeDNSError

CONFIG = """\
catalogue: null
sources: []
lists:
  - {id: bets, path: bets.txt, category: gambling, licence: CC0-1.0}
  - {id: ads, path: ads.txt, category: ads_trackers}
  - {id: fine, path: fine.txt, allow: true}
block:
  - {name: cờbạc.example, category: gambling, reason: decision 12/2026}
allow:
  - {name: clinic.example, categories: [gambling], reason: appeal upheld}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "build.yaml").write_text(CONFIG)
    (tmp_path / "bets.txt").write_text("# bets\nbet.example\n\nclinic.example\nwww.bet.example\n")
    (tmp_path / "ads.txt").write_text("||bet.example^\n@@||www.bet.example^\n||open.example^\n")
    (tmp_path / "fine.txt").write_text("open.example\n")
    run(tmp_path)
    return tmp_path


def run(folder: Path) -> None:
    plan = load_plan(str(folder / "build.yaml"))
    build(plan, str(folder / "out.sdns"), Report(lambda _path, _count: None, lambda _line: None))


def said(folder: Path, name: str) -> Explanation:
    return explain(str(folder / "out.sdns"), name)


def rows(found: Explanation) -> list[tuple[str, str, int, bool, int]]:
    return [(each.entry, each.source, each.line, each.allow, each.since) for each in found.origins]


def test_lists_and_lines_that_say_so(folder: Path) -> None:
    found = said(folder, "x.www.bet.example")
    assert found.categories == ("gambling",)
    assert rows(found) == [
        ("www.bet.example", "bets", 5, False, 1),
        ("www.bet.example", "ads", 2, True, 1),
        ("bet.example", "bets", 2, False, 1),
        ("bet.example", "ads", 1, False, 1),
    ]
    assert found.origins[0].path == str(folder / "bets.txt")
    assert [(each.overruled, each.by) for each in found.origins] == [
        ((), ""),
        ((), ""),
        ((), ""),
        (("ads_trackers",), f"ads ({folder}/ads.txt:2): the more specific entry is stronger"),
    ]
    assert "- name: x.www.bet.example" in found.advice
    assert found.blockable


def test_a_list_that_allows(folder: Path) -> None:
    found = said(folder, "open.example")
    assert (found.categories, found.blockable) == ((), False)
    assert {(each.source, each.allow) for each in found.origins} == {("ads", False), ("fine", True)}
    assert [(each.source, each.by) for each in found.origins if each.overruled] == [
        ("ads", f"fine ({folder}/fine.txt:1): a list that allows takes its names out of all lists")
    ]
    assert found.advice == "It is in no category that can be blocked; nothing has to be done to unblock it."


def test_the_operator_s_entries_have_file_line_and_reason(folder: Path) -> None:
    found = said(folder, "clinic.example")
    assert found.categories == ()
    assert [(each.source, each.by) for each in found.origins if each.overruled] == [
        ("bets", f"operator ({folder}/build.yaml:10): the operator's own entries are stronger than lists")
    ]
    own = next(each for each in found.origins if each.source == "operator")
    assert (own.where, own.reason, own.allow) == (f"{folder}/build.yaml:10", "appeal upheld", True)
    assert own.categories == ("gambling",)
    blocked = said(folder, ascii_name("cờbạc.example"))
    assert blocked.advice.startswith(f"To unblock it, take the entry in {folder}/build.yaml:8 out and build again, or ")


def test_a_name_that_no_list_has(folder: Path) -> None:
    found = said(folder, "other.example")
    assert (found.categories, found.origins) == ((), ())


def test_a_line_that_stays_keeps_its_serial(folder: Path) -> None:
    config = (folder / "build.yaml").read_text()
    lists = config[config.index("  - {id: bets") : config.index("  - {id: ads")]
    (folder / "build.yaml").write_text(config.replace(lists, "").replace("block:", f"{lists}block:"))
    (folder / "bets.txt").write_text("new.example\nbet.example\n")
    run(folder)
    assert rows(said(folder, "bet.example")) == [
        ("bet.example", "ads", 1, False, 1),
        ("bet.example", "bets", 2, False, 1),
    ]
    assert rows(said(folder, "new.example")) == [("new.example", "bets", 1, False, 2)]
    assert said(folder, "new.example").serial == 2


def test_damaged_origins_before_cost_the_serials_and_nothing_else(folder: Path) -> None:
    path = folder / "out.sdns.origins"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BlocklistError, match=r"out\.sdns\.origins: .*cut short"):
        said(folder, "bet.example")
    run(folder)
    assert rows(said(folder, "bet.example"))[0] == ("bet.example", "bets", 2, False, 2)


def test_origins_of_another_build_of_the_same_serial_are_found_out(folder: Path) -> None:
    before = (folder / "out.sdns").read_bytes()
    for path in folder.glob("out*"):
        path.unlink()
    (folder / "bets.txt").write_text("other.example\n")
    run(folder)
    (folder / "out.sdns").write_bytes(before)
    assert said(folder, "open.example").serial == 1
    with pytest.raises(BlocklistError, match=r"expected the origins of .*out\.sdns, found others; .* build again"):
        said(folder, "bet.example")


def test_origins_of_another_build_are_not_mixed_up(folder: Path) -> None:
    before = (folder / "out.sdns").read_bytes()
    run(folder)
    (folder / "out.sdns").write_bytes(before)
    with pytest.raises(
        BlocklistError, match="expected the origins of serial 1, found those of 2; safedns blocklist build"
    ):
        said(folder, "bet.example")


def test_what_is_missing_or_no_name_is_said(folder: Path) -> None:
    with pytest.raises(SafeDNSError, match="is no domain name"):
        said(folder, "a..b")
    (folder / "out.sdns.origins").unlink()
    with pytest.raises(BlocklistError, match=r"origins: expected the origins of .*out\.sdns, found no such file"):
        said(folder, "bet.example")
