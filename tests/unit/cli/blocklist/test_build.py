"""`safedns blocklist build` and `explain`."""

import json
from pathlib import Path

import pytest

from safedns.cli.main import main

CONFIG = """\
catalogue: null
sources: []
lists:
  - {id: bets, path: bets.txt, category: gambling}
  - {id: fine, path: fine.txt, allow: true}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "build.yaml").write_text(CONFIG)
    (tmp_path / "bets.txt").write_text("bet.example\nfine.example\nb\u1eadt.example\n")
    (tmp_path / "fine.txt").write_text("fine.example\n")
    return str(tmp_path / "build.yaml")


def test_a_build_says_what_each_list_gave_and_what_the_guard_found(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "out")
    assert main(["blocklist", "build", "--config", config, "--output", output]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == f"file {output}"
    assert "list category names only here covered bad left out" in lines
    assert "bets gambling 3 2 1 0" in lines
    assert "fine every category that can be blocked 1 0 1 0" in lines
    assert "names that both bets and fine give: 1" in lines
    assert any(line.startswith("PASSED: ") for line in lines)


def test_a_build_for_programs(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "out")
    assert main(["blocklist", "build", "--config", config, "--output", output, "--serial", "7", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["serial"], found["names"], found["entries"]) == (output, 7, 3, 2)
    assert [(each["id"], each["names"], each["unique"]) for each in found["inputs"]] == [("bets", 3, 2), ("fine", 1, 0)]
    assert found["guard"]["passed"]


def test_a_refused_build_has_a_status_of_its_own_and_changes_nothing(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(["blocklist", "build", "--config", config, "--output", str(output)]) == 0
    before = output.read_bytes()
    (tmp_path / "bets.txt").write_text("google.com\n")
    capsys.readouterr()
    assert main(["blocklist", "build", "--config", config, "--output", str(output)]) == 1
    assert "REFUSED" in capsys.readouterr().out
    assert main(["blocklist", "build", "--config", config, "--output", str(output), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["passed"]
    assert "google.com" in found["refusals"][0]["problem"]
    assert output.read_bytes() == before


def test_a_configuration_that_is_wrong_is_said_line_by_line(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(config).write_text("lists:\n  - {id: a, path: a.txt, category: bets}\nmemory: much\n")
    assert main(["blocklist", "build", "--config", config, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert f"{config}:2: lists[0].category: expected a category (safedns blocklist categories lists them)" in error
    assert f"{config}:3: memory: " in error


def test_names_are_explained(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "out")
    assert main(["blocklist", "build", "--config", config, "--output", output]) == 0
    capsys.readouterr()
    assert main(["blocklist", "explain", output, "www.bet.example"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [
        "www.bet.example: gambling (serial 1)",
        f"bet.example bets puts into gambling since serial 1 {tmp_path}/bets.txt:1",
    ]
    assert lines[2].startswith("To unblock it, add it to `allow`")
    assert main(["blocklist", "explain", output, "fine.example", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["categories"], [each["allow"] for each in found["origins"]]) == ([], [False, True])
    assert main(["blocklist", "explain", output, "BẬT.example"]) == 0
    assert capsys.readouterr().out.startswith("xn--bt-g6s.example (bật.example): gambling (serial 1)\n")


def test_what_can_t_be_explained(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "out")
    assert main(["blocklist", "compile", "--output", output, f"gambling={tmp_path / 'bets.txt'}"]) == 0
    assert main(["blocklist", "explain", output, "bet.example"]) == 2
    assert (
        f"out.origins: expected the origins of {output}, found no such file; safedns blocklist build writes"
        in capsys.readouterr().err
    )
