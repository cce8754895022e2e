"""`safedns blocklist search`: the entries whose name holds a text."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from safedns.cli.blocklist.lines import add_category, json_line, write_lines
from safedns.cli.blocklist.shared import load
from safedns.cli.common import add_json, warn

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from safedns.blocklist.contents import Entry

SUMMARY = "find entries by a part of their name"

_BATCH: Final = 1024


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 found, 1 no entry has it, 2 it can't be said"
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    parser.add_argument("text", metavar="SUBSTRING", help="part of a name, in any case and script")
    add_category(parser)
    parser.add_argument("--limit", metavar="N", type=_limit, help="print at most so many lines (default: all)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search; the result is the exit status."""
    from safedns.blocklist.contents import mask_of, search

    found = chain.from_iterable(search(load(arguments.file), arguments.text, mask_of(arguments.category)))
    lines = _lines(islice(found, arguments.limit), as_json=arguments.json)
    count = write_lines(lines, lambda count: f"searching {arguments.file}: {count:,} found")
    if arguments.limit is not None and next(found, None):
        warn(f"these are the first {count:,}, there are more; --limit says how many are printed")
    return 0 if count else 1


def _lines(found: Iterator[Entry], *, as_json: bool) -> Iterator[list[str]]:
    while batch := list(islice(found, _BATCH)):
        yield [json_line(entry.plain()) if as_json else entry.line() for entry in batch]


def _limit(text: str) -> int:
    """A limit as it is typed."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value
