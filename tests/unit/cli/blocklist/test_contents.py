"""`diff`, `dump` and `search`, as they are run."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from safedns.cli.main import main

Compile = Callable[..., str]


@pytest.fixture
def compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compile:
    def build(name: str, **lists: str) -> str:
        output = str(tmp_path / f"{name}.sdns")
        sources = []
        for category, text in lists.items():
            (tmp_path / f"{name}-{category}.txt").write_text(text)
            sources.append(f"{category}={tmp_path / f'{name}-{category}.txt'}")
        assert main(["blocklist", "compile", "--output", output, *sources]) == 0
        capsys.readouterr()
        return output

    return build


@pytest.fixture
def old(compiled: Compile) -> str:
    return compiled("old", gambling="bet.example\nbücher.example\n", porn="||x.example^\n@@||ok.x.example^\n")


@pytest.fixture
def new(compiled: Compile) -> str:
    return compiled("new", gambling="bet.example\nmünchen.example\n", porn="bet.example\nx.example\n")


def test_diff_counts_by_category(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "diff", old, new]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "category        added  removed",
        "gambling        1      1",
        "porn            2      0",
        "names in total  3      1",
    ]
    assert main(["blocklist", "diff", old, new, "--category", "porn", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "old": old, "new": new, "added": 2, "removed": 0, "categories": {"porn": {"added": 2, "removed": 0}}
    }  # fmt: skip


def test_diff_prints_names_that_grep_finds(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "diff", old, new, "--names"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "category        added  removed"
    assert sorted(lines[:4]) == [
        "+ bet.example porn suffix",
        "+ ok.x.example porn suffix",
        "+ xn--mnchen-3ya.example gambling suffix (münchen.example)",
        "- xn--bcher-kva.example gambling suffix (bücher.example)",
    ]
    assert main(["blocklist", "diff", old, new, "--names", "--json"]) == 1
    *names, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert {"change": "removed", "name": "xn--bcher-kva.example", "unicode": "bücher.example", "scope": "suffix",
            "categories": ["gambling"]} in names  # fmt: skip
    assert (len(names), summary["added"], summary["removed"]) == (4, 3, 1)


def test_diff_of_the_same(old: str, compiled: Compile, capsys: pytest.CaptureFixture[str]) -> None:
    # The name below adds nothing to what its parent says.
    more = compiled(
        "more",
        gambling="bet.example\nwww.bet.example\nbücher.example\n",
        porn="||x.example^\n@@||ok.x.example^\n",
    )
    assert main(["blocklist", "diff", old, more, "--names"]) == 0
    assert capsys.readouterr().out == "no name changes its categories\n"


def test_diff_of_what_is_none(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "diff", old, f"{old}.gone"]) == 2
    assert main(["blocklist", "diff", old, old, "--category", "pron"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "did you mean 'porn'?" in err


def test_dump_prints_a_line_for_each_entry(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "dump", old]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "#domain\tkind\tscope\tcategories\tunicode"
    assert sorted(lines) == [
        "bet.example\tlisted\tsuffix\tgambling",
        "ok.x.example\texception\tsuffix\tporn",
        "x.example\tlisted\tsuffix\tporn",
        "xn--bcher-kva.example\tlisted\tsuffix\tgambling\tbücher.example",
    ]
    assert main(["blocklist", "dump", old, "--category", "porn", "--under", "X.example", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"name": name, "unicode": name, "kind": kind, "scope": "suffix", "categories": ["porn"]}
        for name, kind in [("x.example", "listed"), ("ok.x.example", "exception")]
    ]
    assert main(["blocklist", "dump", old, "--under", "bücher.example"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_dump_of_less_than_a_name_is_an_error(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "dump", old, "--under", "a..b", "--json"]) == 2
    assert capsys.readouterr() == ("", 'safedns: "a..b" is no domain name: empty label\n')


def test_a_dump_compiles_again(old: str, compiled: Compile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "dump", old, "--category", "gambling"]) == 0
    names = "".join(line.partition("\t")[0] + "\n" for line in capsys.readouterr().out.splitlines())
    again = compiled("again", gambling=names)
    assert main(["blocklist", "diff", old, again, "--category", "gambling"]) == 0


def test_search(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "search", old, "BÜCH"]) == 0
    assert capsys.readouterr().out == "xn--bcher-kva.example\tlisted\tsuffix\tgambling\tbücher.example\n"
    assert main(["blocklist", "search", old, "x.ex", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["blocklist", "search", old, "nowhere"]) == 1
    assert main(["blocklist", "search", old, "bet", "--category", "porn"]) == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("limit", "more"), [("3", True), ("4", False), ("5", False)])
def test_search_says_when_there_is_more(old: str, limit: str, more: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "search", old, "example", "--limit", limit]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == min(int(limit), 4)
    assert ("there are more" in err) is more


@pytest.mark.parametrize("words", [["--limit", "0", "bet"], ["--limit", "many", "bet"], [""]])
def test_a_search_for_nothing_is_an_error(old: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["blocklist", "search", old, *words])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.fixture
def large(compiled: Compile) -> str:
    return compiled("large", gambling="".join(f"n{number}.example\n" for number in range(20_000)))


@pytest.mark.parametrize("command", ["dump FILE", "search FILE example", "diff OLD FILE --names", "dump OLD"])
def test_a_reader_that_leaves_ends_it_without_a_word(command: str, large: str, old: str) -> None:
    """With Python's own buffer too, which a small output never fills."""
    words = command.replace("FILE", large).replace("OLD", old).split()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "safedns", "blocklist", *words],
        stdout=writing, stderr=subprocess.PIPE, timeout=20, check=False, env=environment,
    )  # fmt: skip
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", 2)


def test_a_person_sees_how_far_it_is(large: str, tmp_path: Path) -> None:
    ours, terminal = pty.openpty()
    command = [sys.executable, "-m", "safedns", "blocklist", "dump", large]
    with (tmp_path / "dump").open("wb") as file:
        subprocess.run(command, stdout=file, stderr=terminal, timeout=20, check=True)
    os.close(terminal)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert f"writing {large}: 1 lines" in shown
    assert shown.endswith("\r\033[K")
    assert len((tmp_path / "dump").read_text().splitlines()) == 20_001
