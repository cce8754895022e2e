"""`safedns blocklist inspect`: what a compiled blocklist holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from safedns.cli.blocklist.shared import load, per_name, print_contents
from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

SUMMARY = "say what a compiled blocklist holds"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Inspect; the result is the exit status."""
    from safedns.blocklist.compile import contents_of

    blocklist = load(arguments.file)
    contents = contents_of(blocklist)
    if arguments.json:
        plain = {"file": arguments.file, "version": blocklist.version, "bytes_per_name": per_name(contents)}
        print_json(plain | asdict(contents))
    else:
        print_contents(arguments.file, contents, blocklist.version)
    return 0
