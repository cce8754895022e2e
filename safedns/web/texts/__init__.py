"""The words of the pages, one module per language; the texts of categories stand with the categories.

Every language has the same keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from safedns.blocklist.categories import CATEGORIES
from safedns.web.texts import en, vi


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language.

    Attributes:
        language: language tag (RFC 5646).
        page: phrases of the pages by key.
        rules: what a verdict's rule means, by rule.
        authorities: who asks for a block, by authority.
        helplines: what a telephone number is, where everybody in Viet Nam can call it.
        categories: what people call a category, by its id.
        descriptions: what a site in a category offers or does, as a sentence, by the category's id.
    """

    language: str
    page: Mapping[str, str]
    rules: Mapping[str, str]
    authorities: Mapping[str, str]
    helplines: Mapping[str, str]
    categories: Mapping[str, str]
    descriptions: Mapping[str, str]


TEXTS: Final = MappingProxyType(
    {
        "vi": Texts(
            "vi",
            vi.PAGE,
            vi.RULES,
            vi.AUTHORITIES,
            vi.HELPLINES,
            {category.id: category.vietnamese for category in CATEGORIES},
            {category.id: category.description_vietnamese for category in CATEGORIES},
        ),
        "en": Texts(
            "en",
            en.PAGE,
            en.RULES,
            en.AUTHORITIES,
            en.HELPLINES,
            {category.id: category.english for category in CATEGORIES},
            {category.id: category.description for category in CATEGORIES},
        ),
    }
)
"""Texts by language tag; the first is for those who ask for none of them."""
