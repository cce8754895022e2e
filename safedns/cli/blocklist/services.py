"""`safedns blocklist services`: services that one switch blocks, and the names that it blocks."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from safedns.cli.common import add_json, print_json, print_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from safedns.blocklist.services import Service

SUMMARY = "list the services, or show what is blocked for some of them"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="show these services in full")
    parser.add_argument("--names", action="store_true", help="print only the names that are blocked, a list to compile")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List; the result is the exit status."""
    from safedns.blocklist.services import select

    services = select(arguments.ids)
    if arguments.names:
        print("\n".join(sorted({name for service in services for name in service.blocked()})))
    elif arguments.json:
        print_json([_plain(service) for service in services])
    elif arguments.ids:
        print("\n\n".join(_page(service) for service in services))
    else:
        _table(services)
    return 0


def _table(services: Sequence[Service]) -> None:
    head = ("id", "category", "names", "includes", "tiếng Việt", "English")
    rows = [
        (each.id, each.category, str(len(each.blocked())), ", ".join(each.includes), each.vietnamese, each.english)
        for each in services
    ]
    print_table([head, *rows])


def _page(service: Service) -> str:
    lines = [f"{service.id}: {service.vietnamese} ({service.category})"]
    lines += [f"  blocks      {name}" for name in service.names]
    lines += [f"  includes    {id_}" for id_ in service.includes]
    lines += [f"  leaves open {name}: {reason}" for name, reason in service.shared]
    if service.remains:
        lines += [f"  {service.remains_vietnamese}", f"  {service.remains}"]
    return "\n".join(lines)


def _plain(service: Service) -> dict[str, object]:
    return dataclasses.asdict(service) | {"shared": dict(service.shared), "blocked": service.blocked()}
