import gzip
import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from safedns.blocklist.formats import source
from safedns.errors import BlocklistError

CONTENT = b"".join(b"name%d.example\n" % number for number in range(2000))


def read_lines(path: str) -> list[bytes]:
    """What is read of a file, as chunks of whole lines."""
    return [chunk.data for chunk in source.chunks(path, long_line=lambda _: None)]


def store(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "list"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress], ids=["plain", "gzip", "xz"])
@pytest.mark.parametrize("size", [1, 7, 1000, 2**18])
def test_all_lines_come_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes], size: int
) -> None:
    monkeypatch.setattr(source, "CHUNK_SIZE", size)
    pieces = read_lines(store(tmp_path, compress(CONTENT[:5000])))
    assert b"".join(pieces) == CONTENT[:5000] + b"\n"
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_parts_of_a_compressed_file_follow_each_other(tmp_path: Path) -> None:
    path = store(tmp_path, gzip.compress(b"a.example\n") + gzip.compress(b"b.example\n"))
    assert b"".join(read_lines(path)) == b"a.example\nb.example\n"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", b""),
        (b"a.example", b"a.example\n"),
        (b"\xef\xbb\xbfa.example\n", b"a.example\n"),
        (gzip.compress(b"\xef\xbb\xbfa.example"), b"a.example\n"),
    ],
)
def test_ends_and_marks(tmp_path: Path, content: bytes, lines: bytes) -> None:
    assert b"".join(read_lines(store(tmp_path, content))) == lines


def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(CONTENT),))
    writer.start()
    assert b"".join(read_lines(str(path))) == CONTENT
    writer.join()


def test_a_line_that_is_too_long_is_left_out_and_named(tmp_path: Path) -> None:
    path = store(tmp_path, gzip.compress(b"a.example\n" + b"x" * (3 * source.MAX_LINE) + b"\nb.example\n"))
    long: list[int] = []
    data = b"".join(chunk.data for chunk in source.chunks(path, long_line=long.append))
    assert (data, long) == (b"a.example\n\nb.example\n", [2])


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(CONTENT)[:-20], "expected a whole compressed list"),
        (lzma.compress(CONTENT)[:-20], "expected a whole compressed list"),
        (flipped(gzip.compress(CONTENT), 300), "expected a"),
        (flipped(gzip.compress(CONTENT), -6), "expected a readable list, found: CRC check failed"),
        (flipped(lzma.compress(CONTENT), 200), "expected a whole compressed list"),
        (b"\x1f\x8b", "expected a"),
    ],
)
def test_damage_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = store(tmp_path, content)
    with pytest.raises(BlocklistError) as caught:
        read_lines(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [("none", "No such file or directory"), (".", "Is a directory")])
def test_what_can_not_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(BlocklistError, match=f"expected a readable list, found: {reason}"):
        read_lines(str(tmp_path / name))
