"""Lists and changes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from sqlalchemy import select

from safedns.coordinator import changes
from safedns.coordinator.bundle import import_file
from safedns.coordinator.changes import Action, State
from safedns.coordinator.lists import contents, create_list, find_list
from safedns.coordinator.routes import answers
from safedns.coordinator.routes.shared import (
    MOST_NUMBER,
    Input,
    Limit,
    Line,
    NumberPath,
    Operator,
    Reader,
    Reviewer,
    Said,
    Text,
    TheCenter,
    Word,
    WordPath,
)
from safedns.coordinator.schema import NEVER, Blob, Change, Decision, Entry, NameList

router = APIRouter(tags=["lists"])


class NewList(Input):
    """A list, empty as yet."""

    name: Word
    title: Line = ""
    kind: Literal["block", "allow"] = "block"
    category: Word | None = Field(default=None, pattern=r"^[a-z0-9_-]+$", description="for a list that blocks")
    national: bool = Field(default=False, description="goes into the bundles of all channels that take national lists")
    appeal: Line = Field(default="", description="where who is concerned can turn to")


class NewItem(Input):
    """What to do with a name."""

    action: Action = Action.ADD
    name: Annotated[str, Field(min_length=1, max_length=300)]
    scope: Literal["suffix", "exact", "below"] = Field(default="suffix", description="the name and all below it, …")
    reason: Said
    legal_basis: Text = ""
    appeal: Line = ""
    expires: int | None = Field(default=None, ge=0, le=MOST_NUMBER, description="seconds since 1970")


class NewChange(Input):
    """A proposed edit of a list."""

    reason: Said
    fast: bool = Field(default=False, description="goes out to all routers at once, when a second person approved it")
    items: Annotated[list[NewItem], Field(min_length=1, max_length=changes.MOST_ITEMS)]


class Comment(Input):
    """What somebody says of a decision."""

    comment: Text = ""


@router.get("/lists", response_model=list[answers.ListShown], summary="Lists of the tenant")
async def lists(caller: Reader, center: TheCenter) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        rows = await session.scalars(select(NameList).where(NameList.tenant == caller.tenant).order_by(NameList.name))
        return [_list(row) for row in rows]


@router.post("/lists", response_model=answers.ListShown, status_code=201, summary="Make a list")
async def add_list(caller: Operator, center: TheCenter, new: NewList) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        return _list(await create_list(writing, caller, **new.model_dump()))


@router.get("/lists/{name}", response_model=answers.ListDetail, summary="A list: how many names, from where")
async def one_list(caller: Reader, center: TheCenter, name: WordPath) -> dict[str, Any]:
    async with center.database.reading() as session:
        each = await find_list(session, caller.tenant, name)
        inside = await contents(session, each.id, each.revision)
        names = (await session.get_one(Blob, inside.blob)).names if inside.blob is not None else 0
        return _list(each) | {
            "imported": names,
            "added": sum(not entry.removed for entry in inside.entries),
            "removed": sum(entry.removed for entry in inside.entries),
        }


@router.get(
    "/lists/{name}/entries",
    response_model=list[answers.EntryShown],
    summary="What people added to a list and took out of it",
)
async def entries(
    caller: Reader,
    center: TheCenter,
    name: WordPath,
    after: Annotated[int, Query(ge=0, le=MOST_NUMBER, description="number of the last entry that is known")] = 0,
    limit: Limit = 100,
    find: Annotated[Line, Query(description="only this name")] = "",
) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        each = await find_list(session, caller.tenant, name)
        wanted = select(Entry).where(Entry.list_id == each.id, Entry.ended == NEVER, Entry.id > after)
        if find:
            wanted = wanted.where(Entry.name == find.lower())
        return [_entry(row) for row in await session.scalars(wanted.order_by(Entry.id).limit(limit))]


@router.post(
    "/lists/{name}/changes",
    response_model=answers.ChangeShown,
    status_code=202,
    summary="Propose to add names or to take some out",
)
async def propose(caller: Operator, center: TheCenter, name: WordPath, new: NewChange) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        each = await find_list(writing.session, caller.tenant, name)
        items = [_item(each, one) for one in new.items]
        change = await changes.propose(writing, caller, each, reason=new.reason, fast=new.fast, items=items)
        shown = _change(change, each.name)
    center.wake()
    return shown


@router.post(
    "/lists/{name}/imports",
    response_model=answers.ChangeImported,
    status_code=202,
    summary="Propose a file in the place of the one imported before",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
async def import_list(
    request: Request,
    caller: Operator,
    center: TheCenter,
    name: WordPath,
    reason: Annotated[Said, Query()],
    file: Annotated[Line, Query(description="its name, for messages and for how it is compressed")] = "list.txt",
    format: Annotated[Line, Query()] = "auto",  # noqa: A002 - the word that configurations use
    fast: bool = False,
    without_refused: Annotated[bool, Query(description="take the names out that the guard refuses")] = False,
) -> dict[str, Any]:
    async with center.database.reading() as session:
        await find_list(session, caller.tenant, name)
    body = await request.body()
    imported = await center.publishing.in_worker(import_file, body, file.rpartition("/")[2] or "list.txt", format)
    async with center.database.writing(center.now) as writing:
        if await writing.session.get(Blob, imported.sha256) is None:
            writing.session.add(Blob(sha256=imported.sha256, names=imported.names, data=imported.data))
    async with center.database.reading() as session:
        each = await find_list(session, caller.tenant, name)
        items = await center.refused(session, each, imported.sha256) if without_refused else []
    async with center.database.writing(center.now) as writing:
        each = await find_list(writing.session, caller.tenant, name)
        change = await changes.propose(
            writing, caller, each, reason=reason, fast=fast, items=items, blob=imported.sha256
        )
        shown = _change(change, each.name) | {"imported": imported.summary | {"left_out": len(items)}}
    center.wake()
    return shown


@router.get("/changes", response_model=list[answers.ChangeShown], summary="Changes of the tenant, newest first")
async def all_changes(
    caller: Reader,
    center: TheCenter,
    state: State | None = None,
    before: Annotated[int, Query(ge=1, le=MOST_NUMBER)] = MOST_NUMBER,
    limit: Limit = 100,
) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        wanted = (
            select(Change, NameList.name)
            .join(NameList, NameList.id == Change.list_id)
            .where(Change.tenant == caller.tenant, Change.id < before)
        )
        if state is not None:
            wanted = wanted.where(Change.state == state)
        rows = await session.execute(wanted.order_by(Change.id.desc()).limit(limit))
        return [_change(change, name) for change, name in rows]


@router.get(
    "/changes/{number}",
    response_model=answers.ChangeDetail,
    summary="A change: its names, what the guard says of it, who decided what",
)
async def one_change(caller: Reader, center: TheCenter, number: NumberPath) -> dict[str, Any]:
    async with center.database.reading() as session:
        change = await changes.find_change(session, caller.tenant, number)
        each = await session.get_one(NameList, change.list_id)
        rows = await session.scalars(select(Decision).where(Decision.change_id == number))
        words = ("person", "approves", "comment", "at")
        return _change(change, each.name) | {
            "items": change.items,
            "report": change.report,
            "decisions": [{word: getattr(row, word) for word in words} for row in rows],
        }


@router.post(
    "/changes/{number}/approve",
    response_model=answers.ChangeShown,
    summary="Approve a change as the second person: it is in effect",
)
async def approve(caller: Reviewer, center: TheCenter, number: NumberPath, said: Comment) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        change = await changes.find_change(writing.session, caller.tenant, number)
        await changes.approve(writing, caller, change, said.comment)
        await center.send_fast(writing, change)
        shown = _change(change, (await writing.session.get_one(NameList, change.list_id)).name)
    center.wake()
    return shown


@router.post("/changes/{number}/reject", response_model=answers.ChangeShown, summary="Reject a change")
async def reject(caller: Reviewer, center: TheCenter, number: NumberPath, said: Comment) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        change = await changes.find_change(writing.session, caller.tenant, number)
        await changes.reject(writing, caller, change, said.comment)
        return _change(change, (await writing.session.get_one(NameList, change.list_id)).name)


@router.post(
    "/changes/{number}/withdraw", response_model=answers.ChangeShown, summary="Take back a change that nobody decided"
)
async def withdraw(caller: Operator, center: TheCenter, number: NumberPath) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        change = await changes.find_change(writing.session, caller.tenant, number)
        await changes.withdraw(writing, caller, change)
        return _change(change, (await writing.session.get_one(NameList, change.list_id)).name)


@router.post(
    "/changes/{number}/revert",
    response_model=answers.ChangeShown,
    status_code=202,
    summary="Propose the opposite of a change",
)
async def revert(
    caller: Operator, center: TheCenter, number: NumberPath, said: Comment, fast: bool = False
) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        old = await changes.find_change(writing.session, caller.tenant, number)
        items, blob = await changes.opposite(writing.session, old)
        each = await writing.session.get_one(NameList, old.list_id)
        reason = said.comment or f"takes back change {number}"
        change = await changes.propose(writing, caller, each, reason=reason, fast=fast, items=items, blob=blob)
        shown = _change(change, each.name)
    center.wake()
    return shown


def _item(each: NameList, one: NewItem) -> changes.Item:
    expires = NEVER if one.expires is None else one.expires
    return changes.item(each, **one.model_dump(exclude={"expires"}), expires=expires)


def _list(row: NameList) -> dict[str, Any]:
    words = ("name", "title", "kind", "category", "national", "appeal", "revision")
    return {word: getattr(row, word) for word in words}


def _entry(row: Entry) -> dict[str, Any]:
    words = ("id", "name", "scope", "removed", "reason", "legal_basis", "appeal", "added")
    return {word: getattr(row, word) for word in words} | {
        "expires": row.expires if row.expires != NEVER else None,
        "change": row.change_id,
    }


def _change(row: Change, name: str) -> dict[str, Any]:
    words = ("id", "author", "reason", "state", "fast", "created", "revision", "review", "why")
    report = row.report or {}
    return {word: getattr(row, word) for word in words} | {
        "list": name,
        "names": len(row.items),
        "blob": row.blob,
        "summary": report.get("summary"),
        "blocked": report.get("blocked"),
        "freed": report.get("freed"),
    }
