"""What a blocklist says, reduced to what other resolvers know: whether a name is blocked, and what is below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safedns._native import Blocklist

T = TypeVar("T")

EXACT: Final = "names that are blocked without what is below them"
BELOW: Final = "names that are not blocked while what is below them is"
EXCEPTIONS: Final = "names that are not blocked below a blocked one"
SUBDOMAINS: Final = "names whose subdomains are blocked too"
TOO_DEEP: Final = "names blocked within exceptions within exceptions"
TOO_LONG: Final = "names that are too long in the zone"


class About(NamedTuple):
    """What the head of an export says: the blocklist's serial, and the name of the zone if it is one."""

    serial: int
    zone: str


class Rule(NamedTuple):
    """Where the answer changes on the way down from the top level.

    Attributes:
        name: in A-label form.
        inherited: whether what is above says that the name is blocked.
        here: whether the name is.
        below: whether what is below it is, until a more specific rule.
    """

    name: str
    inherited: bool
    here: bool
    below: bool


def rules(blocklist: Blocklist, wanted: int) -> Iterator[Rule]:
    """The rules that are needed to say which names are in one of the wanted categories, parents first."""
    for batch in blocklist.walk():
        for name, inherited, here, below in batch:
            rule = Rule(name, bool(inherited & wanted), bool(here & wanted), bool(below & wanted))
            if not rule.inherited == rule.here == rule.below:
                yield rule


class Ancestors(Generic[T]):
    """What is known of the names above the present one, on a way down that comes to parents first."""

    def __init__(self, nothing: T) -> None:
        self._names: list[str] = [""]
        self._known: list[T] = [nothing]

    def above(self, name: str) -> tuple[str, T]:
        """The nearest ancestor of a name that something is known of, and what; the empty name is above all."""
        while not name.endswith(self._names[-1]):
            self._names.pop()
            self._known.pop()
        return self._names[-1].removeprefix("."), self._known[-1]

    def add(self, name: str, known: T) -> None:
        """Say what is known of a name, whose ancestor was asked for last."""
        self._names.append(f".{name}")
        self._known.append(known)
