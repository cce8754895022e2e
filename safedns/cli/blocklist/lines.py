"""What commands share that print a line for each entry, as it comes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from safedns.cli.blocklist.shared import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)


def add_category(parser: argparse.ArgumentParser) -> None:
    """Add `--category`."""
    parser.add_argument("--category", metavar="ID", help="only this category; safedns blocklist categories lists them")


def json_line(value: object) -> str:
    """A value as one line of JSON."""
    return _ENCODER.encode(value)


def write_lines(batches: Iterable[list[str]], say: Callable[[int], str]) -> int:
    """Print lines, a batch at a time; the result is how many.

    Args:
        batches: the lines, without their ends.
        say: how far it is, from the lines so far; shown to a person who does not see the lines themselves.
    """
    count = 0
    watched = sys.stdout.isatty()
    with Progress() as progress:
        for batch in batches:
            if batch:
                sys.stdout.write("\n".join([*batch, ""]))
                count += len(batch)
            if not watched:
                progress.show(say(count))
    return count
