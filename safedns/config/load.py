"""Read the configuration of a system: file, flags that override it, and what is left to the system.

YAML is imported only when there is a file to read.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safedns.config.build import Place, build, place
from safedns.config.model import Config, Upstream
from safedns.config.units import Endpoint
from safedns.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import yaml

RESOLV_CONF: Final = Path("/etc/resolv.conf")

# A configuration is a few KiB; reading on would only feed the parser what is no configuration.
MAX_FILE_SIZE: Final = 2**20

# The model has four.
MAX_DEPTH: Final = 16

_INTEGER = re.compile("-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Flags of the command line that override the file, as they were typed; empty or None leaves the file's value."""

    listen: tuple[str, ...] = ()
    web: tuple[str, ...] = ()
    tls: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    blocklist: str | None = None
    user: str | None = None
    workers: str | None = None


def load(path: str | None, overrides: Overrides = Overrides(), *, resolv_conf: Path = RESOLV_CONF) -> Config:
    """Read a configuration that is ready to serve with.

    Args:
        path: the file; None takes the defaults.
        overrides: flags, which replace the file's values.
        resolv_conf: where to find upstream resolvers if none are set.

    Raises:
        ConfigError: one line for each thing that is wrong.
    """
    return with_upstreams(read(path, overrides), path, resolv_conf=resolv_conf)


def with_upstreams(config: Config, path: str | None, *, resolv_conf: Path = RESOLV_CONF) -> Config:
    """Take the system's resolvers for upstreams where none are set; the path is for the error.

    Raises:
        ConfigError: the system names none that is not this machine.
    """
    if config.upstream.servers:
        return config
    servers = tuple(server for server in _system_servers(resolv_conf) if server not in config.listen)
    if not servers:
        raise ConfigError(
            f"{path or 'configuration'}: upstream.servers: expected a resolver to ask, found none here and "
            f"none in {resolv_conf} that is not this server; name one, for example --upstream 9.9.9.9"
        )
    return replace(config, upstream=Upstream(servers))


def read(path: str | None, overrides: Overrides = Overrides()) -> Config:
    """Read a configuration as far as it is written down: `upstream.servers` may be empty.

    Raises:
        ConfigError: one line for each thing that is wrong.
    """
    root, problems = parse(path) if path is not None else (Place({}, "configuration"), [])
    if isinstance(root.data, dict):
        root = Place(_merge(root.data, _flags(overrides)), root.where)
    config = build(root, problems)
    folder = Path(path).parent if path is not None else Path()
    blocklist = _absolute(config.blocklist.file, folder if overrides.blocklist is None else Path())
    sync = config.coordinator
    return replace(
        config,
        blocklist=replace(config.blocklist, file=blocklist),
        coordinator=replace(sync, root=_absolute(sync.root, folder), state=_absolute(sync.state, folder)),
    )


def _absolute(file: str | None, base: Path) -> str | None:
    """A path in the file starts at the file's folder, so that it means the same wherever the program was started."""
    return None if file is None else str((base / file).absolute())


def _flags(overrides: Overrides) -> dict[str, Place]:
    flags: dict[str, Place] = {}
    if overrides.listen:
        flags["listen"] = place(list(overrides.listen), "--listen")
    if overrides.user is not None:
        flags["user"] = place(overrides.user, "--user")
    if overrides.workers is not None:
        workers = int(overrides.workers) if overrides.workers.isdecimal() else overrides.workers
        flags["workers"] = place(workers, "--workers")
    if overrides.upstream:
        flags["upstream"] = place({"servers": list(overrides.upstream)}, "--upstream")
    if overrides.blocklist is not None:
        flags["blocklist"] = place({"file": overrides.blocklist}, "--blocklist")
    web = {}
    if overrides.web:
        web["listen"] = place(list(overrides.web), "--web")
    if overrides.tls:
        web["tls"] = place(list(overrides.tls), "--tls")
    if web:
        flags["web"] = Place(web, "--web")
    return flags


def _merge(below: dict[str, Place], above: dict[str, Place]) -> dict[str, Place]:
    merged = dict(below)
    for word, item in above.items():
        old = merged[word].data if word in merged else None
        both = isinstance(old, dict) and isinstance(item.data, dict)
        merged[word] = Place({**old, **item.data}, merged[word].where) if both else item  # type: ignore[dict-item]
    return merged


def parse(path: str) -> tuple[Place, list[str]]:
    """Read YAML without making objects of it: what is kept is plain data, where each piece stood, and what is wrong.

    Raises:
        ConfigError: no file that can be read, or no YAML.
    """
    import yaml

    text = _text(path)
    problems: list[str] = []
    try:
        _refuse_traps(yaml.parse(text, yaml.SafeLoader), path)
        node = yaml.compose(text, yaml.SafeLoader)
        return (_place(node, path, problems) if node is not None else Place({}, path)), problems
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path}:{_line(error)}: expected YAML, found: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: expected YAML, found: {str(error).splitlines()[0]}") from None


def _refuse_traps(events: Iterable[yaml.Event], path: str) -> None:
    """Aliases can refer to themselves and multiply, depth costs a parser its stack; no configuration needs either."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"{path}:{_line(event)}: expected a value, found the alias *{event.anchor}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(
                f"{path}:{_line(event)}: expected at most {MAX_DEPTH} levels of lists and keys, found more"
            )


def _text(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_SIZE + 1)
        if len(content) > MAX_FILE_SIZE:
            raise ConfigError(f"{path}: expected a configuration, found a file of more than {MAX_FILE_SIZE} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: expected a configuration file, found: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found byte {content[error.start]:#04x} at {error.start}"
        ) from None


def _place(node: yaml.Node, path: str, problems: list[str]) -> Place:
    where = f"{path}:{_line(node)}"
    if isinstance(node.value, str):
        return Place(_scalar(node), where)
    if node.tag == "tag:yaml.org,2002:seq":
        return Place([_place(item, path, problems) for item in node.value], where)
    items: dict[object, Place] = {}
    for key, value in node.value:
        word = _place(key, path, problems)
        if not isinstance(word.data, str):
            problems.append(f"{word.where}: expected a key, found {key.value!r}")
        elif word.data in items:
            problems.append(f"{word.where}: {word.data}: expected each key once, found it a second time")
        else:
            items[word.data] = _place(value, path, problems)
    return Place(items, where)


def _line(what: yaml.Event | yaml.Node | yaml.MarkedYAMLError) -> int:
    """The line of a piece of YAML or of a problem in it, from 1."""
    mark: yaml.Mark | None = getattr(what, "problem_mark", None) or getattr(what, "start_mark", None)
    return mark.line + 1 if mark is not None else 1


def _scalar(node: yaml.Node) -> object:
    """Only the types that keys have; a date, say, stays the text that was typed."""
    import yaml

    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind in {"null", "bool"}:
        return yaml.constructor.SafeConstructor().construct_object(node)
    # YAML 1.1 reads 1:30 and 0x1f as numbers too: they stay text, which no number in a configuration is.
    if kind == "int" and _INTEGER.fullmatch(node.value):
        return int(node.value)
    return node.value


def _system_servers(resolv_conf: Path) -> Iterator[Endpoint]:
    """The system's resolvers that can be asked; one on this machine may be, as long as it is not ourselves."""
    try:
        lines = resolv_conf.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # the caller says that there are none, and where it looked
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                address = ipaddress.ip_address(words[1])
            except ValueError:
                continue  # with a zone, say: the engine can't ask it
            if not (address.is_unspecified or address.is_link_local):
                yield Endpoint(str(address), 53)
