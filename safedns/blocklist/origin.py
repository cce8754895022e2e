"""Why a name is in a blocklist: the lists and lines that say so, from the origins that a build writes beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safedns.blocklist.categories import BY_ID
from safedns.blocklist.compile import category_ids, origins_path
from safedns.blocklist.formats.idn import unicode_name
from safedns.errors import BlocklistError, SafeDNSError

if TYPE_CHECKING:
    from safedns._native import Origins


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
        where: `file:line` of an operator's entry.
        reason: the operator's reason.
    """

    entry: str
    source: str
    path: str
    line: int
    categories: tuple[str, ...]
    allow: bool
    scope: str
    since: int
    where: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a name has its categories.

    Attributes:
        name: the name.
        serial: of the blocklist.
        categories: ids of its categories.
        origins: all that has a say, the most specific entry first.
        decision: which of them is the stronger, as a sentence; empty if they agree.
        advice: what it takes to unblock the name, as a sentence.
    """

    name: str
    serial: int
    categories: tuple[str, ...]
    origins: tuple[Origin, ...]
    decision: str
    advice: str

    @property
    def unicode(self) -> str:
        """The name as people write it."""
        return unicode_name(self.name)

    @property
    def blockable(self) -> bool:
        """Whether one of its categories can be blocked."""
        return any(BY_ID[word].blockable for word in self.categories)

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
    try:
        categories = tuple(category_ids(blocklist.lookup(name)[0]))
        rows = origins.find(name)
    except ValueError as error:
        raise SafeDNSError(str(error)) from None
    found = tuple(_origins(rows, json.loads(origins.header)))
    return Explanation(name, blocklist.serial, categories, found, _decision(found), _advice(name, categories, found))


def _open(path: str, serial: int) -> Origins:
    from safedns import _native

    file = origins_path(Path(path))
    origins = _native.Origins.open(str(file))
    if origins.serial != serial:
        raise BlocklistError(
            f"{file}: expected the origins of serial {serial}, found those of {origins.serial}; "
            "safedns blocklist build writes both"
        )
    return origins


def _origins(rows: list[tuple[str, int, int, int, bool, int]], header: dict[str, Any]) -> list[Origin]:
    from safedns.blocklist.plan import SCOPES

    reasons = {(each["name"], each["line"]): each for each in header["said"]}
    found = []
    for entry, number, line, scope, allow, since in rows:
        source = header["sources"][number]
        said = reasons.get((entry, line), {}) if "path" not in source else {}
        found.append(
            Origin(
                entry=entry,
                source=source["id"],
                path=source.get("path", ""),
                line=line,
                categories=tuple(source["categories"]),
                allow=allow or source["allow"],
                scope=SCOPES[scope],
                since=since,
                where=said.get("where", ""),
                reason=said.get("reason", ""),
            )
        )
    return sorted(found, key=lambda origin: -origin.entry.count("."))


def _decision(origins: tuple[Origin, ...]) -> str:
    """Which one is the stronger where both directions are said; docs/reference/build-configuration.md has the order."""
    if len({origin.allow for origin in origins}) < 2:
        return ""
    if any(origin.where for origin in origins):
        return "They disagree: the operator's own entry is stronger than every list, and of two the more specific one."
    return "They disagree: what takes a name out is the stronger, until a more specific line of a list puts it back."


def _advice(name: str, categories: tuple[str, ...], origins: tuple[Origin, ...]) -> str:
    if not any(BY_ID[word].blockable for word in categories):
        return "It is in no category that can be blocked; nothing has to be done to unblock it."
    own = [origin for origin in origins if origin.where and not origin.allow]
    if own:
        return f"To unblock it, take the entry in {own[0].where} out and build again."
    return (
        f"To unblock it, add it to `allow` of the build configuration with a reason (- name: {name}) and build again; "
        "tell the list's publisher if it is wrong."
    )
