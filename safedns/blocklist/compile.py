"""Lists of names to one compiled blocklist, and the origins that say where each entry comes from.

The names pass through in chunks; the native builder keeps them, on the disk past a limit. What is written appears whole
or not at all: it is written beside its place, synced, verified, looked at by the caller's check, and renamed.
"""

from __future__ import annotations

import json
from array import array
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from safedns.blocklist.categories import BY_NUMBER, CATEGORIES
from safedns.blocklist.contents import category_ids
from safedns.blocklist.formats import Reading, read
from safedns.blocklist.output import replacing
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from safedns._native import Blocklist, Builder, Built

DEFAULT_MEMORY: Final = 256 * 2**20
"""Bytes for names that wait to be sorted."""

OPERATOR: Final = "operator"
"""The source of the operator's own entries."""

_LISTS, _OPERATOR = 0, 1


@dataclass(frozen=True, slots=True)
class Input:
    """A list that goes in.

    Attributes:
        id: stable word for reports.
        path: its file.
        categories: bit mask of the categories that its names get, or that it takes away.
        allow: whether it takes names out.
        format: name of its format, or `auto`.
        options: what the format needs to know.
        licence: under which its names may be used, if known.
    """

    id: str
    path: str
    categories: int
    allow: bool = False
    format: str = "auto"
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A name that the operator adds or takes out; it is stronger than all lists.

    Attributes:
        name: in A-label form.
        categories: bit mask.
        allow: whether it is taken out.
        scope: number of the `Scope`.
        reason: why, in the operator's words.
        where: `file:line` in which it stands.
    """

    name: str
    categories: int
    allow: bool
    scope: int
    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class InputSummary:
    """What one list gave.

    Attributes:
        id: of the list.
        path: its file.
        categories: ids of its categories.
        format: as found.
        lines: lines of the file.
        names: distinct names.
        unique: names that no other list gives.
        covered: names dropped because a listed parent says the same.
        bad: lines that hold no name.
        skipped: entries left out, by reason.
    """

    id: str
    path: str
    categories: tuple[str, ...]
    format: str
    lines: int
    names: int
    unique: int
    covered: int
    bad: int
    skipped: dict[str, int]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a compiled blocklist holds.

    Attributes:
        names: distinct names.
        entries: entries left after names under an equally blocked parent were dropped.
        size: bytes.
        serial: version given.
        checksum: hash of the content, in hexadecimal.
        counts: distinct names by category id.
    """

    names: int
    entries: int
    size: int
    serial: int
    checksum: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Summary(Contents):
    """What was compiled, and from what.

    Attributes:
        bad: lines that hold no name.
        inputs: what each list gave, in their order.
        overlaps: ids of two lists, and how many names both give; most first.
    """

    bad: int
    inputs: tuple[InputSummary, ...]
    overlaps: tuple[tuple[str, str, int], ...]


@dataclass(slots=True)
class Report:
    """What to tell while compiling.

    Attributes:
        progress: called with the file and the names read of it so far, with every chunk.
        bad_line: called with `file:line: reason` for the first bad lines of each list.
    """

    progress: Callable[[str, int], None]
    bad_line: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to compile.

    Attributes:
        inputs: lists.
        said: the operator's own entries.
        serial: version of the result.
        memory: bytes for names that wait to be sorted.
        origins: whether to write beside the blocklist where each entry comes from.
    """

    inputs: Sequence[Input]
    said: Sequence[Said] = ()
    serial: int = 1
    memory: int = DEFAULT_MEMORY
    origins: bool = False


def compile_lists(
    job: Job, output: str, report: Report, check: Callable[[Blocklist, Summary], None] = lambda *_: None
) -> Summary:
    """Compile lists into a file.

    Args:
        job: what to compile.
        output: where to.
        report: what to tell meanwhile.
        check: looks at the result, and at what each list gave, before it takes its place; what it raises stops that.

    Raises:
        BlocklistError: a list can't be used or the file can't be written; what was there before is untouched.
    """
    from safedns import _native

    target = Path(output)
    operator = sorted({(each.categories, each.allow) for each in job.said})
    rows = [(each.categories, _LISTS, each.allow) for each in job.inputs]
    rows += [(categories, _OPERATOR, allow) for categories, allow in operator]
    with ExitStack() as files:
        # Left in reverse order: the origins take their place first. Left alone they say that they are another serial's.
        file = files.enter_context(replacing(target))
        origins = files.enter_context(replacing(origins_path(target))) if job.origins else None
        # What waits to be sorted waits on the same disk; that it is full is said of the output.
        builder = _native.Builder(rows, memory=job.memory, folder=str(target.parent))
        readings = [_add_list(each, number, builder, report) for number, each in enumerate(job.inputs)]
        for each in job.said:
            _add_said(each, len(job.inputs) + operator.index((each.categories, each.allow)), builder)
        built = builder.write(
            file.fileno(),
            serial=job.serial,
            origins=origins.fileno() if origins else None,
            header=_header(job, operator) if origins else None,
            previous=_previous(job, operator, target) if origins else None,
        )
        # Loaded as a resolver will: a disk that lies is found out before it matters.
        blocklist = _native.Blocklist.load(str(file.name))
        summary = _summary(job, blocklist, built, readings)
        check(blocklist, summary)
    return summary


def origins_path(blocklist: Path) -> Path:
    """Where the origins of a blocklist's entries are."""
    return blocklist.with_name(f"{blocklist.name}.origins")


def _add_list(each: Input, number: int, builder: Builder, report: Report) -> Reading:
    reading = Reading(each.path)
    # `read` checks the shares of its own findings; those of the builder come to light a chunk later.
    for names in read(each.path, reading, format=each.format, options=each.options):
        lines = names.numbers
        numbers = None if lines is None else array("I", lines).tobytes()
        rejected = builder.add(
            names.data, number, scope=names.scope, allow=names.allow, first=names.first, numbers=numbers
        )
        for index, reason in rejected:
            reading.reject(names, index, reason)
        report.progress(each.path, reading.names)
    reading.check_share()
    for line in reading.first_bad:
        report.bad_line(line)
    return reading


def _add_said(each: Said, number: int, builder: Builder) -> None:
    for _, reason in builder.add(each.name.encode(), number, scope=each.scope, first=_line(each)):
        raise BlocklistError(f"{each.where}: expected a domain name, found {each.name!r}: {reason}")


def _line(each: Said) -> int:
    return int(each.where.rpartition(":")[2])


def _header(job: Job, operator: Sequence[tuple[int, bool]]) -> bytes:
    """What the origins say of the sources that their entries name by number."""
    sources = [
        {"id": each.id, "path": each.path, "categories": category_ids(each.categories), "allow": each.allow}
        | ({"licence": each.licence} if each.licence else {})
        for each in job.inputs
    ]
    sources += [
        {"id": OPERATOR, "categories": category_ids(categories), "allow": allow} for categories, allow in operator
    ]
    said = [{"name": each.name, "line": _line(each), "where": each.where, "reason": each.reason} for each in job.said]
    return json.dumps({"sources": sources, "said": said}, ensure_ascii=False).encode()


def _previous(job: Job, operator: Sequence[tuple[int, bool]], target: Path) -> tuple[str, list[int]] | None:
    """The origins so far, and the new numbers of their sources: an entry keeps the serial that it came in with."""
    from safedns import _native

    path = origins_path(target)
    if not path.exists():
        return None
    new = json.loads(_header(job, operator))["sources"]
    numbers = {_identity(source): number for number, source in enumerate(new)}
    try:
        old = json.loads(_native.Origins.open(str(path)).header)["sources"]
    except BlocklistError:
        # Damaged: entries count as new from now on, which is all that is lost.
        return None
    return str(path), [numbers.get(_identity(source), -1) for source in old]


def _identity(source: dict[str, object]) -> str:
    """A source stays the same one while its id, its categories and its direction do."""
    return json.dumps([source["id"], source["categories"], source["allow"]])


def categories_text(ids: Collection[str]) -> str:
    """Categories for people."""
    blockable = {category.id for category in CATEGORIES if category.blockable}
    return "every category that can be blocked" if blockable == set(ids) else ", ".join(ids)


def _summary(job: Job, blocklist: Blocklist, built: Built, readings: Sequence[Reading]) -> Summary:
    rows = zip(job.inputs, readings, built.sources, strict=False)
    inputs = tuple(
        InputSummary(
            id=each.id,
            path=each.path,
            categories=category_ids(each.categories),
            format=reading.format,
            lines=reading.lines,
            names=names,
            unique=unique,
            covered=covered,
            bad=reading.bad,
            skipped=dict(reading.skipped),
        )
        for each, reading, (names, unique, covered) in rows
    )
    ids = [each.id for each in job.inputs]
    overlaps = sorted(
        ((ids[a], ids[b], both) for a, b, both in built.overlaps if b < len(ids)), key=lambda row: -row[2]
    )
    return Summary(
        **asdict(contents_of(blocklist)),
        bad=sum(each.bad for each in inputs),
        inputs=inputs,
        overlaps=tuple(overlaps),
    )


def contents_of(blocklist: Blocklist) -> Contents:
    """Say what a compiled blocklist holds."""
    return Contents(
        names=blocklist.names,
        entries=blocklist.entries,
        size=blocklist.size,
        serial=blocklist.serial,
        checksum=blocklist.checksum,
        counts={BY_NUMBER[number].id: count for number, count in sorted(blocklist.counts.items()) if count},
    )
