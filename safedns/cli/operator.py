"""`safedns operator`: what list operators, reviewers and administrators do, over the coordinator's API."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from safedns.cli.common import add_json, print_json, print_table
from safedns.cli.operator_api import Api, keep_login, logged_in, progress
from safedns.cli.operator_output import print_found, print_some, printed
from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = """\
  safedns operator login https://coordinator.example.net
  safedns operator list-add gambling-orders --category gambling
  safedns operator import gambling-orders orders.txt --reason 'order 12/2026'
  safedns operator block gambling-orders casino.example --reason 'order 13/2026' --legal-basis 'order 13/2026' --fast
  safedns operator change 2
  safedns operator approve 2
  safedns operator publish isp-a --reason 'orders of this week'
  safedns operator fleet

the token is asked for, or taken from standard input or from $SAFEDNS_TOKEN"""

_TIMES: Final = {"h": 3600, "d": 86400, "w": 604800}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    login = commands.add_parser("login", help="keep the address and a token for the other commands")
    login.add_argument("url", metavar="URL", help="of the coordinator")
    login.set_defaults(run=_login)
    _show(commands, "whoami", "whose token it is", "/me")
    _add_lists(commands)
    _add_changes(commands)
    _add_releases(commands)
    _add_fleet(commands)
    _add_people(commands)


def _add_lists(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _show(commands, "lists", "the lists", "/lists")
    entries = _show(commands, "entries", "what people added to a list and took out of it", "/lists/{list}/entries")
    entries.add_argument("list", metavar="LIST", help="its name")
    entries.add_argument("--find", metavar="NAME", help="only this name")
    add = _command(commands, "list-add", "make a list", _list_add)
    add.add_argument("list", metavar="LIST", help="its name")
    add.add_argument("--title", default="", help="what people call it")
    add.add_argument("--category", metavar="ID", help="of its names; without one it is a list of names not to block")
    add.add_argument("--national", action="store_true", help="for all channels that take national lists")
    add.add_argument("--appeal", default="", help="where who is concerned can turn to")
    load = _command(commands, "import", "propose a file in the place of the one imported before", _import)
    load.add_argument("list", metavar="LIST", help="which")
    load.add_argument("file", metavar="FILE", help="a list in any format that can be compiled")
    load.add_argument("--format", default="auto", help="its format, if it can't be told from the content")
    load.add_argument("--without-refused", action="store_true", help="take the names out that the guard refuses")
    _reason(load)
    for name, action, summary in (
        ("block", "add", "propose names for a list"),
        ("unblock", "remove", "propose to take names out of a list"),
        ("retract", "retract", "propose to forget what was said of names"),
    ):
        each = _command(commands, name, summary, _propose)
        each.set_defaults(action=action)
        each.add_argument("list", metavar="LIST", help="which")
        each.add_argument("names", metavar="NAME", nargs="+", help="domain names, in any script")
        each.add_argument("--scope", choices=("suffix", "exact", "below"), default="suffix", help="what they cover")
        each.add_argument("--legal-basis", default="", help="the order or law")
        each.add_argument("--appeal", default="", help="where who is concerned can turn to")
        each.add_argument("--expires", metavar="TIME", type=_duration, help="leaves by itself after 72h, 30d or 8w")
        _reason(each)


def _add_changes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    found = _show(commands, "changes", "the changes, newest first", "/changes")
    found.add_argument("--state", help="only those: open, approved, refused, rejected, withdrawn")
    one = _command(commands, "change", "what a change would do: its blast radius", _change)
    one.add_argument("number", metavar="N", type=int, help="its number")
    for name, summary in (
        ("approve", "approve a change as the second person"),
        ("reject", "reject a change"),
        ("withdraw", "take back one's own change"),
        ("revert", "propose the opposite of a change"),
    ):
        each = _command(commands, name, summary, _decide)
        each.set_defaults(verb=name)
        each.add_argument("number", metavar="N", type=int, help="its number")
        if name != "withdraw":
            each.add_argument("--comment", default="", help="for the record")
        if name == "revert":
            each.add_argument("--fast", action="store_true", help="by the fast lane")


def _add_releases(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _show(commands, "channels", "the channels and their lists", "/channels")
    add = _command(commands, "channel-add", "make a channel", _channel_add)
    add.add_argument("channel", metavar="CHANNEL", help="its name")
    add.add_argument("--own-only", action="store_true", help="without the national lists")
    lists = _command(commands, "channel-lists", "say which of the own lists go into a channel", _channel_lists)
    lists.add_argument("channel", metavar="CHANNEL", help="which")
    lists.add_argument("lists", metavar="LIST", nargs="*", help="all of them")
    publish = _command(commands, "publish", "publish a channel's lists as they are now", _publish)
    publish.add_argument("channel", metavar="CHANNEL", help="which")
    publish.add_argument("--reason", required=True, help="for the record")
    publish.add_argument("--at-once", action="store_true", help="to all routers at once, without a ramp")
    publish.add_argument("--bulk", action="store_true", help="let it jump in size; a second person approves that")
    publish.add_argument("--no-wait", action="store_true", help="don't wait until the first routers are well on it")
    each = _show(commands, "releases", "releases of a channel, newest first", "/channels/{channel}/releases")
    each.add_argument("channel", metavar="CHANNEL", help="which")
    for name, summary, run in (
        ("release", "how far a release is, and how its routers are", _release),
        ("download", "get the compiled blocklist of a release", _download),
        ("diff", "in which entries a release differs from another", _diff),
        ("release-approve", "let a release be made that waits for that", _rollout),
        ("republish", "publish the content of a release as a new serial", _rollout),
        ("pause", "let no more routers take a release", _rollout),
        ("resume", "go on where the ramp was", _rollout),
        ("abort", "take a release back; who has it gets what was before", _rollout),
    ):
        each = _command(commands, name, summary, run)
        each.set_defaults(verb=name.removeprefix("release-"))
        each.add_argument("channel", metavar="CHANNEL", help="which")
        each.add_argument("serial", metavar="SERIAL", type=int, help="which")
        if name in ("pause", "abort", "republish"):
            each.add_argument("--reason", required=True, help="for the record")
        if name == "republish":
            each.add_argument("--at-once", action="store_true", help="to all routers at once, without a ramp")
        if name == "download":
            each.add_argument("--output", metavar="FILE", required=True, help="where to")
        if name == "diff":
            each.add_argument("--since", metavar="SERIAL", type=int, required=True, help="the other one")


def _add_fleet(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _show(commands, "fleet", "how many routers are on which serial, and how they are", "/fleet")
    _show(commands, "devices", "the routers", "/devices").add_argument("--channel", help="only those")
    move = _command(commands, "device-move", "have a router follow another channel", _device_move)
    move.add_argument("device", metavar="ID", help="which")
    move.add_argument("channel", metavar="CHANNEL", help="where to")
    _remove(commands, "device-revoke", "let a router's reports count no more", "/devices/{id}")
    _show(commands, "enrolments", "the tokens that routers enrol with", "/enrolments")
    add = _command(commands, "enrolment-add", "make a token that routers enrol with", _enrolment_add)
    add.add_argument("channel", metavar="CHANNEL", help="that they follow")
    add.add_argument("--url", help="where routers reach the coordinator, if not where this command does")
    add.add_argument("--days", type=int, default=30, help="for how long (default 30)")
    add.add_argument("--uses", type=int, default=1, help="for how many routers (default 1)")
    _remove(commands, "enrolment-revoke", "revoke such a token", "/enrolments/{id}")


def _add_people(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _show(commands, "tenants", "the tenants in sight", "/tenants")
    tenant = _command(commands, "tenant-add", "let an ISP join", _tenant_add)
    tenant.add_argument("tenant", metavar="ID", help="a short word for it")
    tenant.add_argument("--title", default="", help="what people call it")
    tenant.add_argument("--review", choices=("always", "needed"), default="always", help="what needs a second person")
    _show(commands, "tokens", "the tokens of the tenant", "/tokens")
    add = _command(commands, "token-add", "make a token for a person", _token_add)
    add.add_argument("person", metavar="PERSON", help="whose it is")
    add.add_argument("role", metavar="ROLE", help="administrator, operator, reviewer, auditor or read-only")
    add.add_argument("--days", type=int, default=90, help="for how long (default 90)")
    add.add_argument("--tenant", metavar="ID", help="the first administrator of another tenant")
    _remove(commands, "token-revoke", "revoke a token", "/tokens/{id}")
    audit = _show(commands, "audit", "who did what", "/audit")
    audit.add_argument("--after", type=int, default=0, help="number of the last record that is known")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    add_json(parser)
    parser.set_defaults(run=run)
    return parser


def _show(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, path: str
) -> argparse.ArgumentParser:
    parser = _command(commands, name, summary, _get)
    parser.set_defaults(path=path)
    return parser


def _remove(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, path: str) -> None:
    parser = _command(commands, name, summary, _delete)
    parser.set_defaults(path=path)
    parser.add_argument("id", metavar="ID", help="which")


def _reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="for the record, and for who is concerned")
    parser.add_argument("--fast", action="store_true", help="by the fast lane: to all routers once approved")


def _duration(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a time such as 72h, 30d or 8w, found {text!r}")
    return int(found[1]) * _TIMES[found[2]]


def _login(arguments: argparse.Namespace) -> int:
    token = os.environ.get("SAFEDNS_TOKEN") or _ask_token()
    me = Api(arguments.url, token).ask("GET", "/me")
    keep_login(arguments.url, token)
    print(f"logged in as {me['person']}, {me['role']} of {me['tenant']}")
    return 0


def _ask_token() -> str:
    text = getpass.getpass("token: ") if sys.stdin.isatty() else sys.stdin.readline()
    return text.strip()


# Commands.


def _get(arguments: argparse.Namespace) -> int:
    query = {
        word: getattr(arguments, word, None) for word in ("state", "after", "find")
    }  # fmt: skip
    if arguments.path == "/devices":
        query["channel"] = arguments.channel
    words = {name: quote(str(value), safe="") for name, value in vars(arguments).items() if isinstance(value, str)}
    found = logged_in().ask("GET", arguments.path.format(**words), **query)
    print_found(found, arguments)
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    logged_in().ask("DELETE", arguments.path.format(id=quote(arguments.id, safe="")))
    print(f"{arguments.id} is revoked")
    return 0


def _list_add(arguments: argparse.Namespace) -> int:
    kind = "block" if arguments.category else "allow"
    body = {"name": arguments.list, "kind": kind}
    body |= {word: getattr(arguments, word) for word in ("title", "category", "national", "appeal")}
    print_found(logged_in().ask("POST", "/lists", body=body), arguments)
    return 0


def _import(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CoordinatorError(f"{path}: expected a list, found none: {error.strerror}") from None
    api = logged_in()
    progress(f"sending {len(data):,} bytes")
    change = api.ask(
        "POST", f"/lists/{quote(arguments.list, safe='')}/imports", data=data, reason=arguments.reason,
        file=path.name, format=arguments.format, fast=_flag(arguments.fast),
        without_refused=_flag(arguments.without_refused),
    )  # fmt: skip
    if not arguments.json:
        found = change["imported"]
        print(f"{found['names']:,} names in {found['format']} format; {found['bad']} bad lines")
        if arguments.without_refused:
            print(f"{found['left_out']:,} of them taken out, as the guard refuses them; change {change['id']} has them")
    return _checked(api, change, arguments)


def _flag(value: bool) -> str | None:
    return "true" if value else None


def _propose(arguments: argparse.Namespace) -> int:
    expires = int(time.time()) + arguments.expires if arguments.expires else None
    items = [
        {"name": name, "expires": expires}
        | {word: getattr(arguments, word) for word in ("action", "scope", "reason", "legal_basis", "appeal")}
        for name in arguments.names
    ]
    api = logged_in()
    body = {"reason": arguments.reason, "fast": arguments.fast, "items": items}
    return _checked(api, api.ask("POST", f"/lists/{quote(arguments.list, safe='')}/changes", body=body), arguments)


def _checked(api: Api, change: Any, arguments: argparse.Namespace) -> int:
    """Wait for the guard, and show what it says."""
    found = api.wait(
        f"/changes/{change['id']}",
        lambda found: found["state"] != "checking",
        lambda _: f"change {change['id']}: the guard looks at it",
    )
    return _print_change(found, arguments)


def _change(arguments: argparse.Namespace) -> int:
    return _print_change(logged_in().ask("GET", f"/changes/{arguments.number}"), arguments)


def _print_change(found: Any, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json(found)
        return 0 if found["state"] != "refused" else 1
    print(f"change {found['id']} of {found['list']} by {found['author']}: {found['state']}")
    report = found["report"]
    if report:
        print(report["summary"])
        print(f"newly blocked {report['blocked']:,}, no longer {report['freed']:,}")
        for each in report["news"]:
            rank = f"rank {each['rank']:,}" if each["rank"] else ""
            print(f"  {each['name']}  {', '.join(each['categories'])}  {rank}".rstrip())
        print_some(f"  * {each['problem']}" for each in report["refusals"])
    if found["state"] == "refused" and found["blob"]:
        print("next: import the file again, with --without-refused or without these names")
    if found["state"] == "open":
        print_some(f"needs a second person: {why}" for why in found["why"])
        print(f"next: somebody else: safedns operator approve {found['id']}")
    return 0 if found["state"] != "refused" else 1


def _decide(arguments: argparse.Namespace) -> int:
    api = logged_in()
    body = {"comment": arguments.comment} if arguments.verb != "withdraw" else None
    fast = _flag(getattr(arguments, "fast", False))
    found = api.ask("POST", f"/changes/{arguments.number}/{arguments.verb}", body=body, fast=fast)
    if arguments.verb == "revert":
        return _checked(api, found, arguments)
    if arguments.json:
        print_json(found)
    elif found["state"] == "approved" and found["fast"]:
        print(f"change {found['id']} is approved, and on its way to all routers: safedns operator channels")
    elif found["state"] == "approved":
        print(f"change {found['id']} is approved; it goes out with the next safedns operator publish")
    else:
        print(f"change {found['id']} is {found['state']}")
    return 0


def _channel_add(arguments: argparse.Namespace) -> int:
    body = {"name": arguments.channel, "national": not arguments.own_only}
    print_found(logged_in().ask("POST", "/channels", body=body), arguments)
    return 0


def _channel_lists(arguments: argparse.Namespace) -> int:
    path = f"/channels/{quote(arguments.channel, safe='')}/lists"
    print_found(logged_in().ask("PUT", path, body={"lists": arguments.lists}), arguments)
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    api = logged_in()
    path = f"/channels/{quote(arguments.channel, safe='')}/releases"
    body = {"reason": arguments.reason, "at_once": arguments.at_once, "bulk": arguments.bulk}
    made = api.ask("POST", path, body=body)
    where = f"{path}/{made['serial']}"
    if made["state"] == "waiting":
        return printed(made, arguments, f"serial {made['serial']} waits for a second person: release-approve")
    found = api.wait(
        where,
        lambda found: found["state"] not in ("queued", "building"),
        lambda found: f"serial {found['serial']}: {found['state']}",
    )
    if found["sha256"] is None:
        raise CoordinatorError(f"serial {found['serial']} was not published: {found['problem']}")
    text = f"serial {found['serial']} is published: {found['names']:,} names; {_share(found)}"
    routers = sum(each["devices"] for each in api.ask("GET", "/fleet") if each["channel"] == arguments.channel)
    if routers and not arguments.no_wait and found["share"] < 1:
        if not arguments.json:
            print(text)
        found = api.wait(where, _is_well, _health_line)
        text = f"serial {found['serial']}: {_share(found)}; {_health_line(found)}"
    return printed(found, arguments, text)


def _is_well(found: Any) -> bool:
    """Whether the first routers reported and nothing speaks against going on, or it does not go on anyway."""
    return bool(found["state"] != "published" or found["health"]["new"]["reports"])


def _health_line(found: Any) -> str:
    health = found["health"]["new"]
    if found["state"] == "paused":
        return f"paused: {found['pause_reason']}"
    failed = health["self_tests_failed"]
    return f"{found['state']}, {_share(found)}; {health['reports']} reports, {failed} failed self-tests"


def _share(found: Any) -> str:
    wait = found["next_step"]
    then = f", more in {wait // 60} min" if wait else ""
    return f"for {found['share']:.4g} of the routers{then}" if found["share"] < 1 else "for all routers"


def _release(arguments: argparse.Namespace) -> int:
    found = logged_in().ask("GET", _serial_path(arguments))
    if arguments.json:
        print_json(found)
        return 0
    words = ("serial", "state", "author", "reason", "names", "size", "sha256", "republished", "problem", "pause_reason")
    print_table((word, str(found[word])) for word in words if found[word] not in (None, ""))
    print_table([("rollout", _share(found))])
    for which, who in (("new", "routers on it"), ("others", "routers before it")):
        health = found["health"][which]
        print_table([(who, ", ".join(f"{count} {word}" for word, count in health.items()))])
    return 0


def _download(arguments: argparse.Namespace) -> int:
    from safedns.blocklist.output import replacing

    data = logged_in().ask("GET", f"{_serial_path(arguments)}/bundle")
    with replacing(arguments.output) as file:
        file.write(data)
    print(f"{arguments.output}: {len(data):,} bytes")
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    found = logged_in().ask("GET", f"{_serial_path(arguments)}/diff", since=arguments.since)
    if arguments.json:
        print_json(found)
        return 0
    print_table(
        (each["name"], ", ".join(each["before"]) or "-", "->", ", ".join(each["after"]) or "-")
        for each in found["entries"]
    )
    if found["more"]:
        print("and more")
    return 0


def _rollout(arguments: argparse.Namespace) -> int:
    words = ("reason", "at_once")
    body = {word: getattr(arguments, word) for word in words if hasattr(arguments, word)} or None
    found = logged_in().ask("POST", f"{_serial_path(arguments)}/{arguments.verb}", body=body)
    return printed(found, arguments, f"serial {found['serial']} of {found['channel']}: {found['state']}")


def _device_move(arguments: argparse.Namespace) -> int:
    path = f"/devices/{quote(arguments.device, safe='')}/channel"
    print_found(logged_in().ask("PUT", path, body={"channel": arguments.channel}), arguments)
    return 0


def _enrolment_add(arguments: argparse.Namespace) -> int:
    api = logged_in()
    body = {"channel": arguments.channel, "url": arguments.url or api.url}
    found = api.ask("POST", "/enrolments", body=body | {"days": arguments.days, "uses": arguments.uses})
    return printed(found, arguments, found["token"])


def _tenant_add(arguments: argparse.Namespace) -> int:
    body = {"id": arguments.tenant, "title": arguments.title or arguments.tenant, "review": arguments.review}
    print_found(logged_in().ask("POST", "/tenants", body=body), arguments)
    return 0


def _token_add(arguments: argparse.Namespace) -> int:
    body = {word: getattr(arguments, word) for word in ("person", "role", "days", "tenant")}
    found = logged_in().ask("POST", "/tokens", body=body)
    return printed(found, arguments, found["token"])


def _serial_path(arguments: argparse.Namespace) -> str:
    return f"/channels/{quote(arguments.channel, safe='')}/releases/{arguments.serial}"
