"""`safedns blocklist delta` and `apply`."""

import json
from pathlib import Path

import pytest

from safedns.cli.main import main


def test_a_delta_is_made_and_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, delta, made = (str(tmp_path / name) for name in ("old", "new", "delta", "made"))
    for output, serial, text in ((old, 3, "a.example\nb.example\n"), (new, 4, "b.example\nc.example\nd.example\n")):
        (tmp_path / "list").write_text(text)
        arguments = ["--output", output, "--serial", str(serial), f"gambling={tmp_path / 'list'}"]
        assert main(["blocklist", "compile", *arguments]) == 0
    capsys.readouterr()
    assert main(["blocklist", "delta", old, new, "--output", delta]) == 0
    size = Path(delta).stat().st_size
    assert capsys.readouterr().out == (
        f"{delta}: from serial 3 to 4, {size:,} bytes\n2 entries added, 1 removed, 0 in other categories\n"
    )
    assert main(["blocklist", "delta", old, new, "--output", delta, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": delta, "old": 3, "new": 4, "size": size, "added": 2, "removed": 1, "changed": 0
    }  # fmt: skip
    assert main(["blocklist", "apply", old, delta, "--output", made]) == 0
    assert capsys.readouterr().out == f"{made}: serial 4, the same bytes that the delta was made for\n"
    assert Path(made).read_bytes() == Path(new).read_bytes()
    assert main(["blocklist", "apply", old, delta, "--output", made, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": made, "serial": 4}


def test_a_delta_for_another_blocklist_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_text("a.example\n")
    for name in ("old", "new"):
        assert main(["blocklist", "compile", "--output", str(tmp_path / name), f"porn={tmp_path / 'list'}"]) == 0
    delta = str(tmp_path / "delta")
    assert main(["blocklist", "delta", str(tmp_path / "old"), str(tmp_path / "new"), "--output", delta]) == 0
    assert main(["blocklist", "compile", "--output", str(tmp_path / "old"), f"gambling={tmp_path / 'list'}"]) == 0
    capsys.readouterr()
    assert main(["blocklist", "apply", str(tmp_path / "old"), delta, "--output", str(tmp_path / "made")]) == 2
    assert "get the delta for that one" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
