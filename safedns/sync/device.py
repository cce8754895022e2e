"""A router as a device: a key of its own, which never leaves it, and what it says to its coordinator with that."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

import urllib3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from safedns.blocklist.enrolment import Ticket, assignment_message, enrol_message
from safedns.blocklist.output import replacing
from safedns.config.units import CHANNEL_NAME
from safedns.errors import SyncError
from safedns.sync.identity import ROOT, Enrolment, load, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEY: Final = "device.pem"

_FRESH: Final = 7 * 86400
"""Seconds by which a signed answer may be older than the clock; routers' clocks are what they are."""

_MOST_ANSWER: Final = 64 * 1024
_TIME: Final = urllib3.Timeout(connect=10, read=20)


def enrol(folder: Path, token: str) -> Enrolment:
    """Become a device.

    Args:
        folder: where the router keeps what it fetched.
        token: the enrolment token.

    Raises:
        SyncError: the token is none, the coordinator refuses it, or serves another root than the token pins.
    """
    if load(folder) is not None:
        raise SyncError(f"{folder}: expected a router that is not enrolled, found one that is; it stays what it is")
    try:
        ticket = Ticket.read(token)
    except ValueError as error:
        raise SyncError(f"expected an enrolment token, found none: {error}") from None
    root = _fetch(f"{ticket.url}/metadata/1.root.json")
    found = hashlib.sha256(root).hexdigest()
    if found != ticket.root:
        raise SyncError(
            f"{ticket.url}: expected the root {ticket.root} that the token names, found {found}: "
            "this is another coordinator, or somebody is in between"
        )
    key = _make_key(folder / _KEY)
    answer = post(
        f"{ticket.url}/v1/devices",
        json.dumps(
            {"token": token.strip(), "key": _public(key), "proof": sign(key, enrol_message(token.strip()))}
        ).encode(),
    )
    enrolment = Enrolment(ticket.url, str(answer["device"]), str(answer["channel"]))
    with replacing(folder / ROOT) as file:
        file.write(root)
    save(folder, enrolment)
    return enrolment


def load_key(folder: Path) -> Ed25519PrivateKey:
    """The device's key.

    Raises:
        SyncError: it is not there or damaged.
    """
    path = folder / _KEY
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SyncError(f"{path}: expected the device's key, found none; enrol again")
    return key


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """A signature, in base 64."""
    return base64.b64encode(key.sign(message)).decode()


def assigned(enrolment: Enrolment, answer: Mapping[str, Any], keys: Mapping[str, str], now: float) -> Enrolment:
    """What a device is after the coordinator said which channel it follows.

    Args:
        enrolment: what it was.
        answer: what came.
        keys: those that sign timestamps, by id, in hexadecimal; the root names them.
        now: the time.

    Raises:
        SyncError: it is not signed by one of them, is for another device or old.
    """
    try:
        at, channel = int(answer["at"]), str(answer["channel"])
        said = {"device": enrolment.device, "channel": channel, "at": at}
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys[answer["key"]]))
        key.verify(bytes.fromhex(answer["signature"]), assignment_message(said))
    except (InvalidSignature, LookupError, TypeError, ValueError):
        raise SyncError("expected the coordinator's signed answer about this device, found another one") from None
    if not CHANNEL_NAME.fullmatch(channel) or abs(at - now) > _FRESH:
        raise SyncError(f"expected the coordinator's answer of these days, found one of {at} for channel {channel!r}")
    return Enrolment(enrolment.url, enrolment.device, channel)


def timestamp_keys(metadata: Mapping[str, str]) -> dict[str, str]:
    """The keys that sign timestamps, by id, in hexadecimal: those that the newest root of a router's names."""
    roots = [json.loads(text)["signed"] for name, text in metadata.items() if name.endswith("root.json")]
    if not roots:
        return {}
    newest = max(roots, key=lambda root: int(root["version"]))
    return {keyid: str(newest["keys"][keyid]["keyval"]["public"]) for keyid in newest["roles"]["timestamp"]["keyids"]}


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Any:
    """Send JSON and read JSON.

    Raises:
        SyncError: there is no answer, or it says no; the text says why.
    """
    try:
        with urllib3.PoolManager(timeout=_TIME, retries=False) as pool:
            answer = pool.request(
                "POST", url, body=body, headers={"content-type": "application/json"} | dict(headers or {}),
                preload_content=False, redirect=False,
            )  # fmt: skip
            data = answer.read(_MOST_ANSWER)
    except urllib3.exceptions.HTTPError as error:
        raise SyncError(f"{url}: expected a coordinator that answers, found: {type(error).__name__}") from None
    try:
        found = json.loads(data)
    except ValueError:
        raise SyncError(f"{url}: expected a coordinator's answer, found status {answer.status} and no JSON") from None
    if answer.status >= 400:
        raise SyncError(f"{url}: {found.get('detail') if isinstance(found, dict) else answer.status}")
    return found


def _fetch(url: str) -> bytes:
    try:
        with urllib3.PoolManager(timeout=_TIME, retries=False) as pool:
            answer = pool.request("GET", url, preload_content=False, redirect=False)
            data = bytes(answer.read(_MOST_ANSWER))
    except urllib3.exceptions.HTTPError as error:
        raise SyncError(f"{url}: expected a coordinator that answers, found: {type(error).__name__}") from None
    if answer.status != 200:
        raise SyncError(f"{url}: expected status 200, found {answer.status}")
    return data


def _make_key(path: Path) -> Ed25519PrivateKey:
    """A new key in a file for its owner only; one of an enrolment that failed is used again."""
    if path.exists():
        return load_key(path.parent)
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
    return key


def _public(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw.hex()
