"""The coordinator's API as the operator's command line speaks to it: with the address and token of a login."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from safedns.errors import CoordinatorError

if TYPE_CHECKING:
    from collections.abc import Callable

POLL: Final = 0.2
"""Seconds between two looks at what is being worked on."""

PATIENCE: Final = 600.0
"""Seconds after which waiting ends; what was asked for goes on without."""


class Api:
    """The coordinator's API, with a person's token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str, *, body: Any = None, data: bytes | None = None, **query: Any) -> Any:
        """Ask for something; the result is what the answer holds.

        Raises:
            CoordinatorError: it can't be reached, or says no; the text says why.
        """
        import urllib3

        given = {name: value for name, value in query.items() if value not in (None, "")}
        url = f"{self.url}/v1{path}{'?' + urlencode(given) if given else ''}"
        content = json.dumps(body).encode() if body is not None else data
        kind = "application/json" if body is not None else "application/octet-stream"
        headers = {"authorization": f"Bearer {self._token}", "content-type": kind}
        try:
            with urllib3.PoolManager(timeout=urllib3.Timeout(10, 300), retries=False) as pool:
                answer = pool.request(method, url, body=content, headers=headers)
                found = answer.data
        except urllib3.exceptions.HTTPError as error:
            raise CoordinatorError(f"{self.url}: expected a coordinator that answers, found: {error}") from None
        if answer.status >= 400:
            raise CoordinatorError(_problem(answer.status, found))
        if answer.headers.get("content-type") == "application/octet-stream":
            return found
        return json.loads(found) if found else None

    def wait(self, path: str, done: Callable[[Any], bool], saying: Callable[[Any], str]) -> Any:
        """Look at something until it is done, and say meanwhile how far it is."""
        end = time.monotonic() + PATIENCE
        while not done(found := self.ask("GET", path)):
            progress(saying(found))
            if time.monotonic() > end:
                progress("")
                raise CoordinatorError(f"not done after {PATIENCE:.0f} seconds; it goes on at the coordinator")
            time.sleep(POLL)
        progress("")
        return found


def _problem(status: int, data: bytes) -> str:
    try:
        detail = json.loads(data)["detail"]
    except (ValueError, LookupError, TypeError):
        return f"expected an answer of a coordinator, found HTTP status {status} with something else"
    if isinstance(detail, str):
        return detail
    return "\n".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in detail)


def progress(text: str) -> None:
    """One line that is written over, for people only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _settings() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(os.environ.get("SAFEDNS_OPERATOR") or f"{folder}/safedns/operator.json")


def logged_in() -> Api:
    """The API, with the token of the login.

    Raises:
        CoordinatorError: nobody logged in.
    """
    try:
        found = json.loads(_settings().read_text())
        return Api(found["url"], os.environ.get("SAFEDNS_TOKEN") or found["token"])
    except (OSError, ValueError, LookupError):
        raise CoordinatorError("expected to be logged in; run safedns operator login URL first") from None


def keep_login(url: str, token: str) -> None:
    """Keep what the other commands need, readable for its user only."""
    path = _settings()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "token": token}, file)
