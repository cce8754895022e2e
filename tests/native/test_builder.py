"""The builder through the binding: sources, scopes, layers, and a temporary file when memory is short."""

from array import array
from pathlib import Path
from typing import Any

import pytest

from safedns import _native
from safedns.errors import BlocklistError

ADS, GAMES = 1 << 1, 1 << 2


def built(path: Path, builder: _native.Builder) -> tuple[_native.Built, _native.Blocklist]:
    with path.open("wb") as file:
        result = builder.write(file.fileno())
    return result, _native.Blocklist.load(str(path))


def test_scopes(tmp_path: Path) -> None:
    builder = _native.Builder([(ADS, 0, False)])
    for scope, name in enumerate((b"all.example", b"only.example", b"below.example")):
        assert builder.add(name, 0, scope=scope) == []
    lookup = built(tmp_path / "list", builder)[1].lookup
    for name in ("all.example", "x.all.example", "only.example", "x.below.example"):
        assert lookup(name)[0] == ADS
    assert lookup("x.only.example") == lookup("below.example") == (0, None)


def test_an_exception_of_a_list_holds_for_that_list_only(tmp_path: Path) -> None:
    builder = _native.Builder([(ADS, 0, False), (ADS, 0, False), (GAMES, 0, False)])
    for source in (0, 1, 2):
        builder.add(b"example.com", source)
    builder.add(b"cdn.example.com", 0, allow=True)
    builder.add(b"cdn.example.com", 2, allow=True)
    lookup = built(tmp_path / "list", builder)[1].lookup
    assert (lookup("example.com")[0], lookup("cdn.example.com")[0]) == (ADS | GAMES, ADS)


def test_a_list_that_allows_is_for_all_lists_until_one_says_otherwise(tmp_path: Path) -> None:
    builder = _native.Builder([(ADS, 0, False), (GAMES, 0, False), (ADS, 0, True)])
    for source in (0, 1):
        builder.add(b"example.com\nbad.cdn.example.com", source)
    builder.add(b"cdn.example.com", 2)
    lookup = built(tmp_path / "list", builder)[1].lookup
    assert lookup("x.cdn.example.com")[0] == GAMES
    assert lookup("bad.cdn.example.com")[0] == ADS | GAMES


def test_the_operator_is_stronger_than_lists(tmp_path: Path) -> None:
    builder = _native.Builder([(ADS, 0, False), (ADS, 1, False), (ADS | GAMES, 1, True)])
    builder.add(b"good.example\nx.good.example", 0)
    builder.add(b"bad.example", 1)
    builder.add(b"good.example", 2)
    builder.add(b"bad.good.example", 1)
    lookup = built(tmp_path / "list", builder)[1].lookup
    assert [lookup(name)[0] for name in ("good.example", "x.good.example", "bad.good.example", "bad.example")] == [
        0,
        0,
        ADS,
        ADS,
    ]


def test_counts(tmp_path: Path) -> None:
    builder = _native.Builder([(ADS, 0, False), (GAMES, 0, False)])
    builder.add(b"a.example\nx.a.example\nb.example", 0)
    builder.add(b"b.example\nb.example\nc.example\nd.example", 1)
    result, loaded = built(tmp_path / "list", builder)
    assert (result.names, result.entries, result.size) == (5, 4, loaded.size)
    assert result.sources == [(3, 2, 1), (3, 2, 0)]
    assert result.overlaps == [(0, 1, 1)]
    assert loaded.counts == {1: 3, 2: 3}


def test_names_that_do_not_fit_into_memory_give_the_same_file(tmp_path: Path) -> None:
    names = b"\n".join(b"host%d.example%d.com" % (n * 7919 % 5000, n % 50) for n in range(5000))
    files = []
    for memory in (2**28, 20_000):
        builder = _native.Builder([(ADS, 0, False)], memory=memory, folder=str(tmp_path))
        builder.add(names, 0, numbers=array("I", range(5000)).tobytes())
        built(tmp_path / "list", builder)
        files.append((tmp_path / "list").read_bytes())
        assert list(tmp_path.iterdir()) == [tmp_path / "list"]
    assert files[0] == files[1]


def test_no_folder_for_the_temporary_file(tmp_path: Path) -> None:
    builder = _native.Builder([(ADS, 0, False)], memory=0, folder=str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError):
        builder.add(b"example.com", 0)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [((1,), {}), ((0,), {"scope": 3}), ((0,), {"numbers": b"123"})],
    ids=["source that is none", "scope that is none", "line without number"],
)
def test_arguments_out_of_range(arguments: tuple[int], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        _native.Builder([(ADS, 0, False)]).add(b"example.com", *arguments, **options)


def test_layer_out_of_range() -> None:
    with pytest.raises(ValueError, match="expected layer 0 or 1, found 2"):
        _native.Builder([(ADS, 2, False)])


def with_origins(
    path: Path, lists: list[bytes], serial: int, previous: tuple[str, list[int]] | None = None
) -> _native.Origins:
    builder = _native.Builder([(ADS, 0, False)] * len(lists))
    for number, names in enumerate(lists):
        builder.add(names, number, first=10)
    with path.open("wb") as file, Path("/dev/null").open("wb") as blocklist:
        builder.write(blocklist.fileno(), serial=serial, origins=file.fileno(), header=b"{}", previous=previous)
    return _native.Origins.open(str(path))


def test_origins(tmp_path: Path) -> None:
    origins = with_origins(tmp_path / "one", [b"com\nx.example.com", b"\nexample.com\nexample.com"], 7)
    assert (origins.serial, origins.header) == (7, b"{}")
    assert origins.find("WWW.x.example.com.") == [
        ("com", 0, 10, 0, False, 7),
        ("example.com", 1, 11, 0, False, 7),
        ("x.example.com", 0, 11, 0, False, 7),
    ]
    assert origins.find("example.net") == []
    with pytest.raises(ValueError):
        origins.find("a..b")


def test_origins_keep_their_serial(tmp_path: Path) -> None:
    with_origins(tmp_path / "one", [b"a.example", b"b.example\nc.example"], 1)
    origins = with_origins(tmp_path / "two", [b"b.example\nd.example"], 2, (str(tmp_path / "one"), [-1, 0]))
    assert [origins.find(name)[0][5] for name in ("b.example", "d.example")] == [1, 2]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "at least 60 bytes, found 0"),
        (lambda data: b"<html>" * 20, "begin with"),
        (lambda data: data[:-1], "found"),
        (lambda data: data[:8] + b"\x63" + data[9:], "version 1, found version 99"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
    ],
)
def test_damaged_origins_are_refused(tmp_path: Path, damage, reason: str) -> None:
    path = tmp_path / "origins"
    with_origins(path, [b"a.example"], 1)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BlocklistError, match=reason) as caught:
        _native.Origins.open(str(path))
    assert str(path) in str(caught.value)


def test_damage_in_the_middle_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "origins"
    with_origins(path, [b"a.example"], 1)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(BlocklistError, match="checksum"):
        _native.Origins.open(str(path)).find("a.example")
    with pytest.raises(BlocklistError, match="checksum"):
        with_origins(tmp_path / "two", [b"b.example"], 2, (str(path), [0]))
