"""`safedns blocklist lookup`: the categories of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.cli.blocklist.shared import load
from safedns.cli.common import add_json, ascii_name, print_json, print_table
from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    import argparse

    from safedns._native import Blocklist

SUMMARY = "say which categories names are in"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 a name is in a category that can be blocked, 1 none is, 2 it can't be said"
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    parser.add_argument("names", metavar="NAME", nargs="+", help="a domain name")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look up; the result is the exit status."""
    blocklist = load(arguments.file)
    results = [_find(blocklist, ascii_name(name)) for name in arguments.names]
    if arguments.json:
        print_json([{"name": name, "categories": ids, "entry": entry} for name, ids, entry in results])
    else:
        print_table(
            (name, ", ".join(ids) or "not listed", f"({entry})" if entry else "") for name, ids, entry in results
        )
    return 0 if any(BY_ID[word].blockable for _, ids, _ in results for word in ids) else 1


def _find(blocklist: Blocklist, name: str) -> tuple[str, list[str], str | None]:
    try:
        mask, entry = blocklist.lookup(name)
    except ValueError as error:
        raise SafeDNSError(str(error)) from None
    return name, [category.id for category in CATEGORIES if mask >> category.number & 1], entry
