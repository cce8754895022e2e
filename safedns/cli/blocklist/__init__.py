"""`safedns blocklist`: compile lists, look into compiled ones. One module for each command."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from safedns.cli.blocklist import (
    apply,
    build,
    categories,
    delta,
    diff,
    dump,
    explain,
    export,
    guard,
    inspect,
    lookup,
    search,
    services,
    sources,
    stats,
    update,
)
from safedns.cli.blocklist import compile as compile_lists

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

EXAMPLES = """\
  safedns blocklist compile --output blocklist.bin gambling=gambling.txt porn=adult.hosts.gz malware=malware.txt.xz
  safedns blocklist inspect blocklist.bin
  safedns blocklist lookup blocklist.bin casino.safedns.example"""


class Command(Protocol):
    """What the module of a command has."""

    SUMMARY: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments, and as `run` the function that does the work and returns the exit status."""


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "update": update,
        "sources": sources,
        "build": build,
        "compile": compile_lists,
        "guard": guard,
        "delta": delta,
        "apply": apply,
        "inspect": inspect,
        "lookup": lookup,
        "explain": explain,
        "stats": stats,
        "diff": diff,
        "dump": dump,
        "search": search,
        "export": export,
        "categories": categories,
        "services": services,
    }
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        summary = command.SUMMARY
        command.configure(commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."))
