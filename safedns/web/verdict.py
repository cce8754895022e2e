"""What the filter says of a site, for people: the native engine's verdict with everything that decided it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safedns.blocklist.categories import BY_NUMBER

if TYPE_CHECKING:
    from safedns._native import Blocklist, Policy
    from safedns.blocklist.categories import Category
    from safedns.web.site import Site


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a site's name, and why.

    Attributes:
        site: whose verdict it is.
        rule: the rule that decided: `special`, `protected`, `category` or `default`.
        category: the category that is blocked; None when the site is not.
        entry: the entry that matched: the name or one above it; None if none did.
        serial: serial of the list that was asked; None if there is no list.
    """

    site: Site
    rule: str
    category: Category | None
    entry: str | None
    serial: int | None

    @property
    def blocked(self) -> bool:
        """Whether the site is blocked."""
        return self.category is not None


def judge(site: Site, policy: Policy, blocklist: Blocklist | None) -> Verdict | None:
    """Ask the native engine about a site; None if it doesn't take the name for one."""
    try:
        rule, number, entry = policy.decide(site.name, blocklist)
    except ValueError:
        return None
    category = None if number is None else BY_NUMBER[number]
    return Verdict(site, rule, category, entry, blocklist.serial if blocklist else None)
