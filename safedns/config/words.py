"""The words that a configuration may use for categories and answers.

Category numbers are part of the compiled blocklist's format: they are fixed for ever, and a number is never used again
for another category. Numbers that no category has yet are free for new ones.
"""

from types import MappingProxyType
from typing import Final

GROUPS: Final = MappingProxyType(
    {
        "illegal": MappingProxyType({"csam": 0, "court_ministry_order": 1, "child_abuse_report": 2}),
        "security": MappingProxyType(
            {
                "malware": 3,
                "phishing": 4,
                "scam": 5,
                "cryptojacking": 6,
                "stalkerware": 7,
                "ddos": 8,
                "newly_registered": 9,
            }
        ),
        "adult": MappingProxyType(
            {"porn": 10, "mixed_adult": 11, "nudity_lingerie": 12, "dating": 13, "sex_education": 14}
        ),
        "harm": MappingProxyType(
            {
                "violence_hate": 15,
                "self_harm_suicide": 16,
                "eating_disorder": 17,
                "weapons": 18,
                "drugs": 19,
                "alcohol_tobacco_vape": 20,
                "extremism": 21,
                "gore_shock": 22,
            }
        ),
        "money": MappingProxyType({"gambling": 23, "loan_scam": 24, "crypto": 25, "shopping": 26}),
        "social": MappingProxyType(
            {
                "social_networks": 27,
                "chat_messengers": 28,
                "video_streaming": 29,
                "games": 30,
                "forums": 31,
                "live_streaming": 32,
                "ai_chat": 33,
            }
        ),
        "bypass": MappingProxyType(
            {
                "dns_bypass": 34,
                "vpn_proxy": 35,
                "tor": 36,
                "remote_control": 37,
                "search_no_safesearch": 38,
                "shortener": 39,
                "dynamic_dns": 40,
            }
        ),
        "other": MappingProxyType(
            {"piracy": 41, "file_sharing": 42, "cheating": 43, "ads_trackers": 44, "fakenews": 45}
        ),
        "good": MappingProxyType({"child_safe": 46, "education": 47, "help": 48, "gov": 49}),
    }
)
"""Category numbers by category id, by group; the groups stand strongest first."""

NEVER_BLOCKED: Final = "good"
"""The group that no configuration can block."""

ONLY_BY_NAME: Final = frozenset({"sex_education"})
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
