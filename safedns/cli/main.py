"""Entry of the command line: finds the command, runs it, and turns errors into a sentence and a status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "serve": "answer queries until told to stop",
    "check": "say everything that is wrong with a configuration",
    "explain": "say what happens to a name, and why",
    "stats": "show the counters of the running resolver",
    "enroll": "make this router a device of a coordinator's",
    "sync": "keep the blocklist up to date with a coordinator",
    "blocklist": "compile lists, look into compiled ones",
    "coordinator": "run the centre that keeps routers in sync",
    "operator": "work with a coordinator: lists, changes, releases, routers",
}

FAILED: Final = 2
"""Exit status when a command could not do its work."""

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C: 128 and the signal's number, as shells give it."""


class Command(Protocol):
    """What a command's module has."""

    EXAMPLES: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments, and as `run` the function that does the work and returns the exit status."""


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        # A flag's abbreviation would change its meaning on the day a longer one comes.
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"safedns: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), None)
    try:
        return _run(_parser(chosen).parse_args(words))
    except SafeDNSError as error:
        for line in str(error).splitlines():
            print(f"safedns: {line}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; what Python still holds for it must go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    status = int(arguments.run(arguments))
    # A reader that has gone is noticed here, and not when Python ends.
    sys.stdout.flush()
    return status


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Only the chosen command is imported: most need little, and a router's memory is small."""
    parser = _Parser(
        prog="safedns",
        description="A filtering DNS resolver that protects families at the home router.",
        epilog="safedns COMMAND --help says more about each command.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            module = cast("Command", importlib.import_module(f"safedns.cli.{name}"))
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            command.epilog = f"examples:\n{module.EXAMPLES}"
            module.configure(command)
    return parser
