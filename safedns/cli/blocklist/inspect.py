"""`safedns blocklist inspect`: what a compiled blocklist holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from safedns.cli.blocklist.shared import load, per_name, print_summary
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
    from safedns.blocklist.compile import summarise

    blocklist = load(arguments.file)
    summary = summarise(blocklist)
    if arguments.json:
        plain = asdict(summary) | {"version": blocklist.version, "file": arguments.file}
        plain.pop("bad")
        print_json(plain | {"bytes_per_name": per_name(summary)})
    else:
        print_summary(arguments.file, summary, blocklist.version)
    return 0
