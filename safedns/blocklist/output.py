"""Files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path | str) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when the block ends; it has a name of its own until then.

    What was there before stays if the block raises, the disk is full or the process is killed. What a killed process
    left is written over by the next one.

    Raises:
        BlocklistError: it can't be written, or somebody else is writing it.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.new")
    try:
        with _locked(beside, target) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                beside.replace(target)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        _sync_folder(target.parent)
    except OSError as error:
        raise BlocklistError(f"{target}: can't be written: {error.strerror or error}; nothing was changed") from None


def _locked(beside: Path, target: Path) -> IO[bytes]:
    """The file open, empty and ours alone."""
    while True:
        file = beside.open("a+b")
        descriptor = file.fileno()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had the lock before may have renamed or removed the file meanwhile; then it is not ours.
            if os.path.samestat(os.fstat(descriptor), beside.stat()):
                # Readable for everyone: the resolver runs as another user.
                os.fchmod(descriptor, 0o644)
                os.ftruncate(descriptor, 0)
                return file
        except BlockingIOError:
            file.close()
            raise BlocklistError(
                f"{target}: expected to be the only one that writes it, found another process at it; try again later"
            ) from None
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
