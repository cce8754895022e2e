"""`safedns explain`: say what happens to a name, and why, with the code that every query runs through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safedns.blocklist.categories import CATEGORIES
from safedns.cli.common import add_config, add_json, ascii_name, print_json, print_table
from safedns.config.words import SPECIAL_NAMES
from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    import argparse

    from safedns._native import Blocklist
    from safedns.config.model import Config
    from safedns.policy.model import Rule

EXAMPLES = """\
  safedns explain casino.safedns.example --blocklist blocklist.bin
  safedns explain casino.safedns.example --config /etc/safedns/safedns.yaml --json

exit status: 0 whatever happens to the name, 2 if it can't be said"""

_SPECIAL_ANSWERS = ("NXDOMAIN: no such name", "NODATA: nothing of the type asked for", "loopback: 127.0.0.1 and ::1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a name.

    Attributes:
        name: the name, in ASCII form.
        rule: `special`, `protected`, `category` or `default`.
        entry: the name in a list or rule that matched.
        blocking: the rule that blocks it.
        categories: ids of all categories that the name is in.
        answer: what a client gets, as a sentence.
    """

    name: str
    rule: str
    entry: str | None
    blocking: Rule | None
    categories: list[str]
    answer: str

    @property
    def action(self) -> str:
        """`block`, `allow`, or `answer` for names that are answered here."""
        return "answer" if self.rule == "special" else "block" if self.blocking else "allow"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="a domain name")
    add_config(parser)
    parser.add_argument("--blocklist", metavar="FILE", help="compiled blocklist, in place of the configuration's")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain; the result is the exit status."""
    from safedns.config.load import Overrides, read

    config = read(arguments.config, Overrides(blocklist=arguments.blocklist))
    blocklist = _load(config)
    verdict = decide(ascii_name(arguments.name), config, blocklist)
    if arguments.json:
        print_json(_plain(verdict, config, blocklist))
    else:
        print(f"{verdict.name}: {_HEADLINES[verdict.action]}")
        print_table(_rows(verdict, config, blocklist))
    return 0


def decide(name: str, config: Config, blocklist: Blocklist | None) -> Verdict:
    """Find out what happens to a name.

    Raises:
        SafeDNSError: it is no domain name.
    """
    from safedns.policy.compile import compile_policy, rules

    try:
        rule, number, entry = compile_policy(config).decide(name, blocklist)
        mask = blocklist.lookup(name)[0] if blocklist else 0
    except ValueError as error:
        raise SafeDNSError(str(error)) from None
    name = name.lower().removesuffix(".")
    blocking = next((each for each in rules(config) if each.category.number == number), None)
    return Verdict(
        name=name,
        rule=rule,
        entry=entry,
        blocking=blocking,
        categories=[category.id for category in CATEGORIES if mask >> category.number & 1],
        answer=_answer(rule, entry, blocking, config),
    )


_HEADLINES = {"block": "blocked", "allow": "not blocked", "answer": "answered here, never forwarded"}


def _load(config: Config) -> Blocklist | None:
    from safedns import _native

    return None if config.blocklist.file is None else _native.Blocklist.load(config.blocklist.file)


def _answer(rule: str, entry: str | None, blocking: Rule | None, config: Config) -> str:
    if rule == "special":
        return _SPECIAL_ANSWERS[SPECIAL_NAMES[entry or ""]]
    if rule == "protected":
        return "what the upstream resolver says"
    if blocking is None:
        return "what the upstream resolver says, unless an alias in it leads to a blocked name"
    answer = _MODES[blocking.mode.name.lower()]
    return f"{answer}, for {config.answer.ttl:g} s; error {_error(blocking)}, {blocking.text!r}"


_MODES = {
    "sinkhole": "the block page's address",
    "nxdomain": "no such name (NXDOMAIN)",
    "null": "the null address, 0.0.0.0 or ::",
    "refused": "REFUSED",
}
_ERRORS = {15: "15 Blocked", 16: "16 Censored", 17: "17 Filtered"}


def _error(rule: Rule) -> str:
    return _ERRORS[rule.category.authority.extended_error]


def _rows(verdict: Verdict, config: Config, blocklist: Blocklist | None) -> list[tuple[str, str]]:
    rows = [("  rule", verdict.rule)]
    if verdict.entry is not None:
        rows.append(("  entry", verdict.entry))
    if verdict.blocking is not None:
        category = verdict.blocking.category
        rows.append(("  category", f"{category.id} ({category.english}; {category.vietnamese})"))
        rows.append(("  authority", category.authority.value))
    if verdict.categories:
        rows.append(("  is in", ", ".join(verdict.categories)))
    rows.append(("  answer", verdict.answer))
    listed = (
        "none: nothing is filtered" if blocklist is None else f"{config.blocklist.file} (serial {blocklist.serial})"
    )
    return [*rows, ("  blocklist", listed)]


def _plain(verdict: Verdict, config: Config, blocklist: Blocklist | None) -> dict[str, object]:
    rule = verdict.blocking
    return {
        "name": verdict.name,
        "verdict": verdict.action,
        "rule": verdict.rule,
        "entry": verdict.entry,
        "category": rule.category.id if rule else None,
        "authority": rule.category.authority.value if rule else None,
        "categories": verdict.categories,
        "answer": verdict.answer,
        "mode": rule.mode.name.lower() if rule else None,
        "extended_error": rule.category.authority.extended_error if rule else None,
        "list": config.blocklist.file,
        "serial": blocklist.serial if blocklist else None,
    }
