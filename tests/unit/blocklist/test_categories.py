import pytest

from safedns.blocklist.categories import BY_ID, BY_NUMBER, CATEGORIES, Authority
from safedns.config.words import ANSWER_MODES, GROUPS


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
