"""Enrolment, devices, and the fleet."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from sqlalchemy import select

from safedns.coordinator import devices
from safedns.coordinator.lists import find_channel
from safedns.coordinator.problems import MissingError
from safedns.coordinator.routes import answers
from safedns.coordinator.routes.shared import (
    Administrator,
    IdPath,
    Input,
    Limit,
    Line,
    Reader,
    TheCenter,
    Word,
)
from safedns.coordinator.schema import Device, Enrolment

router = APIRouter(tags=["devices"])


class NewEnrolment(Input):
    """A token that routers become devices with."""

    channel: Word
    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=200)]
    days: int = Field(default=30, ge=1, le=730)
    uses: int = Field(default=1, ge=1, le=10_000_000)


class Enrolling(Input):
    """A router that becomes a device."""

    token: Annotated[str, Field(max_length=2000)]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="its Ed25519 public key")]
    proof: Annotated[str, Field(max_length=200, description="signature of the token's hash, in base 64")]


class Move(Input):
    """Another channel of the tenant's."""

    channel: Word


@router.post(
    "/enrolments",
    response_model=answers.EnrolmentMade,
    status_code=201,
    summary="Make an enrolment token; its text is told this once",
)
async def add_enrolment(caller: Administrator, center: TheCenter, new: NewEnrolment) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        channel = await find_channel(writing.session, caller.tenant, new.channel)
        row, text = devices.new_enrolment(
            writing,
            caller.person,
            channel,
            url=new.url.rstrip("/"),
            root=center.publishing.first_root(),
            days=new.days,
            uses=new.uses,
        )
        return _enrolment(row) | {"token": text}


@router.get(
    "/enrolments",
    response_model=list[answers.EnrolmentShown],
    summary="Enrolment tokens of the tenant, without their secrets",
)
async def enrolments(caller: Administrator, center: TheCenter) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        rows = await session.scalars(
            select(Enrolment).where(Enrolment.tenant == caller.tenant).order_by(Enrolment.created)
        )
        return [_enrolment(row) for row in rows]


@router.delete("/enrolments/{enrolment_id}", status_code=204, summary="Revoke an enrolment token")
async def revoke_enrolment(caller: Administrator, center: TheCenter, enrolment_id: IdPath) -> None:
    async with center.database.writing(center.now) as writing:
        row = await writing.session.get(Enrolment, enrolment_id)
        if row is None or row.tenant != caller.tenant:
            raise MissingError("enrolment", enrolment_id)
        row.revoked = True
        writing.audit(caller.tenant, caller.person, "enrolment.revoke", enrolment_id)


@router.post(
    "/devices",
    response_model=answers.Enrolled,
    status_code=201,
    summary="Become a device: for routers, with an enrolment token",
)
async def enrol(center: TheCenter, new: Enrolling) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        device = await devices.enrol(writing, new.token, new.key, new.proof)
        return {"device": device.id, "channel": device.channel}


@router.post(
    "/devices/{device_id}/reports",
    response_model=answers.Assignment,
    summary="Report: for routers, signed with the device's key",
    openapi_extra={"requestBody": {"content": {"application/json": {}}, "required": True}},
)
async def report(
    request: Request,
    center: TheCenter,
    device_id: IdPath,
    signature: Annotated[str, Header(max_length=200, description="Ed25519, in base 64")],
) -> dict[str, Any]:
    body = await request.body()
    async with center.database.counting() as session:
        device = await devices.report(session, center.now, device_id, body, signature)
    return devices.assignment(device, center.keys.load("timestamp"), center.now)


@router.get("/devices", response_model=list[answers.DeviceShown], summary="Devices of the tenant")
async def all_devices(
    caller: Reader,
    center: TheCenter,
    after: Annotated[str, Query(pattern=r"^[0-9a-f]{0,32}$")] = "",
    limit: Limit = 100,
    channel: Annotated[Line, Query()] = "",
) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        wanted = select(Device).where(Device.tenant == caller.tenant, Device.id > after)
        if channel:
            wanted = wanted.where(Device.channel == channel)
        rows = await session.scalars(wanted.order_by(Device.id).limit(limit))
        return [_device(row) for row in rows]


@router.get(
    "/fleet",
    response_model=list[answers.FleetRow],
    summary="How many devices are on which serial, seen lately, and not well",
)
async def fleet(caller: Reader, center: TheCenter) -> list[dict[str, Any]]:
    async with center.database.reading() as session:
        return await devices.fleet(session, caller.tenant, center.now)


@router.put(
    "/devices/{device_id}/channel",
    response_model=answers.DeviceShown,
    summary="Have a device follow another channel of the tenant's",
)
async def move(caller: Administrator, center: TheCenter, device_id: IdPath, wanted: Move) -> dict[str, Any]:
    async with center.database.writing(center.now) as writing:
        device = await devices.find_device(writing.session, caller.tenant, device_id)
        channel = await find_channel(writing.session, caller.tenant, wanted.channel)
        device.channel = channel.name
        writing.audit(caller.tenant, caller.person, "device.move", device_id, channel=channel.name)
        return _device(device)


@router.delete("/devices/{device_id}", status_code=204, summary="Revoke a device: its reports count no more")
async def revoke(caller: Administrator, center: TheCenter, device_id: IdPath) -> None:
    async with center.database.writing(center.now) as writing:
        device = await devices.find_device(writing.session, caller.tenant, device_id)
        device.revoked = True
        writing.audit(caller.tenant, caller.person, "device.revoke", device_id)


def _enrolment(row: Enrolment) -> dict[str, Any]:
    words = ("id", "channel", "author", "created", "expires", "uses")
    return {word: getattr(row, word) for word in words} | {"used": row.used or 0, "revoked": bool(row.revoked)}


def _device(row: Device) -> dict[str, Any]:
    words = ("id", "channel", "enrolled", "revoked", "seen", "serial", "version", "healthy")
    return {word: getattr(row, word) for word in words}
