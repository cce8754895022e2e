"""`safedns serve`: answer queries until told to stop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from safedns.cli.common import add_config

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
  safedns serve --config /etc/safedns/safedns.yaml
  safedns serve --listen 127.0.0.1:1053 --listen [::1]:1053 --upstream 9.9.9.9 --blocklist blocklist.bin \\
      --web 127.0.0.1:8053 --tls 127.0.0.1:8443

signals:
  HUP        read the configuration and the blocklist again; no query is lost
  TERM, INT  answer what is outstanding, then stop"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config(parser)
    group = parser.add_argument_group("in place of what the configuration says")
    for flag, place, text in (
        ("--listen", "ADDR:PORT", "answer queries here"),
        ("--web", "ADDR:PORT", "serve pages and metrics here"),
        ("--tls", "ADDR:PORT", "end HTTPS to blocked sites here"),
        ("--upstream", "ADDR[:PORT]", "ask this resolver"),
    ):
        group.add_argument(flag, metavar=place, action="append", default=[], help=f"{text} (repeatable)")
    group.add_argument("--blocklist", metavar="FILE", help="compiled blocklist")
    group.add_argument("--user", metavar="NAME", help="run as this user, when started as root")
    group.add_argument("--workers", metavar="N", help="resolver processes, or auto for one per core")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve; the result is the exit status."""
    from safedns.config.load import Overrides, load
    from safedns.supervisor import serve

    overrides = Overrides(
        listen=tuple(arguments.listen),
        web=tuple(arguments.web),
        tls=tuple(arguments.tls),
        upstream=tuple(arguments.upstream),
        blocklist=arguments.blocklist,
        user=arguments.user,
        workers=arguments.workers,
    )
    return serve(partial(load, arguments.config, overrides))
