"""Files as chunks of whole lines: plain, gzip and xz by their content, from a disk or a pipe."""

from __future__ import annotations

import gzip
import lzma
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safedns.errors import BlocklistError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

# Large enough that the work per chunk is nothing beside that per name, small enough to stay in the processor's cache.
CHUNK_SIZE: Final = 2**18

# No name needs it: a file without line ends is no list, and must not be read into memory whole.
MAX_LINE: Final = 2**20

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_XZ_MAGIC: Final = b"\xfd7zXZ\x00"


def chunks(path: str) -> Iterator[bytes]:
    """Read a file in pieces that end with a line, the last one included.

    Raises:
        BlocklistError: it can't be opened, read or decompressed, or has no lines.
    """
    try:
        with Path(path).open("rb") as file:
            yield from _whole_lines(_decompressed(file), path)
    except OSError as error:  # gzip.BadGzipFile is one too, without a number
        raise BlocklistError(f"{path}: expected a readable list, found: {error.strerror or error}") from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise BlocklistError(f"{path}: expected a whole compressed list, found: {error}") from None


def _decompressed(file: io.BufferedReader) -> io.BufferedIOBase:
    start = file.peek(len(_XZ_MAGIC))[: len(_XZ_MAGIC)]
    if start.startswith(_GZIP_MAGIC):
        return gzip.GzipFile(fileobj=file)
    if start == _XZ_MAGIC:
        return lzma.LZMAFile(file)
    return file


def _whole_lines(file: io.BufferedIOBase, path: str) -> Iterator[bytes]:
    rest = b""
    first = True
    while piece := file.read(CHUNK_SIZE):
        if first:
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
            first = False
        end = piece.rfind(b"\n") + 1
        if end:
            yield rest + piece[:end]
            rest = piece[end:]
        else:
            rest += piece
        if len(rest) > MAX_LINE:
            raise BlocklistError(f"{path}: expected names on lines, found a line of more than {MAX_LINE} bytes")
    if rest:
        yield rest + b"\n"
