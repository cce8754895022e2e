"""`safedns blocklist dump`: all entries of a compiled blocklist, one to a line."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from safedns.cli.blocklist.lines import add_category, json_line, write_lines
from safedns.cli.blocklist.shared import load
from safedns.cli.common import add_json, ascii_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SUMMARY = "print the entries of a compiled blocklist"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    add_category(parser)
    parser.add_argument("--under", metavar="NAME", help="only the entry of this name and those below it")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print; the result is the exit status."""
    from safedns.blocklist.contents import HEADER, entries, mask_of

    under = None if arguments.under is None else ascii_name(arguments.under)
    found = entries(load(arguments.file), mask_of(arguments.category), under)
    lines: Iterator[list[str]]
    if arguments.json:
        lines = ([json_line(entry.plain()) for entry in batch] for batch in found)
    else:
        lines = chain([[HEADER]], ([entry.line() for entry in batch] for batch in found))
    write_lines(lines, lambda count: f"writing {arguments.file}: {count:,} lines")
    return 0
