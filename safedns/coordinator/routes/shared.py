"""What the routes share: who asks, and words for what comes in and goes out."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, StringConstraints

from safedns.coordinator.access import Caller, Right, authenticate
from safedns.coordinator.center import Center
from safedns.coordinator.problems import UnauthenticatedError

MOST_NUMBER: Final = 2**53
"""Larger numbers are not exact in JSON."""

_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
Line = Annotated[str, StringConstraints(max_length=200, pattern=_PRINTABLE)]
Said = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_PRINTABLE)]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=_PRINTABLE)]
WordPath = Annotated[str, Path(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
NumberPath = Annotated[int, Path(ge=1, le=MOST_NUMBER)]
IdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{1,32}$")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at the most")]

_bearer = HTTPBearer(auto_error=False, description="a token, as an administrator gives it out")


class Input(BaseModel):
    """What comes in: nothing that is not known."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What is wrong, in a sentence; where values are, one for each."""

    detail: str | list[dict[str, Any]]


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "the request can't be read",
        401: "no valid token",
        403: "the token's role may not do that",
        404: "not there, or another tenant's",
        409: "not as things are now",
        413: "larger than accepted",
        422: "its content means nothing",
        429: "it comes too often",
        503: "the database is away, or the disk is full",
    }.items()
}


def center_of(request: Request) -> Center:
    """The coordinator that the application belongs to."""
    center: Center = request.app.state.center
    return center


TheCenter = Annotated[Center, Depends(center_of)]


async def _caller(
    request: Request,
    center: TheCenter,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    if given is None:
        raise UnauthenticatedError("expected a token in the header Authorization: Bearer …, found none")
    async with center.database.reading() as session:
        caller = await authenticate(session, given.credentials, center.now)
    request.state.person = caller.person
    return caller


def _needing(right: Right) -> Any:
    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        caller.need(right)
        return caller

    return Depends(check)


Reader = Annotated[Caller, _needing(Right.READ)]
Administrator = Annotated[Caller, _needing(Right.ADMINISTER)]
Operator = Annotated[Caller, _needing(Right.OPERATE)]
Reviewer = Annotated[Caller, _needing(Right.REVIEW)]
Stopper = Annotated[Caller, _needing(Right.STOP)]
Auditor = Annotated[Caller, _needing(Right.AUDIT)]
