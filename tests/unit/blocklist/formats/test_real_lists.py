"""Published lists: no line is lost that its format defines, and the same list says the same in every format."""

import re
from pathlib import Path

import pytest

from safedns.blocklist.formats import Reading, check, read
from safedns.errors import BlocklistError

ROOT = Path(__file__).parents[4]
DATA = ROOT.parent / "shared/data"
LISTS = sorted([*DATA.glob("lists/*"), *DATA.glob("services/*")])
# It holds nothing but includes of lists that are not beside it.
INCOMPLETE = "mihoyo.txt"
PAGE = ROOT / "docs/reference/list-formats.md"

pytestmark = pytest.mark.skipif(not LISTS, reason="no lists in ../shared/data")


def expected(path: Path) -> str:
    """The row of the documented table: counted here with nothing of the package."""
    lines = path.read_text(encoding="utf-8").splitlines()
    content = [line for line in lines if line.strip() and not line.startswith(("#", "!"))]
    addresses = [line for line in content if re.fullmatch(r"\d+(\.\d+){3}", line)]
    patterns = [line for line in content if line.startswith(("regexp:", "keyword:"))]
    skipped = [f"{len(addresses)} IP address"] if addresses else []
    skipped += [f"{len(patterns)} regular expression"] if patterns else []
    names = len(content) - len(addresses) - len(patterns)
    return f"| {len(lines)} | {names} | {len(lines) - len(content)} | {', '.join(skipped)} | 0 |"


def row(reading: Reading) -> str:
    skipped = ", ".join(f"{count} {kind}" for kind, count in sorted(reading.skipped.items()))
    return f"| {reading.lines} | {reading.names} | {reading.blank} | {skipped} | {reading.bad} |"


@pytest.mark.parametrize("path", [path for path in LISTS if path.name != INCOMPLETE], ids=lambda path: path.name)
def test_no_line_is_lost(path: Path) -> None:
    reading = check(str(path))
    assert row(reading) == expected(path)
    documented = f"| `{path.parent.name}/{path.name}` | {reading.format} {row(reading)}"
    assert documented in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", [path for path in LISTS if path.name == INCOMPLETE], ids=lambda path: path.name)
def test_a_list_of_missing_lists_is_refused(path: Path) -> None:
    with pytest.raises(BlocklistError, match="expected the file to include beside the list"):
        check(str(path))


def names(path: Path) -> set[bytes]:
    return {name for found in read(str(path), Reading(str(path))) for name in found.data.split(b"\n") if name}


@pytest.mark.parametrize("hosts", [path for path in LISTS if path.suffix == ".hosts"], ids=lambda path: path.name)
def test_the_same_list_says_the_same_in_every_format(hosts: Path) -> None:
    # Both are the first 400 lines of the list, and the header of one is three lines longer.
    in_hosts, in_adblock = names(hosts), names(hosts.with_suffix(".adblock"))
    assert len(in_hosts) > 380
    assert in_hosts < in_adblock
    assert len(in_adblock - in_hosts) == 3


def test_the_same_list_for_dnsmasq() -> None:
    sample = DATA / "lists/ads.hostsvn.sample.dnsmasq"
    assert len(names(sample)) == 400
    assert names(sample) <= names(DATA / "lists/ads.hostsvn.txt")
