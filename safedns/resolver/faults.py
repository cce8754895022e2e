"""Errors that nobody expected: a bug costs one query, is seen in the log, and never costs the worker."""

import logging
import traceback
from collections import Counter

log = logging.getLogger(__name__)


class Faults:
    """Counts unexpected errors by kind; logs the first of each kind, and then the tenth, the hundredth, ..."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def report(self, message: str, error: BaseException | None) -> None:
        """Count an error, and log it unless so many of its kind were logged already.

        Args:
            message: what is known if there is no error.
            error: the error.
        """
        kind = message if error is None else f"{type(error).__name__} at {_place(error)}"
        self._seen[kind] += 1
        times = self._seen[kind]
        if str(times).strip("0") == "1":
            log.error("unexpected %s, %d times so far: a bug, please report it", kind, times, exc_info=error)


def _place(error: BaseException) -> str:
    """File and line where an error arose; native code has none."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "native code"
