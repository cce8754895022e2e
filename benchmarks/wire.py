"""The few bytes of DNS that the suite speaks itself: an A query, and what a reply amounts to."""

import struct
from enum import Enum

RESOLVED_ADDRESS = bytes([192, 0, 2, 1])
"""The address that the suite's upstream gives every name (RFC 5737 documentation range)."""

_HEADER = struct.Struct("!6H")
_RECURSION_DESIRED = 0x0100
_RESPONSE = 0x8000
_RCODE = 0x000F
_NOERROR, _NXDOMAIN = 0, 3


class Outcome(Enum):
    """What a reply means for the one who asked."""

    RESOLVED = "resolved"
    BLOCKED = "blocked"
    REFLECTED = "reflected"
    FAILED = "failed"


def encode_query(name: str, identifier: int = 0) -> bytes:
    """Build a query for the A record of a name, recursion desired, without EDNS."""
    labels = (label.encode("ascii") for label in name.rstrip(".").split("."))
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, 0) + question + struct.pack("!2H", 1, 1)


def judge(reply: bytes) -> Outcome:
    """Tell a resolved name from a blocked one: only the upstream's address ends in `RESOLVED_ADDRESS`."""
    if len(reply) < _HEADER.size:
        return Outcome.FAILED
    _, flags, _, answers, _, _ = _HEADER.unpack_from(reply)
    if not flags & _RESPONSE or flags & _RCODE not in (_NOERROR, _NXDOMAIN):
        return Outcome.FAILED
    if answers and RESOLVED_ADDRESS in reply[_HEADER.size :]:
        return Outcome.RESOLVED
    if flags == _RESPONSE | _RECURSION_DESIRED and not answers:
        return Outcome.REFLECTED  # the kernel floor: the query with the response bit set
    return Outcome.BLOCKED
