"""Age presets: what is blocked for somebody of whom only the age is known.

They are written down in blocklists/categories.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from safedns.blocklist.categories import CATEGORIES
from safedns.blocklist.presets_table import PRESETS as _ROWS

if TYPE_CHECKING:
    from safedns.blocklist.categories import Category


@dataclass(frozen=True, slots=True)
class Preset:
    """What is blocked for somebody.

    Attributes:
        id: stable word, as in `11-15`.
        vietnamese: whom it is for.
        english: the same in English.
        description_vietnamese: what it blocks, as a sentence.
        description: the same in English.
        blocks: ids of groups and categories, as the configuration's `block` takes them.
    """

    id: str
    vietnamese: str
    english: str
    description_vietnamese: str
    description: str
    blocks: tuple[str, ...]

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories that it blocks, strongest group first."""
        return tuple(
            category
            for category in CATEGORIES
            if category.id in self.blocks or (category.group in self.blocks and category.blocked_with_group)
        )


PRESETS: Final = MappingProxyType({row[0]: Preset(*row) for row in _ROWS})
"""All presets by id, youngest first."""
