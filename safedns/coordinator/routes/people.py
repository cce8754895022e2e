"""Tenants, tokens, and the record of who did what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import select

from safedns.coordinator.access import Role, new_token
from safedns.coordinator.audit import plain
from safedns.coordinator.changes import Review
from safedns.coordinator.problems import ConflictError, DeniedError, MissingError
from safedns.coordinator.routes import answers
from safedns.coordinator.routes.shared import (
    MOST_NUMBER,
    Administrator,
    Auditor,
    IdPath,
    Input,
    Limit,
    Line,
    Reader,
    TheCenter,
    Word,
)
from safedns.coordinator.schema import Head, Record, Tenant, Token

router = APIRouter(tags=["people"])


class NewTenant(Input):
    """An ISP that joins."""

    id: Word
    title: Line
    review: Review = Review.ALWAYS


class NewToken(Input):
    """A token for a person."""

    person: Annotated[Line, Field(min_length=1)]
    role: Role
    days: int = Field(default=90, ge=1, le=730, description="for how long it is valid")
    tenant: Word | None = Field(default=None, description="another tenant: for its first administrator only")


@router.get("/me", response_model=answers.Me, summary="Who the token belongs to, and what it may do")
async def me(caller: Reader) -> dict[str, Any]:
    return {"tenant": caller.tenant, "national": caller.national, "person": caller.person, "role": caller.role}


@router.get(
    "/tenants",
    response_model=list[answers.TenantShown],
    summary="The tenants in sight: one's own; for the coordinating body all",
)
async def tenants(caller: Reader, center: TheCenter) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        rows = await session.scalars(select(Tenant).order_by(Tenant.id))
        return [
            {"id": row.id, "title": row.title, "national": row.national, "review": row.review}
            for row in rows
            if caller.national or row.id == caller.tenant
        ]


@router.post("/tenants", response_model=answers.Created, status_code=201, summary="Let an ISP join")
async def add_tenant(caller: Administrator, center: TheCenter, new: NewTenant) -> dict[str, Any]:
    if not caller.national:
        raise DeniedError("expected a token of the coordinating body, found another tenant's")
    async with center.database.writing(center.now) as writing:
        if await writing.session.get(Tenant, new.id) is not None:
            raise ConflictError(f"there is a tenant {new.id} already")
        writing.session.add(Tenant(id=new.id, title=new.title, national=False, review=new.review, created=writing.now))
        writing.audit(caller.tenant, caller.person, "tenant.create", new.id, title=new.title, review=new.review)
    return {"id": new.id}


@router.get("/tokens", response_model=list[answers.TokenShown], summary="Tokens of the tenant, without their secrets")
async def tokens(caller: Administrator, center: TheCenter) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        rows = await session.scalars(select(Token).where(Token.tenant == caller.tenant).order_by(Token.created))
        return [_token(row) for row in rows]


@router.post(
    "/tokens", response_model=answers.TokenMade, status_code=201, summary="Make a token; its text is told this once"
)
async def add_token(caller: Administrator, center: TheCenter, new: NewToken) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        tenant = new.tenant or caller.tenant
        if tenant != caller.tenant:
            await _check_first(writing.session, caller, tenant, new.role)
        token, text = new_token(writing, caller.person, tenant, new.person, new.role, new.days)
        return _token(token) | {"token": text}


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token")
async def revoke_token(caller: Administrator, center: TheCenter, token_id: IdPath) -> None:
    async with center.database.writing(center.now) as writing:
        token = await writing.session.get(Token, token_id)
        if token is None or token.tenant != caller.tenant:
            raise MissingError("token", token_id)
        token.revoked = True
        writing.audit(caller.tenant, caller.person, "token.revoke", token_id)


@router.get("/audit", response_model=answers.AuditPage, summary="Who did what, in order, with the hashes that chain it")
async def audit(
    caller: Auditor, center: TheCenter, after: Annotated[int, Query(ge=0, le=MOST_NUMBER)] = 0, limit: Limit = 100
) -> dict[str, Any]:
    """The coordinating body sees the chain; others their own records of it, whose hashes they can keep."""
    async with center.database.reading() as session:
        wanted = select(Record).where(Record.number > after).order_by(Record.number).limit(limit)
        if not caller.national:
            wanted = wanted.where(Record.tenant == caller.tenant)
        rows = await session.scalars(wanted)
        head = await session.get_one(Head, 1)
        return {
            "records": [plain(row) | {"hash": row.hash} for row in rows],
            "head": {"number": head.number, "hash": head.hash},
        }


async def _check_first(session: Any, caller: Administrator, tenant: str, role: Role) -> None:
    """The coordinating body lets a tenant in by its first token, and by no other."""
    if not caller.national or await session.get(Tenant, tenant) is None:
        raise MissingError("tenant", tenant)
    there = await session.scalar(select(Token.id).where(Token.tenant == tenant).limit(1))
    if there is not None or role is not Role.ADMINISTRATOR:
        raise DeniedError(f"{tenant} makes its own tokens; only its first administrator's is made by others")


def _token(row: Token) -> dict[str, Any]:
    words = ("id", "person", "role", "created", "expires")
    return {word: getattr(row, word) for word in words} | {"revoked": bool(row.revoked)}
