"""dnsmasq: `address=/name/` answers NXDOMAIN at and below a name, `server=/name/#` asks as usual.

The longest name decides. A name with `*.` in front is longer than the name, and stands for what is below it only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from safedns.blocklist.export.rules import About, Rule

COMMENT: Final = "#"
HOW: Final = "Load it with conf-file=FILE (dnsmasq 2.86 or newer)."


def lines(rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
    """One line for each name, two where what is below it is not like it."""
    for rule in rules:
        yield _line(rule.name, rule.here)
        if rule.here != rule.below:
            yield _line(f"*.{rule.name}", rule.below)


def _line(name: str, blocked: bool) -> str:
    return f"address=/{name}/\n" if blocked else f"server=/{name}/#\n"
