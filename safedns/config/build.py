"""Plain data to configuration: every problem is found in one go, each with its place.

`Place` is plain data that remembers the line it stood on; YAML gives lines, JSON gives none. The builder walks the
model's fields, so a key exists if and only if the model has it.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields
from types import MappingProxyType
from typing import Any, TypeVar

from safedns.config.model import Config, to_plain
from safedns.config.units import WHERE, Kind, ListOf, MapOf, Mismatch, SectionsOf, one_of
from safedns.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of plain data: a dict of places by key, a list of places, or a scalar; and where it stood.

    Attributes:
        data: dict[str, Place], list[Place], str, int, float, bool or None.
        where: what to put before an error, such as `safedns.yaml:3`.
    """

    data: object
    where: str


def from_json(text: str) -> Config:
    """Read what `to_json` wrote, with all checks.

    Raises:
        ConfigError: not JSON, or not a configuration.
    """
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"configuration: expected JSON, found {error}") from None
    return build(place(plain, "configuration"))


def to_json(config: Config) -> str:
    """Write a configuration for another process; equal configurations give equal text."""
    return json.dumps(to_plain(config), separators=(",", ":"))


def place(plain: object, where: str) -> Place:
    """Make a place of plain data that comes from one spot, a flag for example."""
    if isinstance(plain, dict):
        return Place({word: place(value, where) for word, value in plain.items()}, where)
    if isinstance(plain, list):
        return Place([place(value, where) for value in plain], where)
    return Place(plain, where)


def build(root: Place, problems: Iterable[str] = ()) -> Config:
    """Build a configuration.

    Args:
        root: the keys and values.
        problems: what is already known to be wrong.

    Raises:
        ConfigError: one line for each thing that is wrong: `file:line: key: expected X, found Y`.
    """
    builder = _Builder(problems)
    config: Config = builder.section(Config, root, "")
    builder.relations(config)
    return builder.done(config)


def build_section(model: Callable[..., T], root: Place, problems: Iterable[str] = ()) -> T:
    """Build a section of any model whose fields have kinds, as `build` does a configuration.

    Raises:
        ConfigError: as `build`.
    """
    builder = _Builder(problems)
    section: T = builder.section(model, root, "")
    return builder.done(section)


class _Builder:
    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        self._places: dict[str, Place] = {}

    def done(self, section: T) -> T:
        """The section, if nothing was wrong.

        Raises:
            ConfigError: something was.
        """
        if self.problems:
            raise ConfigError("\n".join(self.problems))
        return section

    def section(self, model: Callable[..., Any], here: Place, path: str) -> Any:
        if here.data is not None and not isinstance(here.data, dict):
            self._mismatch(here, path, "keys and values", "")
        keys = here.data if isinstance(here.data, dict) else {}  # nothing: the name with every key commented out
        entries: tuple[Field[Any], ...] = fields(model)  # type: ignore[arg-type]
        known = {entry.name: entry for entry in entries if entry.metadata.get("kind") is not WHERE}
        values: dict[str, Any] = {entry.name: here.where for entry in entries if entry.name not in known}
        for word, entry in known.items():
            if entry.default is entry.default_factory is MISSING and word not in keys:
                values[word] = None
                if keys is here.data or here.data is None:
                    self._missing(entry, here, f"{path}.{word}" if path else word)
        for word, child in keys.items():
            child_path = f"{path}.{_shown(word)}" if path else _shown(word)
            if word in known:
                values[word] = self._value(known[word], child, child_path)
            else:
                self._unknown(child, child_path, word, list(known))
        return model(**values)

    def relations(self, config: Config) -> None:
        """Check what keys say about each other."""
        for index, server in enumerate(config.upstream.servers):
            if server in config.listen:
                path = f"upstream.servers[{index}]"
                self._mismatch(self._places[path], path, "another resolver than this one", "it is in listen")
        tcp = set(config.listen)
        for name, endpoints in (("web.listen", config.web.listen), ("web.tls", config.web.tls)):
            for index, endpoint in enumerate(endpoints):
                path = f"{name}[{index}]"
                if endpoint in tcp and path in self._places:
                    self._mismatch(self._places[path], path, "an address and port of its own", "another key has it")
                tcp.add(endpoint)

    def _value(self, entry: Field[Any], here: Place, path: str) -> Any:
        self._places[path] = here
        kind = entry.metadata.get("kind")
        default = entry.default if entry.default is not MISSING else MappingProxyType({})
        if kind is None:
            return self.section(type(default), here, path)
        if isinstance(kind, ListOf):
            return self._list(kind, here, path)
        if isinstance(kind, MapOf):
            return self._map(kind, here, path)
        if isinstance(kind, SectionsOf):
            return self._sections(kind, here, path)
        return self._scalar(kind, here, path, default)

    def _missing(self, entry: Field[Any], here: Place, path: str) -> None:
        kind = entry.metadata["kind"]
        self._mismatch(Place(None, here.where), path, kind.expected if isinstance(kind, Kind) else "a list", "")

    def _scalar(self, kind: Kind[Any], here: Place, path: str, default: object) -> Any:
        try:
            return kind.read(here.data)
        except Mismatch as mismatch:
            self._mismatch(here, path, kind.expected, str(mismatch))
            return default

    def _list(self, kind: ListOf[Any], here: Place, path: str) -> tuple[Any, ...]:
        if not isinstance(here.data, list):
            self._mismatch(here, path, f"a list, each item {kind.item.expected}", "")
            return ()
        if len(here.data) < kind.least:
            self._mismatch(here, path, f"a list, each item {kind.item.expected}", "it must not be empty")
        if len(here.data) > kind.most:
            self._mismatch(here, path, f"a list of at most {kind.most} items", f"it has {len(here.data)}")
            return ()
        items: list[Any] = []
        for index, child in enumerate(here.data):
            child_path = f"{path}[{index}]"
            self._places[child_path] = child
            item = self._scalar(kind.item, child, child_path, None)
            if item in items and item is not None:
                self._mismatch(child, child_path, "each value once", "it stands here a second time")
            items.append(item)
        return tuple(item for item in items if item is not None)

    def _sections(self, kind: SectionsOf[Any], here: Place, path: str) -> tuple[Any, ...]:
        if here.data is None:
            return ()
        if not isinstance(here.data, list) or len(here.data) > kind.most:
            found = f"it has {len(here.data)}" if isinstance(here.data, list) else ""
            self._mismatch(here, path, f"a list of at most {kind.most} items", found)
            return ()
        return tuple(self.section(kind.model, child, f"{path}[{index}]") for index, child in enumerate(here.data))

    def _map(self, kind: MapOf[Any], here: Place, path: str) -> MappingProxyType[str, Any]:
        if here.data is None:
            return MappingProxyType({})
        if not isinstance(here.data, dict):
            self._mismatch(here, path, f"{kind.item.expected} by {kind.key.expected}", "")
            return MappingProxyType({})
        items = {}
        for word, child in here.data.items():
            child_path = f"{path}.{_shown(word)}"
            if self._scalar(kind.key, Place(word, child.where), child_path, None) is not None:
                items[word] = self._scalar(kind.item, child, child_path, None)
        return MappingProxyType(items)

    def _unknown(self, here: Place, path: str, word: object, known: list[str]) -> None:
        try:
            one_of(known, "").read(word)
        except Mismatch as mismatch:
            self._mismatch(Place(word, here.where), path, "a known key", str(mismatch) or "keys: " + ", ".join(known))

    def _mismatch(self, here: Place, path: str, expected: str, hint: str) -> None:
        head = f"{here.where}: {path}" if path else here.where
        tail = f" ({hint})" if hint else ""
        self.problems.append(f"{head}: expected {expected}, found {_describe(here.data)}{tail}")


def _shown(word: str) -> str:
    """A key as it can stand in a path: on one line, and not a whole one."""
    return word if word.isprintable() and 0 < len(word) <= 60 else repr(word)[:60]


def _describe(data: object) -> str:
    if isinstance(data, dict):
        return "keys and values"
    if isinstance(data, list):
        return "a list" if data else "an empty list"
    if data is None:
        return "nothing"
    text = json.dumps(data, ensure_ascii=False) if isinstance(data, bool | int | float) else repr(data)
    return text if len(text) <= 80 else text[:77] + "..."
