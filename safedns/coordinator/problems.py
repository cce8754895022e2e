"""What can be wrong with a request; each has its HTTP status."""

from __future__ import annotations

from typing import ClassVar

from safedns.errors import CoordinatorError


class RequestError(CoordinatorError):
    """A request can't be done as it is."""

    status: ClassVar[int] = 400


class UnauthenticatedError(RequestError):
    """Nobody knows who asks."""

    status = 401


class DeniedError(RequestError):
    """Who asks may not do that."""

    status = 403


class MissingError(RequestError):
    """It is not there, or not in sight of who asks."""

    status = 404

    def __init__(self, what: str, name: object) -> None:
        super().__init__(f"there is no {what} {name}")


class ConflictError(RequestError):
    """It can't be done now, as things are."""

    status = 409


class TooLargeError(RequestError):
    """It is larger than accepted."""

    status = 413


class InvalidError(RequestError):
    """Its content means nothing."""

    status = 422


class BusyError(RequestError):
    """It comes too often.

    Attributes:
        seconds: until it may come again.
    """

    status = 429

    def __init__(self, text: str, seconds: int) -> None:
        super().__init__(text)
        self.seconds = seconds
