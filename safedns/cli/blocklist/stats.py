"""`safedns blocklist stats`: a bar for each category."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from safedns.cli.blocklist.shared import load
from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

SUMMARY = "show how many names are in each category"

_SMALLEST_BAR = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show; the result is the exit status."""
    from safedns.blocklist.compile import contents_of

    contents = contents_of(load(arguments.file))
    if arguments.json:
        print_json({"file": arguments.file, "names": contents.names, "counts": contents.counts})
        return 0
    print(f"{contents.names:,} names, serial {contents.serial}")
    for line in bars(contents.counts, shutil.get_terminal_size().columns):
        print(line)
    return 0


def bars(counts: dict[str, int], columns: int) -> list[str]:
    """Lines with a bar for each count, largest first, as wide as the terminal has columns."""
    word = max(map(len, counts), default=0)
    number = max((len(f"{count:,}") for count in counts.values()), default=0)
    room = max(columns - word - number - 4, _SMALLEST_BAR)
    most = max(counts.values(), default=1)
    return [
        f"{name:<{word}}  {count:>{number},}  {'█' * max(round(room * count / most), 1)}"
        for name, count in sorted(counts.items(), key=lambda row: -row[1])
    ]
