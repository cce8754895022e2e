"""Bars for categories."""

import json
from pathlib import Path

import pytest

from safedns.cli.blocklist.stats import bars
from safedns.cli.main import main


def test_bars_are_as_long_as_the_counts() -> None:
    assert bars({"gambling": 5, "porn": 1_000}, 35) == [
        f"porn      1,000  {'█' * 18}",
        "gambling      5  █",
    ]


def test_a_narrow_terminal_still_shows_bars() -> None:
    assert bars({"gambling": 2, "porn": 1}, 10) == [f"gambling  2  {'█' * 10}", f"porn      1  {'█' * 5}"]


def test_an_empty_list_has_no_bars() -> None:
    assert bars({}, 80) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "g.txt").write_text("a.example\nb.example\n")
    output = str(tmp_path / "b.sdns")
    assert main(["blocklist", "compile", "--output", output, "--serial", "4", f"gambling={tmp_path / 'g.txt'}"]) == 0
    capsys.readouterr()
    assert main(["blocklist", "stats", output]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 names, serial 4"
    assert lines[1].startswith("gambling  2  █")
    assert main(["blocklist", "stats", output, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": output, "names": 2, "counts": {"gambling": 2}}
