"""What a router knows since it is a device of a coordinator's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from safedns.blocklist.output import replacing
from safedns.errors import SyncError

if TYPE_CHECKING:
    from pathlib import Path

_ENROLMENT: Final = "enrolment.json"
ROOT: Final = "root.json"
"""The root that was pinned by the enrolment token."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a router knows since it is a device.

    Attributes:
        url: of the coordinator.
        device: its id there.
        channel: that it follows.
    """

    url: str
    device: str
    channel: str


def load(folder: Path) -> Enrolment | None:
    """What was told at the enrolment; None if the router is no device.

    Raises:
        SyncError: the file is damaged.
    """
    path = folder / _ENROLMENT
    try:
        return Enrolment(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, TypeError, ValueError):
        raise SyncError(f"{path}: expected what an enrolment wrote, found something else; enrol again") from None


def save(folder: Path, enrolment: Enrolment) -> None:
    """Keep what the coordinator told."""
    with replacing(folder / _ENROLMENT) as file:
        file.write(json.dumps(asdict(enrolment)).encode() + b"\n")
