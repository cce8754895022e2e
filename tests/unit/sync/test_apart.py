"""What is done apart comes back, whatever became of it."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from safedns.errors import BlocklistError, SafeDNSError, SyncError
from safedns.sync.apart import apart


def test_the_result_comes_back_and_nothing_else() -> None:
    changed: list[int] = []

    def work(first: int, *, second: int) -> tuple[int, int, int]:
        changed.append(first)
        return first, second, os.getpid()

    first, second, process = apart(work, 1, second=2)
    assert (first, second, changed) == (1, 2, [])
    assert process != os.getpid()


@pytest.mark.parametrize("kind", [SyncError, BlocklistError])
def test_an_error_comes_back_as_what_it_is(kind: type[SafeDNSError]) -> None:
    def work() -> NoReturn:
        raise kind("expected this, found that")

    with pytest.raises(kind, match="expected this, found that"):
        apart(work)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "found that it was ended by SIGKILL"),
        (lambda: sys.exit(3), "found that it failed with status 1"),
        (lambda: {}["none"], "found that it failed with status 1"),
    ],
)
def test_a_process_that_dies_is_an_error(end: object, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SyncError, match=said):
        apart(end)  # type: ignore[arg-type]
    # A bug is to be seen.
    assert ("Traceback" in capfd.readouterr().err) == ("SIGKILL" not in said)


def test_nothing_is_left_of_it() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        apart(os.getpid)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    # Waited for already: no child of that number is left.
    with pytest.raises(ChildProcessError):
        os.waitpid(apart(os.getpid), os.WNOHANG)
