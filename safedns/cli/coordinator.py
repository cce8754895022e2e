"""`safedns coordinator`: publish blocklists to routers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

    from safedns.coordinator.publisher import Publisher
    from safedns.coordinator.repository import Repository

EXAMPLES = """\
  safedns coordinator init --folder /var/lib/safedns-coordinator --channel isp-a --root-keys 5 --root-threshold 3
  safedns coordinator publish --folder /var/lib/safedns-coordinator --channel isp-a blocklist.sdns
  safedns coordinator refresh --folder /var/lib/safedns-coordinator

in DIR: public/ is what a web server serves, keys/ the private keys, archive/ the blocklists that were published"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    init = _command(commands, "init", "make keys and an empty repository", _init)
    init.add_argument("--channel", metavar="NAME", action="append", required=True, help="a channel, once for each")
    init.add_argument("--root-keys", metavar="N", type=_count, default=1, help="keys that sign the root (default 1)")
    init.add_argument("--root-threshold", metavar="M", type=_count, default=1, help="how many have to (default 1)")
    publish = _command(commands, "publish", "publish a compiled blocklist to the routers of a channel", _publish)
    publish.add_argument("--channel", metavar="NAME", required=True, help="whose routers take it")
    publish.add_argument("--at-once", action="store_true", help="to all routers at once, without a ramp")
    publish.add_argument("--bulk", action="store_true", help="let it grow or shrink beyond the limits of routers")
    publish.add_argument(
        "--override", metavar="NAME", action="append", default=[], help="a name that routers let it block all the same"
    )
    publish.add_argument("file", metavar="FILE", help="a compiled blocklist")
    add_json(publish)
    _command(commands, "refresh", "sign anew what expires, as has to be done within seven days", _refresh)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, run: object
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("--folder", metavar="DIR", required=True, help="where the coordinator keeps everything")
    parser.set_defaults(run=run)
    return parser


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value < 100:
        raise ValueError
    return value


def _init(arguments: argparse.Namespace) -> int:
    from safedns.coordinator.keys import KeyFolder
    from safedns.errors import SyncError

    count, threshold = arguments.root_keys, arguments.root_threshold
    if threshold > count:
        raise SyncError(f"--root-threshold: expected at most {count}, the number of root keys, found {threshold}")
    folder = Path(arguments.folder)
    repository = _repository(arguments)
    offline, online = KeyFolder(str(folder / "keys")).make_all(arguments.channel, (count, threshold), (1, 1))
    root = repository.create(offline, online, datetime.now(UTC))
    (folder / "root.json").write_bytes(root)
    print(f"""\
{folder}/public   serve this folder with any web server
{folder}/root.json   give it to the routers: coordinator.root in safedns.yaml
{folder}/keys   move root-*.pem and targets-*.pem to where nobody gets at them over a network

next: safedns coordinator publish --folder {folder} --channel {arguments.channel[0]} blocklist.sdns""")
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    from safedns.blocklist.release import AT_ONCE, DEFAULT_RAMP, NOTHING
    from safedns.coordinator.keys import KeyFolder

    online = KeyFolder(str(Path(arguments.folder) / "keys")).online()
    ramp = AT_ONCE if arguments.at_once else DEFAULT_RAMP
    release = _publisher(arguments).publish(
        arguments.channel,
        arguments.file,
        online,
        datetime.now(UTC),
        ramp=ramp,
        bulk=arguments.bulk,
        overrides=tuple(arguments.override),
    )
    whole = release.deltas[NOTHING].length
    if arguments.json:
        print_json(
            {"channel": release.channel, "serial": release.serial, "sha256": release.bundle.sha256} | release.custom()
        )
        return 0
    print(f"serial {release.serial} of channel {release.channel}: {release.names:,} names, {whole:,} bytes as a whole")
    for base, each in sorted(release.deltas.items(), reverse=True):
        if base != NOTHING:
            print(f"  from serial {base}: {each.length:,} bytes")
    return 0


def _refresh(arguments: argparse.Namespace) -> int:
    from safedns.coordinator.keys import KeyFolder

    online = KeyFolder(str(Path(arguments.folder) / "keys")).online()
    repository = _repository(arguments)
    for channel in online.channels:
        repository.sign(channel, repository.releases(channel), online, datetime.now(UTC))
    print(f"signed anew: {', '.join(online.channels)}")
    return 0


def _repository(arguments: argparse.Namespace) -> Repository:
    from safedns.coordinator.repository import Repository

    return Repository(str(Path(arguments.folder) / "public"))


def _publisher(arguments: argparse.Namespace) -> Publisher:
    from safedns.coordinator.publisher import Publisher

    return Publisher(_repository(arguments), str(Path(arguments.folder) / "archive"))
