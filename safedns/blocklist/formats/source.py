"""Files as chunks of whole lines: plain or compressed by their content, from a disk or a pipe, in bounded memory."""

from __future__ import annotations

import gzip
import lzma
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from safedns.blocklist.formats.entry import Chunk
from safedns.blocklist.formats.options import MAX_BYTES
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    import io
    import zipfile
    from collections.abc import Callable, Iterator

# Large enough that the work per chunk is nothing beside that per name, small enough to stay in the processor's cache.
CHUNK_SIZE: Final = 2**18

# No entry needs it; a longer line is dropped as it comes, and counts as bad.
MAX_LINE: Final = 2**18

# A decompressor that wants more memory than this for its window is not given it.
_MAX_WINDOW: Final = 2**27

# Four bytes of Zstandard can stand for 128 KiB, and a call decompresses all that it gets: this much gives 16 MiB.
_ZSTD_PIECE: Final = 512

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_XZ: Final = b"\xfd7zXZ\x00"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZIP: Final = b"PK\x03\x04"


def chunks(
    path: str,
    *,
    long_line: Callable[[int], None],
    member: str | None = None,
    limit: int = MAX_BYTES,
) -> Iterator[Chunk]:
    """Read a file in pieces that end with a line, the last one included.

    Args:
        path: the file.
        long_line: called with the number of each line of more than `MAX_LINE` bytes, which is then an empty one.
        member: file to take of a zip archive.
        limit: bytes after which decompressed content is too much.

    Raises:
        BlocklistError: it can't be opened, read or decompressed, or is larger than the limit.
    """
    try:
        with Path(path).open("rb") as file:
            yield from _whole_lines(_limited(_decompressed(file, path, member), path, limit), long_line)
    except OSError as error:  # gzip.BadGzipFile is one too, without a number
        raise BlocklistError(f"{path}: expected a readable list, found: {error.strerror or error}") from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise BlocklistError(f"{path}: expected a whole compressed list, found: {error}") from None


def _decompressed(file: io.BufferedReader, path: str, member: str | None) -> Iterator[bytes]:
    start = file.peek(len(_XZ))[: len(_XZ)]
    if start.startswith(_GZIP):
        return _pieces(gzip.GzipFile(fileobj=file))
    if start == _XZ:
        return _xz(file)
    if start.startswith(_ZSTD):
        return _zstd(file, path)
    if start.startswith(_ZIP):
        return _zip(file, path, member)
    return _pieces(file)


def _pieces(file: IO[bytes] | io.BufferedIOBase) -> Iterator[bytes]:
    while piece := file.read(CHUNK_SIZE):
        yield piece


def _xz(file: io.BufferedReader) -> Iterator[bytes]:
    decompressor = lzma.LZMADecompressor(memlimit=_MAX_WINDOW)
    data = b""
    while True:
        if decompressor.eof:
            data = (decompressor.unused_data or file.read(CHUNK_SIZE)).lstrip(b"\0")  # padding between streams
            if not data:
                return
            decompressor = lzma.LZMADecompressor(memlimit=_MAX_WINDOW)
        elif decompressor.needs_input and not data:
            data = file.read(CHUNK_SIZE)
            if not data:
                raise EOFError("it ends in the middle")
        piece = decompressor.decompress(data, CHUNK_SIZE)
        data = b""
        if piece:
            yield piece


def _zstd(file: io.BufferedReader, path: str) -> Iterator[bytes]:
    import zstandard

    frames = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    frame = frames.decompressobj()
    whole = True
    try:
        while data := file.read(_ZSTD_PIECE):
            while data:
                if whole:
                    frame = frames.decompressobj()
                piece = frame.decompress(data)
                whole, data = frame.eof, frame.unused_data
                if piece:
                    yield piece
    except zstandard.ZstdError as error:
        raise BlocklistError(f"{path}: expected a whole compressed list, found: {error}") from None
    if not whole:
        raise EOFError("it ends in the middle")


def _zip(file: io.BufferedReader, path: str, member: str | None) -> Iterator[bytes]:
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive, path, member)) as content:
            yield from _pieces(content)
    # Damage, a method that is not known, encryption, a name that is no text.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise BlocklistError(f"{path}: expected a whole zip archive, found: {error}") from None


def _member(archive: zipfile.ZipFile, path: str, wanted: str | None) -> str:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return wanted
    asked = "one file, or the option member" if wanted is None else f"the member {wanted!r}"
    raise BlocklistError(f"{path}: expected {asked} in the archive, found {', '.join(names[:10]) or 'nothing'}")


def _limited(pieces: Iterator[bytes], path: str, limit: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise BlocklistError(
                f"{path}: expected at most {limit} bytes of list, found more; see the option max_bytes"
            )
        yield piece


def _whole_lines(pieces: Iterator[bytes], long_line: Callable[[int], None]) -> Iterator[Chunk]:
    rest, number, dropping, started = b"", 1, False, False
    for piece in pieces:
        data = piece
        if dropping:
            # The line is known to be too long: its end is all that is wanted of it.
            end = data.find(b"\n")
            if end < 0:
                continue
            data, dropping = data[end:], False
        data = rest + data
        if not started and len(data) >= len(_BYTE_ORDER_MARK):
            data, started = data.removeprefix(_BYTE_ORDER_MARK), True
        if len(rest) <= MAX_LINE < data.find(b"\n"):
            long_line(number)
            data = data[data.find(b"\n") :]
        end = data.rfind(b"\n") + 1
        if end:
            yield Chunk(data[:end], number)
            number += data.count(b"\n", 0, end)
        rest = data[end:]
        if len(rest) > MAX_LINE:
            long_line(number)
            rest, dropping = b"", True
    if rest or dropping:
        yield Chunk(rest + b"\n", number)
