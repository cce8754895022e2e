import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from safedns.cli.main import main


@pytest.fixture
def compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / "gambling.txt").write_text("bet.example\nwww.bet.example\nboth.example\n")
    (tmp_path / "gov.txt").write_text("0.0.0.0 gov.example\n0.0.0.0 both.example\n")
    output = str(tmp_path / "b.bin")
    sources = [f"{word}={tmp_path / word}.txt" for word in ("gambling", "gov")]
    assert main(["blocklist", "compile", "--output", output, "--serial", "9", *sources]) == 0
    out = capsys.readouterr().out
    assert "names       4\n" in out
    assert "entries     3 " in out
    assert "  gambling  3\n  gov       2\n" in out
    return output


def test_inspect(compiled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blocklist", "inspect", compiled]) == 0
    assert f"file        {compiled}\nformat      version 2\nserial      9\nnames       4\n" in capsys.readouterr().out
    assert main(["blocklist", "inspect", compiled, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    size = Path(compiled).stat().st_size
    assert (found["size"], found["bytes_per_name"]) == (size, size / 4)
    assert found["counts"] == {"gambling": 3, "gov": 2}
    assert set(found) == {
        "file", "version", "serial", "names", "entries", "size", "bytes_per_name", "checksum", "counts"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "status", "found"),
    [
        (["www.bet.example"], 0, [("www.bet.example", ["gambling"], "bet.example")]),
        (["example"], 1, [("example", [], None)]),
        (
            ["x.example", "both.example"],
            0,
            [("x.example", [], None), ("both.example", ["gambling", "gov"], "both.example")],
        ),
        (["gov.example"], 1, [("gov.example", ["gov"], "gov.example")]),
    ],
)
def test_lookup(
    compiled: str, capsys: pytest.CaptureFixture[str], names: list[str], status: int, found: list[tuple]
) -> None:
    assert main(["blocklist", "lookup", compiled, *names, "--json"]) == status
    out = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["categories"], row["entry"]) for row in out] == found
    assert main(["blocklist", "lookup", compiled, *names]) == status
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(names)
    assert all((", ".join(ids) or "not listed") in line for line, (_, ids, _) in zip(lines, found, strict=True))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["lookup", "none.bin", "a.example"], "none.bin"),
        (["lookup", "{file}", "a..b"], '"a..b" is no domain name'),
        (["inspect", "{folder}"], "{folder}"),
        (["inspect", "{folder}/gambling.txt"], "{folder}/gambling.txt"),
        (
            ["compile", "--output", "x.bin", "gamblin=x"],
            "gamblin=x: expected a category, found 'gamblin'; did you mean 'g",
        ),
        (
            ["compile", "--output", "x.bin", "zzz=x"],
            "zzz=x: expected a category, found 'zzz'; safedns blocklist compile",
        ),
        (
            ["compile", "--output", "x.bin", "list.txt"],
            "list.txt: expected CATEGORY=PATH such as gambling=gambling.txt",
        ),
        (["compile", "--output", "x.bin", "gambling="], "gambling=: expected CATEGORY=PATH"),
        (
            ["compile", "--output", "x.bin", "gambling=none.txt"],
            "none.txt: expected a readable list, found: No such file",
        ),
        (["compile", "--output", "x.bin", "--serial", "0", "gambling=x"], "argument --serial: invalid"),
        (["compile", "gambling=x"], "the following arguments are required: --output"),
    ],
)
def test_errors_are_one_sentence_and_status_2(
    compiled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    try:
        status = main(["blocklist", *(word.format(file=compiled, folder=tmp_path) for word in argv)])
    except SystemExit as error:
        status = int(error.code or 0)
    found = capsys.readouterr()
    assert (status, found.out) == (2, "")
    assert found.err.startswith("safedns: " + message.format(folder=tmp_path))
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "version", "empty"])
def test_a_damaged_file_is_refused(compiled: str, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    path = Path(compiled)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[-5:]
    elif damage == "flip":
        data[len(data) // 2] ^= 1
    elif damage == "version":
        data[8] ^= 0x40
    else:
        data.clear()
    path.write_bytes(data)
    assert main(["blocklist", "inspect", compiled]) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"safedns: {compiled}")
    assert found.count("\n") == 1


def test_bad_lines_are_shown_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.txt").write_text("".join(f"n{number}.example\n" for number in range(50)) + "bad name\n")
    source = f"gambling={tmp_path / 'list.txt'}"
    assert main(["blocklist", "compile", "--output", str(tmp_path / "b.bin"), source]) == 0
    found = capsys.readouterr()
    assert found.err.startswith(f"safedns: {tmp_path / 'list.txt'}:51: ")
    assert "left out" in found.out
    assert main(["blocklist", "compile", "--output", str(tmp_path / "b.bin"), source, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["bad"], summary["names"], summary["serial"]) == (1, 50, 1)


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.example\n")
    ours, terminal = pty.openpty()
    command = [sys.executable, "-m", "safedns", "blocklist", "compile", "--output", str(tmp_path / "b.bin")]
    source = f"gambling={tmp_path / 'list.txt'}"
    done = subprocess.run([*command, source], stdout=subprocess.PIPE, stderr=terminal, timeout=20, check=True)
    os.close(terminal)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert f"reading {tmp_path / 'list.txt'}: 1 names" in shown
    assert shown.endswith("\r\033[K")
    assert b"reading" not in done.stdout
    quiet = subprocess.run([*command, source], capture_output=True, timeout=20, check=True)
    assert quiet.stderr == b""
