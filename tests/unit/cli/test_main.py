import os
import subprocess
import sys
from pathlib import Path

import pytest

from safedns.cli.main import COMMANDS, main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(f"    {name}" in out and summary in out for name, summary in COMMANDS.items())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"examples:\n  safedns {command}" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required: COMMAND; see safedns --help"),
        (["srve"], "argument COMMAND: invalid choice: 'srve'"),
        (["explain"], "the following arguments are required: NAME; see safedns explain --help"),
        (["blocklist"], "the following arguments are required: COMMAND; see safedns blocklist --help"),
        (["check", "--conf", "x"], "unrecognized arguments: --conf x"),
        (["check", "--config", "/nonexistent"], "/nonexistent: expected a configuration file, found: No such file"),
        (["serve", "--workers", "0"], "--workers: workers: expected 'auto' or a whole number from 1 to 256, found 0"),
        (["serve", "--listen", "53"], "--listen: listen[0]: expected an IP address with port such as"),
    ],
)
def test_an_error_is_one_sentence_and_status_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(argv)
    except SystemExit as error:
        status = int(error.code or 0)
    found = capsys.readouterr()
    assert (status, found.out) == (2, "")
    assert found.err.startswith(f"safedns: {message}")
    assert found.err.count("\n") == 1


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "safedns", "explain", "localhost", "--json"], capture_output=True, timeout=20, check=True
    )
    assert b'"rule": "special"' in done.stdout


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"serve"}))
def test_a_command_imports_nothing_that_it_does_not_need(command: str) -> None:
    """Checked on what is slow to import: YAML without a file to read, the web, the loop."""
    code = (
        "import sys; from safedns.cli.main import _parser; "
        f"_parser({command!r}); "
        "sys.exit(bool({'yaml', 'uvloop', 'starlette', 'jinja2', 'asyncio', 'safedns._native'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


def test_a_reader_that_leaves_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.example\n")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "safedns", "blocklist", "compile", "--output", str(tmp_path / "out.bin")]
    # With Python's own buffer, which so short an output never fills.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [*command, f"gambling={tmp_path / 'list.txt'}"],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=20,
        check=False,
        env=environment,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 2
