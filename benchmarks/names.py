"""The lists: names to block and names to resolve, from reference data when present, else made from a seed."""

import lzma
import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = 20_26
BLOCKED_NAMES = 1_000_000
ALLOWED_NAMES = 145_669
"""As many as the reference data has, so that both sources give the same work."""

CATEGORY_SHARES = {
    "porn": 45,
    "gambling": 25,
    "malware": 12,
    "phishing": 10,
    "scam": 4,
    "drugs": 2,
    "dating": 1,
    "violence_hate": 1,
}
"""Per cent of the sites in each category. Large lists are mostly adult and gambling sites."""

_ONSETS = [
    "b",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "ng",
    "nh",
    "p",
    "ph",
    "qu",
    "r",
    "s",
    "st",
    "t",
    "th",
    "tr",
    "v",
    "x",
    "z",
]
_VOWELS = ["a", "ai", "ao", "e", "ea", "i", "ia", "ie", "o", "oa", "oo", "u", "ua", "y"]
_CODAS = ["", "", "", "n", "ng", "t", "m", "s", "r", "x"]
_JOINTS = ["", "", "", "-", "88", "24", "bet", "shop", "vip", "app", "online"]
_ENDINGS = ["com"] * 50 + [
    "net",
    "org",
    "info",
    "xyz",
    "top",
    "vn",
    "com.vn",
    "ru",
    "de",
    "co.uk",
    "cn",
    "io",
    "club",
    "site",
    "online",
    "pro",
    "live",
    "me",
    "biz",
]
_HOSTS = ["www", "m", "cdn", "api", "app", "static", "img", "ads", "track", "login", "play", "vn"]


@dataclass(frozen=True, slots=True)
class Lists:
    """Names to block (sorted, distinct), names to resolve (none under a blocked one), and where they came from."""

    blocked: list[str]
    allowed: list[str]
    source: str


def load_lists(data: Path | None, count: int) -> Lists:
    """Read the reference lists from `data`, or generate lists of the same size; take `count` of the blocked names."""
    if data is not None and (data / "block-1m.txt.xz").is_file():
        blocked, allowed = _read(data / "block-1m.txt.xz"), _read(data / "allow.txt.xz")
        source = "reference lists block-1m.txt.xz and allow.txt.xz"
    else:
        blocked = generate(BLOCKED_NAMES, random.Random(SEED))
        allowed = allowed_only(generate(ALLOWED_NAMES * 2, random.Random(SEED + 1)), blocked)[:ALLOWED_NAMES]
        source = f"generated from seed {SEED}"
    return Lists(resize(blocked, count, random.Random(SEED + 2)), allowed, source)


def _read(path: Path) -> list[str]:
    with lzma.open(path, "rt", encoding="ascii") as lines:
        return [line.rstrip("\n") for line in lines]


def generate(count: int, rng: random.Random) -> list[str]:
    """Make `count` distinct names that look like registered domains and hosts below them, sorted."""
    names: set[str] = set()
    while len(names) < count:
        site = f"{_word(rng)}{rng.choice(_JOINTS)}{_word(rng)}.{rng.choice(_ENDINGS)}"
        names.add(site if rng.random() < 0.7 else f"{rng.choice(_HOSTS)}.{site}")
    return sorted(names)


def _word(rng: random.Random) -> str:
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(1 if rng.random() < 0.5 else 2)
    )


def resize(names: list[str], count: int, rng: random.Random) -> list[str]:
    """Take `count` of the names at random, or add names made from pieces of them; sorted."""
    if count <= len(names):
        return sorted(rng.sample(names, count))
    grown = set(names)
    while len(grown) < count:
        # First half of one name's first label and second half of another's, under the other's parent.
        left, right = rng.choice(names), rng.choice(names)
        label, _, parent = right.partition(".")
        first = left.partition(".")[0]
        grown.add(f"{first[: (len(first) + 1) // 2]}{label[len(label) // 2 :]}"[:63].strip("-") + f".{parent}")
    return sorted(grown)


def allowed_only(names: Iterable[str], blocked: Sequence[str]) -> list[str]:
    """Leave out names that are blocked or below a blocked one."""
    entries = set(blocked)
    return [name for name in names if entries.isdisjoint(parents(name))]


def parents(name: str) -> Iterator[str]:
    """A name and everything above it, from the most specific on."""
    while name:
        yield name
        name = name.partition(".")[2]


def category_of(name: str) -> str:
    """The category of a name: the same for all names of a site, with the shares of `CATEGORY_SHARES`."""
    point = zlib.crc32(".".join(name.split(".")[-2:]).encode("ascii")) % sum(CATEGORY_SHARES.values())
    for category, share in CATEGORY_SHARES.items():
        if point < share:
            return category
        point -= share
    raise AssertionError("the point lies below the sum of the shares")


def write_categories(names: Iterable[str], directory: Path) -> list[str]:
    """Write one file per category; return `CATEGORY=PATH` arguments for `safedns blocklist compile`."""
    directory.mkdir(parents=True, exist_ok=True)
    members: dict[str, list[str]] = {category: [] for category in CATEGORY_SHARES}
    for name in names:
        members[category_of(name)].append(name)
    for category, lines in members.items():
        write_lines(directory / f"{category}.txt", lines)
    return [f"{category}={directory / f'{category}.txt'}" for category, lines in members.items() if lines]


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write lines to a file, directories included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as output:
        output.writelines(f"{line}\n" for line in lines)
    return path
