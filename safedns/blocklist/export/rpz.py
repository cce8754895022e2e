"""Response policy zones, which BIND, Unbound, Knot Resolver and PowerDNS Recursor read.

`name CNAME .` answers NXDOMAIN, `CNAME rpz-passthru.` lets the name pass, and `*.name` is about what is below it. A
wildcard does not reach below a name that exists in the zone, if only because something below it does (RFC 4592); some
resolvers hold to that and some don't. So what a name between a wildcard and a rule below it inherits is said once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.blocklist.export.rules import TOO_LONG, Ancestors

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from safedns.blocklist.export.rules import About, Rule

COMMENT: Final = ";"
HOW: Final = "A response policy zone."

ZONE: Final = "rpz.safedns.invalid"
"""Name of the zone; whoever loads it may call it something else that is no longer."""

_LONGEST: Final = 253
_HEAD: Final = """\
$ORIGIN {zone}.
$TTL 300
@ SOA localhost. hostmaster.localhost. {serial} 3600 600 86400 300
@ NS localhost.
"""


def lines(rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
    """The zone."""
    # Serials of zones have 32 bits: RFC 1982.
    yield from _HEAD.format(zone=about.zone, serial=about.serial % 2**32).splitlines(keepends=True)
    blocked_below: Ancestors[bool] = Ancestors(nothing=False)
    for rule in rules:
        if len(f"*.{rule.name}.{about.zone}") > _LONGEST:
            left_out[TOO_LONG] += 1
            continue
        ancestor, blocked = blocked_below.above(rule.name)
        if blocked:
            for name in _between(ancestor, rule.name):
                blocked_below.add(name, known=True)
                yield from _records(name, here=True, below=True, inherited=False)
        blocked_below.add(rule.name, rule.below)
        yield from _records(rule.name, here=rule.here, below=rule.below, inherited=rule.inherited)


def _between(ancestor: str, name: str) -> list[str]:
    """The names between two, from the top level down."""
    labels = name.split(".")
    depths = range(ancestor.count(".") + 2, len(labels))
    return [".".join(labels[-depth:]) for depth in depths]


def _records(name: str, *, here: bool, below: bool, inherited: bool) -> Iterator[str]:
    for owner, blocked in ((name, here), (f"*.{name}", below)):
        if blocked or inherited:
            yield f"{owner} CNAME {'.' if blocked else 'rpz-passthru.'}\n"
