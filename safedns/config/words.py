"""The words that a configuration may use for categories and answers.

Category numbers are part of the compiled blocklist's format: they are fixed for ever, and a number is never used again
for another category. Numbers that no category has yet are free for new ones.
"""

from types import MappingProxyType
from typing import Final

from safedns.config.categories_table import CATEGORIES
from safedns.config.categories_table import GROUPS as GROUP_ROWS

GROUPS: Final = MappingProxyType(
    {
        group: MappingProxyType({id_: number for id_, number, of_group, *_ in CATEGORIES if of_group == group})
        for group, *_ in GROUP_ROWS
    }
)
"""Category numbers by category id, by group; the groups stand strongest first."""

NEVER_BLOCKED: Final = next(group for group, *_, blockable in GROUP_ROWS if not blockable)
"""The group that no configuration can block."""

ONLY_BY_NAME: Final = frozenset(id_ for id_, *_, blocked_with_group, _ in CATEGORIES if not blocked_with_group)
"""Categories that blocking their group leaves open: they are blocked only where they are named themselves."""

ANSWER_MODES: Final = ("sinkhole", "nxdomain", "null", "refused")
"""Ways to answer a blocked name, in the order of the numbers that the native policy knows them by."""

LOG_LEVELS: Final = ("error", "warning", "info", "debug")
"""Log levels, quietest first."""

BLOCKABLE: Final = frozenset(word for group, ids in GROUPS.items() if group != NEVER_BLOCKED for word in (group, *ids))
"""Every group and category id that may be blocked."""

_NXDOMAIN, _NODATA, _LOOPBACK = 0, 1, 2

SPECIAL_NAMES: Final = MappingProxyType(
    {
        # RFC 6761: localhost is this machine; invalid and test exist nowhere; example is a name like any other.
        "localhost": _LOOPBACK,
        "invalid": _NXDOMAIN,
        "test": _NXDOMAIN,
        "onion": _NXDOMAIN,  # RFC 7686: what reaches the DNS is a leak
        "local": _NXDOMAIN,  # RFC 6762: multicast DNS
        "home.arpa": _NXDOMAIN,  # RFC 8375: the home's own names
        "alt": _NXDOMAIN,  # RFC 9476: names outside the DNS
        "resolver.arpa": _NODATA,  # RFC 9462: no encrypted resolver is designated; NODATA below it too
        # Canaries: these answers tell browsers and phones that the network filters, so they keep using its resolver.
        "use-application-dns.net": _NXDOMAIN,  # Firefox
        "mask.icloud.com": _NXDOMAIN,  # iCloud Private Relay
        "mask-h2.icloud.com": _NXDOMAIN,
        # RFC 6303 section 4: reverse names of addresses that mean nothing outside this network.
        "10.in-addr.arpa": _NXDOMAIN,
        **{f"{second}.172.in-addr.arpa": _NXDOMAIN for second in range(16, 32)},
        "168.192.in-addr.arpa": _NXDOMAIN,
        "0.in-addr.arpa": _NXDOMAIN,
        "127.in-addr.arpa": _NXDOMAIN,
        "254.169.in-addr.arpa": _NXDOMAIN,
        "2.0.192.in-addr.arpa": _NXDOMAIN,
        "100.51.198.in-addr.arpa": _NXDOMAIN,
        "113.0.203.in-addr.arpa": _NXDOMAIN,
        "255.255.255.255.in-addr.arpa": _NXDOMAIN,
        f"{'0.' * 32}ip6.arpa": _NXDOMAIN,
        f"1.{'0.' * 31}ip6.arpa": _NXDOMAIN,
        "d.f.ip6.arpa": _NXDOMAIN,
        "8.e.f.ip6.arpa": _NXDOMAIN,
        "9.e.f.ip6.arpa": _NXDOMAIN,
        "a.e.f.ip6.arpa": _NXDOMAIN,
        "b.e.f.ip6.arpa": _NXDOMAIN,
        "8.b.d.0.1.0.0.2.ip6.arpa": _NXDOMAIN,
        # RFC 7793: the addresses that providers share among customers.
        **{f"{second}.100.in-addr.arpa": _NXDOMAIN for second in range(64, 128)},
    }
)
"""Names that are answered here, with all below them, and the native policy's number for how."""
