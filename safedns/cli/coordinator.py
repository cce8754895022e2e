"""`safedns coordinator`: the centre, from its first key to its running server."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safedns.cli.common import add_json, print_json, print_table
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine

    from safedns.coordinator.center import Center

EXAMPLES = """\
  safedns coordinator init --folder /var/lib/safedns --tenant vn --channel isp-a --root-keys 5 --root-threshold 3
  safedns coordinator serve --folder /var/lib/safedns --listen 0.0.0.0:8400
  safedns coordinator publish --folder /var/lib/safedns isp-a --reason 'first release'
  safedns coordinator audit verify --folder /var/lib/safedns

in DIR: public/ is what a web server serves, keys/ the private keys, coordinator.db the database by default"""

DEFAULT_LISTEN: Final = "127.0.0.1:8400"
_CONSOLE: Final = "console"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_init(commands)
    serve = _command(commands, "serve", "answer people and routers until told to stop", _serve)
    serve.add_argument(
        "--listen", metavar="ADDR:PORT", default=DEFAULT_LISTEN, help=f"where (default {DEFAULT_LISTEN})"
    )
    serve.add_argument("--log-json", action="store_true", help="log lines as JSON, for programs")
    serve.add_argument("--nats", metavar="URL", help="a NATS server that tells the other instances (or $SAFEDNS_NATS)")
    publish = _command(commands, "publish", "publish a channel's lists as they are now", _publish)
    publish.add_argument("channel", metavar="CHANNEL", help="whose routers take it")
    publish.add_argument("--reason", required=True, help="why, for the record")
    publish.add_argument("--at-once", action="store_true", help="to all routers at once, without a ramp")
    add_json(publish)
    _command(commands, "upgrade", "bring the database to this version", _upgrade)
    _add_tokens(commands)
    _add_keys(commands)
    _add_audit(commands)


def _add_init(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    init = _command(commands, "init", "make database, keys, and the first administrator's token", _init)
    init.add_argument("--tenant", metavar="ID", default="national", help="the coordinating body (default national)")
    init.add_argument("--title", default="", help="what people call it")
    init.add_argument("--person", default="administrator", help="who gets the first token (default administrator)")
    init.add_argument("--channel", metavar="NAME", action="append", required=True, help="a channel, once for each")
    for name in ("root", "targets"):
        init.add_argument(f"--{name}-keys", metavar="N", type=_count, default=1, help=f"keys of the {name} (default 1)")
        init.add_argument(f"--{name}-threshold", metavar="M", type=_count, default=1, help="how many have to sign")


def _add_tokens(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("token", help="tokens of people, where no administrator has one left")
    tokens = group.add_subparsers(metavar="COMMAND", required=True)
    create = _command(tokens, "create", "make a token", _token_create)
    create.add_argument("person", metavar="PERSON", help="whose it is")
    create.add_argument("role", metavar="ROLE", help="administrator, operator, reviewer, auditor or read-only")
    create.add_argument("--tenant", metavar="ID", help="whose person; by default the coordinating body's")
    create.add_argument("--days", type=_count, default=90, help="for how long (default 90)")
    revoke = _command(tokens, "revoke", "revoke a token", _token_revoke)
    revoke.add_argument("id", metavar="ID", help="what stands between the first and the second _ of its text")


def _add_keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("keys", help="keys: what they sign, and the ceremony that replaces them")
    keys = group.add_subparsers(metavar="COMMAND", required=True)
    _command(keys, "show", "say which key signs for what, and until when", _keys_show)
    channel = _command(keys, "channel", "propose targets that give a channel a key", _keys_channel)
    channel.add_argument("channel", metavar="CHANNEL", help="which")
    rotate = _command(keys, "rotate", "propose a root with another key", _keys_rotate)
    rotate.add_argument("key", metavar="KEY", help="timestamp, snapshot, root-N or targets-N, as the file is called")
    rotate.add_argument("--old-key", metavar="ID", help="the key that goes, where the role has several")
    renew = _command(keys, "renew", "propose the same root or targets for another year", _keys_renew)
    renew.add_argument("what", choices=("root", "targets"), help="which")
    for each in (channel, rotate, renew):
        each.add_argument("--output", metavar="FILE", required=True, help="the proposal, to be signed by its holders")
    sign = keys.add_parser("sign", help="add signatures to a proposal, where the keys are")
    sign.add_argument("proposal", metavar="FILE", help="the proposal; the signatures go into it")
    sign.add_argument("--key", metavar="FILE", action="append", required=True, help="a private key, once for each")
    sign.set_defaults(run=_keys_sign)
    install = _command(keys, "install", "take in a proposal that enough have signed", _keys_install)
    install.add_argument("proposal", metavar="FILE", help="the proposal")


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("audit", help="the record of who did what")
    audit = group.add_subparsers(metavar="COMMAND", required=True)
    verify = _command(audit, "verify", "follow the chain from its beginning to its end", _audit_verify)
    verify.add_argument("--head", metavar="N:HASH", help="a head that was kept elsewhere; it has to be in the chain")
    export = _command(audit, "export", "write all records, one to a line, and the head as the last", _audit_export)
    export.add_argument("--output", metavar="FILE", required=True, help="where")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("--folder", metavar="DIR", required=True, help="where the coordinator keeps its files")
    parser.add_argument("--database", metavar="URL", help="sqlite:///PATH or postgresql://… (or $SAFEDNS_DATABASE)")
    parser.set_defaults(run=run)
    return parser


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value < 1000:
        raise ValueError
    return value


def _center(arguments: argparse.Namespace) -> Center:
    try:
        from safedns.coordinator.center import Center
    except ModuleNotFoundError as error:
        raise CoordinatorError(
            f"expected the coordinator's packages, found no {error.name}: pip install 'safedns[coordinator]'"
        ) from None

    folder = Path(arguments.folder)
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    url = arguments.database or os.environ.get("SAFEDNS_DATABASE") or f"sqlite:///{folder.resolve()}/coordinator.db"
    nats = getattr(arguments, "nats", None) or os.environ.get("SAFEDNS_NATS")
    return Center(folder, url, nats)


def _run(arguments: argparse.Namespace, work: Callable[[Center], Coroutine[Any, Any, int]]) -> int:
    """Work with a coordinator's files and database, without serving."""
    import asyncio

    async def whole() -> int:
        center = _center(arguments)
        try:
            return await work(center)
        finally:
            await asyncio.to_thread(center.publishing.close)
            await center.database.close()

    return asyncio.run(whole())


async def _ready(center: Center) -> None:
    await center.database.check()
    await center.publishing.pull()


def _init(arguments: argparse.Namespace) -> int:
    for name in ("root", "targets"):
        count, threshold = getattr(arguments, f"{name}_keys"), getattr(arguments, f"{name}_threshold")
        if threshold > count:
            raise CoordinatorError(
                f"--{name}-threshold: expected at most {count}, its number of keys, found {threshold}"
            )

    async def work(center: Center) -> int:
        from safedns.coordinator.access import Role, new_token
        from safedns.coordinator.changes import Review
        from safedns.coordinator.schema import Channel, Tenant

        await center.database.upgrade()
        async with center.database.writing(center.now) as writing:
            if await writing.session.get(Tenant, arguments.tenant) is not None:
                raise CoordinatorError(f"{center.database.shown}: expected an empty database, found a coordinator's")
            offline, online = center.keys.make_all(
                arguments.channel,
                (arguments.root_keys, arguments.root_threshold),
                (arguments.targets_keys, arguments.targets_threshold),
            )
            root = center.publishing.repository.create(offline, online, datetime.fromtimestamp(center.now, UTC))
            title = arguments.title or arguments.tenant
            writing.session.add(
                Tenant(id=arguments.tenant, title=title, national=True, review=Review.ALWAYS, created=writing.now)
            )
            await writing.session.flush()
            writing.session.add_all(
                Channel(name=name, tenant=arguments.tenant, national=True, serial=0, created=writing.now)
                for name in arguments.channel
            )
            writing.audit(arguments.tenant, _CONSOLE, "coordinator.init", arguments.tenant, channels=arguments.channel)
            _, token = new_token(writing, _CONSOLE, arguments.tenant, arguments.person, Role.ADMINISTRATOR, 365)
            await center.publishing.create(writing)
        await center.publishing.pull()
        (center.folder / "root.json").write_bytes(root)
        print(_NEXT.format(folder=center.folder, token=token, person=arguments.person))
        return 0

    return _run(arguments, work)


_NEXT: Final = """\
{folder}/public   what routers download; any web server can serve it
{folder}/keys     move root-*.pem and targets-*.pem to where no network reaches them
token of {person}, told this once:
  {token}

next:
  safedns coordinator serve --folder {folder} &
  safedns operator login http://127.0.0.1:8400
  safedns operator token-add NAME operator"""


def _serve(arguments: argparse.Namespace) -> int:
    from safedns.config.units import ENDPOINT, Mismatch
    from safedns.coordinator.server import serve
    from safedns.telemetry.log import setup

    try:
        listen = ENDPOINT.read(arguments.listen)
    except Mismatch:
        raise CoordinatorError(f"--listen: expected {ENDPOINT.expected}, found {arguments.listen!r}") from None
    setup("coordinator", "info", as_json=arguments.log_json)
    serve(_center(arguments), listen)
    return 0


def _upgrade(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        await center.database.upgrade()
        print(f"{center.database.shown} has the tables of this version")
        return 0

    return _run(arguments, work)


def _publish(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator.problems import MissingError
        from safedns.coordinator.releases import find_release, queue
        from safedns.coordinator.schema import Channel

        await _ready(center)
        async with center.database.writing(center.now) as writing:
            channel = await writing.session.get(Channel, arguments.channel)
            if channel is None:
                raise MissingError("channel", arguments.channel)
            row = await queue(writing, channel, _CONSOLE, arguments.reason, at_once=arguments.at_once)
        await center.publishing.publish_all()
        async with center.database.reading() as session:
            row = await find_release(session, row.channel, row.serial)
        if row.sha256 is None:
            raise CoordinatorError(f"serial {row.serial} of {row.channel} was not published: {row.problem}")
        if arguments.json:
            words = ("channel", "serial", "sha256", "size", "names", "deltas")
            print_json({word: getattr(row, word) for word in words})
            return 0
        print(f"serial {row.serial} of channel {row.channel}: {row.names:,} names")
        print_table(
            (f"from serial {start}" if start != "0" else "as a whole", f"{length:,} bytes")
            for start, (_, length) in sorted(row.deltas.items(), key=lambda each: int(each[0]))
        )
        return 0

    return _run(arguments, work)


def _token_create(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from sqlalchemy import select

        from safedns.coordinator.access import Role, new_token
        from safedns.coordinator.problems import MissingError
        from safedns.coordinator.schema import Tenant

        if arguments.role not in list(Role):
            raise CoordinatorError(f"expected a role among {', '.join(Role)}, found {arguments.role!r}")
        await _ready(center)
        async with center.database.writing(center.now) as writing:
            tenant = arguments.tenant or await writing.session.scalar(select(Tenant.id).where(Tenant.national))
            if tenant is None or await writing.session.get(Tenant, tenant) is None:
                raise MissingError("tenant", tenant)
            _, text = new_token(writing, _CONSOLE, tenant, arguments.person, Role(arguments.role), arguments.days)
        print(text)
        return 0

    return _run(arguments, work)


def _token_revoke(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator.problems import MissingError
        from safedns.coordinator.schema import Token

        await _ready(center)
        async with center.database.writing(center.now) as writing:
            token = await writing.session.get(Token, arguments.id)
            if token is None:
                raise MissingError("token", arguments.id)
            token.revoked = True
            writing.audit(token.tenant, _CONSOLE, "token.revoke", token.id)
        print(f"token {arguments.id} of {token.person} is revoked")
        return 0

    return _run(arguments, work)


def _keys_show(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator import ceremony

        await _ready(center)
        for metadata in (center.publishing.repository.root(), center.publishing.repository.targets()):
            print("\n".join(ceremony.lines(metadata)))
        return 0

    return _run(arguments, work)


def _keys_channel(arguments: argparse.Namespace) -> int:
    return _propose(arguments, "propose_channel", arguments.channel)


def _keys_rotate(arguments: argparse.Namespace) -> int:
    return _propose(arguments, "propose_root", arguments.key, arguments.old_key)


def _propose(arguments: argparse.Namespace, what: str, *words: str | None) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator import ceremony

        await _ready(center)
        propose = getattr(ceremony, what)
        metadata = propose(center.publishing.repository, center.keys, *words, datetime.fromtimestamp(center.now, UTC))
        return _proposed(metadata, arguments.output)

    return _run(arguments, work)


def _keys_renew(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator import ceremony

        await _ready(center)
        now = datetime.fromtimestamp(center.now, UTC)
        return _proposed(ceremony.renew(center.publishing.repository, arguments.what, now), arguments.output)

    return _run(arguments, work)


def _proposed(metadata: Any, output: str) -> int:
    from safedns.coordinator import ceremony

    ceremony.write(metadata, output)
    print("\n".join(ceremony.lines(metadata)))
    print(f"next: each holder of a key: safedns coordinator keys sign {output} --key FILE")
    return 0


def _keys_sign(arguments: argparse.Namespace) -> int:
    from safedns.coordinator import ceremony

    print("\n".join(ceremony.lines(ceremony.sign(arguments.proposal, arguments.key))))
    return 0


def _keys_install(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator import ceremony

        await _ready(center)
        metadata = ceremony.read(arguments.proposal)
        await center.publishing.install(metadata, _CONSOLE)
        print("\n".join(ceremony.lines(metadata)))
        print("installed; copy the keys of this instance to the others")
        return 0

    return _run(arguments, work)


def _audit_verify(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.coordinator.audit import follow

        await _ready(center)
        number, digest = await follow(center.database, arguments.head)
        print(f"{number} records, unbroken; head {number}:{digest}")
        return 0

    return _run(arguments, work)


def _audit_export(arguments: argparse.Namespace) -> int:
    async def work(center: Center) -> int:
        from safedns.blocklist.output import replacing
        from safedns.coordinator.audit import records

        await _ready(center)
        number, digest = 0, ""
        with replacing(arguments.output) as file:
            async for record, digest in records(center.database):
                number = record["number"]
                file.write(json.dumps(record | {"hash": digest}, ensure_ascii=False).encode() + b"\n")
            file.write(json.dumps({"head": number, "hash": digest}).encode() + b"\n")
        print(f"{number} records", file=sys.stderr)
        return 0

    return _run(arguments, work)
