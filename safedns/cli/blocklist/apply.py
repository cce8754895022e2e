"""`safedns blocklist apply`: a compiled blocklist from the one before and a delta."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

SUMMARY = "make a compiled blocklist of the one before and a delta"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("old", metavar="OLD", help="the compiled blocklist that the delta was made from")
    parser.add_argument("delta", metavar="DELTA", help="the delta")
    parser.add_argument("--output", metavar="FILE", required=True, help="the compiled blocklist that comes out")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Apply; the result is the exit status."""
    from safedns.blocklist.delta import apply

    serial = apply(arguments.old, arguments.delta, arguments.output)
    if arguments.json:
        print_json({"file": arguments.output, "serial": serial})
    else:
        print(f"{arguments.output}: serial {serial}, the same bytes that the delta was made for")
    return 0
