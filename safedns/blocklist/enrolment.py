"""What a coordinator and a router say to each other when the router becomes a device: the token, and what is signed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from safedns.config.units import CHANNEL_NAME

_PREFIX: Final = "sde_"
_CHECK: Final = 8
_URL: Final = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What an enrolment token holds. Whoever has it can make routers devices, as often as the coordinator lets them.

    Attributes:
        url: of the coordinator.
        channel: that the devices follow.
        tenant: whose they are.
        root: SHA-256 of the root that they trust, in hexadecimal.
        expires: when it is over, in seconds since 1970.
        id: by which the coordinator knows it.
        secret: that makes it hard to guess.
    """

    url: str
    channel: str
    tenant: str
    root: str
    expires: int
    id: str
    secret: str

    def write(self) -> str:
        """As text; its end shows whether all of it was copied."""
        data = json.dumps(asdict(self), separators=(",", ":")).encode()
        text = base64.urlsafe_b64encode(data).decode().rstrip("=")
        return f"{_PREFIX}{text}.{_check(text)}"

    @staticmethod
    def read(text: str) -> Ticket:
        """Read a token.

        Raises:
            ValueError: it is none, or was not copied whole.
        """
        body, _, check = text.strip().removeprefix(_PREFIX).partition(".")
        if not text.strip().startswith(_PREFIX) or not check:
            raise ValueError(f"expected text that begins with {_PREFIX}")
        if check != _check(body):
            raise ValueError("it was not copied whole, or altered")
        try:
            found = Ticket(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
            _check_ticket(found)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError("it does not hold what a token holds") from None
        return found


def _check_ticket(ticket: Ticket) -> None:
    texts = (ticket.url, ticket.channel, ticket.tenant, ticket.root, ticket.id, ticket.secret)
    if not all(isinstance(each, str) for each in texts) or type(ticket.expires) is not int:
        raise TypeError
    if not (
        _URL.fullmatch(ticket.url)
        and CHANNEL_NAME.fullmatch(ticket.channel)
        and re.fullmatch("[0-9a-f]{64}", ticket.root)
        and re.fullmatch("[0-9a-f]{16}", ticket.id)
    ):
        raise ValueError


def _check(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_CHECK]


def enrol_message(token: str) -> bytes:
    """What a router signs to show that it has its key."""
    return b"safedns enrol\n" + hashlib.sha256(token.encode()).digest()


def report_message(device: str, body: bytes) -> bytes:
    """What a router signs of a report."""
    return b"safedns report\n" + device.encode() + b"\n" + body


def assignment_message(said: dict[str, Any]) -> bytes:
    """What a coordinator signs of a device's channel."""
    return b"safedns assignment\n" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
