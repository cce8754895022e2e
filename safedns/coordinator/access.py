"""Who may do what: tokens, roles and tenants.

A token's secret has 256 random bits, so that one hash of it is as good as a slow one would be: there is nothing to
guess. A request costs microseconds for it, and memory for nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from safedns.coordinator.problems import DeniedError, UnauthenticatedError
from safedns.coordinator.schema import Tenant, Token

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from safedns.coordinator.database import Writing

DAY: Final = 86400
_PREFIX: Final = "sdt"
_TOKEN: Final = re.compile(rf"{_PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")


class Role(StrEnum):
    """What a person's token is for."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    READ_ONLY = "read-only"


class Right(StrEnum):
    """What a request needs."""

    READ = "read"
    ADMINISTER = "administer"
    OPERATE = "operate"
    REVIEW = "review"
    STOP = "stop"
    AUDIT = "audit"


RIGHTS: Final = MappingProxyType(
    {
        Role.ADMINISTRATOR: frozenset({Right.READ, Right.ADMINISTER, Right.AUDIT}),
        Role.OPERATOR: frozenset({Right.READ, Right.OPERATE, Right.STOP}),
        Role.REVIEWER: frozenset({Right.READ, Right.REVIEW, Right.STOP}),
        Role.AUDITOR: frozenset({Right.READ, Right.AUDIT}),
        Role.READ_ONLY: frozenset({Right.READ}),
    }
)
"""Whoever gives out tokens decides nothing of lists, and the other way round."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        tenant: whose things are in sight.
        national: whether that is the coordinating body.
        person: who it is; two tokens of one person are one person.
        role: what the token is for.
    """

    tenant: str
    national: bool
    person: str
    role: Role

    def need(self, right: Right) -> None:
        """Raise `DeniedError` unless the caller may do this."""
        if right not in RIGHTS[self.role]:
            able = ", ".join(role for role, rights in RIGHTS.items() if right in rights)
            raise DeniedError(f"expected a token of a role that may {right} ({able}), found one of role {self.role}")


def digest(text: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_token(writing: Writing, author: str, tenant: str, person: str, role: Role, days: int) -> tuple[Token, str]:
    """Make a token; its text is told once, and nobody can find it out afterwards."""
    identifier, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    token = Token(
        id=identifier,
        tenant=tenant,
        person=person,
        role=str(role),
        secret=digest(secret),
        created=writing.now,
        expires=writing.now + days * DAY,
    )
    writing.session.add(token)
    writing.audit(tenant, author, "token.create", identifier, given_to=person, role=str(role), expires=token.expires)
    return token, f"{_PREFIX}_{identifier}_{secret}"


async def authenticate(session: AsyncSession, text: str, now: float) -> Caller:
    """Find out whose token it is.

    Raises:
        UnauthenticatedError: nobody's, or no longer.
    """
    found = _TOKEN.fullmatch(text)
    token = await session.get(Token, found[1]) if found else None
    if token is None or found is None or not hmac.compare_digest(token.secret, digest(found[2])):
        raise UnauthenticatedError("expected a valid token, found none or another one")
    if token.revoked or token.expires <= now:
        raise UnauthenticatedError("the token is no longer valid: expired or revoked; ask an administrator for another")
    tenant = await session.get_one(Tenant, token.tenant)
    return Caller(tenant.id, tenant.national, token.person, Role(token.role))
