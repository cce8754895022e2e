"""Values as people write them: sizes, durations, addresses, names. Each is read strictly and written back the same.

A `Kind` says what is expected, turns plain data (what YAML and JSON hold) into a value, and the value into plain data.
"""

import ipaddress
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")
N = TypeVar("N", int, float)

SIZE_UNITS: Final = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}
DURATION_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}

_QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?) ?([A-Za-z]+)")
_SHARE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?%")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MIRROR = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
CHANNEL_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""What a channel may be called: it stands in paths and in names of roles."""
_CONTACT = re.compile(r"(?:tel:\+?[0-9][0-9().;=a-z+-]*|mailto:[^@\s?]+@[^@\s?]+)")


class Endpoint(NamedTuple):
    """An IP address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        """Write as in the configuration: `192.0.2.1:53`, `[2001:db8::1]:53`."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Mismatch(ValueError):  # noqa: N818 - it becomes a line of a ConfigError; nobody else sees it
    """Plain data that a kind can't take; the text, if any, is a hint to put behind what was expected and found."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value.

    Attributes:
        expected: what the value must be, as it reads in an error after "expected".
        read: plain data to value; raises `Mismatch`.
        write: value to the plain data that `read` takes.
    """

    expected: str
    read: Callable[[object], T]
    write: Callable[[T], object]


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of values of one kind, none twice; at least `least` of them and at most `most`."""

    item: Kind[T]
    least: int = 0
    most: int = 1000


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """Values of one kind by words."""

    key: Kind[str]
    item: Kind[T]


@dataclass(frozen=True, slots=True)
class SectionsOf(Generic[T]):
    """A list of sections of one model; a field of the model with `WHERE` for its kind is given the section's place."""

    model: Callable[..., T]
    most: int = 10_000


def size(least: int, most: int) -> Kind[int]:
    """A number of bytes in these bounds, written `8 MiB`."""
    expected = f"a size from {format_size(least)} to {format_size(most)} such as '8 MiB'"
    return Kind(expected, lambda data: _bounded(_quantity(data, SIZE_UNITS), least, most), format_size)


def duration(least: float, most: float) -> Kind[float]:
    """A time in seconds in these bounds, written `10 s`, `500 ms`, `2 min`, `1 h`."""

    def read(data: object) -> float:
        return _bounded(_quantity(data, DURATION_UNITS) / 1000, least, most)

    return Kind(
        f"a time from {format_duration(least)} to {format_duration(most)} such as '10 s'", read, format_duration
    )


def number(least: int, most: int) -> Kind[int]:
    """A whole number in these bounds."""

    def read(data: object) -> int:
        if type(data) is not int:
            raise Mismatch
        return _bounded(data, least, most)

    return Kind(f"a whole number from {least} to {most}", read, lambda value: value)


def share(most: int) -> Kind[float]:
    """A share in percent from 0 to `most`, written `20 %`; the value is 0.2 then."""

    def read(data: object) -> float:
        match = _SHARE.fullmatch(_text(data))
        if not match:
            raise Mismatch
        return _bounded(float(match[1]), 0, most) / 100

    return Kind(f"a share from 0 % to {most} % such as '20 %'", read, lambda value: f"{value * 100:g} %")


def one_of(words: Collection[str], expected: str) -> Kind[str]:
    """One of these words."""

    def read(data: object) -> str:
        text = _text(data)
        if text not in words:
            import difflib  # only for a mistake: a resolver worker never needs it

            close = difflib.get_close_matches(text, words, 1)
            raise Mismatch(f"did you mean {close[0]!r}?" if close else "")
        return text

    return Kind(expected, read, lambda value: value)


def either(word: str, kind: Kind[T]) -> Kind[T | str]:
    """A word, or a value of the kind."""

    def read(data: object) -> T | str:
        return word if data == word else kind.read(data)

    def write(value: T | str) -> object:
        return value if isinstance(value, str) else kind.write(value)

    return Kind(f"{word!r} or {kind.expected}", read, write)


def null_word(kind: Kind[str]) -> Kind[str]:
    """A word of a kind that knows "null" as a word: unquoted, YAML makes nothing of it."""
    return Kind(kind.expected, lambda data: kind.read("null" if data is None else data), kind.write)


def optional(kind: Kind[T]) -> Kind[T | None]:
    """A value of the kind, or null."""

    def read(data: object) -> T | None:
        return None if data is None else kind.read(data)

    def write(value: T | None) -> object:
        return None if value is None else kind.write(value)

    return Kind(f"{kind.expected} or null", read, write)


def format_size(value: int) -> str:
    """Write a number of bytes with the largest unit that keeps it whole."""
    return _format(value, SIZE_UNITS)


def format_duration(seconds: float) -> str:
    """Write seconds with the largest unit that keeps them whole; milliseconds are the finest."""
    return _format(round(seconds * 1000), DURATION_UNITS)


def parse_endpoint(text: str, default_port: int | None = None) -> Endpoint:
    """Read `ADDR:PORT`; the port may be absent where there is a default one.

    Raises:
        Mismatch: not an address and port.
    """
    host, port = _split_port(text)
    if port is None and default_port is None:
        raise Mismatch("the port is missing")
    if port is not None and not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise Mismatch("a port is a number from 1 to 65535")
    if "%" in host:
        raise Mismatch("an address with a zone can't be used")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise Mismatch("use an IP address, not a name") from None
    return Endpoint(str(address), int(port) if port is not None else default_port or 0)


def _split_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise Mismatch("an IPv6 address with a port is written [ADDR]:PORT")
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _endpoint_kind(default_port: int | None, expected: str) -> Kind[Endpoint]:
    return Kind(expected, lambda data: parse_endpoint(_text(data), default_port), str)


def _read_network(data: object) -> str:
    try:
        return str(ipaddress.ip_network(_text(data)))
    except ValueError as error:
        raise Mismatch("the address has bits beyond its prefix" if "host bits" in str(error) else "") from None


def _read_ipv4(data: object) -> str:
    try:
        return str(ipaddress.IPv4Address(_text(data)))
    except ValueError:
        raise Mismatch from None


def _read_ipv6(data: object) -> str:
    try:
        return str(ipaddress.IPv6Address(_text(data)))
    except ValueError:
        raise Mismatch from None


def _read_name(data: object) -> str:
    name = _text(data).lower().removesuffix(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise Mismatch
    return name


def _read_contact(data: object) -> str:
    text = _text(data)
    if not _CONTACT.fullmatch(text):
        raise Mismatch
    return text


def _read_mirror(data: object) -> str:
    text = _text(data)
    if not _MIRROR.fullmatch(text):
        raise Mismatch
    return text.rstrip("/")


def _read_channel(data: object) -> str:
    text = _text(data)
    if not CHANNEL_NAME.fullmatch(text):
        raise Mismatch
    return text


def _read_word(data: object) -> str:
    text = _text(data)
    if not text.strip() or "\0" in text:
        raise Mismatch
    return text


def _flag(data: object) -> bool:
    if not isinstance(data, bool):
        raise Mismatch
    return data


def _same(value: str) -> object:
    return value


ENDPOINT: Final = _endpoint_kind(None, "an IP address with port such as '192.168.1.1:53' or '[::1]:53'")
UPSTREAM: Final = _endpoint_kind(53, "an IP address, with a port or without, such as '9.9.9.9' or '[2620:fe::fe]:53'")
NETWORK: Final = Kind("a network such as '192.168.0.0/16' or 'fd00::/8'", _read_network, _same)
IPV4: Final = Kind("an IPv4 address", _read_ipv4, _same)
IPV6: Final = Kind("an IPv6 address", _read_ipv6, _same)
NAME: Final = Kind("a domain name in ASCII form such as 'example.com'", _read_name, _same)
# "https" and "sips" were taken out of the draft: a client must be able to trust what it offers to open.
CONTACT: Final = Kind("'tel:NUMBER' or 'mailto:ADDRESS'", _read_contact, _same)
MIRROR: Final = Kind("an address such as 'https://lists.isp.example/public'", _read_mirror, _same)
CHANNEL: Final = Kind("lower-case letters, digits and hyphens such as 'isp-a'", _read_channel, _same)
PATH: Final = Kind("a file's path", _read_word, _same)
USER: Final = Kind("a user's name", _read_word, _same)
FLAG: Final = Kind("true or false", _flag, lambda value: value)
WORD: Final = Kind("a text", _read_word, _same)
WHERE: Final = Kind("a place", _read_word, _same)
"""Not a key: the field is given where its section stood, as `file:line`."""


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise Mismatch
    return data


def _quantity(data: object, units: dict[str, int]) -> int:
    """Read a number with its unit; the result, in the smallest unit, must be whole."""
    if isinstance(data, int | float) and not isinstance(data, bool):
        raise Mismatch(f"the unit is missing: {', '.join(units)}")
    match = _QUANTITY.fullmatch(_text(data))
    if not match:
        raise Mismatch
    if match[2] not in units:
        raise Mismatch(f"the units are {', '.join(units)}")
    value = float(match[1]) * units[match[2]]
    if value != int(value):
        raise Mismatch
    return int(value)


def _bounded(value: N, least: float, most: float) -> N:
    if not least <= value <= most:
        raise Mismatch
    return value


def _format(value: int, units: dict[str, int]) -> str:
    unit = next(
        (unit for unit, scale in units.items() if value % scale == 0 and value), min(units, key=lambda u: units[u])
    )
    return f"{value // units[unit]} {unit}"
