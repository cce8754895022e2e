import re

import pytest

from safedns.blocklist.categories import CATEGORIES, Authority
from safedns.web.pages import TEMPLATES
from safedns.web.texts import TEXTS

VIETNAMESE = TEXTS["vi"]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_languages_say_the_same_things(texts):
    for part in ("page", "rules", "authorities", "helplines", "categories", "descriptions"):
        assert getattr(texts, part).keys() == getattr(VIETNAMESE, part).keys(), part
        assert all(getattr(texts, part).values()), part


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_every_category_and_authority_has_words(texts):
    assert texts.descriptions.keys() == {category.id for category in CATEGORIES}
    assert texts.categories.keys() == texts.descriptions.keys()
    assert texts.authorities.keys() == set(Authority)
    assert texts.rules.keys() == {"special", "protected", "category", "default"}
    assert all(sentence.endswith(".") for sentence in texts.descriptions.values())


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_phrases_have_the_same_placeholders(texts):
    for key, phrase in texts.page.items():
        assert re.findall(r"{(\w+)}", phrase) == re.findall(r"{(\w+)}", VIETNAMESE.page[key]), key


def test_every_phrase_is_used():
    used = "".join(file.read_text() for file in [*TEMPLATES.glob("*.html"), TEMPLATES.parent / "pages.py"])
    titles = {f"{kind}.title" for kind in ("invalid", "blocked", "open")}
    assert {key for key in VIETNAMESE.page if f'"{key}"' not in used} == titles
