"""`safedns blocklist compile`: lists to one file, without a build configuration."""

from __future__ import annotations

import difflib
from dataclasses import asdict
from typing import TYPE_CHECKING

from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.cli.blocklist.shared import Progress, per_name, print_contents, print_left_out, serial
from safedns.cli.common import add_json, print_json
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    import argparse

    from safedns.blocklist.compile import Input

SUMMARY = "compile lists into one file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "categories: " + ", ".join(category.id for category in CATEGORIES)
    parser.add_argument("--output", metavar="FILE", required=True, help="the compiled blocklist")
    parser.add_argument("--serial", metavar="N", type=serial, default=1, help="its version (default 1)")
    parser.add_argument("sources", metavar="CATEGORY=PATH", nargs="+", help="a list and the category of its names")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compile; the result is the exit status."""
    from safedns.blocklist.compile import Job, Report, compile_lists

    job = Job([_input(text) for text in arguments.sources], serial=arguments.serial)
    with Progress() as progress:
        summary = compile_lists(job, arguments.output, Report(progress.reading, progress.warn))
    if arguments.json:
        print_json(asdict(summary) | {"file": arguments.output, "bytes_per_name": per_name(summary)})
    else:
        print_contents(arguments.output, summary)
        print_left_out(summary)
    return 0


def _input(text: str) -> Input:
    from safedns.blocklist.compile import Input

    word, equals, path = text.partition("=")
    if not equals or not path:
        raise BlocklistError(f"{text}: expected CATEGORY=PATH such as gambling=gambling.txt")
    if word not in BY_ID:
        close = difflib.get_close_matches(word, BY_ID, 1)
        hint = f"did you mean {close[0]!r}?" if close else "safedns blocklist compile --help lists them"
        raise BlocklistError(f"{text}: expected a category, found {word!r}; {hint}")
    return Input(word, path, 1 << BY_ID[word].number)
