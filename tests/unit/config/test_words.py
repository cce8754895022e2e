from safedns.config.words import ANSWER_MODES, BLOCKABLE, GROUPS, NEVER_BLOCKED, ONLY_BY_NAME, SPECIAL_NAMES

# Numbers are bits of compiled blocklists that are out there: this table may grow and never change.
# fmt: off
NUMBERS = [
    "csam", "court_ministry_order", "child_abuse_report", "malware", "phishing",
    "scam", "cryptojacking", "stalkerware", "ddos", "newly_registered",
    "porn", "mixed_adult", "nudity_lingerie", "dating", "sex_education",
    "violence_hate", "self_harm_suicide", "eating_disorder", "weapons", "drugs",
    "alcohol_tobacco_vape", "extremism", "gore_shock", "gambling", "loan_scam",
    "crypto", "shopping", "social_networks", "chat_messengers", "video_streaming",
    "games", "forums", "live_streaming", "ai_chat", "dns_bypass",
    "vpn_proxy", "tor", "remote_control", "search_no_safesearch", "shortener",
    "dynamic_dns", "piracy", "file_sharing", "cheating", "ads_trackers",
    "fakenews", "child_safe", "education", "help", "gov",
]
# fmt: on


def test_numbers_are_fixed() -> None:
    assert {word: number for ids in GROUPS.values() for word, number in ids.items()} == {
        word: number for number, word in enumerate(NUMBERS)
    }


def test_groups_are_nine_strongest_first() -> None:
    assert list(GROUPS) == ["illegal", "security", "adult", "harm", "money", "social", "bypass", "other", "good"]
    assert not set(GROUPS) & set(NUMBERS)


def test_all_but_the_good_can_be_blocked() -> None:
    assert set(NUMBERS) | set(GROUPS) == BLOCKABLE | set(GROUPS[NEVER_BLOCKED]) | {NEVER_BLOCKED}
    assert not BLOCKABLE & set(GROUPS[NEVER_BLOCKED])
    assert set(NUMBERS) >= ONLY_BY_NAME


def test_answer_modes_have_the_native_numbers() -> None:
    assert ANSWER_MODES == ("sinkhole", "nxdomain", "null", "refused")


def test_reverse_zones_are_those_of_the_standards() -> None:
    reverse = [name for name in SPECIAL_NAMES if name.endswith((".in-addr.arpa", ".ip6.arpa"))]
    # RFC 6303 section 4.1 has 18 zones, 4.2 has 8, 4.3 to 4.6 have 8 for IPv6; RFC 7793 has 64.
    assert len([name for name in reverse if name.endswith(".100.in-addr.arpa")]) == 64
    assert len([name for name in reverse if name.endswith(".in-addr.arpa")]) == 64 + 18 + 8 - 1
    assert len([name for name in reverse if name.endswith(".ip6.arpa")]) == 8
    assert {len(name.split(".")) for name in reverse if name.endswith("0.0.0.0.0.0.0.0.0.ip6.arpa")} == {34}
