"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path | str) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when the block ends; it has a name of its own until then.

    What was there before stays if the block raises, the disk is full or the process is killed.

    Raises:
        BlocklistError: it can't be written.
    """
    target = Path(path)
    try:
        file = tempfile.NamedTemporaryFile(prefix=f".{target.name}.", dir=target.parent, delete=False)  # noqa: SIM115
        try:
            with file:
                yield file
                # It was made for the owner alone; the resolver runs as another user.
                os.fchmod(file.fileno(), 0o644)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise BlocklistError(f"{target}: can't be written: {error.strerror or error}; nothing was changed") from None


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
