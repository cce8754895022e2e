"""`safedns blocklist categories`: what a list can be about, and what is blocked for whom."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from safedns.cli.common import add_json, print_json, print_table

if TYPE_CHECKING:
    import argparse

SUMMARY = "list the categories, or with --presets what is blocked by age"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--presets", action="store_true", help="list the age presets instead")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List; the result is the exit status."""
    if arguments.presets:
        _presets(arguments.json)
    else:
        _categories(arguments.json)
    return 0


def _categories(as_json: bool) -> None:
    from safedns.blocklist.categories import CATEGORIES

    if as_json:
        print_json(
            [dataclasses.asdict(each) | {"authority": each.authority, "switch": each.switch} for each in CATEGORIES]
        )
        return
    head = ("group", "id", "number", "answer", "who asks", "who may switch", "tiếng Việt", "English")
    rows = [
        (each.group, each.id, str(each.number), each.mode, each.authority, each.switch, each.vietnamese, each.english)
        for each in CATEGORIES
    ]
    print_table([head, *rows])


def _presets(as_json: bool) -> None:
    from safedns.blocklist.presets import PRESETS

    if as_json:
        print_json([dataclasses.asdict(preset) for preset in PRESETS.values()])
        return
    rows = [(each.id, each.vietnamese, each.english, ", ".join(each.blocks)) for each in PRESETS.values()]
    print_table([("preset", "tiếng Việt", "English", "blocks"), *rows])
