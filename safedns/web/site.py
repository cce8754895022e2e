"""The name of a site, as a browser's Host header or a person's typing gives it. Both may be hostile."""

import ipaddress
import re
import unicodedata
from typing import Final, NamedTuple

INPUT_LIMIT: Final = 2048
"""Characters that may be typed or pasted into the look-up form: a long address, and no more."""

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(?::[0-9]{0,5})?")
_ADDRESS_PREFIX: Final = re.compile(r"[a-z][a-z0-9+.-]*://")


class Site(NamedTuple):
    """A site.

    Attributes:
        name: its name in A-label form, lower case, without the final dot: letters, digits, hyphens, underscores, dots.
        readable: the same as people write it, where that is different; None otherwise.
    """

    name: str
    readable: str | None = None


def is_server(host: str) -> bool:
    """Whether a Host header means this server and not a site: an address, or this machine's name for itself."""
    host = strip_port(host)
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return False


def read_host(host: str) -> Site | None:
    """Read the site from a Host header; None if it has no valid name."""
    return read_name(strip_port(host))


def read_typed(text: str) -> Site | None:
    """Read the site from what a person typed or pasted: a name in any form, or an address that has one."""
    if len(text) > INPUT_LIMIT:
        return None
    text = _ADDRESS_PREFIX.sub("", text.strip().lower(), count=1)
    text = re.split(r"[/?#\\]", text, maxsplit=1)[0]
    return read_host(text.rpartition("@")[2])


def strip_port(host: str) -> str:
    """The host without its port, in lower case; empty if it is neither."""
    match = _AUTHORITY.fullmatch(host.strip().lower())
    return match[1] if match else ""


def read_name(text: str) -> Site | None:
    """Read a domain name in A-label or readable form, in lower case; None if it is no name of a site."""
    text = text.removesuffix(".")
    if not 1 <= len(text) <= 253:
        return None
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return None
    return Site(name, _readable(name))


def _readable(name: str) -> str | None:
    """The readable form of an internationalised name; None if it has none, or none that leads back to the name."""
    if "xn--" not in name:
        return None
    try:
        readable = name.encode("ascii").decode("idna")
        # What looks like a name must be that name: no capitals, no separators, nothing that turns the text around.
        return readable if readable.encode("idna").decode("ascii") == name and _is_letters(readable) else None
    except UnicodeError:
        return None


def _is_letters(readable: str) -> bool:
    """Whether a name has letters, marks, digits and hyphens only; symbols imitate letters and punctuation too well."""
    return all(unicodedata.category(character)[0] in "LMN" or character in "-_." for character in readable)
