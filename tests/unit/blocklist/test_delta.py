"""Deltas make the new file byte for byte, or nothing."""

import hashlib
import random
import struct
from pathlib import Path

import pytest
import zstandard

from safedns import _native
from safedns.blocklist.delta import apply, make
from safedns.errors import BlocklistError

NAMES = [f"n{number * 7919 % 1_000_003}.{('com', 'co.uk', 'deep.down.vn')[number % 3]}" for number in range(20_000)]


def compile_names(path: Path, names: list[str], serial: int) -> str:
    """Half of the names in one category, half in another."""
    builder = _native.Builder([(2, 0, False), (8, 0, False)])
    for source in (0, 1):
        builder.add("\n".join(names[source::2]).encode(), source)
    with path.open("wb") as file:
        builder.write(file.fileno(), serial=serial)
    return str(path)


@pytest.fixture
def old(tmp_path: Path) -> str:
    return compile_names(tmp_path / "old.sdns", NAMES, 7)


@pytest.fixture
def new(tmp_path: Path) -> str:
    """200 removed, 1,000 added, and those behind the removed ones are in the other category now."""
    added = [f"added{number * 31}.example" for number in range(1000)]
    return compile_names(tmp_path / "new.sdns", NAMES[:-400] + NAMES[-199:] + added, 8)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def seal(delta: bytes) -> bytes:
    """The hash at the end, as who wants to do harm would write it."""
    return delta + hashlib.sha256(delta).digest()


def test_the_new_file_comes_out_byte_for_byte(old: str, new: str, tmp_path: Path) -> None:
    summary = make(old, new, str(tmp_path / "d"))
    assert (summary.old, summary.new, summary.size) == (7, 8, (tmp_path / "d").stat().st_size)
    assert (summary.added, summary.removed, summary.changed) == (1000, 201, 199)
    assert summary.size < Path(new).stat().st_size / 10
    assert apply(old, str(tmp_path / "d"), str(tmp_path / "new2")) == 8
    assert (tmp_path / "new2").read_bytes() == Path(new).read_bytes()
    assert (tmp_path / "new2").stat().st_mode & 0o777 == 0o644


def test_back_to_older_content_under_a_new_serial(old: str, new: str, tmp_path: Path) -> None:
    back = compile_names(tmp_path / "back", NAMES, 9)
    make(new, back, str(tmp_path / "d"))
    assert apply(new, str(tmp_path / "d"), str(tmp_path / "out")) == 9
    assert (tmp_path / "out").read_bytes() == Path(back).read_bytes()


def test_a_chain_of_random_changes(tmp_path: Path) -> None:
    generator = random.Random(5)
    last = compile_names(tmp_path / "0", [], 1)
    for serial in range(2, 12):
        names = generator.sample(NAMES, generator.randrange(3000))
        path = compile_names(tmp_path / str(serial), names, serial)
        make(last, path, str(tmp_path / "d"))
        apply(last, str(tmp_path / "d"), str(tmp_path / "out"))
        assert (tmp_path / "out").read_bytes() == Path(path).read_bytes()
        last = path


def test_every_cut_and_many_altered_octets_are_refused(tmp_path: Path) -> None:
    old, new = compile_names(tmp_path / "o", ["a.com"], 1), compile_names(tmp_path / "n", ["a.com", "b.com"], 2)
    make(old, new, str(tmp_path / "d"))
    delta = (tmp_path / "d").read_bytes()
    damaged = [delta[:end] for end in range(len(delta))]
    damaged += [delta[:at] + bytes([delta[at] ^ 1]) + delta[at + 1 :] for at in range(len(delta))]
    before = files(tmp_path)
    for content in damaged:
        (tmp_path / "d").write_bytes(content)
        with pytest.raises(BlocklistError, match=r"expected .* found .*(get it again|make it again|makes one)"):
            apply(old, str(tmp_path / "d"), str(tmp_path / "out"))
        assert files(tmp_path) == before


def test_another_base_is_refused_with_both_serials(old: str, new: str, tmp_path: Path) -> None:
    make(old, new, str(tmp_path / "d"))
    kept = tmp_path / "kept"
    kept.write_bytes(b"as it was")
    with pytest.raises(BlocklistError, match=r"expected to be applied to serial 7 .* found serial 8 .* in .*new.sdns"):
        apply(new, str(tmp_path / "d"), str(kept))
    assert kept.read_bytes() == b"as it was"


def test_a_damaged_base_is_refused(old: str, new: str, tmp_path: Path) -> None:
    make(old, new, str(tmp_path / "d"))
    data = bytearray(Path(old).read_bytes())
    data[-100] ^= 1
    Path(old).write_bytes(data)
    with pytest.raises(BlocklistError, match=r"old\.sdns: .* the file is damaged"):
        apply(old, str(tmp_path / "d"), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


FRONT = struct.Struct("<8sIQ8sQQ32sQ")


@pytest.mark.parametrize(
    ("length", "content", "error"),
    [
        (2**40, b"", "expected at most 1073741824 bytes of content"),
        (10, bytes(11), "expected 10 bytes of content, found something else"),
        (10, bytes(9), "expected 10 bytes of content, found something else"),
        (10, bytes(2**20), "expected 10 bytes of content, found something else"),
        (10, bytes(10), "makes no sense of it"),
    ],
)
def test_a_well_sealed_delta_of_nonsense_is_refused(
    old: str, tmp_path: Path, length: int, content: bytes, error: str
) -> None:
    frame = zstandard.compress(content)
    checksum = bytes.fromhex(_native.Blocklist.open(old).checksum)
    front = FRONT.pack(b"\x89SDNDL\r\n", 1, 7, checksum, 8, 100, bytes(32), length)
    (tmp_path / "d").write_bytes(seal(front + frame))
    with pytest.raises(BlocklistError, match=error):
        apply(old, str(tmp_path / "d"), str(tmp_path / "out"))
    assert files(tmp_path) == ["d", "old.sdns"]


def test_a_result_with_another_hash_is_refused(old: str, new: str, tmp_path: Path) -> None:
    make(old, new, str(tmp_path / "d"))
    delta = (tmp_path / "d").read_bytes()[:-32]
    promised = FRONT.size - 8 - 32
    (tmp_path / "d").write_bytes(seal(delta[:promised] + bytes(32) + delta[promised + 32 :]))
    with pytest.raises(BlocklistError, match=f"SHA-256 {'00' * 32}, it made .*; get the whole blocklist instead"):
        apply(old, str(tmp_path / "d"), str(tmp_path / "out"))
    assert files(tmp_path) == ["d", "new.sdns", "old.sdns"]


def test_what_is_missing_or_no_blocklist_is_named(old: str, tmp_path: Path) -> None:
    with pytest.raises(BlocklistError, match="gone: can't be read: No such file"):
        make(old, str(tmp_path / "gone"), str(tmp_path / "d"))
    with pytest.raises(BlocklistError, match="gone: can't be read: No such file"):
        apply(old, str(tmp_path / "gone"), str(tmp_path / "out"))
    with pytest.raises(BlocklistError, match=r"old\.sdns: expected a delta, found something else"):
        apply(old, old, str(tmp_path / "out"))
    with pytest.raises(BlocklistError, match="can't be written"):
        make(old, old, str(tmp_path / "no" / "d"))
