"""`safedns blocklist delta`: what turns one compiled blocklist into the next."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

SUMMARY = "write what turns one compiled blocklist into another"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("old", metavar="OLD", help="a compiled blocklist")
    parser.add_argument("new", metavar="NEW", help="the one that takes its place")
    parser.add_argument("--output", metavar="FILE", required=True, help="the delta")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare; the result is the exit status."""
    from safedns.blocklist.delta import make

    made = make(arguments.old, arguments.new, arguments.output)
    if arguments.json:
        print_json({"file": arguments.output} | asdict(made))
        return 0
    print(f"{arguments.output}: from serial {made.old} to {made.new}, {made.size:,} bytes")
    print(f"{made.added:,} entries added, {made.removed:,} removed, {made.changed:,} in other categories")
    return 0
