from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from safedns.blocklist.categories import BY_ID, BY_NUMBER, CATEGORIES, Authority, Switch, from_ut1
from safedns.blocklist.categories import GROUPS as GROUPS_BY_ID
from safedns.config.words import ANSWER_MODES, GROUPS, NEVER_BLOCKED

BLOCKLISTS = Path(__file__).parents[3] / "blocklists"


def test_every_word_of_the_configuration_is_a_category_and_the_other_way_round() -> None:
    assert {category.id: category.number for category in CATEGORIES} == {
        word: number for ids in GROUPS.values() for word, number in ids.items()
    }
    assert len(BY_ID) == len(BY_NUMBER) == len(CATEGORIES)
    assert all(0 <= number <= 63 for number in BY_NUMBER)


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.id)
def test_every_category_has_its_texts(category: object) -> None:
    found = BY_ID[category.id]
    assert found is BY_NUMBER[found.number]
    assert found.description.endswith(".")
    assert found.description_vietnamese.endswith(".")
    assert found.description_vietnamese != found.description
    assert len({found.vietnamese, found.english, found.id}) == 3
    # The texts go into DNS messages.
    assert len(found.vietnamese.encode()) <= 48
    assert len(found.english) <= 32


@pytest.mark.parametrize(
    ("word", "authority", "code", "mode", "blockable"),
    [
        ("court_ministry_order", Authority.LAW, 16, "sinkhole", True),
        ("malware", Authority.PROVIDER, 15, "sinkhole", True),
        ("gambling", Authority.HOUSEHOLD, 17, "sinkhole", True),
        ("ads_trackers", Authority.HOUSEHOLD, 17, "null", True),
        ("help", Authority.HOUSEHOLD, 17, "sinkhole", False),
    ],
)
def test_what_a_category_means(word: str, authority: Authority, code: int, mode: str, blockable: bool) -> None:
    category = BY_ID[word]
    assert (category.authority, category.authority.extended_error) == (authority, code)
    assert (category.mode, category.blockable) == (mode, blockable)
    assert category.mode in ANSWER_MODES


def test_sex_education_is_not_blocked_with_its_group() -> None:
    assert [category.id for category in CATEGORIES if not category.blocked_with_group] == ["sex_education"]


@pytest.mark.parametrize(
    ("word", "switch"),
    [
        ("csam", Switch.NOBODY),
        ("phishing", Switch.PROVIDER),
        ("gambling", Switch.HOUSEHOLD),
        ("gov", Switch.NOBODY),
    ],
)
def test_who_may_switch_a_category(word: str, switch: Switch) -> None:
    assert BY_ID[word].switch is switch


def test_groups_have_their_texts() -> None:
    assert list(GROUPS_BY_ID) == list(GROUPS)
    for group in GROUPS_BY_ID.values():
        assert group.vietnamese != group.english
        assert group.description.endswith(".")
        assert group.description_vietnamese.endswith(".")
    assert [group.id for group in GROUPS_BY_ID.values() if not group.blockable] == [NEVER_BLOCKED]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("adult", "porn"),
        ("porn", "porn"),
        ("agressif", "violence_hate"),
        ("warez", "piracy"),
        ("publicite", "ads_trackers"),
        ("bitcoin", "crypto"),
        ("tricheur", "cheating"),
        ("filehosting", "file_sharing"),
        ("redirector", "vpn_proxy"),
        ("sexual_education", "sex_education"),
        ("liste_bu", "education"),
    ],
)
def test_what_ut1_calls_a_category(name: str, word: str) -> None:
    assert from_ut1(name) is BY_ID[word]


def test_ut1_has_categories_that_are_none_here() -> None:
    assert from_ut1("press") is None


def test_the_catalogue_s_lists_of_ut1_are_in_the_categories_that_they_map_to() -> None:
    sources = yaml.safe_load((BLOCKLISTS / "catalogue.yaml").read_text())["sources"]
    mapped = [(urlsplit(each["url"]).path.split("/")[-2], each["category"]) for each in sources if "ut1" in each["id"]]
    assert len(mapped) > 20
    for name, word in mapped:
        assert from_ut1(name) is BY_ID[word], name


def test_every_file_of_the_test_data_that_is_ut1_s_is_known() -> None:
    """The data name UT1's categories; each has a category here or a reason why not."""
    folder = BLOCKLISTS.parent.parent / "shared/data/lists"
    if not folder.is_dir():
        pytest.skip("the public lists are not here: they are no part of the project")
    left_out = yaml.safe_load((BLOCKLISTS / "categories.yaml").read_text())["ut1_left_out"]
    names = {path.name.split(".ut1-")[1].removesuffix(".txt") for path in folder.glob("*.ut1-*.txt")}
    assert len(names) > 15
    assert {name for name in names if from_ut1(name) is None and name not in left_out} == set()
