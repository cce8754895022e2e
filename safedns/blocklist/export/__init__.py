"""A compiled blocklist in the words of other resolvers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from safedns.blocklist.export import adblock, dnsmasq, hosts, plain, rpz, unbound
from safedns.blocklist.export.rules import About, Rule, rules
from safedns.blocklist.output import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from safedns._native import Blocklist


class Format(Protocol):
    """What the module of a format has."""

    COMMENT: str
    """What a line begins with that is a comment."""

    HOW: str
    """How the file is loaded, for its head."""

    def lines(self, rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
        """The file's lines, each with its end.

        Args:
            rules: what is blocked and what is not, parents first.
            about: the blocklist.
            left_out: counts, by kind, what the format can't express.
        """


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {"rpz": rpz, "unbound": unbound, "dnsmasq": dnsmasq, "hosts": hosts, "adblock": adblock, "plain": plain}
)
"""By name."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was exported.

    Attributes:
        rules: names that something is said of.
        lines: lines written, without the comments at the head.
        left_out: rules that the format can't express, by kind.
    """

    rules: int
    lines: int
    left_out: Mapping[str, int]


def export(
    blocklist: Blocklist, name: str, output: str, wanted: int, report: Callable[[int], None], zone: str = rpz.ZONE
) -> Summary:
    """Write what a blocklist blocks as another resolver reads it; the file appears whole or not at all.

    Args:
        blocklist: what to export.
        name: of the format.
        output: where to.
        wanted: mask of the categories that count as blocked.
        report: called with the number of lines so far.
        zone: name of the response policy zone.

    Raises:
        BlocklistError: the file can't be written.
    """
    form = FORMATS[name]
    about = About(blocklist.serial, zone)
    left_out: Counter[str] = Counter()
    seen = lines = 0

    def counted() -> Iterator[Rule]:
        nonlocal seen
        for rule in rules(blocklist, wanted):
            seen += 1
            yield rule

    with replacing(output) as file:
        file.write(f"{form.COMMENT} SafeDNS blocklist, serial {about.serial}. {form.HOW}\n".encode())
        for line in form.lines(counted(), about, left_out):
            file.write(line.encode())
            lines += 1
            report(lines)
    return Summary(seen, lines, left_out)
