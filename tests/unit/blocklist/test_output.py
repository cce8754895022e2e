"""Files appear whole or not at all, whoever else writes them and whatever happened before."""

import fcntl
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from safedns.blocklist.output import replacing
from safedns.errors import BlocklistError


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_while_writing(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"after")
        raise ZeroDivisionError


def test_the_file_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"before")
    path.chmod(0o600)
    with replacing(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert files(tmp_path) == ["out"]


def test_what_was_there_stays_if_the_block_raises(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"before"
    assert files(tmp_path) == ["out"]


def test_a_second_writer_is_told_and_harms_nothing(tmp_path: Path) -> None:
    with replacing(tmp_path / "out") as first:
        first.write(b"first")
        with pytest.raises(BlocklistError, match="found another process at it; try again later"):
            fail_while_writing(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"first"
    with replacing(tmp_path / "out") as second:
        second.write(b"2nd")
    assert (tmp_path / "out").read_bytes() == b"2nd"


KILLED = """
import os, signal, sys
from safedns.blocklist.output import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half" * 100_000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "out")], check=False, timeout=20)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "out").read_bytes() == b"before"
    assert files(tmp_path) == [".out.new", "out"]
    with replacing(tmp_path / "out") as file:
        file.write(b"after")
    assert (tmp_path / "out").read_bytes() == b"after"
    assert files(tmp_path) == ["out"]


def test_a_file_that_was_renamed_while_we_waited_is_not_ours(tmp_path: Path) -> None:
    """Whoever wrote before us renamed the file between our opening and our locking it: it is the output by then."""
    beside, target = tmp_path / ".out.new", tmp_path / "out"
    beside.write_bytes(b"of another process")
    locked = fcntl.flock

    def renamed_meanwhile(descriptor: int, operation: int) -> None:
        if beside.exists() and not target.exists():
            beside.rename(target)
        locked(descriptor, operation)

    fcntl.flock = renamed_meanwhile
    try:
        with replacing(target) as file:
            assert target.read_bytes() == b"of another process"
            file.write(b"ours")
    finally:
        fcntl.flock = locked
    assert target.read_bytes() == b"ours"


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BlocklistError, match="can't be written: No such file or directory; nothing was changed"):
        fail_while_writing(tmp_path / "none" / "out")
