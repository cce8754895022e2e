"""`safedns blocklist diff`: what changes for whom between two compiled blocklists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safedns.cli.blocklist.lines import add_category, json_line, write_lines
from safedns.cli.blocklist.shared import load
from safedns.cli.common import add_json, print_json, print_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from safedns.blocklist.contents import Difference, Entry

SUMMARY = "say what changes between two compiled blocklists"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 they say the same, 1 they differ, 2 it can't be said"
    parser.add_argument("old", metavar="OLD", help="a compiled blocklist")
    parser.add_argument("new", metavar="NEW", help="the one that comes after it")
    parser.add_argument("--names", action="store_true", help="print each name that is added (+) or removed (-) as well")
    add_category(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare; the result is the exit status."""
    from safedns.blocklist.contents import Difference, mask_of

    difference = Difference(mask_of(arguments.category))
    batches = difference.walk(load(arguments.old), load(arguments.new))
    lines = _lines(batches, names=arguments.names, as_json=arguments.json)
    write_lines(lines, lambda _: f"comparing: {difference.added:,} added, {difference.removed:,} removed")
    if arguments.json:
        print_json(_plain(arguments, difference))
    else:
        _print(difference)
    return 1 if difference.by_category else 0


def _lines(batches: Iterator[list[Entry]], *, names: bool, as_json: bool) -> Iterator[list[str]]:
    for batch in batches:
        if not names:
            yield []
        elif as_json:
            yield [json_line(_plain_change(change)) for change in batch]
        else:
            yield [line for change in batch for line in _change(change)]


def _change(change: Entry) -> list[str]:
    """A line for each category; a name in another script follows as people read it."""
    sign = "+" if change.given else "-"
    readable = f" ({change.unicode})" if change.unicode != change.name else ""
    scope = change.scope.name.lower()
    return [f"{sign} {change.name} {word} {scope}{readable}" for word in change.categories]


def _plain_change(change: Entry) -> dict[str, Any]:
    plain = change.plain()
    plain.pop("kind")
    return {"change": "added" if change.given else "removed"} | plain


def _plain(arguments: argparse.Namespace, difference: Difference) -> dict[str, Any]:
    categories = {
        word: {"added": added, "removed": removed} for word, (added, removed) in difference.by_category.items()
    }
    totals = {"added": difference.added, "removed": difference.removed}
    return {"old": arguments.old, "new": arguments.new} | totals | {"categories": categories}


def _print(difference: Difference) -> None:
    if not difference.by_category:
        print("no name changes its categories")
        return
    rows = sorted(difference.by_category.items(), key=lambda row: (-sum(row[1]), row[0]))
    numbers = [(word, f"{added:,}", f"{removed:,}") for word, (added, removed) in rows]
    total = ("names in total", f"{difference.added:,}", f"{difference.removed:,}")
    print_table([("category", "added", "removed"), *numbers, total])
