"""Why a name is in a blocklist: the lists and lines that say so, from the origins that a build writes beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safedns.blocklist.categories import BY_ID
from safedns.blocklist.compile import origins_path
from safedns.blocklist.contents import category_ids
from safedns.blocklist.decision import decide, why
from safedns.blocklist.formats.idn import unicode_name
from safedns.errors import BlocklistError, SafeDNSError

if TYPE_CHECKING:
    from safedns._native import Origins
    from safedns.blocklist.decision import Decision

_BUILD_AGAIN: Final = "safedns blocklist build writes both: build again"


@dataclass(frozen=True, slots=True)
class Origin:
    """One line of one list that has a say.

    Attributes:
        entry: the name in the list: the one asked for, or one above it.
        source: id of the list, `operator` for the operator's own entries.
        path: file of the list; empty for the operator's entries.
        line: line of the file.
        categories: ids of the categories that it puts the name into, or takes it out of.
        allow: whether it takes the name out.
        scope: `suffix`, `exact` or `below`.
        since: serial with which it came in.
        applies: whether its scope has the name asked for.
        from_all: whether it takes names out of all lists: an exception does so for its own list only.
        where: `file:line` in which it stands.
        reason: the operator's reason for an own entry.
        overruled: ids of the categories in which a stronger line says otherwise.
        by: that line, and why it is the stronger.
    """

    entry: str
    source: str
    path: str
    line: int
    categories: tuple[str, ...]
    allow: bool
    scope: str
    since: int
    applies: bool
    from_all: bool
    where: str
    reason: str = ""
    overruled: tuple[str, ...] = ()
    by: str = ""

    @property
    def operator(self) -> bool:
        """Whether it is an entry of the operator's own."""
        return not self.path


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a name has its categories.

    Attributes:
        name: the name.
        serial: of the blocklist.
        categories: ids of its categories.
        origins: all that has a say, the most specific entry first.
        advice: what it takes to unblock the name, as a sentence.
    """

    name: str
    serial: int
    categories: tuple[str, ...]
    origins: tuple[Origin, ...]
    advice: str

    @property
    def unicode(self) -> str:
        """The name as people write it."""
        return unicode_name(self.name)

    @property
    def blockable(self) -> bool:
        """Whether one of its categories can be blocked."""
        return bool(_blockable(set(self.categories)))

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self) | {"unicode": self.unicode}


def explain(path: str, name: str) -> Explanation:
    """Find out where a name's categories come from.

    Raises:
        BlocklistError: the blocklist or its origins can't be used, or don't belong together.
        SafeDNSError: the name is none.
    """
    from safedns import _native

    blocklist = _native.Blocklist.open(path)
    blocklist.verify()
    origins = _open(path, blocklist.serial)
    name = name.lower().removesuffix(".")
    try:
        categories = category_ids(blocklist.lookup(name)[0])
        rows = origins.find(name)
    except ValueError as error:
        raise SafeDNSError(str(error)) from None
    found = _origins(name, rows, json.loads(origins.header))
    decision = decide(found)
    if decision.categories != set(categories):
        raise BlocklistError(
            f"{origins_path(Path(path))}: expected the origins of {path}, found others; {_BUILD_AGAIN}"
        )
    weighed = [_weighed(origin, decision) for origin in found]
    weighed.sort(key=lambda origin: -origin.entry.count("."))
    return Explanation(name, blocklist.serial, categories, tuple(weighed), _advice(name, decision))


def _open(path: str, serial: int) -> Origins:
    from safedns import _native

    file = origins_path(Path(path))
    if not file.exists():
        raise BlocklistError(f"{file}: expected the origins of {path}, found no such file; {_BUILD_AGAIN}")
    origins = _native.Origins.open(str(file))
    if origins.serial != serial:
        raise BlocklistError(
            f"{file}: expected the origins of serial {serial}, found those of {origins.serial}; {_BUILD_AGAIN}"
        )
    return origins


def _origins(name: str, rows: list[tuple[str, int, int, int, bool, int]], header: dict[str, Any]) -> list[Origin]:
    """What is said, from the top level down."""
    from safedns.blocklist.plan import SCOPES

    reasons = {(each["name"], each["line"]): each for each in header["said"]}
    found = []
    for entry, number, line, scope, allow, since in rows:
        source = header["sources"][number]
        path = source.get("path", "")
        said = {"where": f"{path}:{line}"} if path else reasons[entry, line]
        found.append(
            Origin(
                entry=entry,
                source=source["id"],
                path=path,
                line=line,
                categories=tuple(source["categories"]),
                allow=allow or source["allow"],
                scope=SCOPES[scope],
                since=since,
                applies=SCOPES[scope] != ("below" if entry == name else "exact"),
                from_all=bool(path) and source["allow"],
                where=said["where"],
                reason=said.get("reason", ""),
            )
        )
    return found


def _weighed(origin: Origin, decision: Decision) -> Origin:
    winners = decision.overruling(origin)
    if not winners:
        return origin
    strongest = next(iter(winners.values()))
    return replace(
        origin, overruled=tuple(winners), by=f"{strongest.source} ({strongest.where}): {why(origin, strongest)}"
    )


def _advice(name: str, decision: Decision) -> str:
    if not _blockable(decision.categories):
        return "It is in no category that can be blocked; nothing has to be done to unblock it."
    allow = f"add it to `allow` of the build configuration with a reason (- name: {name}) and build again"
    own = sorted({decision.operator[word].where for word in _blockable(decision.operator_blocks)})
    if own and not _blockable(decision.listed):
        return f"To unblock it, take the entry in {' and '.join(own)} out and build again, or {allow}."
    return f"To unblock it, {allow}; tell the list's publisher if it is wrong."


def _blockable(categories: set[str]) -> set[str]:
    return {word for word in categories if BY_ID[word].blockable}
