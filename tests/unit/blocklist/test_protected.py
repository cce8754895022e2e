from pathlib import Path

import pytest

import safedns
from safedns.blocklist.protected import BUILT_IN, Protected, built_in, merge, read_protected
from safedns.errors import BlocklistError

OURS = Path(__file__).parents[3] / "blocklists" / "protected.txt"


def write(folder: Path, text: str) -> str:
    path = folder / "protected.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_name_and_all_below_a_name(tmp_path: Path) -> None:
    path = write(tmp_path, "# why\n\nbank.example   the bank\n*.School.EXAMPLE\tthe school  \n")
    assert read_protected(path) == (
        Protected("bank.example", "the bank", False, f"{path}:3"),
        Protected("school.example", "the school", True, f"{path}:4"),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.example because\nbank.example\n", ":2: expected a name and why it is protected, found only 'bank.example'"),
        ("not..name why\n", ":1: expected a domain name in ASCII form"),
        ("*.*.example why\n", ":1: expected a domain name"),
        ("ngân-hàng.example why\n", ":1: expected a domain name in ASCII form"),
        ("a.example why\n*.a.example why\n", ":2: a.example stands in "),
    ],
)
def test_a_line_that_protects_nothing_is_an_error_with_its_place(tmp_path: Path, text: str, found: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BlocklistError) as error:
        read_protected(path)
    assert str(error.value).startswith(path + found)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(BlocklistError, match=r"none: expected a file of protected names, found: "):
        read_protected(str(tmp_path / "none"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BlocklistError, match=r"binary: expected a file of protected names, found: "):
        read_protected(str(tmp_path / "binary"))


def test_of_two_entries_for_a_name_the_wider_wins() -> None:
    narrow, wide = Protected("a.example", "x", False, "f:1"), Protected("a.example", "y", True, "g:1")
    other = Protected("b.example", "z", False, "g:2")
    assert merge((narrow,), (wide, other)) == merge((wide, other), (narrow,)) == (wide, other)


def test_the_built_in_names_are_inside_the_package_and_hold_with_all_below() -> None:
    assert Path(safedns.__file__).parent in BUILT_IN.parents
    names = {each.name for each in built_in()}
    assert {"pool.ntp.org", "captive.apple.com", "windowsupdate.com", "vn-cop.vn", "gov.vn"} <= names
    # The resolver protects what is below a name too; the guard has to agree with it.
    assert all(each.below for each in built_in())


@pytest.mark.parametrize("name", ["google.com", "cloudfront.net", "debian.org", "edu.vn", "gstatic.com", "visa.com"])
def test_our_list_for_operators(name: str) -> None:
    assert name in {each.name for each in read_protected(str(OURS))}


def test_no_name_of_our_list_stands_below_one_that_protects_it() -> None:
    ours = read_protected(str(OURS))
    wide = {each.name for each in (*ours, *built_in()) if each.below}
    for each in ours:
        labels = each.name.split(".")
        assert not wide & {".".join(labels[start:]) for start in range(1, len(labels))}, each
