"""The compiled blocklist through the binding: `Builder` writes what `Blocklist` loads, seals and shares."""

import errno
import os
import random
import socket
from pathlib import Path

import pytest

from safedns import _native
from safedns.errors import BlocklistError

NAMES = b"example.com\nWWW.Example.com\nvery.deep.name.org.\n\nexample.net"


def builder_by_category() -> _native.Builder:
    """A builder whose sources are the categories."""
    return _native.Builder([(1 << number, 0, False) for number in range(64)])


def compile_to(path: Path, *parts: tuple[bytes, int], serial: int = 1) -> _native.Built:
    """Compile names of categories."""
    builder = builder_by_category()
    for names, category in parts:
        assert builder.add(names, category) == []
    with path.open("wb") as file:
        return builder.write(file.fileno(), serial=serial)


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    path = tmp_path / "list.bin"
    compile_to(path, (NAMES, 3), (b"example.com", 5), serial=42)
    return path


def test_written_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "list.bin"
    built = compile_to(path, (NAMES, 3), (b"example.com", 5), serial=42)
    loaded = _native.Blocklist.load(str(path))
    assert (built.names, built.entries, built.size) == (4, 3, path.stat().st_size)
    assert (loaded.names, loaded.entries, loaded.size) == (built.names, built.entries, built.size)
    assert (loaded.serial, loaded.version, loaded.counts) == (42, _native.FORMAT_VERSION, {3: 4, 5: 1})
    assert len(loaded.checksum) == 16


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("example.com", (1 << 3 | 1 << 5, "example.com")),
        ("A.B.EXAMPLE.COM.", (1 << 3 | 1 << 5, "example.com")),
        ("www.very.deep.name.org", (1 << 3, "very.deep.name.org")),
        ("deep.name.org", (0, None)),
        ("notexample.com", (0, None)),
        ("com", (0, None)),
    ],
)
def test_lookup(compiled: Path, name: str, found: tuple[int, str | None]) -> None:
    assert _native.Blocklist.load(str(compiled)).lookup(name) == found


@pytest.mark.parametrize("name", ["", ".", "a..b", "a b.com", "é.com", "a" * 64 + ".com", "a." * 127 + "com"])
def test_lookup_of_what_is_no_name(compiled: Path, name: str) -> None:
    with pytest.raises(ValueError):
        _native.Blocklist.load(str(compiled)).lookup(name)


def test_exact_and_exception(tmp_path: Path) -> None:
    builder = builder_by_category()
    builder.add(b"example.com", 1)
    builder.add(b"cdn.example.com", 1, allow=True)
    builder.add(b"bad.cdn.example.com", 1)
    builder.add(b"exact.com", 2, scope=1)
    path = tmp_path / "list.bin"
    with path.open("wb") as file:
        builder.write(file.fileno())
    lookup = _native.Blocklist.load(str(path)).lookup
    assert lookup("x.cdn.example.com") == (0, None)
    assert lookup("x.bad.cdn.example.com") == (2, "bad.cdn.example.com")
    assert lookup("exact.com") == (4, "exact.com")
    assert lookup("www.exact.com") == (0, None)


def test_lines_that_are_no_names_are_reported() -> None:
    rejected = builder_by_category().add(b"good.com\n\nbad name\n-ok.com\na..b\n" + b"x" * 64 + b".com", 0)
    assert [index for index, _ in rejected] == [2, 4, 5]
    assert "at most 63 characters" in rejected[2][1]


def test_order_does_not_matter(tmp_path: Path) -> None:
    names = [b"host%d.example%d.%s" % (n, n % 50, (b"com", b"net", b"co.uk")[n % 3]) for n in range(5000)]
    compile_to(tmp_path / "one", (b"\n".join(names), 1), (b"\n".join(names[:99]), 2))
    random.Random(1).shuffle(names)
    second = sorted(names, key=lambda name: int(name[4:].split(b".")[0]))[:99]
    compile_to(tmp_path / "two", (b"\n".join(second), 2), (b"\n".join(names[2000:]), 1), (b"\n".join(names[:2001]), 1))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_builder_is_empty_afterwards(tmp_path: Path) -> None:
    builder = builder_by_category()
    builder.add(b"example.com", 0)
    for expected in (1, 0):
        with (tmp_path / "list.bin").open("wb") as file:
            assert builder.write(file.fileno()).names == expected
    assert _native.Blocklist.load(str(tmp_path / "list.bin")).lookup("example.com") == (0, None)


def test_loaded_survives_its_file(compiled: Path) -> None:
    loaded = _native.Blocklist.load(str(compiled))
    compiled.write_bytes(b"")
    compiled.unlink()
    assert loaded.lookup("example.com")[0]


def test_attached_in_another_process(compiled: Path) -> None:
    loaded = _native.Blocklist.load(str(compiled))
    here, there = socket.socketpair()
    with here, there:
        child = os.fork()
        if child == 0:
            _, descriptors, _, _ = socket.recv_fds(there, 1, 1)
            attached = _native.Blocklist.attach(descriptors[0])
            os.close(descriptors[0])
            os._exit(attached.lookup("www.example.com") != (40, "example.com") or attached.checksum != loaded.checksum)
        socket.send_fds(here, [b"x"], [loaded.fileno()])
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_sealed(compiled: Path) -> None:
    loaded = _native.Blocklist.load(str(compiled))
    with pytest.raises(PermissionError):
        os.write(loaded.fileno(), b"x")
    with pytest.raises(PermissionError):
        os.ftruncate(loaded.fileno(), 0)


def test_an_open_file_is_looked_into_and_verified_but_not_served_from(compiled: Path) -> None:
    opened, loaded = _native.Blocklist.open(str(compiled)), _native.Blocklist.load(str(compiled))
    opened.verify()
    assert opened.lookup("www.example.com") == loaded.lookup("www.example.com") == (40, "example.com")
    assert (opened.checksum, list(opened.walk())) == (loaded.checksum, list(loaded.walk()))
    with pytest.raises(BlocklistError, match="not sealed"):
        _native.Blocklist.attach(opened.fileno())
    engine = _native.Engine(counters=bytearray(_native.COUNTERS * 8))
    with pytest.raises(ValueError, match="sealed in memory, found an open file"):
        engine.set_blocklist(opened)
    engine.set_blocklist(loaded)


def test_opening_leaves_damage_to_be_found_by_verifying(compiled: Path) -> None:
    data = bytearray(compiled.read_bytes())
    data[-9] ^= 1
    compiled.write_bytes(data)
    opened = _native.Blocklist.open(str(compiled))
    with pytest.raises(BlocklistError, match="the file is damaged"):
        opened.verify()
    compiled.write_bytes(data[:-1])
    with pytest.raises(BlocklistError, match="cut short"):
        _native.Blocklist.open(str(compiled))


def test_attach_refuses_what_is_not_sealed(compiled: Path) -> None:
    with compiled.open("rb") as file, pytest.raises(BlocklistError):
        _native.Blocklist.attach(file.fileno())
    memory = os.memfd_create("open")
    with pytest.raises(BlocklistError, match="sealed"):
        _native.Blocklist.attach(memory)
    os.close(memory)
    with pytest.raises(BlocklistError):
        _native.Blocklist.attach(-1)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "empty"),
        (lambda data: data[:100], "at least"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: b"0.0.0.0 example.com\n" * 40, "begins with"),
        (lambda data: data[:8] + b"\x63" + data[9:], "version 2, found version 99"),
        (lambda data: data[:700] + bytes([data[700] ^ 1]) + data[701:], "checksum"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 128]), "checksum"),
    ],
)
def test_damage_is_refused(compiled: Path, damage, reason: str) -> None:
    compiled.write_bytes(damage(compiled.read_bytes()))
    with pytest.raises(BlocklistError, match=reason) as caught:
        _native.Blocklist.load(str(compiled))
    assert str(compiled) in str(caught.value)


def test_unreadable_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BlocklistError, match="can't be read"):
            _native.Blocklist.load(str(path))


def test_disk_full() -> None:
    builder = builder_by_category()
    builder.add(NAMES, 0)
    with Path("/dev/full").open("wb") as file, pytest.raises(OSError, match="No space") as caught:
        builder.write(file.fileno())
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("descriptor", [-1, 12345])
def test_write_to_no_descriptor(descriptor: int) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        builder_by_category().write(descriptor)
