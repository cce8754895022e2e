"""Services that one switch blocks: the names that are a service's own, and those that it shares with others.

They are written down in blocklists/services.yaml, which says how a name gets there.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from safedns.blocklist.services_table import SERVICES as _ROWS
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Service:
    """What families ask to switch by its name.

    Attributes:
        id: stable word, as in `free_fire`.
        vietnamese: what people call it.
        english: the same in English.
        category: id of the category that it belongs to.
        names: names in A-label form that serve it and nothing else; each stands for itself and all below it.
        shared: names that it uses and that stay open, with the reason.
        includes: ids of services that are blocked with it: they can't do without its names.
        remains_vietnamese: what goes on all the same, as a sentence; empty: nothing that is known.
        remains: the same in English.
    """

    id: str
    vietnamese: str
    english: str
    category: str
    names: tuple[str, ...]
    shared: tuple[tuple[str, str], ...]
    includes: tuple[str, ...]
    remains_vietnamese: str
    remains: str

    def blocked(self) -> tuple[str, ...]:
        """Its own names and those of the services that it includes, each once."""
        return tuple(dict.fromkeys((*self.names, *(name for id_ in self.includes for name in SERVICES[id_].names))))


SERVICES: Final = MappingProxyType({row[0]: Service(*row) for row in _ROWS})
"""All services by id."""


def select(ids: Iterable[str]) -> tuple[Service, ...]:
    """The services with these ids, all if there are none.

    Raises:
        BlocklistError: there is no service with such an id.
    """
    wanted = tuple(dict.fromkeys(ids)) or tuple(SERVICES)
    if unknown := [id_ for id_ in wanted if id_ not in SERVICES]:
        raise BlocklistError(f"{unknown[0]!r}: expected the id of a service; `safedns blocklist services` lists them")
    return tuple(SERVICES[id_] for id_ in wanted)
