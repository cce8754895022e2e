"""Configuration to policy: Python compiles, Rust executes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from safedns.blocklist.categories import CATEGORIES, Authority, Category
from safedns.blocklist.protected import built_in
from safedns.config.words import SPECIAL_NAMES
from safedns.policy.model import AnswerMode, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safedns._native import Policy
    from safedns.config.model import Config

ORGANISATION: Final = "SafeDNS"

# Sub-errors of the draft that fit: 1 malware, 2 phishing, 4 spyware; 5 is the network operator's policy. They go with
# code 15; a household's rule has none that fits, and code 16 must have none.
_SUB_ERRORS: Final = {"malware": 1, "phishing": 2, "stalkerware": 4}
_OPERATOR_POLICY: Final = 5


def compile_policy(config: Config) -> Policy:
    """Compile a configuration's rules into the snapshot that the engine executes."""
    from safedns import _native

    return _native.Policy(
        rules=[rule.native() for rule in rules(config)],
        protected=[*(each.name for each in built_in()), *config.protected],
        special=special(config),
        allowed_clients=config.allow_clients,
        sinkhole_ipv4=config.answer.sinkhole_ipv4,
        sinkhole_ipv6=config.answer.sinkhole_ipv6,
        block_ttl=round(config.answer.ttl),
    )


def rules(config: Config) -> list[Rule]:
    """The blocked categories, strongest first: a name in several is answered by the first."""
    return [
        Rule(category, _mode(category, config), _sentence(category), structured_error(category, config.contact))
        for category in CATEGORIES
        if _is_blocked(category, config.block)
    ]


def special(config: Config) -> list[tuple[str, int]]:
    """Names that are answered here, less those that the configuration forwards."""
    return [(name, answer) for name, answer in SPECIAL_NAMES.items() if name not in config.special.forward]


def structured_error(category: Category, contact: Sequence[str]) -> str:
    """The structured error of draft-ietf-dnsop-structured-dns-error section 4: minified I-JSON.

    c: whom to ask; j: the reason; s: the sub-error; o: who filters; l: the language of j and o.
    """
    fields: dict[str, object] = {}
    if contact:
        fields["c"] = list(contact)
    fields["j"] = f"Bị chặn: {category.vietnamese}"
    if category.authority is Authority.PROVIDER:
        fields["s"] = _SUB_ERRORS.get(category.id, _OPERATOR_POLICY)
    fields |= {"o": ORGANISATION, "l": "vi"}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _is_blocked(category: Category, block: Sequence[str]) -> bool:
    return category.id in block or (category.group in block and category.blocked_with_group)


def _mode(category: Category, config: Config) -> AnswerMode:
    modes = config.answer.modes
    return AnswerMode[modes.get(category.id, modes.get(category.group, category.mode)).upper()]


def _sentence(category: Category) -> str:
    return f"Blocked by {ORGANISATION}: {category.english.lower()}"
