import json
from pathlib import Path

import pytest

from safedns.cli.main import main

GOOD = "user: root\nupstream: {servers: [192.0.2.1]}\n"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "safedns.yaml"
    path.write_text(text)
    return str(path)


def test_a_good_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD)
    assert main(["check", "--config", path]) == 0
    assert capsys.readouterr().out == f"{path}: can be served with; without a blocklist nothing is filtered\n"


def test_it_says_what_the_blocklist_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.txt").write_text("a.example\nb.example\n")
    source = f"gambling={tmp_path / 'list.txt'}"
    main(["blocklist", "compile", "--output", str(tmp_path / "b.bin"), "--serial", "5", source])
    path = write(tmp_path, GOOD + "blocklist: {file: b.bin}\n")
    capsys.readouterr()
    assert main(["check", "--config", path]) == 0
    assert "can be served with; blocklist with serial 5: 2 names in " in capsys.readouterr().out
    assert main(["check", "--config", path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert found["problems"] == []
    assert (found["blocklist"]["serial"], found["blocklist"]["names"]) == (5, 2)


def test_everything_wrong_with_a_file_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "workers: none\nblok: []\n")
    assert main(["check", "--config", path]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": expected")[0] for line in lines] == [
        f"safedns: {path}:1: workers",
        f"safedns: {path}:2: blok",
    ]


def test_everything_wrong_with_the_system_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.bin").write_bytes(b"no blocklist")
    path = write(tmp_path, GOOD.replace("root", "no-such-user") + "blocklist: {file: b.bin}\n")
    assert main(["check", "--config", path, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"]
    assert found["blocklist"] is None
    assert len(found["problems"]) == 2
    assert found["problems"][0] == f"{path}: user: expected a user of this system, found 'no-such-user'"
    assert found["problems"][1].startswith(str(tmp_path / "b.bin"))
