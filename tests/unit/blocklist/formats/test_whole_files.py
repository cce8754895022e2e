"""Files as wholes: which format they have, which are no lists, how they are packed, and names in any script."""

import gzip
import io
import json
import lzma
import random
import zipfile
from pathlib import Path

import pytest
import zstandard

from safedns import _native
from safedns.blocklist.formats import FORMATS, Reading, check, read, source
from safedns.blocklist.formats.idn import ascii_name, unicode_name
from safedns.blocklist.formats.valid import invalid
from safedns.errors import BlocklistError

SAMPLES = {
    "plain": "# list\na.example\n*.b.example\n",
    "hosts": "# list\n127.0.0.1 localhost\n0.0.0.0 a.example\n::1 b.example\n",
    "adblock": "[Adblock Plus 2.0]\n! list\n||a.example^\n@@||b.example^\n##.ad\n",
    "dnsmasq": "# list\nlocal=/a.example/\naddress=/b.example/#\n",
    "unbound": 'server:\nlocal-zone: "a.example" static\nlocal-data: "b.example A 0.0.0.0"\n',
    "rpz": "; list\n$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\na.example CNAME .\n*.a.example CNAME .\n",
    "v2fly": "# list\na.example\nb.example\nc.example\nfull:d.example\n",
    "csv": "id,domain\n1,a.example\n2,b.example\n",
    "urls": "# list\nhttp://a.example/\nhttps://b.example\n",
}


def store(tmp_path: Path, content: bytes | str) -> str:
    path = tmp_path / "list"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.parametrize("style", FORMATS)
def test_the_content_tells_the_format(tmp_path: Path, style: str) -> None:
    options = {"column": "domain"} if style == "csv" else {}
    reading = check(store(tmp_path, SAMPLES[style]), options=options)
    assert reading.format == style
    assert reading.names >= 2
    assert reading.bad == 0


@pytest.mark.parametrize("style", FORMATS)
def test_line_ends_marks_and_upper_case_change_nothing(tmp_path: Path, style: str) -> None:
    text = SAMPLES[style].replace("example", "Example").replace("\n", "\r\n")
    reading = check(store(tmp_path, b"\xef\xbb\xbf" + text.encode()), style)
    plain = check(store(tmp_path, SAMPLES[style]), style)
    assert (reading.names, reading.blank, reading.skipped) == (plain.names, plain.blank, plain.skipped)


def zipped(content: bytes, *more: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("list.txt", *more):
            archive.writestr(name, content)
    return file.getvalue()


PACKERS = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstandard.compress, "zip": zipped}
CONTENT = "".join(f"name{number * 7919 % 10007}.example\n" for number in range(5000)).encode()


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_lists(tmp_path: Path, packer: str) -> None:
    assert check(store(tmp_path, PACKERS[packer](CONTENT))).names == 5000


@pytest.mark.parametrize("packer", ["gzip", "xz", "zstd"])
def test_packed_parts_follow_each_other(tmp_path: Path, packer: str) -> None:
    packed = PACKERS[packer](CONTENT)
    assert check(store(tmp_path, packed + packed)).names == 10_000


@pytest.mark.parametrize("share", [0.3, 0.99])
@pytest.mark.parametrize("packer", PACKERS)
def test_half_a_packed_list_is_refused(tmp_path: Path, packer: str, share: float) -> None:
    packed = PACKERS[packer](CONTENT)
    path = store(tmp_path, packed[: int(len(packed) * share)])
    with pytest.raises(BlocklistError, match="expected a whole"):
        check(path)


@pytest.mark.parametrize("packer", PACKERS)
def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, packer: str) -> None:
    path = store(tmp_path, PACKERS[packer](b"a.example\n" * 1_000_000))
    with pytest.raises(BlocklistError, match="expected at most 1000000 bytes"):
        check(path, options={"max_bytes": "1000000"})


def test_the_member_of_an_archive(tmp_path: Path) -> None:
    path = store(tmp_path, zipped(b"a.example\n", "other.txt"))
    assert check(path, options={"member": "other.txt"}).names == 1
    with pytest.raises(BlocklistError, match=r"expected one file, or the option member.*found list.txt, other.txt"):
        check(path)
    with pytest.raises(BlocklistError, match="expected the member 'x'"):
        check(path, options={"member": "x"})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!DOCTYPE html>\n<html>404</html>\n", "looks like HTML: the source returned an error page"),
        (b"\n <HTML><body>moved</body></html>\n", "looks like HTML"),
        (b'<?xml version="1.0"?><Error/>\n', "looks like XML or HTML"),
        (json.dumps({"error": "gone"}).encode(), "looks like JSON"),
        (json.dumps(["a.example"], indent=1).encode(), "looks like JSON"),
        (b"%PDF-1.7\n", "looks like a PDF document"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "looks like binary data"),
        ("a.example\n".encode("utf-16"), "looks like UTF-16 text"),
        (b"", "found an empty file"),
        (b"# nothing\n\n", "found only comments"),
        (
            b"##.ad\n||a.example^$script\n",
            "found only what can't be honoured: 1 cosmetic rule, 1 modifier: content type",
        ),
        (b"a.example\n" * 80 + b"not a name\n" * 20, "found 20 bad lines of 100, the first: 81: "),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = store(tmp_path, content)
    with pytest.raises(BlocklistError) as caught:
        check(path)
    assert str(caught.value).startswith(f"{path}: expected ")
    assert found in str(caught.value)


def test_a_tenth_of_bad_lines_is_taken_and_the_first_ten_are_kept(tmp_path: Path) -> None:
    path = store(tmp_path, b"a.example\n" * 180 + b"no name\n" * 20)
    reading = check(path)
    assert (reading.names, reading.bad, reading.blank) == (180, 20, 0)
    assert reading.first_bad == [
        f"{path}:{number}: character that no name has: 'no name'" for number in range(181, 191)
    ]


def test_a_file_that_is_wrong_from_the_start_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = store(tmp_path, b"no name\n" * 300_000)
    reading = Reading(path)
    found = read(path, reading)
    for index, reason in invalid((names := next(found)).data):
        reading.reject(names, index, reason)
    with pytest.raises(BlocklistError, match="bad lines"):
        next(found)
    assert reading.lines < 40_000


@pytest.mark.parametrize("style", FORMATS)
def test_lines_of_a_megabyte_are_bad_and_the_others_taken(tmp_path: Path, style: str) -> None:
    header = "domain\n" if style == "csv" else ""
    good = {
        "plain": "a.example",
        "hosts": "0.0.0.0 a.example",
        "adblock": "||a.example^",
        "dnsmasq": "local=/a.example/",
        "unbound": 'local-zone: "a.example" deny',
        "rpz": "a.example CNAME .",
        "v2fly": "a.example",
        "csv": "a.example",
        "urls": "http://a.example",
    }[style]
    text = header + (good + "\n") * 50 + "x" * 2**20 + "\n" + (good + "\n") * 50 + "y" * 2**20
    path = store(tmp_path, text)
    reading = check(path, style)
    first = 52 if header else 51
    assert (reading.names, reading.bad) == (100, 2)
    assert reading.first_bad == [
        f"{path}:{number}: line of more than {source.MAX_LINE} bytes: ''" for number in (first, first + 51)
    ]


@pytest.mark.parametrize(
    ("options", "style", "found"),
    [
        ({"colum": "x"}, "auto", "expected options among"),
        ({"max_bytes": "-1"}, "auto", "expected a number of bytes"),
        ({}, "adblok", "expected a format among auto, plain"),
        ({"column": "x"}, "csv", "expected a column 'x', found a.example"),
        ({"delimiter": "ab"}, "csv", "expected one character or tab"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, str], style: str, found: str) -> None:
    with pytest.raises(BlocklistError, match=found):
        check(store(tmp_path, b"a.example\n"), style, options)


@pytest.mark.parametrize(
    ("name", "ascii_form"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),  # UTS 46 non-transitional: not fass
        ("quà-tặng.vn", "xn--qu-tng-jta8222d.vn"),
        ("i❤.example", "xn--i-7iq.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_names_in_any_script_and_back(tmp_path: Path, name: str, ascii_form: str) -> None:
    assert ascii_name(name) == ascii_form
    assert ascii_name(unicode_name(ascii_form)) == ascii_form
    [names] = read(path := store(tmp_path, f"a.example\n{name}\n"), Reading(path))
    assert names.data == f"a.example\n{ascii_form}\n".encode()


def test_labels_that_stand_for_nothing_are_shown_as_they_are() -> None:
    assert unicode_name("xn--a.example") == "xn--a.example"
    assert unicode_name("xn--999999999.example") == "xn--999999999.example"
    assert unicode_name("a.example") == "a.example"


def test_names_are_valid_where_the_native_parser_says_so() -> None:
    random.seed(3)
    parts = ["a", "-", "_", ".", "..", "x" * 63, "y" * 64, "!", "B9", " ", "z" * 30 + "."]
    policy = _native.Policy(rules=[])
    for _ in range(3000):
        name = "".join(random.choices(parts, k=random.randrange(1, 14)))
        try:
            policy.decide(name, None)
            native = True
        except ValueError:
            native = False
        assert (list(invalid(name.encode() + b"\n")) == []) is native, name
