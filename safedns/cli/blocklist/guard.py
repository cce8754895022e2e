"""`safedns blocklist guard`: whether a compiled blocklist may be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safedns.cli.blocklist.shared import load
from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

    from safedns.blocklist.guard_verdict import Verdict

SUMMARY = "say whether a compiled blocklist would break something"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 passed, 1 refused, 2 it can't be said"
    parser.add_argument("new", metavar="NEW", help="the compiled blocklist to judge")
    parser.add_argument("--old", metavar="OLD", help="the one that it would replace")
    parser.add_argument(
        "--protected", metavar="FILE", nargs="+", default=[], help="protected names besides the built-in ones"
    )
    parser.add_argument("--popularity", metavar="FILE", help="popular names, most popular first, as Tranco has them")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge; the result is the exit status."""
    from safedns.blocklist.guard import Rules, check
    from safedns.blocklist.protected import merge, read_protected

    rules = Rules(
        protected=merge(*(read_protected(path) for path in arguments.protected)), popularity=arguments.popularity
    )
    verdict = check(load(arguments.new), load(arguments.old) if arguments.old else None, rules)
    print_verdict(verdict, json=arguments.json)
    return 0 if verdict.passed else 1


def print_verdict(verdict: Verdict, *, json: bool) -> None:
    """Print a verdict for people or for programs."""
    if json:
        print_json(verdict.plain())
    else:
        for line in verdict.lines():
            print(line)
