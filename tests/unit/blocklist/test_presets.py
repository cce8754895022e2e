"""Age presets are what a configuration may block."""

from itertools import pairwise

import pytest

from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.blocklist.presets import PRESETS
from safedns.config.words import BLOCKABLE, GROUPS


def test_presets_are_these() -> None:
    assert list(PRESETS) == ["0-10", "11-15", "16-17", "adult", "guest"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_what_a_configuration_may_block(preset) -> None:
    assert set(preset.blocks) <= BLOCKABLE
    assert not {word for word in preset.blocks if word in BY_ID and BY_ID[word].group in preset.blocks} - {
        "sex_education"
    }
    assert {"illegal", "security"} <= set(preset.blocks)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_no_preset_blocks_what_is_good(preset) -> None:
    assert [category.id for category in preset.categories if category.group == "good"] == []


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_sex_education_is_open_except_for_the_youngest(preset) -> None:
    assert (BY_ID["sex_education"] in preset.categories) == (preset.id == "0-10")


def test_the_youngest_have_every_group_blocked() -> None:
    assert set(PRESETS["0-10"].categories) == {category for category in CATEGORIES if category.blockable}


def test_who_is_older_has_less_blocked() -> None:
    ages = [set(PRESETS[age].categories) for age in ("0-10", "11-15", "16-17", "adult")]
    assert all(older < younger for younger, older in pairwise(ages))
    assert ages[-1] < set(PRESETS["guest"].categories)


@pytest.mark.parametrize(
    ("preset", "blocked", "open_"),
    [
        ("11-15", ["porn", "gambling", "vpn_proxy", "cheating", "dating"], ["social_networks", "games", "shopping"]),
        ("16-17", ["porn", "gambling", "drugs", "dns_bypass"], ["social_networks", "piracy", "crypto"]),
        ("adult", ["csam", "phishing"], ["porn", "gambling", "vpn_proxy"]),
        ("guest", ["malware", "dns_bypass", "tor"], ["porn", "shortener", "dynamic_dns"]),
    ],
)
def test_what_a_preset_blocks(preset: str, blocked: list[str], open_: list[str]) -> None:
    found = {category.id for category in PRESETS[preset].categories}
    assert set(blocked) <= found
    assert not set(open_) & found


def test_a_preset_s_group_means_what_the_configuration_s_does() -> None:
    """`policy.compile` leaves `sex_education` open where only `adult` is blocked; so does a preset."""
    adult = {category.id for category in PRESETS["16-17"].categories if category.group == "adult"}
    assert adult == set(GROUPS["adult"]) - {"sex_education"}
