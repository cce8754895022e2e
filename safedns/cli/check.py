"""`safedns check`: say everything that is wrong with a configuration."""

from __future__ import annotations

import pwd
from typing import TYPE_CHECKING

from safedns.cli.common import add_config, add_json, print_json
from safedns.errors import ConfigError, SafeDNSError

if TYPE_CHECKING:
    import argparse

    from safedns._native import Blocklist
    from safedns.config.model import Config

EXAMPLES = """\
  safedns check --config /etc/safedns/safedns.yaml && systemctl reload safedns
  safedns check --json

exit status: 0 it can be served with, 2 it can't"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; the result is the exit status."""
    from safedns.config.load import read

    problems: list[str] = []
    blocklist = None
    try:
        config = read(arguments.config)
        blocklist = _check_system(config, arguments.config, problems)
    except ConfigError as error:
        problems += str(error).splitlines()
    if arguments.json:
        print_json({"ok": not problems, "problems": problems, "blocklist": _describe(blocklist)})
        return 2 if problems else 0
    if problems:
        raise ConfigError("\n".join(problems))
    print(f"{arguments.config or 'defaults'}: can be served with; {_sentence(blocklist)}")
    return 0


def _check_system(config: Config, path: str | None, problems: list[str]) -> Blocklist | None:
    """What the configuration needs of the system that it is on: upstreams, a user, a blocklist."""
    from safedns.config.load import with_upstreams

    try:
        with_upstreams(config, path)
    except ConfigError as error:
        problems.append(str(error))
    try:
        pwd.getpwnam(config.user)
    except KeyError:
        problems.append(f"{path or 'configuration'}: user: expected a user of this system, found {config.user!r}")
    if config.blocklist.file is None:
        return None
    from safedns import _native

    try:
        return _native.Blocklist.load(config.blocklist.file)
    except SafeDNSError as error:
        problems.append(str(error))
        return None


def _describe(blocklist: Blocklist | None) -> dict[str, int] | None:
    if blocklist is None:
        return None
    return {"serial": blocklist.serial, "names": blocklist.names, "entries": blocklist.entries, "size": blocklist.size}


def _sentence(blocklist: Blocklist | None) -> str:
    if blocklist is None:
        return "without a blocklist nothing is filtered"
    return f"blocklist with serial {blocklist.serial}: {blocklist.names:,} names in {blocklist.size:,} bytes"
