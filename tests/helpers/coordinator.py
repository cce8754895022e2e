"""A coordinator in processes of its own, the people who work with it, and routers that are enrolled."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.service import Service, free_port

START_TIME = 20.0


def run(*words: str, status: int | None = 0, environment: dict[str, str] | None = None, timeout: float = 60) -> str:
    """The program's output; its exit status must be this one."""
    done = subprocess.run(
        [sys.executable, "-m", "safedns", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=os.environ | (environment or {}),
    )
    assert status is None or done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.05)


class Person:
    """Somebody with a token, at a command line."""

    def __init__(self, folder: Path, name: str, url: str, token: str) -> None:
        self._environment = {"SAFEDNS_OPERATOR": str(folder / f"{name}.json"), "SAFEDNS_TOKEN": token}
        self.token = token
        self.url = url
        self._logged_in = False

    def __call__(self, *words: str, status: int | None = 0) -> str:
        if not self._logged_in:
            run("operator", "login", self.url, environment=self._environment)
            self._logged_in = True
        return run("operator", *words, status=status, environment=self._environment)

    def json(self, *words: str, status: int | None = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))

    def give(self, person: str, role: str) -> str:
        """An administrator's token for another person."""
        body = {"person": person, "role": role, "days": 1}
        status, found = self.ask("POST", "/v1/tokens", body)
        assert status < 300, found
        return str(found["token"])

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, Any]:
        """Ask the API; status and what the answer holds."""
        return ask(self.url, method, path, body, token or self.token)


def ask(url: str, method: str, path: str, body: object = None, token: str = "") -> tuple[int, Any]:
    """Ask an API; status and what the answer holds."""
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, path, body=data, headers=headers | {"content-type": "application/json"})
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    try:
        return answer.status, json.loads(found)
    except ValueError:
        return answer.status, found


class Coordinator:
    """`safedns coordinator serve`, one instance or more over one database."""

    def __init__(
        self,
        folder: Path,
        *channels: str,
        database: str | None = None,
        nats: str | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.people = folder.parent
        self._words = ["--database", database] if database else []
        self._nats = ["--nats", nats] if nats else []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.urls: list[str] = []
        flags = [word for channel in channels or ("isp-a",) for word in ("--channel", channel)]
        said = self.command("init", *flags, *keys)
        found = re.search(r"sdt_\S+", said)
        assert found, said
        self.first_token = found.group()

    def command(self, *words: str, status: int = 0, folder: Path | None = None) -> str:
        """`safedns coordinator …` on its folder and database."""
        return run("coordinator", *words, "--folder", str(folder or self.folder), *self._words, status=status)

    def start(self, folder: Path | None = None, port: int | None = None) -> str:
        """Start an instance; the result is its address."""
        port = port or free_port()
        log = (self.folder.parent / f"coordinator-{port}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "-m", "safedns", "coordinator", "serve", "--folder", str(folder or self.folder),
             "--listen", f"127.0.0.1:{port}", *self._words, *self._nats],
            stderr=log, stdout=log,
        )  # fmt: skip
        log.close()
        self.processes.append(process)
        url = f"http://127.0.0.1:{port}"
        self.urls.append(url)
        end = time.monotonic() + START_TIME
        while not _ready(url):
            assert process.poll() is None, self.log(port)
            assert time.monotonic() < end, self.log(port)
            time.sleep(0.05)
        return url

    def log(self, port: int) -> str:
        return (self.folder.parent / f"coordinator-{port}.log").read_text()

    def person(self, name: str, role: str, *, by: Person | None = None, url: str | None = None) -> Person:
        """Give somebody a token."""
        url = url or self.urls[0]
        if by is None:
            by = Person(self.people, "administrator", url, self.first_token)
        return Person(self.people, name, url, by.give(name, role))

    @property
    def administrator(self) -> Person:
        return Person(self.people, "administrator", self.urls[0], self.first_token)

    def stop(self) -> list[int]:
        """Stop all instances; their exit statuses."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        found = [process.wait(20) for process in self.processes]
        self.processes.clear()
        return found

    def __enter__(self) -> "Coordinator":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _ready(url: str) -> bool:
    try:
        return ask(url, "GET", "/health/ready")[0] == 200
    except OSError:
        return False


class Router:
    """A home router: `safedns serve`, and `safedns sync`."""

    def __init__(self, folder: Path, **coordinator: object) -> None:
        folder.mkdir()
        self.folder = folder
        self.state = folder / "sync"
        self.web = free_port()
        self.service = Service(
            folder,
            blocklist={"file": str(self.state / "blocklist.sdns")},
            web={"listen": [f"127.0.0.1:{self.web}"], "tls": []},
            coordinator={"state": str(self.state), **coordinator},
        )
        self.service.write_config()
        self._listening: subprocess.Popen[bytes] | None = None

    def enrol(self, token: str, status: int = 0) -> str:
        return run("enroll", token, "--config", str(self.service.file), status=status)

    def sync(self, status: int | None = 0) -> str:
        return run("sync", "--once", "--config", str(self.service.file), status=status)

    def status(self) -> dict[str, Any]:
        return json.loads(run("sync", "status", "--json", "--config", str(self.service.file), status=None))

    def listen(self) -> None:
        """Go on syncing, as a service does."""
        with (self.folder / "sync.log").open("a") as log:
            self._listening = subprocess.Popen(
                [sys.executable, "-m", "safedns", "sync", "--config", str(self.service.file)], stderr=log, stdout=log
            )

    def dig(self, name: str) -> str:
        """What `dig` says of a name."""
        done = subprocess.run(
            ["dig", "+short", "+tries=1", "+time=2", "@127.0.0.1", "-p", str(self.service.port), name],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
        return done.stdout.strip()

    def blocks(self, name: str) -> bool:
        """Whether `dig` gets the address of the block page, which is that of the router."""
        return self.dig(name) == "127.0.0.1"

    def close(self) -> None:
        if self._listening is not None:
            self._listening.terminate()
            self._listening.wait(10)
        if self.service.process is not None:
            self.service.stop()


def write_config(path: Path, **sections: object) -> None:
    """A configuration file."""
    path.write_text(yaml.safe_dump(sections))
