"""The categories: what each is called, who asks for its blocking, and how its names are answered unless told otherwise.

They are written down in blocklists/categories.yaml; their ids and numbers are words of the configuration.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from safedns.config import categories_table


class Authority(StrEnum):
    """Who asks for a block."""

    LAW = "law"
    PROVIDER = "provider"
    HOUSEHOLD = "household"

    @property
    def extended_error(self) -> int:
        """Extended DNS Error code (RFC 8914 sections 4.16-4.18): 16 Censored, 15 Blocked, 17 Filtered."""
        return _EXTENDED_ERRORS[self]


_EXTENDED_ERRORS: Final = {Authority.LAW: 16, Authority.PROVIDER: 15, Authority.HOUSEHOLD: 17}


class Switch(StrEnum):
    """Who may switch a category on and off."""

    NOBODY = "nobody"
    PROVIDER = "provider"
    HOUSEHOLD = "household"


@dataclass(frozen=True, slots=True)
class Group:
    """Categories that belong together.

    Attributes:
        id: stable word, as in `money`.
        vietnamese: what people call it.
        english: the same in English.
        description_vietnamese: what its categories have in common, as a sentence.
        description: the same in English.
        authority: who asks for the blocking.
        switch: who may switch it.
        blockable: whether a configuration may block it.
    """

    id: str
    vietnamese: str
    english: str
    description_vietnamese: str
    description: str
    authority: Authority
    switch: Switch
    blockable: bool


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of names.

    Attributes:
        id: stable word, as in `gambling`.
        number: 0 to 63, stable: the bit in a compiled blocklist.
        group: the group that it belongs to.
        vietnamese: what people call it.
        english: the same in English.
        description_vietnamese: what a name in it offers or does, as a sentence.
        description: the same in English.
        mode: answer mode unless the configuration sets another.
        blocked_with_group: whether blocking the group blocks it; if not, it is blocked only where it is named itself.
        ut1: what the lists of Université Toulouse Capitole call it.
    """

    id: str
    number: int
    group: str
    vietnamese: str
    english: str
    description_vietnamese: str
    description: str
    mode: str
    blocked_with_group: bool
    ut1: tuple[str, ...]

    @property
    def authority(self) -> Authority:
        """Who asks for its blocking."""
        return GROUPS[self.group].authority

    @property
    def switch(self) -> Switch:
        """Who may switch it."""
        return GROUPS[self.group].switch

    @property
    def blockable(self) -> bool:
        """Whether a configuration may block it."""
        return GROUPS[self.group].blockable


GROUPS: Final = MappingProxyType(
    {row[0]: Group(*row[:5], Authority(row[5]), Switch(row[6]), row[7]) for row in categories_table.GROUPS}
)
"""All groups by id, strongest first."""

CATEGORIES: Final = tuple(Category(*row) for row in categories_table.CATEGORIES)
"""All categories, strongest group first."""

BY_ID: Final = MappingProxyType({category.id: category for category in CATEGORIES})
BY_NUMBER: Final = MappingProxyType({category.number: category for category in CATEGORIES})


def from_ut1(name: str) -> Category | None:
    """The category that a category of Université Toulouse Capitole is here; None: it has none."""
    return next((category for category in CATEGORIES if name in category.ut1), None)
